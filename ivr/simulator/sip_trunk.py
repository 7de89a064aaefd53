"""The far side of a trunk for tests: ordinary telephones by their numbers, some of them voicemails.

It answers Asterisk's OPTIONS, so that the trunk counts as up, and each INVITE by the number that
was dialled.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ivr.simulator import tone
from ivr.simulator.devices import NOT_FOUND
from ivr.simulator.rtp import RtpStream
from ivr.simulator.sip_agent import SipAgent
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_message import Address, SipMessage, user_of

_TONE_LENGTH_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephone:
    """How one number treats a call: rings, answers at once, or is refused with `refuse`."""

    answers: bool = False
    refuse: int | None = None


class TrunkSide:
    """Open while entered. `offered` gives the calls as they come, `calls` has them all.

    A number that is not among `telephones` does not exist (404).
    """

    def __init__(self, server: Address, port: int, telephones: Mapping[str, Telephone]) -> None:
        self._agent = SipAgent(server, on_call=self._on_call, port=port)
        self.telephones = dict(telephones)
        self.calls: list[SipCall] = []
        self.invites: list[SipMessage] = []
        self._offered: asyncio.Queue[SipCall] = asyncio.Queue()
        self._answering: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._agent.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._answering:
            task.cancel()
        for call in self.calls:
            call.hang_up()
        self._agent.close()

    async def offered(self, timeout_s: float = 60.0) -> SipCall:
        """Wait for the next call to a telephone that exists; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            return await self._offered.get()

    def _on_call(self, invite: SipMessage) -> None:
        number = user_of(invite["To"])
        audio = RtpStream(tone.tone(tone.COUNSELLOR_HZ, _TONE_LENGTH_S))
        call = SipCall.offered(self._agent, number, invite, audio)
        telephone = self.telephones.get(number, Telephone(refuse=NOT_FOUND))
        self.calls.append(call)
        self.invites.append(invite)
        if telephone.refuse is not None:
            call.refuse(telephone.refuse)
            return
        self._offered.put_nowait(call)
        if telephone.answers:
            task = asyncio.create_task(call.answer(), name="telephone answers")
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
