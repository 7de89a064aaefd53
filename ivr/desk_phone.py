"""Counsellors' devices that dial the line themselves, to sign in and out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from ivr import events as ev
from ivr.controller import Controller
from ivr.dialplan.channel import Channel
from ivr.dialplan.desk import UNKNOWN_PHONE, Standing, Wish, converse
from ivr.errors import StoreError
from ivr.model import CounsellorId, CounsellorState, DeviceId
from ivr.view import CounsellorView

log = structlog.get_logger()

FLOOR_S = 2.0  # the floor takes an event in within milliseconds
BREAK = "break"

CheckPin = Callable[[CounsellorId, str], Awaitable[bool]]
# Keeps since when somebody is signed out (None: is in) for a controller after us.
KeepSignedOut = Callable[[CounsellorId, datetime | None], Awaitable[None]]


async def no_pin(_counsellor: CounsellorId, _pin: str) -> bool:
    return False


async def not_kept(_counsellor: CounsellorId, _since_at: datetime | None) -> None:
    """For a floor that no other controller takes over."""


@dataclass(slots=True, kw_only=True)
class DeskPhones:
    """Takes counsellors' own calls in. `check_pin` and `keep_signed_out` may raise StoreError."""

    controller: Controller
    check_pin: CheckPin
    keep_signed_out: KeepSignedOut

    async def take(self, arguments: Mapping[str, str], channel: Channel) -> None:
        """One call, from the answer to what is now true; raises HungUp and SessionLost.

        `arguments` are those of desk_static: `wish` and `device`.
        """
        counsellor = self.controller.counsellor_at(DeviceId(arguments.get("device", "")))
        if counsellor is None:
            log.warning("desk_phone_of_nobody", device=arguments.get("device", ""))
            await channel.play((UNKNOWN_PHONE,))
        else:
            place = _Place(counsellor, self)
            await converse(channel, Wish(arguments.get("wish", "")), place)
        await channel.set_variables({"IVR_DONE": "1"})


@dataclass(frozen=True, slots=True)
class _Place:
    """`ivr.dialplan.desk.Place` on the floor."""

    counsellor: CounsellorId
    phones: DeskPhones

    async def check_pin(self, pin: str) -> bool:
        """Without a database whoever is at the device is let in: it has its own password.

        Nobody who never signed out was asked for a PIN either, and a desk that cannot be signed in
        to would leave callers waiting.
        """
        try:
            right = await self.phones.check_pin(self.counsellor, pin)
        except StoreError:
            log.warning("pin_not_checked", counsellor=self.counsellor)
            return True
        if not right:
            log.warning("pin_wrong", counsellor=self.counsellor)
        return right

    def standing(self) -> Standing:
        row = self._row()
        if row is None or not row.signed_in:
            talking = row is not None and row.state is CounsellorState.TALKING
            return Standing.OFF_AFTER_TALK if talking else Standing.OFF_DUTY
        return Standing.ON_BREAK if row.pause_reason else Standing.ON_DUTY

    async def carry_out(self, wish: Wish) -> Standing:
        """What is to outlive us is on disk before it is said; raises TimeoutError."""
        await self._keep(wish)
        controller = self.phones.controller
        changed = controller.watch()
        try:
            controller.post(self._event(wish))
            async with asyncio.timeout(FLOOR_S):
                while not self._is_so(wish):
                    await changed.wait()
                    changed.clear()
        finally:
            controller.unwatch(changed)
        log.info("desk_phone", counsellor=self.counsellor, wish=wish)
        return self.standing()

    async def _keep(self, wish: Wish) -> None:
        if wish not in (Wish.SIGN_IN, Wish.SIGN_OUT):
            return
        since_at = self.phones.controller.clock.now() if wish is Wish.SIGN_OUT else None
        try:
            await self.phones.keep_signed_out(self.counsellor, since_at)
        except StoreError:  # it holds until a restart, which is better than a refusal
            log.warning("sign_in_not_kept", counsellor=self.counsellor, wish=wish)

    def _event(self, wish: Wish) -> ev.Event:
        match wish:
            case Wish.SIGN_IN:
                return ev.CounsellorSignedIn(counsellor=self.counsellor)
            case Wish.SIGN_OUT:
                return ev.CounsellorSignedOut(counsellor=self.counsellor)
            case Wish.PAUSE:
                return ev.CounsellorPaused(counsellor=self.counsellor, reason=BREAK)
            case Wish.RESUME:
                return ev.CounsellorResumed(counsellor=self.counsellor)

    def _is_so(self, wish: Wish) -> bool:
        row = self._row()
        if row is None:  # taken off the staff list in this very moment
            return True
        if wish in (Wish.SIGN_IN, Wish.SIGN_OUT):
            return row.signed_in == (wish is Wish.SIGN_IN)
        return bool(row.pause_reason) == (wish is Wish.PAUSE)

    def _row(self) -> CounsellorView | None:
        rows = self.phones.controller.view().counsellors
        return next((row for row in rows if row.counsellor == self.counsellor), None)
