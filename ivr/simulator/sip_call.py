"""One call of a test phone, either way: its dialog (RFC 3261 §12) and its audio."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.simulator.rtp import RtpStream
from ivr.simulator.sip_agent import SipAgent
from ivr.simulator.sip_message import (
    SipError,
    SipMessage,
    authorization,
    display_name_of,
    parse_session,
    session_offer,
    tag_of,
    user_of,
)

_ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, UPDATE, INFO"


class Ended(StrEnum):
    """Who ended a call of a test phone."""

    HERE = "here"  # this phone: BYE, CANCEL or a refusal
    THERE = "there"  # the far end: BYE, CANCEL or a refusal


@dataclass(eq=False)
class SipCall:
    """A call that this phone placed or was offered; all moments are `time.monotonic()`.

    `status` is the final status of the INVITE, 0 until there is one.
    """

    agent: SipAgent
    user: str
    stream: RtpStream
    call_id: str = field(default_factory=lambda: secrets.token_hex(12))
    invited_at: float = field(default_factory=time.monotonic)
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: Ended | None = None
    status: int = 0
    from_name: str = ""
    from_number: str = ""
    _invite: SipMessage | None = None
    _incoming: bool = False
    _local: str = ""
    _remote: str = ""
    _target: str = ""
    _cseq: int = 0
    _password: str | None = None
    _resend: asyncio.TimerHandle | None = None
    _ringing: asyncio.Event = field(default_factory=asyncio.Event)
    _decided: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    # --- placing a call

    async def place(
        self,
        number: str,
        *,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        wrap: Callable[[str], str] | None = None,
        password: str | None = None,
    ) -> None:
        """Send the INVITE to `number` at the agent's server.

        `password` answers for `user` where the server asks for it. `wrap` puts the session
        description into a body of several parts; `headers` then name their Content-Type.
        """
        tag = secrets.token_hex(4)
        shown = f'"{name}" ' if name else ""
        self._local = f"{shown}<sip:{self.user}@{self.agent.host}>;tag={tag}"
        self._remote = f"<{self.agent.server_uri(number)}>"
        self._target = self.agent.server_uri(number)
        extra = {"Content-Type": "application/sdp", **(headers or {})}
        offer = session_offer(await self.stream.open(self.agent.host))
        self._password = password
        self.agent.dialogs[self.call_id] = self
        self.invited_at = time.monotonic()
        self._send_invite(extra, wrap(offer) if wrap else offer)

    def _send_invite(self, headers: Mapping[str, str], body: str) -> None:
        self._invite = self._request("INVITE", headers, body)
        self.agent.request(self._invite, self._on_invite_response)

    def _invite_again(self, challenge: SipMessage) -> None:
        """The same INVITE with our answer to the server's question (RFC 3261 §22.2)."""
        invite, password, to = self._invite, self._password, self._remote
        assert invite is not None
        assert password is not None
        self._remote = challenge["To"]
        self._acknowledge(in_transaction=True)
        self._remote = to
        self._password = None  # a second question says that it was wrong
        name, answer = authorization(
            challenge["WWW-Authenticate"],
            method="INVITE",
            uri=self._target,
            user=self.user,
            password=password,
        )
        self._send_invite({"Content-Type": invite["Content-Type"], name: answer}, invite.body)

    def _on_invite_response(self, response: SipMessage) -> None:
        if response.status < 200:
            self._rings(response.status)
            return
        if response.status == 401 and self._password is not None:
            self._invite_again(response)
            return
        first = not self.status
        self.status = response.status
        self._remote = response["To"]
        if response.status >= 300:
            self._acknowledge(in_transaction=True)
            self._end(Ended.HERE if response.status == 487 else Ended.THERE)
            return
        self._target = response.contact_uri or self._target
        self._acknowledge(in_transaction=False)
        if first:
            self.stream.start(parse_session(response.body))
            self._answered()

    def _acknowledge(self, *, in_transaction: bool) -> None:
        invite = self._invite
        assert invite is not None
        ack = self._request("ACK", cseq=int(invite["CSeq"].split()[0]))
        if in_transaction:  # RFC 3261 §17.1.1.3: same branch and target as the INVITE
            start = invite.start.replace("INVITE", "ACK", 1)
            headers = tuple(
                ("Via", invite["Via"]) if n == "Via" else (n, v) for n, v in ack.headers
            )
            ack = SipMessage(start, headers)
        self.agent.send(ack)

    # --- being called

    @classmethod
    def offered(
        cls, agent: SipAgent, user: str, invite: SipMessage, stream: RtpStream
    ) -> "SipCall":
        """Take an INVITE and let it ring."""
        call = cls(agent, user, stream, invite["Call-ID"], _incoming=True, _invite=invite)
        call.from_name = display_name_of(invite["From"])
        call.from_number = user_of(invite["From"])
        call._local = f"{invite['To']};tag={secrets.token_hex(4)}"
        call._remote = invite["From"]
        call._target = invite.contact_uri
        agent.dialogs[call.call_id] = call
        agent.reply(invite, 180, to_tag=tag_of(call._local), headers=call._contact())
        call._rings(180)
        return call

    async def answer(self) -> None:
        """Pick up: 200 and audio."""
        if self._over.is_set() or self.status:
            return
        address = await self.stream.open(self.agent.host)
        if self._over.is_set() or self._invite is None:
            self.stream.close()
            return
        self.status = 200
        session = parse_session(self._invite.body)
        self._send_answer(session_offer(address, (session.codec,)), 0.5)
        self.stream.start(session)
        self._answered()

    def refuse(self, status: int) -> None:
        """Decline with 486, 603 or another final status."""
        if self._invite and not self.status:
            self.status = status
            self.agent.reply(self._invite, status, to_tag=tag_of(self._local))
            self._end(Ended.HERE)

    def _send_answer(self, body: str, delay_s: float) -> None:
        """Send the 200, again until the ACK comes (RFC 3261 §13.3.1.4)."""
        if self._invite is None or delay_s > 8:
            return
        tag = tag_of(self._local)
        self.agent.reply(self._invite, 200, to_tag=tag, headers=self._contact(), body=body)
        loop = asyncio.get_running_loop()
        self._resend = loop.call_later(delay_s, self._send_answer, body, delay_s * 2)

    # --- either way

    def press(self, key: str) -> None:
        """Press a key (RFC 4733)."""
        self.stream.press(key)

    def hang_up(self) -> None:
        """End the call as a person would, at whatever stage it is."""
        if self._over.is_set():
            return
        if self.answered_at is not None:
            self.agent.request(self._request("BYE"), _ignore)
            self._end(Ended.HERE)
        elif self._incoming:
            self.refuse(480)
        elif self._invite:
            self._cancel(self._invite)

    def _cancel(self, invite: SipMessage) -> None:
        """Take the INVITE back; its 487 ends the call."""
        kept = {"Via", "Max-Forwards", "From", "To", "Call-ID"}
        headers = [pair for pair in invite.headers if pair[0] in kept]
        number = invite["CSeq"].split()[0]
        start = invite.start.replace("INVITE", "CANCEL", 1)
        cancel = SipMessage(start, (*headers, ("CSeq", f"{number} CANCEL")))
        self.agent.request(cancel, _ignore)

    async def rings(self, timeout_s: float = 60.0) -> None:
        """Wait for 180 or 183; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._ringing.wait()

    async def answered(self, timeout_s: float = 60.0) -> float:
        """Wait until the call is answered; raises SipError where it was refused instead."""
        async with asyncio.timeout(timeout_s):
            await self._decided.wait()
        if self.answered_at is None:
            raise SipError(f"The call was not answered: {self.status or 'it was taken back'}")
        return self.answered_at

    async def ended(self, timeout_s: float = 60.0) -> Ended:
        """Wait for the end of the call and tell who ended it; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._over.wait()
        assert self.ended_by is not None
        return self.ended_by

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def drop(self) -> None:
        """Vanish without a word, as a phone does that lost its power."""
        self.stream.close()
        self._stop_resending()
        self.agent.dialogs.pop(self.call_id, None)

    def on_request(self, request: SipMessage) -> None:
        """Take a request of the far end within this call."""
        match request.method:
            case "ACK":
                self._stop_resending()
            case "BYE":
                self.agent.reply(request, 200)
                self._end(Ended.THERE)
            case "CANCEL":
                self._taken_back(request)
            case "INVITE":
                session = parse_session(request.body)
                self.stream.start(session)
                body = session_offer(self.stream.address, (session.codec,))
                self.agent.reply(request, 200, headers=self._contact(), body=body)
            case _:
                self.agent.reply(request, 200, headers={"Allow": _ALLOW})

    def _taken_back(self, request: SipMessage) -> None:
        self.agent.reply(request, 200, to_tag=tag_of(self._local))
        if self._invite and not self.status:
            self.status = 487
            self.agent.reply(self._invite, 487, to_tag=tag_of(self._local))
            self._end(Ended.THERE)

    def _request(
        self,
        method: str,
        headers: Mapping[str, str] | None = None,
        body: str = "",
        cseq: int | None = None,
    ) -> SipMessage:
        if cseq is None:
            self._cseq = cseq = self._cseq + 1
        lines = (
            self.agent.via(),
            ("Max-Forwards", "70"),
            ("From", self._local),
            ("To", self._remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *self._contact().items(),
            *(headers or {}).items(),
        )
        return SipMessage(f"{method} {self._target} SIP/2.0", lines, body)

    def _contact(self) -> dict[str, str]:
        return {"Contact": f"<{self.agent.uri(self.user)}>", "Allow": _ALLOW}

    def _rings(self, status: int) -> None:
        if status >= 180 and self.ringing_at is None:
            self.ringing_at = time.monotonic()
            self._ringing.set()

    def _answered(self) -> None:
        self.answered_at = time.monotonic()
        self._decided.set()

    def _end(self, by: Ended) -> None:
        if self._over.is_set():
            return
        self.ended_at = time.monotonic()
        self.ended_by = by
        self._stop_resending()
        self.stream.close()
        self._decided.set()
        self._over.set()

    def _stop_resending(self) -> None:
        if self._resend:
            self._resend.cancel()


def _ignore(response: SipMessage) -> None:
    """Nothing depends on the answer to a BYE or CANCEL."""
    del response
