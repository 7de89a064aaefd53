"""What a person may see of the floor: frozen rows, without a caller's number or pseudonym.

The controller makes one `FloorView` after each change; the console draws it. Nothing here acts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ivr.expected_wait import Withheld
from ivr.model import (
    CallEnd,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CounsellorState,
    CountyId,
    DeskId,
    DeviceId,
    DeviceKind,
    DeviceState,
    Lane,
    Precedence,
    Protection,
    ProvinceId,
    Relief,
    Sparing,
)
from ivr.model.record import CallRecord
from ivr.notices import Alarm, ClosedDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """One phone that rings for a call, and for which desk it would be answered.

    `picked_up`: somebody hears who is calling and has not accepted yet; `back`: their talk with
    this caller broke off, and they are back.
    """

    counsellor: CounsellorId
    device: DeviceId
    kind: DeviceKind
    desk: DeskId | None
    since_at: datetime
    picked_up: bool = False
    back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the caller was told of the wait: the best place, and until when it was said to last.

    `longer`: that it takes longer than was said; `withheld`: why the last announcement foresaw
    nothing.
    """

    place: int | None = None
    until_at: datetime | None = None
    longer: bool = False
    withheld: Withheld | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCall:
    """A call in line, from joining it until both talk; `desk` is the first that its plan names.

    That is the province where nobody knows the county. `step` is the number of the plan's step that
    it has reached, from 0; `offered_to` are the phones that ring. `precedence` is why it stands
    before `ahead_of`, the earliest of the calls that joined before it; `overtaken` is why `behind`,
    the first in line of those that joined later, stands before it. `broken_off`: its talk was lost
    with a device; `left_open`: the talk is over and the handset lies beside the telephone, so it
    stands behind all others.
    """

    call: CallId
    lane: Lane
    province: ProvinceId
    county: CountyId | None
    category: CategoryId
    joined_at: datetime
    phase: CallPhase
    step: int
    desk: DeskId | None = None
    offered_to: tuple[Ringing, ...] = ()
    precedence: Precedence | None = None
    ahead_of: CallId | None = None
    overtaken: Precedence | None = None
    behind: CallId | None = None
    broken_off: bool = False
    left_open: bool = False
    said: Said = Said()

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, slots=True, kw_only=True)
class CounsellorView:
    """A counsellor and since when the state holds; `call` while offered, talking or in wrap-up.

    `hold` names the rule that keeps them from being rung until `held_until_at` (`limits.Hold`), ""
    for none; `wrap_up_until_at` is when a wrap-up ends by itself, lengthened `wrap_up_lengthened`
    times, `wrap_up_latest_at` at the latest. `will_pause`: the reason of a pause that begins after
    the present call. `protections` spare them calls as long as somebody else is free: a heavy call
    until `heavy_until_at`, work without a rest that has been too long since `tired_since_at`, a
    break asked for at `break_asked_at`. `relief` and `sparing` say how their present offer or talk
    came to them. Who is not `signed_in` takes no call after the present one.
    """

    counsellor: CounsellorId
    name_fa: str
    desks: tuple[DeskId, ...]
    state: CounsellorState
    since_at: datetime
    call: CallId | None = None
    device_state: DeviceState = DeviceState.UNREACHABLE
    pause_reason: str = ""
    hold: str = ""
    held_until_at: datetime | None = None
    wrap_up_until_at: datetime | None = None
    wrap_up_latest_at: datetime | None = None
    wrap_up_lengthened: int = 0
    will_pause: str = ""
    protections: tuple[Protection, ...] = ()
    heavy_until_at: datetime | None = None
    tired_since_at: datetime | None = None
    break_asked_at: datetime | None = None
    relief: Relief | None = None
    sparing: Sparing | None = None
    signed_in: bool = True

    @property
    def key(self) -> str:
        return self.counsellor


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkView:
    """A talk under way; `precedence`: why it was served before `ahead_of`, who joined earlier.

    `back`: it goes on with the same counsellor, whose device was lost in it.
    """

    call: CallId
    counsellor: CounsellorId
    county: CountyId | None
    category: CategoryId
    connected_at: datetime
    desk: DeskId | None = None
    precedence: Precedence | None = None
    ahead_of: CallId | None = None
    back: bool = False

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCall:
    """A caller in danger who was lost at `lost_at` before the place was known.

    It stands until somebody has taken it up. `counsellor` is who talked with them, if anybody did;
    `waited_s` runs to that talk, or to the end.
    """

    call: CallId
    province: ProvinceId
    category: CategoryId | None
    arrived_at: datetime
    lost_at: datetime
    waited_s: float | None = None
    counsellor: CounsellorId | None = None

    @property
    def key(self) -> str:
        return self.call


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskView:
    """A desk at which somebody is there or for which somebody waits.

    `there` are its counsellors who are not off duty, `free` those of them who could be rung now.
    `waiting` calls have it first in their plan, the longest since `waiting_since_at`.
    `expected_min` is what its newest ordinary caller would be told now, in minutes, 0 for less than
    one; None where nobody such waits, where it was not looked at, or with the reason `withheld`.
    """

    desk: DeskId
    there: int
    free: int
    waiting: int = 0
    waiting_since_at: datetime | None = None
    expected_min: int | None = None
    withheld: Withheld | None = None

    @property
    def key(self) -> str:
        return self.desk


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorView:
    """The whole floor at one instant; `sequence` is a greater number whenever it has changed.

    `lost` are callers in danger, the first lost first. `waiting` stands in the order in which the
    calls will be served, `alarms` the most urgent first. Of each kind of row no two have the same
    `key`. `in_menu` callers are still being asked, `in_fallback` callers are in Asterisk's static
    queue.
    """

    sequence: int
    at: datetime
    lost: tuple[LostCall, ...] = ()
    waiting: tuple[WaitingCall, ...] = ()
    talks: tuple[TalkView, ...] = ()
    counsellors: tuple[CounsellorView, ...] = ()
    desks: tuple[DeskView, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    closed_desks: tuple[ClosedDesk, ...] = ()
    in_menu: int = 0
    in_fallback: int = 0
    exchange_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Persian names from the rules in force; an id without a name stands for itself."""

    provinces: Mapping[ProvinceId, str] = field(default_factory=dict)
    counties: Mapping[CountyId, str] = field(default_factory=dict)
    categories: Mapping[CategoryId, str] = field(default_factory=dict)
    outcomes: Mapping[ProvinceId, Mapping[str, str]] = field(default_factory=dict)
    crisis_centres: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One of today's calls.

    `wait_s` runs from joining the line to connect, or to the end of a call that was not connected;
    None before joining and while waiting. `talk_s` is None until the talk has ended. `outcome` is
    an outcome's id.
    """

    call: CallId
    arrived_at: datetime
    phase: CallPhase
    province: ProvinceId
    county: CountyId | None
    category: CategoryId | None
    lane: Lane | None
    wait_s: float | None
    talk_s: float | None
    counsellor: CounsellorId | None
    end: CallEnd | None
    outcome: str | None = None


def call_row(record: CallRecord, outcome: str | None = None) -> CallRow:
    """What may be shown of a record; who called stays behind."""
    facts = record.facts
    return CallRow(
        call=record.call,
        arrived_at=record.arrived_at,
        phase=record.phase,
        province=record.province,
        county=facts.county if facts else None,
        category=facts.category if facts else None,
        lane=facts.lane if facts else None,
        wait_s=_between(record.joined_at, record.connected_at or record.ended_at),
        talk_s=_between(record.connected_at, record.talk_ended_at or record.ended_at),
        counsellor=record.counsellor,
        end=record.end,
        outcome=outcome,
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None
