"""One counsellor on the floor: what their devices, offers, talks and holds make of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ivr.limits import Hold
from ivr.load import Load
from ivr.model import (
    CallId,
    Counsellor,
    CounsellorState,
    Device,
    DeviceId,
    DeviceKind,
    DeviceState,
    OfferId,
    Relief,
)

NOT_ANSWERING = "not_answering"  # the reason of a pause that the floor itself makes

_ENGAGED = frozenset({DeviceState.RINGING, DeviceState.IN_USE})


@dataclass(slots=True)
class Presence:
    """A counsellor as the floor sees them; only `queues.Floor` changes it."""

    profile: Counsellor
    devices: dict[DeviceId, DeviceState] = field(default_factory=dict)
    offer: OfferId | None = None
    talking: bool = False
    signed_in: bool = True  # until they sign out at a phone
    pause_reason: str | None = None
    will_pause: str | None = None  # for this reason, once the present call and wrap-up are over
    wrap_up_until_at: datetime | None = None
    wrap_up_yields_at: datetime | None = None  # from then on danger may ring; None: it may not
    wrap_up_of: CallId | None = None
    wrap_up_latest_at: datetime | None = None  # it may be lengthened until then
    wrap_up_lengthened: int = 0  # how often it was
    hold: Hold | None = None
    held_until_at: datetime | None = None
    hold_yields: bool = False  # danger may ring all the same
    hold_yields_at: datetime | None = None  # from then on any call may for which nobody is free
    missed_in_a_row: int = 0
    idle_since_at: datetime | None = None
    load: Load = field(default_factory=Load)
    call: CallId | None = None  # of the offer, the talk or the wrap-up
    noted_state: CounsellorState = CounsellorState.OFF_DUTY
    state_since_at: datetime | None = None
    leaving: bool = False  # no longer on the staff list; goes when the present call is over
    able: tuple[bool, bool] = (False, False)  # as noted: could serve, where expected and where not

    def state(self) -> CounsellorState:
        if self.offer is not None:
            return CounsellorState.TALKING if self.talking else CounsellorState.OFFERED
        if not (self.signed_in and self.reachable):
            return CounsellorState.OFF_DUTY
        if self.pause_reason is not None:
            return CounsellorState.PAUSED
        if self.wrap_up_until_at is not None:
            return CounsellorState.WRAP_UP
        if self.idle_device() is None:
            return CounsellorState.BUSY_ELSEWHERE
        return CounsellorState.AVAILABLE

    @property
    def reachable(self) -> bool:
        return any(state is not DeviceState.UNREACHABLE for state in self.devices.values())

    def could_serve(self, *, expected: bool) -> bool:
        """In and not on a break: busy now, but a step with them is worth its time."""
        reachable = any(
            self.devices.get(device.id, DeviceState.UNREACHABLE) is not DeviceState.UNREACHABLE
            for device in self._rung_at(expected=expected)
        )
        return (
            not self.leaving
            and self.signed_in
            and self.pause_reason is None
            and (reachable or self.offer is not None)
        )

    @property
    def free(self) -> bool:
        return self.state() is CounsellorState.AVAILABLE and self.hold is None and not self.leaving

    def relief(self, now: datetime) -> Relief | None:
        """What danger may set aside to ring them now."""
        if self.leaving or self.idle_device() is None:
            return None
        if self.is_last_resort(now):
            return Relief.NOBODY_ELSE
        state = self.state()
        if state is CounsellorState.AVAILABLE and self.hold is not None and self.hold_yields:
            return Relief.BACK_OFF
        if state is not CounsellorState.WRAP_UP or self.hold is not None:
            return None
        yields_at = self.wrap_up_yields_at
        return Relief.WRAP_UP if yields_at is not None and yields_at <= now else None

    def is_last_resort(self, now: datetime) -> bool:
        """Held, but for so long that a call for which nobody is free may ring them."""
        return (
            self.hold is not None
            and self.hold_yields_at is not None
            and self.hold_yields_at <= now
            and self.state() is CounsellorState.AVAILABLE
            and not self.leaving
        )

    def _rung_at(self, *, expected: bool) -> Iterator[Device]:
        """A telephone always seems to be there: it is rung only for whom duty expects now."""
        for device in self.profile.devices:
            if expected or device.kind is not DeviceKind.TELEPHONE:
                yield device

    def idle_device(self, *, expected: bool = True) -> Device | None:
        """Where to ring; None while any device is engaged: it is one person."""
        if not _ENGAGED.isdisjoint(self.devices.values()):
            return None
        for device in self._rung_at(expected=expected):
            if self.devices.get(device.id) is DeviceState.IDLE:
                return device
        return None

    def may_return_to(self, call: CallId) -> bool:
        """Wraps up that call and could be rung: their device has been lost and is back."""
        return (
            self.state() is CounsellorState.WRAP_UP
            and self.wrap_up_of == call
            and self.hold is None
            and self.idle_device() is not None
        )

    def pause_as_wished(self) -> None:
        if self.will_pause and self.offer is None and self.wrap_up_until_at is None:
            self.pause_reason, self.will_pause = self.will_pause, None

    def note_state(self, now: datetime) -> None:
        state = self.state()
        if self.state_since_at is None or state is not self.noted_state:
            self.noted_state, self.state_since_at = state, now
        if self.offer is None:
            self.call = self.wrap_up_of if self.wrap_up_until_at is not None else None

    def put_on_hold(
        self,
        hold: Hold,
        seconds: float,
        now: datetime,
        *,
        yields: bool = False,
        yields_after_s: float | None = None,
    ) -> None:
        self.hold, self.hold_yields = hold, yields
        self.held_until_at = now + timedelta(seconds=seconds)
        self.hold_yields_at = None
        if yields_after_s is not None and yields_after_s < seconds:
            self.hold_yields_at = now + timedelta(seconds=yields_after_s)

    def lift_hold(self) -> None:
        self.hold = self.held_until_at = self.hold_yields_at = None
