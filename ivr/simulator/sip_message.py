"""SIP messages, digest authentication and session descriptions, as far as a test phone needs them.

RFC 3261 (messages), RFC 2617 (digest with MD5), RFC 8866 (SDP) with one G.711 audio stream and
RFC 4733 telephone events.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Self

from ivr.errors import LineError
from ivr.simulator.tone import Codec

Address = tuple[str, int]
EVENT_PAYLOAD = 101  # the payload type this phone offers for telephone events

_COMPACT = {
    "i": "call-id",
    "m": "contact",
    "f": "from",
    "t": "to",
    "v": "via",
    "l": "content-length",
    "c": "content-type",
}


class SipError(LineError):
    """A SIP exchange of the test phone went wrong."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One request or response; header names as sent, looked up without regard to case."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @classmethod
    def parse(cls, datagram: bytes) -> Self:
        """Read a datagram; raises SipError where it is no SIP message."""
        head, _, body = datagram.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        if "SIP/2.0" not in start:
            raise SipError("The datagram is no SIP message")
        pairs = (line.partition(":") for line in lines if ":" in line)
        return cls(start, tuple((name.strip(), value.strip()) for name, _, value in pairs), body)

    def encode(self) -> bytes:
        body = self.body.encode()
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    @property
    def status(self) -> int:
        """The status code of a response, 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """The method of a request, or of the request that a response answers."""
        return self["CSeq"].split()[-1] if self.status else self.start.split()[0]

    def __getitem__(self, name: str) -> str:
        """Look up the first header of that name; "" where there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if _full_name(key) == wanted]

    @property
    def branch(self) -> str:
        return _parameter(self["Via"], "branch")

    @property
    def contact_uri(self) -> str:
        return uri_of(self["Contact"])


def _full_name(name: str) -> str:
    lowered = name.lower()
    return _COMPACT.get(lowered, lowered)


def _parameter(value: str, name: str) -> str:
    match = re.search(rf";\s*{name}=([^;,\s>]+)", value)
    return match[1] if match else ""


def tag_of(value: str) -> str:
    """Read the tag of a From or To header."""
    return _parameter(value.rpartition(">")[2] or value, "tag")


def uri_of(value: str) -> str:
    """Read the URI out of a name-addr."""
    match = re.search(r"<([^>]+)>", value)
    return match[1] if match else value.split(";", maxsplit=1)[0].strip()


def user_of(value: str) -> str:
    """Read the user part of the URI in a From, To or Contact header."""
    match = re.search(r"sips?:([^@;>]+)@", value)
    return match[1] if match else ""


def display_name_of(value: str) -> str:
    """Read the display name of a From or To header, unquoted."""
    return value.partition("<")[0].strip().strip('"')


def authorization(
    challenge: str, *, method: str, uri: str, user: str, password: str
) -> tuple[str, str]:
    """Answer a WWW-Authenticate or Proxy-Authenticate value: user's credentials by RFC 2617."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    realm, nonce = fields["realm"], fields["nonce"]
    secret = _md5(f"{user}:{realm}:{password}")
    target = _md5(f"{method}:{uri}")
    parts = [f'username="{user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
    if "qop" in fields:
        cnonce = secrets.token_hex(8)
        response = _md5(f"{secret}:{nonce}:00000001:{cnonce}:auth:{target}")
        parts += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    else:
        response = _md5(f"{secret}:{nonce}:{target}")
    if "opaque" in fields:
        parts.append(f'opaque="{fields["opaque"]}"')
    return "Authorization", "Digest " + ", ".join([*parts, f'response="{response}"'])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the far end's session description says: where audio goes and in which codec."""

    address: Address
    codec: Codec
    event_payload: int | None


def session_offer(address: Address, codecs: tuple[Codec, ...] = (Codec.PCMA, Codec.PCMU)) -> str:
    """Describe our audio stream at `address`."""
    host, port = address
    names = {Codec.PCMA: "PCMA", Codec.PCMU: "PCMU"}
    payloads = " ".join(str(int(codec)) for codec in codecs)
    lines = [
        "v=0",
        f"o=- {secrets.randbelow(2**31)} 1 IN IP4 {host}",
        "s=line123",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {payloads} {EVENT_PAYLOAD}",
        *(f"a=rtpmap:{int(codec)} {names[codec]}/8000" for codec in codecs),
        f"a=rtpmap:{EVENT_PAYLOAD} telephone-event/8000",
        f"a=fmtp:{EVENT_PAYLOAD} 0-16",
        "a=ptime:20",
        "a=sendrecv",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def parse_session(body: str) -> Session:
    """Read a session description; raises SipError where it has no G.711 audio."""
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    media = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", body, re.MULTILINE)
    if not host or not media:
        raise SipError("The session description has no audio over IPv4")
    known = [Codec(int(p)) for p in media[2].split() if int(p) in tuple(Codec)]
    if not known:
        raise SipError("The session description offers no G.711")
    events = re.search(r"^a=rtpmap:(\d+) telephone-event", body, re.MULTILINE)
    return Session(
        address=(host[1], int(media[1])),
        codec=known[0],
        event_payload=int(events[1]) if events else None,
    )
