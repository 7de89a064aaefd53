"""Scenarios for sipp 3.6 (Debian package sip-tester), built from what a party shall do.

Keys go by `play_dtmf` (RFC 4733; sipp fixes payload type 96) and leave by the media port, a tone by
`rtp_stream`, which has ports of its own: a sipp caller therefore either speaks or presses keys.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

KEY_S = 1.1  # play_dtmf is silent for 0.8 s, then sends the key for 0.2 s (measured)

_SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=line123
c=IN IP4 [media_ip]
t=0 0
m=audio [{port}] RTP/AVP 8 96
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
a=ptime:20
"""

_ANSWER = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:{user}@[local_ip]:[local_port]>
"""

_TAG = ";tag=[pid]s[call_number]"


def _scenario(*parts: str) -> str:
    body = "\n".join(parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="ivr">\n{body}\n</scenario>\n'


def _send(message: str, body: str = "", attributes: str = "") -> str:
    head = message.rstrip("\n")
    if body:
        text = f"{head}\nContent-Type: application/sdp\nContent-Length: [len]\n\n{body}"
    else:
        text = f"{head}\nContent-Length: 0\n\n"
    return f"<send {attributes}><![CDATA[\n{text}]]></send>"


def _request(method: str, cseq: int, caller: str, *, target: str, headers: str = "") -> str:
    peer = "" if method == "INVITE" else "[peer_tag_param]"
    return f"""{method} {target} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{peer}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:{caller}@[local_ip]:[local_port]>
{headers}"""


def _pause(seconds: float) -> str:
    return f'<pause milliseconds="{round(seconds * 1000)}"/>'


def _action(command: str) -> str:
    return f"<nop><action><exec {command}/></action></nop>"


def _talk(hang_up_after_s: float | None, bye: str, user: str) -> list[str]:
    """Talk until the far end's BYE, or hang up ourselves after so many seconds."""
    ok = _ANSWER.format(status="200 OK", tag="", user=user)
    if hang_up_after_s is None:
        return ['<recv request="BYE"/>', _send(ok)]
    limit = f'timeout="{round(hang_up_after_s * 1000)}" ontimeout="leave"'
    return [
        f'<recv request="BYE" {limit}/>',
        _send(ok, attributes='next="over"'),
        '<label id="leave"/>',
        _send(bye, attributes='retrans="500"'),
        '<recv response="200"/>',
        '<label id="over"/>',
        "<nop/>",
    ]


def _led(bye: str, user: str) -> list[str]:
    """Talk until the far end's BYE; a MESSAGE has a key to press, a PUBLISH ends it here."""
    ok = _ANSWER.format(status="200 OK", tag="", user=user)
    return [
        '<label id="led"/>',
        '<recv request="BYE" optional="true" next="left"/>',
        '<recv request="PUBLISH" optional="true" next="leave"/>',
        _RECEIVE_KEY,
        # No pause: what comes in one ends the call as unexpected.
        '<nop next="led"><action><exec play_dtmf="[$key]"/></action></nop>',
        '<label id="left"/>',
        _send(ok, attributes='next="over"'),
        '<label id="leave"/>',
        _send(bye, attributes='retrans="500"'),
        '<recv response="200"/>',
        '<label id="over"/>',
        "<nop/>",
    ]


def caller_scenario(
    *,
    caller: str,
    led: bool = False,
    keys: Sequence[tuple[float, str]] = (),
    audio: Path | None = None,
    speech: Path | None = None,
    hang_up_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Dial, press each of `keys` (wait in seconds, key; it goes out 0.8 s later), then talk.

    With `led` it presses and leaves when `SippProcess.press` and `hang_up` say so.

    `audio` is a raw A-law file that is played over and over; `speech` a pcap of RTP packets that
    is played once after the keys, by the port that they go by.
    """
    target = "sip:[service]@[remote_ip]:[remote_port]"
    bye = _request("BYE", 2, caller, target="[next_url]")
    extra = "".join(f"{name}: {value}\n" for name, value in (headers or {}).items())
    port = "rtpstream_audio_port" if audio else "media_port"
    invite = _request("INVITE", 1, caller, target=target, headers=extra)
    pressed = [
        part
        for wait_s, key in keys
        for part in (_pause(wait_s), _action(f'play_dtmf="{key}"'), _pause(KEY_S))
    ]
    return _scenario(
        _send(invite, _SDP.format(port=port), 'retrans="500"'),
        '<recv response="100" optional="true"/>',
        '<recv response="180" optional="true"/>',
        '<recv response="183" optional="true"/>',
        '<recv response="200" rrs="true"/>',
        _send(_request("ACK", 1, caller, target="[next_url]")),
        *([_action(f'rtp_stream="{audio},-1,8"')] if audio else []),
        *pressed,
        *([_action(f'play_pcap_audio="{speech}"')] if speech else []),
        *(_led(bye, caller) if led else _talk(hang_up_after_s, bye, caller)),
    )


def counsellor_scenario(
    *,
    user: str,
    led: bool = False,
    answer_after_s: float | None = 0.0,
    refuse: str | None = None,
    audio: Path | None = None,
    hang_up_after_s: float | None = None,
) -> str:
    """Ring, then answer after a while and talk, or refuse with a status such as "486 Busy Here".

    With `answer_after_s` None it never answers. A CANCEL while it rings ends the call. With `led`
    it leaves when `SippProcess.hang_up` says so.
    """
    ringing = _ANSWER.format(status="180 Ringing", tag=_TAG, user=user)
    receive = _RECEIVE_INVITE if led or hang_up_after_s is not None else _RECEIVE_ONLY
    opening = [receive, _send(ringing)]
    if refuse:
        final = _ANSWER.format(status=refuse, tag=_TAG, user=user)
        return _scenario(
            *opening, _send(final, attributes='retrans="500"'), '<recv request="ACK"/>'
        )
    if answer_after_s is None:
        return _scenario(*opening, *_ring(None, user))
    bye = _COUNSELLOR_BYE.format(user=user, tag=_TAG)
    answer = _ANSWER.format(status="200 OK", tag=_TAG, user=user)
    answer = answer.replace("[last_CSeq:]", "CSeq: [last_cseq_number] INVITE")
    port = "rtpstream_audio_port" if audio else "media_port"
    return _scenario(
        *opening,
        *(_ring(answer_after_s, user) if answer_after_s else []),
        _send(answer, _SDP.format(port=port), 'retrans="500"'),
        '<recv request="ACK"/>',
        *([_action(f'rtp_stream="{audio},-1,8"')] if audio else []),
        *(_led(bye, user) if led else _talk(hang_up_after_s, bye, user)),
        '<label id="cancelled"/>',
        "<nop/>",
    )


# sipp takes a variable that is set and not used for a mistake.
_RECEIVE_ONLY = '<recv request="INVITE" rrs="true"/>'
_RECEIVE_INVITE = """<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
</action></recv>"""

_RECEIVE_KEY = """<recv request="MESSAGE"><action>
<ereg regexp="[0-9*#]" search_in="body" assign_to="key"/>
</action></recv>"""

_COUNSELLOR_BYE = """BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:{user}@[local_ip]:[local_port]>{tag}
To: [$caller]
Call-ID: [call_id]
CSeq: 1 BYE
"""


def _ring(seconds: float | None, user: str) -> list[str]:
    """Ring so long; a CANCEL meanwhile is answered and ends the scenario."""
    limit = "" if seconds is None else f'timeout="{round(seconds * 1000)}" ontimeout="answer"'
    ok = _ANSWER.format(status="200 OK", tag=_TAG, user=user)
    gone = _ANSWER.format(status="487 Request Terminated", tag=_TAG, user=user)
    gone = gone.replace("[last_CSeq:]", "CSeq: [last_cseq_number] INVITE")
    ack = '<recv request="ACK"/>' if seconds is None else '<recv request="ACK" next="cancelled"/>'
    return [
        f'<recv request="CANCEL" {limit}/>',
        _send(ok),
        _send(gone, attributes='retrans="500"'),
        ack,
        *([] if seconds is None else ['<label id="answer"/>']),
    ]


def register_scenario(*, user: str, password: str, expires_s: int) -> str:
    """Register once, with digest authentication."""

    def register(cseq: int, authentication: str) -> str:
        return f"""REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:{user}@[remote_ip]:[remote_port]>;tag=[pid]r[call_number]
To: <sip:{user}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: {cseq} REGISTER
Contact: <sip:{user}@[local_ip]:[local_port]>
Expires: {expires_s}
{authentication}"""

    credentials = f"[authentication username={user} password={password}]\n"
    return _scenario(
        _send(register(1, ""), attributes='retrans="500"'),
        '<recv response="401" auth="true"/>',
        _send(register(2, credentials), attributes='retrans="500"'),
        '<recv response="200"/>',
    )
