"""The floor's times, and the named rules that may keep a free counsellor from being rung."""

from dataclasses import dataclass
from enum import StrEnum

from ivr.model import OfferResult


class Hold(StrEnum):
    """The named rules that may keep a free counsellor from being rung (design §2, promise 2)."""

    NOT_ANSWERED = "not_answered"
    REJECTED = "rejected"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    NO_SUCH_NUMBER = "no_such_number"
    DECLINED = "declined"
    FAILED = "failed"
    DEVICE_LOST = "device_lost"


# The telephone is there, the person did not answer.
_UNWILLING = frozenset({Hold.NOT_ANSWERED, Hold.REJECTED, Hold.DECLINED})
_MOST_DOUBLINGS = 16  # a phone may ring in vain for weeks; 2**1024 is no float any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The floor's times. Back-offs follow each kind of failed offer on its own.

    A counsellor who did not answer is held longer each time in a row, up to `rona_most_s`; a
    phone that is registering again answers late once, which must not cost a shift (OpenACD #6).
    """

    ring_s: float = 20.0
    ring_at_once: int = 1  # how many counsellors are rung for one call, where nobody else waits
    ring_at_once_danger: int = 1
    whisper_s: float = 15.0  # from pick-up to acceptance
    connect_s: float = 6.0  # from acceptance to both in the room
    wrap_up_s: float = 30.0
    wrap_up_least_s: float = 10.0  # of a wrap-up that danger ends; ours
    wrap_up_more_most_s: float = 600.0  # by which a counsellor may lengthen a wrap-up, all in all
    danger_ends_wrap_ups: bool = True
    danger_lifts_back_offs: bool = True
    short_abandonment_s: float = 5.0
    left_open_s: float = 60.0  # after the closing sentence; most callers hang up at once; ours
    lost_talk_s: float = 30.0  # in danger a shorter talk tells nobody where the caller is; ours
    exchange_down_s: float = 3.0  # AMI away for longer: callers in line go to Asterisk's own queue
    rona_s: float = 10.0
    rona_most_s: float = 60.0
    rona_alarm_after: int = 3
    rona_pause_after: int = 5  # where somebody else could be rung instead
    back_off_least_s: float = 1.0  # where nobody else is free; app_queue's least `retry`
    rejected_s: float = 15.0
    busy_s: float = 5.0
    unreachable_s: float = 5.0
    no_such_number_s: float = 60.0  # it does not mend itself
    declined_s: float = 15.0
    failed_s: float = 2.0
    device_lost_s: float = 15.0  # until Asterisk's own check of a silent phone has spoken: 12 s
    device_back_s: float = 60.0  # within which a broken talk goes back to its counsellor
    heavy_gap_s: float = 1800.0  # between two heavy calls of one counsellor, where others are free
    stretch_most_s: float = 7200.0  # of work without a rest
    rest_s: float = 300.0  # without talk or wrap-up: a stretch ends
    break_others_least: int = 1  # of each of their desks, for a break that was asked for
    announce_first_s: float = 10.0  # after joining, when the sentence of joining is over; ours
    announce_every_s: float = 30.0  # ours
    announce_position: bool = True
    announce_wait: bool = True

    @property
    def remembered_s(self) -> float:
        """How long ago a talk may have ended that still bears on what its counsellor is asked."""
        return max(self.heavy_gap_s, self.stretch_most_s + self.rest_s)

    def yields_to_danger(self, hold: Hold) -> bool:
        """Whether danger may ring whoever is held so: who did not wish to answer another call."""
        return self.danger_lifts_back_offs and hold in _UNWILLING

    def yields_after_s(self, hold: Hold) -> float | None:
        """When whoever is held so may be rung for a call for which nobody else is free."""
        return self.back_off_least_s if hold in _UNWILLING else None

    def back_off(self, result: OfferResult, in_a_row: int) -> tuple[Hold, float] | None:
        """The hold that an offer's end puts on its counsellor, in seconds; None for no hold."""
        if result is OfferResult.RONA:
            doublings = min(in_a_row - 1, _MOST_DOUBLINGS)
            return Hold.NOT_ANSWERED, min(self.rona_s * 2**doublings, self.rona_most_s)
        fixed = {
            OfferResult.REJECTED: (Hold.REJECTED, self.rejected_s),
            OfferResult.BUSY: (Hold.BUSY, self.busy_s),
            OfferResult.UNREACHABLE: (Hold.UNREACHABLE, self.unreachable_s),
            OfferResult.NO_SUCH_NUMBER: (Hold.NO_SUCH_NUMBER, self.no_such_number_s),
            OfferResult.DECLINED: (Hold.DECLINED, self.declined_s),
            OfferResult.FAILED: (Hold.FAILED, self.failed_s),
        }
        return fixed.get(result)
