"""Where a conversation goes on, read from the channel's variables that the dialplan hands over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from ivr.dialplan.flow import Fact
from ivr.dialplan.script import UNKNOWN_COUNTY
from ivr.location import known_county
from ivr.model import (
    UNKNOWN_CATEGORY,
    CallFacts,
    CategoryId,
    CountyId,
    CountySource,
    Lane,
    ProvinceId,
)
from ivr.model.location import CallLocation, LocationCandidate
from ivr.rules.schema import ProvinceRules


class Phase(StrEnum):
    """`IVR_PHASE`: what the channel was doing when the dialplan last had it."""

    NEW = ""
    MENU = "menu"
    LINE = "line"
    TALK = "talk"
    LEFT_OPEN = "left_open"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What is known of a call that reaches us, at first or again.

    `likely` is the county of a caller who names none; `silent_before`: an earlier call was silent.
    """

    phase: Phase = Phase.NEW
    facts: Mapping[Fact, str] = field(default_factory=dict)
    joined_at: datetime | None = None
    likely: LocationCandidate | None = None
    silent_before: bool = False


def resume_from(arguments: Mapping[str, str], rules: ProvinceRules) -> Resume:
    """Read the AGI arguments `name=value`; what makes no sense counts as not yet known."""
    phase = arguments.get("phase", "")
    known = {fact: arguments.get(fact, "") for fact in Fact}
    valid = {
        Fact.LANE: known[Fact.LANE] in {lane.name.lower() for lane in Lane},
        Fact.COUNTY: known[Fact.COUNTY] == UNKNOWN_COUNTY
        or rules.county(CountyId(known[Fact.COUNTY])) is not None,
        Fact.COUNTY_SOURCE: known[Fact.COUNTY_SOURCE] in set(CountySource),
        Fact.CATEGORY: known[Fact.CATEGORY] == UNKNOWN_CATEGORY
        or rules.category(CategoryId(known[Fact.CATEGORY])) is not None,
    }
    return Resume(
        phase=Phase(phase) if phase in set(Phase) else Phase.NEW,
        facts={fact: value for fact, value in known.items() if valid[fact]},
        joined_at=instant(arguments.get("joined_at", "")),
    )


def instant(text: str) -> datetime | None:
    """Unix seconds as an aware UTC instant; None where the text is none."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def with_location(resume: Resume, location: CallLocation, rules: ProvinceRules) -> Resume:
    """With the county that nobody was asked for, as far as the province trusts its source.

    A county that is sure enough and that no other source disputes settles the question.
    """
    trust = rules.location
    likely = known_county(location, rules.id, at_least=trust.use_from)
    if likely is None or rules.county(likely.county) is None:
        return resume
    sure = known_county(location, rules.id, at_least=trust.skip_question_from, undisputed=True)
    settled = county_facts(sure) if sure and Fact.COUNTY not in resume.facts else {}
    return replace(resume, facts={**resume.facts, **settled}, likely=likely)


def county_facts(found: LocationCandidate) -> Mapping[Fact, str]:
    """A county that was not asked for, as the channel's variables have it."""
    return {Fact.COUNTY: found.county or UNKNOWN_COUNTY, Fact.COUNTY_SOURCE: found.source}


def facts_of(
    province: ProvinceId, known: Mapping[Fact, str], *, silent_before: bool = False
) -> CallFacts:
    """What the conversation has found out, in the words of the floor."""
    county = known.get(Fact.COUNTY, UNKNOWN_COUNTY)
    told = known.get(Fact.COUNTY_SOURCE, "")
    source = CountySource(told) if told in set(CountySource) else CountySource.KEYPAD
    is_known = county != UNKNOWN_COUNTY
    lane = Lane[known.get(Fact.LANE, "ordinary").upper()]
    return CallFacts(
        province=province,
        county=CountyId(county) if is_known else None,
        county_source=source if is_known else CountySource.UNKNOWN,
        category=CategoryId(known.get(Fact.CATEGORY, UNKNOWN_CATEGORY)),
        lane=lane,
        returning_silence=silent_before and lane is Lane.SILENCE,
    )
