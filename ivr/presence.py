"""One counsellor on the floor: what their devices, offers, talks and holds make of them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.model import (
    CallId,
    Counsellor,
    CounsellorState,
    Device,
    DeviceId,
    DeviceState,
    OfferId,
    OfferResult,
)


class Hold(StrEnum):
    """The named rules that may keep a free counsellor from being rung (design §2, promise 2)."""

    NOT_ANSWERED = "not_answered"
    REJECTED = "rejected"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    DECLINED = "declined"
    FAILED = "failed"
    DEVICE_LOST = "device_lost"


_MOST_DOUBLINGS = 16  # a phone may ring in vain for weeks; 2**1024 is no float any more
_ENGAGED = frozenset({DeviceState.RINGING, DeviceState.IN_USE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The floor's times. Back-offs follow each kind of failed offer on its own.

    A counsellor who did not answer is held longer each time in a row, up to `rona_most_s`; a
    phone that is registering again answers late once, which must not cost a shift (OpenACD #6).
    """

    ring_s: float = 20.0
    whisper_s: float = 15.0  # from pick-up to acceptance
    connect_s: float = 6.0  # from acceptance to both in the room
    wrap_up_s: float = 30.0
    short_abandonment_s: float = 5.0
    exchange_down_s: float = 3.0  # AMI away for longer: callers in line go to Asterisk's own queue
    rona_s: float = 10.0
    rona_most_s: float = 60.0
    rona_alarm_after: int = 3
    rejected_s: float = 15.0
    busy_s: float = 5.0
    unreachable_s: float = 5.0
    declined_s: float = 15.0
    failed_s: float = 2.0
    device_lost_s: float = 15.0  # until Asterisk's own check of a silent phone has spoken: 12 s

    def back_off(self, result: OfferResult, in_a_row: int) -> tuple[Hold, float] | None:
        """The hold that an offer's end puts on its counsellor, in seconds; None for no hold."""
        if result is OfferResult.RONA:
            doublings = min(in_a_row - 1, _MOST_DOUBLINGS)
            return Hold.NOT_ANSWERED, min(self.rona_s * 2**doublings, self.rona_most_s)
        fixed = {
            OfferResult.REJECTED: (Hold.REJECTED, self.rejected_s),
            OfferResult.BUSY: (Hold.BUSY, self.busy_s),
            OfferResult.UNREACHABLE: (Hold.UNREACHABLE, self.unreachable_s),
            OfferResult.DECLINED: (Hold.DECLINED, self.declined_s),
            OfferResult.FAILED: (Hold.FAILED, self.failed_s),
        }
        return fixed.get(result)


@dataclass(slots=True)
class Presence:
    """A counsellor as the floor sees them; only `queues.Floor` changes it."""

    profile: Counsellor
    devices: dict[DeviceId, DeviceState] = field(default_factory=dict)
    offer: OfferId | None = None
    talking: bool = False
    signed_in: bool = True  # until they sign out at a phone
    pause_reason: str | None = None
    wrap_up_until_at: datetime | None = None
    hold: Hold | None = None
    held_until_at: datetime | None = None
    missed_in_a_row: int = 0
    idle_since_at: datetime | None = None
    call: CallId | None = None  # of the offer, the talk or the wrap-up
    noted_state: CounsellorState = CounsellorState.OFF_DUTY
    state_since_at: datetime | None = None
    leaving: bool = False  # no longer on the staff list; goes when the present call is over

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

    @property
    def could_serve(self) -> bool:
        """On duty and not on a break: busy now, but a step with them is worth its time."""
        return (
            not self.leaving
            and self.signed_in
            and self.pause_reason is None
            and (self.reachable or self.offer is not None)
        )

    @property
    def free(self) -> bool:
        return self.state() is CounsellorState.AVAILABLE and self.hold is None and not self.leaving

    def idle_device(self) -> Device | None:
        """Where to ring; None while any device is engaged: it is one person."""
        if not _ENGAGED.isdisjoint(self.devices.values()):
            return None
        for device in self.profile.devices:
            if self.devices.get(device.id) is DeviceState.IDLE:
                return device
        return None

    def note_state(self, now: datetime) -> None:
        state = self.state()
        if self.state_since_at is None or state is not self.noted_state:
            self.noted_state, self.state_since_at = state, now
        if self.offer is None and self.wrap_up_until_at is None:
            self.call = None

    def put_on_hold(self, hold: Hold, seconds: float, now: datetime) -> datetime:
        self.hold = hold
        self.held_until_at = now + timedelta(seconds=seconds)
        return self.held_until_at

    def lift_hold(self) -> None:
        self.hold = None
        self.held_until_at = None
