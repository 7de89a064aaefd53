"""Counsellors' devices that dial the line themselves: to sign in and out, to rest, to wrap up."""

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
from ivr.floor_acts import ActKind, FloorAct, PauseReason, event_of
from ivr.model import CounsellorId, CounsellorState, DeviceId
from ivr.view import CounsellorView

log = structlog.get_logger()

FLOOR_S = 2.0  # the floor takes an event in within milliseconds
_WRAP_UP = (Wish.EXTEND_WRAP_UP, Wish.END_WRAP_UP)
_PAUSED_FOR: Mapping[str, Standing] = {
    PauseReason.BREAK: Standing.ON_BREAK,
    PauseReason.MEAL: Standing.ON_MEAL,
    PauseReason.TRAINING: Standing.ON_TRAINING,
    PauseReason.ADMINISTRATION: Standing.ON_ADMINISTRATION,
}

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

        `arguments` are those of desk_static: `wish`, `device`, and `reason` of a pause.
        """
        counsellor = self.controller.counsellor_at(DeviceId(arguments.get("device", "")))
        if counsellor is None:
            log.warning("desk_phone_of_nobody", device=arguments.get("device", ""))
            await channel.play((UNKNOWN_PHONE,))
        else:
            reason = PauseReason(arguments.get("reason", PauseReason.BREAK))
            place = _Place(counsellor, reason, self)
            await converse(channel, Wish(arguments.get("wish", "")), place)
        await channel.set_variables({"IVR_DONE": "1"})


@dataclass(frozen=True, slots=True)
class _Place:
    """`ivr.dialplan.desk.Place` on the floor."""

    counsellor: CounsellorId
    reason: PauseReason
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

    def standing(self, wish: Wish) -> Standing:
        row = self._row()
        if row is None or not row.signed_in:
            talking = row is not None and row.state is CounsellorState.TALKING
            return Standing.OFF_AFTER_TALK if talking else Standing.OFF_DUTY
        if row.pause_reason:
            return _PAUSED_FOR.get(row.pause_reason, Standing.NOT_RUNG)
        if wish in _WRAP_UP and row.wrap_up_until_at is not None:
            longest = row.wrap_up_until_at == row.wrap_up_latest_at
            return Standing.WRAP_UP_LONGEST if longest else Standing.WRAPPING_UP
        if row.will_pause:
            return Standing.WILL_PAUSE
        asked = wish is Wish.ASK_FOR_BREAK and row.break_asked_at is not None
        return Standing.BREAK_ASKED if asked else Standing.ON_DUTY

    async def carry_out(self, wish: Wish) -> Standing:
        """What is to outlive us is on disk before it is said; raises TimeoutError."""
        await self._keep(wish)
        controller = self.phones.controller
        before = self._row()
        changed = controller.watch()
        try:
            controller.post(self._event(wish))
            async with asyncio.timeout(FLOOR_S):
                while not self._is_so(wish, before):
                    await changed.wait()
                    changed.clear()
        finally:
            controller.unwatch(changed)
        log.info("desk_phone", counsellor=self.counsellor, wish=wish)
        return self.standing(wish)

    async def _keep(self, wish: Wish) -> None:
        if wish not in (Wish.SIGN_IN, Wish.SIGN_OUT):
            return
        since_at = self.phones.controller.clock.now() if wish is Wish.SIGN_OUT else None
        try:
            await self.phones.keep_signed_out(self.counsellor, since_at)
        except StoreError:  # it holds until a restart, which is better than a refusal
            log.warning("sign_in_not_kept", counsellor=self.counsellor, wish=wish)

    def _event(self, wish: Wish) -> ev.Event:
        if wish is Wish.SIGN_IN:
            return ev.CounsellorSignedIn(counsellor=self.counsellor)
        if wish is Wish.SIGN_OUT:
            return ev.CounsellorSignedOut(counsellor=self.counsellor)
        return event_of(
            FloorAct(
                kind=ActKind(wish),
                subject=self.counsellor,
                by=self.counsellor,
                at=self.phones.controller.clock.now(),
                reason=self.reason,
            )
        )

    def _is_so(self, wish: Wish, before: CounsellorView | None) -> bool:
        """Whether the floor has taken the wish in."""
        row = self._row()
        if row is None:  # taken off the staff list in this very moment
            return True
        until_at, latest_at = row.wrap_up_until_at, row.wrap_up_latest_at
        match wish:
            case Wish.SIGN_IN | Wish.SIGN_OUT:
                so = row.signed_in == (wish is Wish.SIGN_IN)
            case Wish.PAUSE:
                so = row.pause_reason == self.reason
            case Wish.PAUSE_AFTER_CALL:
                so = self.reason in (row.will_pause, row.pause_reason)
            case Wish.ASK_FOR_BREAK:
                so = bool(row.break_asked_at or row.will_pause or row.pause_reason)
            case Wish.RESUME:
                so = not (row.pause_reason or row.will_pause)
            case Wish.END_WRAP_UP:
                so = until_at is None
            case Wish.EXTEND_WRAP_UP:
                longer = before is None or until_at != before.wrap_up_until_at
                so = longer or until_at in (None, latest_at)
        return so

    def _row(self) -> CounsellorView | None:
        rows = self.phones.controller.view().counsellors
        return next((row for row in rows if row.counsellor == self.counsellor), None)
