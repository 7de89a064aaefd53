"""Who may be rung for a call and when: steps that widen, and the reason for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from ivr.model import CounsellorId, DeskId


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
