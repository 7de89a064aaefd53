"""The counsellor's leg: says who is coming, takes the acceptance, then goes into the room."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ivr import effects as do
from ivr import events as ev
from ivr.dialplan.channel import Channel, RoomRole
from ivr.dialplan.script import whisper_prompts
from ivr.model import CategoryId, DeviceKind, Offer

ACCEPT_KEY = "1"
ACCEPT_WAIT_S = 8.0
CONNECT_WAIT_S = 5.0


@dataclass(slots=True, kw_only=True)
class Whisper:
    """One counsellor's leg from picking up to leaving the room."""

    offer: Offer
    post: Callable[[ev.Event], None]
    mailbox: asyncio.Queue[do.LetIn] = field(default_factory=asyncio.Queue)

    async def run(self, channel: Channel, topics: Mapping[CategoryId, str]) -> None:
        """Returns when the dialplan is to hang the leg up; raises HungUp and SessionLost."""
        self.post(ev.OfferPickedUp(offer=self.offer.id))
        if not await self._accepted(channel, topics):
            return
        self.post(ev.OfferAccepted(offer=self.offer.id))
        try:
            await asyncio.wait_for(self.mailbox.get(), CONNECT_WAIT_S)
        except TimeoutError:
            return  # the caller has gone meanwhile
        # From here on the dialplan need not bring us together, should the controller die.
        await channel.set_variables({"IVR_TALKED": "1"})
        await channel.enter_room(self.offer.id, RoomRole.COUNSELLOR)

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
