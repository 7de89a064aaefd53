"""The words of the line as frozen records: ids, facts of a call, counsellors, offers.

Nothing here acts. Instants are aware UTC (`_at`), durations seconds (`_s`); see docs/glossary.md.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
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
