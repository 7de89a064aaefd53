"""The counsellor's leg: says who is coming, takes the acceptance, then goes into the room."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ivr import effects as do
from ivr import events as ev
from ivr.dialplan.channel import Channel, RoomRole
from ivr.dialplan.preempting import first_of
from ivr.dialplan.script import whisper_prompts
from ivr.model import CategoryId, DeviceKind, Offer, OfferResult

ACCEPT_KEY = "1"
ACCEPT_WAIT_S = 8.0
CONNECT_WAIT_S = 5.0
SAY_WHY_S = 4.0  # the sentences are shorter

# Why it stops, to a counsellor who has picked up.
CALLED_OFF: Mapping[OfferResult, str] = {
    OfferResult.ANSWERED_ELSEWHERE: "whisper-taken",
    OfferResult.WITHDRAWN: "whisper-over",
}


@dataclass(slots=True, kw_only=True)
class Whisper:
    """One counsellor's leg from picking up to leaving the room."""

    offer: Offer
    post: Callable[[ev.Event], None]
    mailbox: asyncio.Queue[do.LetIn] = field(default_factory=asyncio.Queue)
    _stop: asyncio.Queue[OfferResult] = field(default_factory=asyncio.Queue)
    _why: OfferResult | None = None
    _outside: bool = False  # picked up, and not yet on the way into the room
    _let_in: bool = False

    async def run(self, channel: Channel, topics: Mapping[CategoryId, str]) -> None:
        """Returns when the dialplan is to hang the leg up; raises HungUp and SessionLost."""
        self.post(ev.OfferPickedUp(offer=self.offer.id))
        self._outside = True
        try:
            await first_of(self._until_let_in(channel, topics), self._stop)
        finally:
            self._outside = False
        if self._why is not None:
            await _say(channel, CALLED_OFF[self._why])
        elif self._let_in:
            # From here on the dialplan need not bring us together, should the controller die.
            await channel.set_variables({"IVR_TALKED": "1"})
            await channel.enter_room(self.offer.id, RoomRole.COUNSELLOR)

    def call_off(self, why: OfferResult) -> bool:
        """Say why, then end by itself; False where nobody is there to hear it: end it by force."""
        if not self._outside or why not in CALLED_OFF:
            return False
        self._why = why
        self._stop.put_nowait(why)
        return True

    async def _until_let_in(self, channel: Channel, topics: Mapping[CategoryId, str]) -> None:
        if not await self._accepted(channel, topics):
            return
        self.post(ev.OfferAccepted(offer=self.offer.id))
        with suppress(TimeoutError):  # the caller has gone meanwhile
            async with asyncio.timeout(CONNECT_WAIT_S):
                await self.mailbox.get()
                self._let_in = True

    async def _accepted(self, channel: Channel, topics: Mapping[CategoryId, str]) -> bool:
        device = self.offer.device
        # Whatever the people's files say: behind a number there may always be a voicemail.
        confirm = device.confirm or device.kind is DeviceKind.TELEPHONE
        prompts = whisper_prompts(topics, self.offer.facts, confirm=confirm)
        if not confirm:
            await channel.play(prompts)
            return True
        key = await channel.play(prompts, ACCEPT_KEY) or await channel.wait_key(ACCEPT_WAIT_S)
        return key == ACCEPT_KEY


async def _say(channel: Channel, prompt: str) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(SAY_WHY_S):
            await channel.play((prompt,))
