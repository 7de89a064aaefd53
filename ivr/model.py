"""The words of the line as frozen records: ids, facts of a call, plans, offers, counsellors.

Nothing here acts. Instants are aware UTC (`_at`), durations seconds (`_s`); see docs/glossary.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import cached_property, lru_cache
from typing import NewType

CallId = NewType("CallId", str)  # Asterisk's linkedid of the caller's channel
OfferId = NewType("OfferId", str)  # "<epoch>-<n>": unique over restarts
CounsellorId = NewType("CounsellorId", str)
DeskId = NewType("DeskId", str)  # of a county's centre: "markazi-saveh"; of a province: "ilam"
DeviceId = NewType("DeviceId", str)  # the SIP user name
CountyId = NewType("CountyId", str)
ProvinceId = NewType("ProvinceId", str)
CategoryId = NewType("CategoryId", str)
SkillId = NewType("SkillId", str)

UNKNOWN_CATEGORY = CategoryId("unknown")


class Lane(IntEnum):
    """How urgent a call is; a smaller number goes first (design §2, promises 1 and 2)."""

    DANGER = 0
    SILENCE = 1
    ORDINARY = 2


class CountySource(StrEnum):
    """where a call's location is known from, most trusted first."""

    COUNSELLOR = "counsellor"
    KEYPAD = "keypad"
    PIDF_LO = "pidf_lo"  # the civic address that the trunk gave
    CELL = "cell"
    LANDLINE_PREFIX = "landline_prefix"
    EARLIER_CALL = "earlier_call"  # the same caller said so before
    TRUNK = "trunk"  # the line that was called: a province, never a county
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationCandidate:
    """One source's word on where a call comes from; `confidence` from 0 to 1 is that of the county.

    Where no county is known from it, it is that of the province.
    """

    source: CountySource
    confidence: float
    province: ProvinceId
    county: CountyId | None = None


class LocationNoteCode(StrEnum):
    """What was seen and could not decide; texts are made at the edge."""

    CONTRADICTION = "contradiction"  # sources name different counties; subject: the less trusted
    OTHER_PROVINCE = "other_province"  # than the line's; subject: the province
    PREFIX_NOT_LISTED = "prefix_not_listed"  # a landline of no table; the digits are not kept
    CELL_NOT_LISTED = "cell_not_listed"  # subject: network and area, which a table may add
    ADDRESS_NOT_KNOWN = "address_not_known"  # a civic address that names no county of ours
    POSITION_NOT_USED = "position_not_used"  # coordinates or a reference: nothing here reads them
    NUMBER_WITHHELD = "number_withheld"  # the caller wished not to be shown


@dataclass(frozen=True, slots=True)
class LocationNote:
    """One line of the trace; `subject` is an id, never free text."""

    code: LocationNoteCode
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLocation:
    """All that was known of where a call comes from before anybody spoke; most trusted first."""

    candidates: tuple[LocationCandidate, ...] = ()
    notes: tuple[LocationNote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRef:
    """Who called, without the number: a keyed pseudonym, and the number encrypted (design §4).

    `raw_ciphertext`: the header as it came, encrypted. `withheld`: the caller wished not to be
    shown (RFC 3323).
    """

    pseudonym: str
    ciphertext: str
    raw_ciphertext: str | None = None
    withheld: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What the conversation has found out by the time the call joins the line."""

    province: ProvinceId
    county: CountyId | None = None
    county_source: CountySource = CountySource.UNKNOWN
    category: CategoryId = UNKNOWN_CATEGORY
    lane: Lane = Lane.ORDINARY
    returning_silence: bool = False  # silent now, and a call of the same caller was before


class ReasonCode(StrEnum):
    """Why a step of a plan is what it is; texts are made at the edge."""

    OWN_DESK = "own_desk"  # the county's own open centre
    SUPPORTING_COUNTY = "supporting_county"  # serves a county that has no centre
    NO_OWN_CENTRE = "no_own_centre"
    CENTRE_UNKNOWN = "centre_unknown"  # the sources do not say whether there is one
    OPENING_NOT_CONFIRMED = "opening_not_confirmed"  # planned date, nobody said it opened
    CENTRAL_ANSWERING = "central_answering"
    COUNTY_UNKNOWN = "county_unknown"
    NEIGHBOUR = "neighbour"  # a county next to it
    PROVINCIAL_CENTRE = "provincial_centre"
    WHOLE_PROVINCE = "whole_province"
    OTHER_DESK = "other_desk"  # named in the rules: another province's, a national line's
    ON_CALL = "on_call"  # rung at home, because duty says so for this hour
    DANGER_OPENS_ALL = "danger_opens_all"
    NOBODY_ROSTERED = "nobody_rostered"
    SKILLED_FIRST = "skilled_first"  # for a while only who has the skills; subject: the skill
    NOBODY_SKILLED = "nobody_skilled"  # so the skill keeps nobody waiting; subject: the skill
    LEVEL_TOO_LOW = "level_too_low"  # the centre does not give what the category needs
    OUT_OF_HOURS = "out_of_hours"  # the desk does not answer at this hour
    EVACUATED = "evacuated"  # closures: the desk is left out
    LINK_LOST = "link_lost"
    NO_STAFF = "no_staff"
    SHORT_STAFFED = "short_staffed"  # the desk is rung, but the next circle opens at once
    LAST_RESORT = "last_resort"  # nobody is expected anywhere: closed desks are rung as well
    TAKES_OVER = "takes_over"  # contingency: rung first because the desk of `subject` is gone
    # Of the whole plan: which mobile team could be sent when the call joins.
    LOCAL_TEAM = "local_team"
    NO_LOCAL_TEAM_NOW = "no_local_team_now"  # the county's own team is not on shift
    TEAM_COVERS = "team_covers"  # goes instead, from another county
    TEAM_UNKNOWN = "team_unknown"  # the sources do not say whether or when the county has one


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of a decision trace; `subject` is an id (county, desk, team), never free text."""

    code: ReasonCode
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One widening of a plan: who is added, and how long before the next one opens.

    Steps add up: a call at step 2 may go to everyone of steps 0, 1 and 2.
    `lasts_s` is None for the last step. `counsellors` may be rung if they are there; `on_duty` are
    those of them whom duty expects now.
    """

    after_s: float
    lasts_s: float | None
    desks: tuple[DeskId, ...]
    counsellors: tuple[CounsellorId, ...]
    reasons: tuple[Reason, ...]
    on_duty: tuple[CounsellorId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What an ordinary call's waiting counts in line (`ivr.order`).

    Its score is `head_start_s` and `rate` for each second waited. After `cap_s` no call that came
    later goes before it, danger apart.
    """

    head_start_s: float = 0.0
    rate: float = 1.0
    cap_s: float = 450.0


@dataclass(frozen=True, kw_only=True)
class RoutePlan:
    """Who may be rung for a call and when: made by `router.plan`, kept with the record.

    There is always at least one step. `skilled` are the counsellors of all steps who have what the
    category needs: they go before all others who may be rung at that moment.
    """

    steps: tuple[Step, ...]
    rules_version: str
    reasons: tuple[Reason, ...] = ()
    all_at_once: bool = False
    skilled: tuple[CounsellorId, ...] = ()
    weight: Weight = Weight()
    wrap_up_s: float | None = None  # of the category; None: the province's
    heavy: bool = False  # who had such a call is spared the next one for a while

    @cached_property
    def circles(self) -> tuple[frozenset[CounsellorId], ...]:
        """Who may be rung at each step, those of the steps before it included."""
        return _growing(step.counsellors for step in self.steps)

    @cached_property
    def expected(self) -> tuple[frozenset[CounsellorId], ...]:
        """Whom duty expects at each step, those of the steps before it included."""
        return _growing(step.on_duty for step in self.steps)

    @cached_property
    def ranks(self) -> Mapping[CounsellorId, tuple[int, int, int]]:
        """The order among those who are free, smallest first: skilled, near, expected."""
        skilled = frozenset(self.skilled)
        ranks: dict[CounsellorId, tuple[int, int, int]] = {}
        for nearness, step in enumerate(self.steps):
            expected = frozenset(step.on_duty)
            for name in step.counsellors:
                rank = _rank(name not in skilled, nearness, name not in expected)
                ranks.setdefault(name, rank)
        return ranks


def _growing(parts: Iterable[tuple[CounsellorId, ...]]) -> tuple[frozenset[CounsellorId], ...]:
    """Each part with all before it."""
    found: list[frozenset[CounsellorId]] = []
    for part in parts:
        found.append(_one_of(frozenset(part).union(*found[-1:])))
    return tuple(found)


@lru_cache(maxsize=256)
def _rank(unskilled: bool, nearness: int, unexpected: bool) -> tuple[int, int, int]:
    """The same object for the same rank: every plan has hundreds of them."""
    return int(unskilled), nearness, int(unexpected)


@lru_cache(maxsize=8192)
def _one_of(people: frozenset[CounsellorId]) -> frozenset[CounsellorId]:
    """The same object for the same people: thousands of plans widen to the same province."""
    return people


@dataclass(frozen=True, slots=True)
class Skill:
    """What a counsellor can do, how well: level 1 knows it, 2 is practised, 3 is a specialist."""

    id: SkillId
    level: int = 1


class DeviceKind(StrEnum):
    SIP = "sip"
    BROWSER = "browser"
    TELEPHONE = "telephone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a counsellor is rung. `confirm`: key 1 accepts, because a voicemail might answer."""

    id: DeviceId
    kind: DeviceKind = DeviceKind.SIP
    confirm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counsellor:
    """Who answers, at which desks, on which devices (the first reachable one is rung)."""

    id: CounsellorId
    name_fa: str
    desks: tuple[DeskId, ...]
    devices: tuple[Device, ...]
    skills: tuple[Skill, ...] = ()


class CounsellorState(StrEnum):
    OFF_DUTY = "off_duty"
    AVAILABLE = "available"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"
    BUSY_ELSEWHERE = "busy_elsewhere"  # the device is in a call that is not ours


class DeviceState(StrEnum):
    UNREACHABLE = "unreachable"
    IDLE = "idle"
    RINGING = "ringing"
    IN_USE = "in_use"


class CallPhase(StrEnum):
    MENU = "menu"
    WAITING = "waiting"
    OFFERED = "offered"
    CONNECTING = "connecting"  # accepted, both sides are on their way into the room
    TALKING = "talking"
    CLOSING = "closing"  # the counsellor has ended; the closing sentence offers the way back
    LEFT_OPEN = "left_open"  # nobody hung up after it; the line stays open for the caller
    FALLBACK = "fallback"  # Asterisk's static queue has the caller
    ENDED = "ended"


class OfferResult(StrEnum):
    """How an offer ended."""

    CONNECTED = "connected"
    RONA = "rona"
    REJECTED = "rejected"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    NO_SUCH_NUMBER = "no_such_number"  # the network does not know the telephone's number
    DECLINED = "declined"  # picked up, then not accepted
    WITHDRAWN = "withdrawn"  # taken back by us: the caller left, the counsellor paused
    ANSWERED_ELSEWHERE = "answered_elsewhere"  # somebody else who was rung as well accepted first
    FAILED = "failed"  # Asterisk would not or could not ring


class Precedence(StrEnum):
    """Why a call went before one that had joined earlier; texts are made at the edge."""

    DANGER = "danger"
    CAP = "cap"  # it had waited so long that nobody who comes later goes before it
    BROKEN_OFF = "broken_off"  # its talk broke off: first of its lane
    RETURNING_SILENCE = "returning_silence"  # silent not for the first time: first of the silent
    SILENCE = "silence"
    SCORE = "score"  # urgency and waiting together
    LEFT_OPEN = "left_open"  # the other is a line that somebody left open


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaking:
    """An offer that went before a call which had joined earlier and could have had it.

    `over` is the earliest of those; the numbers are those of the instant, score by `ivr.order`.
    """

    reason: Precedence
    over: CallId
    waited_s: float
    score_s: float
    over_waited_s: float
    over_score_s: float


class Protection(StrEnum):
    """A rule that spares a counsellor a call as long as somebody else is free for it."""

    HEAVY_CALL = "heavy_call"  # had such a call a short while ago
    NEEDS_BREAK = "needs_break"  # has worked for long without a rest
    ASKED_FOR_BREAK = "asked_for_break"  # too few others are there to let them go


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparing:
    """What a protection did to an offer: `counsellor` was passed over, or rung all the same.

    `gave_way`: it is the one who was rung, because nobody else was free.
    """

    counsellor: CounsellorId
    why: Protection
    gave_way: bool


class Relief(StrEnum):
    """What was set aside to ring somebody when nobody was free: the first two by danger alone."""

    WRAP_UP = "wrap_up"
    BACK_OFF = "back_off"
    NOBODY_ELSE = "nobody_else"  # a back-off, after its least time


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Ringing one counsellor for one call; late events with an old offer's id change nothing."""

    id: OfferId
    call: CallId
    counsellor: CounsellorId
    device: Device
    facts: CallFacts
    offered_at: datetime
    deadline_at: datetime
    overtook: Overtaking | None = None
    relief: Relief | None = None
    sparing: Sparing | None = None
    back: bool = False  # their talk with this caller broke off, and their device is back
    picked_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEntry:
    """An ended offer as it stands in a call's record."""

    offer: OfferId
    counsellor: CounsellorId
    offered_at: datetime
    ended_at: datetime
    result: OfferResult
    overtook: Overtaking | None = None
    relief: Relief | None = None
    sparing: Sparing | None = None


class WaitWords(StrEnum):
    """What a waiting caller is told besides numbers."""

    ALL_BUSY = "all_busy"
    STILL_WAITING = "still_waiting"
    TAKING_LONGER = "taking_longer"  # than was said
    DANGER = "danger"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitNote:
    """One announcement: words, the place in line from 1, the wait (0: less than a minute)."""

    words: WaitWords | None = None
    place: int | None = None
    minutes: int | None = None


class EndedBy(StrEnum):
    CALLER = "caller"
    COUNSELLOR = "counsellor"
    DEVICE_LOST = "device_lost"
    UNKNOWN = "unknown"  # it ended while nobody was looking


class CallEnd(StrEnum):
    """What a call had come to when it ended (outcome is the counsellor's, this is the line's)."""

    IN_MENU = "in_menu"  # the caller left before joining the line
    SHORT_ABANDONMENT = "short_abandonment"
    ABANDONED = "abandoned"
    CONNECTED = "connected"
    FALLBACK_CONNECTED = "fallback_connected"
    FALLBACK_ABANDONED = "fallback_abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """Everything that is kept of a call; saved whole at each change of phase, one row a call."""

    call: CallId
    province: ProvinceId
    line: str
    caller: CallerRef | None
    arrived_at: datetime
    phase: CallPhase
    facts: CallFacts | None = None
    plan: RoutePlan | None = None
    joined_at: datetime | None = None
    first_offered_at: datetime | None = None
    connected_at: datetime | None = None
    talk_ended_at: datetime | None = None
    ended_at: datetime | None = None
    counsellor: CounsellorId | None = None
    desk: DeskId | None = None
    ended_by: EndedBy | None = None
    end: CallEnd | None = None
    offers: tuple[OfferEntry, ...] = ()
    fallback_s: float = 0.0
    location: CallLocation | None = None
    lost_at: datetime | None = None  # in danger, before the place was known
    acknowledged_at: datetime | None = None  # when somebody took the lost call up …
    acknowledged_by: str | None = None  # … and who


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """A caller's channel as a snapshot of Asterisk shows it; facts from the channel's variables."""

    call: CallId
    line: str
    province: ProvinceId
    arrived_at: datetime
    facts: CallFacts | None
    joined_at: datetime | None
    offer: OfferId | None  # set while the caller is in the room of that offer
    counsellor: CounsellorId | None  # who is in the room with the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSnapshot:
    """What Asterisk says is true, taken at start and after each reconnect; Asterisk wins."""

    calls: tuple[LiveCall, ...]
    legs: frozenset[OfferId] = field(default_factory=frozenset)
    devices: tuple[tuple[DeviceId, DeviceState], ...] = ()
