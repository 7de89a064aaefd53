"""The SIP transport of a test phone: one UDP port, transactions, registration (RFC 3261).

As much as a telephone on a loopback needs: requests are sent again until something answers,
requests that come twice get the same answer twice.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from ivr.simulator.sip_message import Address, SipError, SipMessage, authorization

_T1_S = 0.5  # RFC 3261 §17.1.1.1
_SENDINGS = 7
_REPLIES_KEPT = 200
_REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    404: "Not Found",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    503: "Service Unavailable",
    603: "Decline",
}


class Dialog(Protocol):
    """Who takes the requests of one call."""

    def on_request(self, request: SipMessage) -> None:
        """Take a request within the call."""


@dataclass(slots=True)
class _Sending:
    data: bytes
    on_response: Callable[[SipMessage], None]
    left: int = _SENDINGS
    timer: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class SipAgent(asyncio.DatagramProtocol):
    """One user agent that talks to one server; `on_call` gets each new INVITE."""

    server: Address
    host: str = "127.0.0.1"
    on_call: Callable[[SipMessage], None] | None = None
    port: int = 0  # 0: a free one
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    address: Address = ("", 0)
    _transport: asyncio.DatagramTransport | None = None
    _sendings: dict[tuple[str, str], _Sending] = field(default_factory=dict)
    _replies: OrderedDict[tuple[str, str], bytes] = field(default_factory=OrderedDict)

    async def open(self) -> None:
        """Bind the UDP port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.host, self.port)
        )
        self.address = self._transport.get_extra_info("sockname")[:2]

    def close(self) -> None:
        for sending in self._sendings.values():
            if sending.timer:
                sending.timer.cancel()
        self._sendings.clear()
        if self._transport:
            self._transport.close()

    def uri(self, user: str) -> str:
        """Our own contact URI."""
        return f"sip:{user}@{self.address[0]}:{self.address[1]}"

    def server_uri(self, user: str = "") -> str:
        at = f"{user}@" if user else ""
        return f"sip:{at}{self.server[0]}:{self.server[1]}"

    def via(self) -> tuple[str, str]:
        host, port = self.address
        return "Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def request(self, message: SipMessage, on_response: Callable[[SipMessage], None]) -> None:
        """Send, again and again until any response comes; each response goes to `on_response`."""
        sending = _Sending(message.encode(), on_response)
        self._sendings[message.branch, message.method] = sending
        self._send_again((message.branch, message.method), _T1_S)

    def send(self, message: SipMessage) -> None:
        """Send once (ACK)."""
        self._sendto(message.encode())

    async def ask(self, message: SipMessage, timeout_s: float = 30.0) -> SipMessage:
        """Send and wait for the final response; raises TimeoutError."""
        final: asyncio.Future[SipMessage] = asyncio.get_running_loop().create_future()

        def take(response: SipMessage) -> None:
            if response.status >= 200 and not final.done():
                final.set_result(response)

        self.request(message, take)
        async with asyncio.timeout(timeout_s):
            return await final

    def reply(
        self,
        request: SipMessage,
        status: int,
        *,
        to_tag: str = "",
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> None:
        """Answer a request; the same request again gets the same answer."""
        to = request["To"]
        if to_tag and "tag=" not in to:
            to = f"{to};tag={to_tag}"
        copied = [("Via", via) for via in request.all("via")]
        copied += [("From", request["From"]), ("To", to)]
        copied += [("Call-ID", request["Call-ID"]), ("CSeq", request["CSeq"])]
        if body:
            copied.append(("Content-Type", "application/sdp"))
        start = f"SIP/2.0 {status} {_REASONS.get(status, 'Answer')}"
        data = SipMessage(start, (*copied, *(headers or {}).items()), body).encode()
        self._replies[request.branch, request.method] = data
        if len(self._replies) > _REPLIES_KEPT:
            self._replies.popitem(last=False)
        self._sendto(data)

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002
        try:
            message = SipMessage.parse(data)
        except SipError:
            return
        if message.status:
            self._on_response(message)
        else:
            self._on_request(message)

    def _on_response(self, response: SipMessage) -> None:
        key = (response.branch, response.method)
        sending = self._sendings.get(key)
        if sending is None:
            return
        if sending.timer:
            sending.timer.cancel()
        if response.status >= 200 and response.method != "INVITE":
            del self._sendings[key]
        sending.on_response(response)

    def _on_request(self, request: SipMessage) -> None:
        known = self._replies.get((request.branch, request.method))
        dialog = self.dialogs.get(request["Call-ID"])
        if known and request.method != "ACK":
            self._sendto(known)
        elif dialog:
            dialog.on_request(request)
        elif request.method == "INVITE" and self.on_call:
            self.on_call(request)
        elif request.method in {"OPTIONS", "NOTIFY"}:
            self.reply(request, 200)
        elif request.method != "ACK":
            self.reply(request, 481)

    def _send_again(self, key: tuple[str, str], delay_s: float) -> None:
        sending = self._sendings.get(key)
        if sending is None or not sending.left:
            self._sendings.pop(key, None)
            return
        sending.left -= 1
        self._sendto(sending.data)
        loop = asyncio.get_running_loop()
        sending.timer = loop.call_later(delay_s, self._send_again, key, delay_s * 2)

    def _sendto(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(data, self.server)


@dataclass(eq=False)
class Registration:
    """Keeps `user` registered with its agent's server until `end`."""

    agent: SipAgent
    user: str
    password: str
    expires_s: int = 300
    _call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    _tag: str = field(default_factory=lambda: secrets.token_hex(4))
    _cseq: int = 0
    _refresh: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Register now and refresh from then on; raises SipError where it is refused."""
        await self._register(self.expires_s)
        self._refresh = asyncio.create_task(self._keep(), name=f"register {self.user}")

    async def end(self, *, unregister: bool = True) -> None:
        if self._refresh:
            self._refresh.cancel()
            await asyncio.wait([self._refresh])
            self._refresh = None
            if unregister:
                await self._register(0)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self.expires_s / 2)
            with suppress(TimeoutError, SipError):  # a telephone goes on trying
                await self._register(self.expires_s)

    async def _register(self, expires_s: int) -> None:
        answer = await self.agent.ask(self._message(expires_s))
        if answer.status in {401, 407}:
            credentials = authorization(
                answer["WWW-Authenticate"] or answer["Proxy-Authenticate"],
                method="REGISTER",
                uri=self.agent.server_uri(),
                user=self.user,
                password=self.password,
            )
            answer = await self.agent.ask(self._message(expires_s, credentials))
        if answer.status != 200:
            raise SipError(
                f"The server refused to register {self.user}: {answer.start}; "
                "compare its user name and password with the server's"
            )

    def _message(self, expires_s: int, *more: tuple[str, str]) -> SipMessage:
        self._cseq += 1
        me = f"<{self.agent.server_uri(self.user)}>"
        headers = (
            self.agent.via(),
            ("Max-Forwards", "70"),
            ("From", f"{me};tag={self._tag}"),
            ("To", me),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", f"<{self.agent.uri(self.user)}>"),
            ("Expires", str(expires_s)),
            *more,
        )
        return SipMessage(f"REGISTER {self.agent.server_uri()} SIP/2.0", headers)
