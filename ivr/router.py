"""Rules + duty + call + time -> the plan: ordered steps, each with its reasons. Pure.

The county's own desk; where it has none, its supporting counties; then the whole province, which
has no end. Danger opens every step at once (design §2, promise 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ivr.duty import Duty
from ivr.model import (
    CallFacts,
    CounsellorId,
    CountyId,
    DeskId,
    Lane,
    Reason,
    ReasonCode,
    RoutePlan,
    Step,
)
from ivr.rules.schema import Answering, CentreState, County, ProvinceRules

_WHY_NO_OWN_DESK = {
    CentreState.NONE: ReasonCode.NO_OWN_CENTRE,
    CentreState.PLANNED: ReasonCode.OPENING_NOT_CONFIRMED,
    CentreState.UNKNOWN: ReasonCode.CENTRE_UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Circle:
    """Desks that are added together, how long they have the call to themselves, and why."""

    desks: tuple[DeskId, ...]
    lasts_s: float | None
    reasons: tuple[Reason, ...]


def plan(rules: ProvinceRules, duty: Duty, call: CallFacts, _at: datetime) -> RoutePlan:
    """Who may be rung for `call`, when it joins at `_at`, and why."""
    steps: list[Step] = []
    after_s = 0.0
    for circle in _circles(rules, call):
        steps.append(_step(circle, duty, after_s))
        after_s += circle.lasts_s or 0.0
    all_at_once = call.lane is Lane.DANGER
    return RoutePlan(
        steps=tuple(steps),
        rules_version=rules.version,
        reasons=(Reason(ReasonCode.DANGER_OPENS_ALL),) if all_at_once else (),
        all_at_once=all_at_once,
    )


def _circles(rules: ProvinceRules, call: CallFacts) -> Iterator[_Circle]:
    counties = {county.id: county for county in rules.counties}
    county = counties.get(call.county) if call.county is not None else None
    why_province: tuple[Reason, ...] = (Reason(ReasonCode.WHOLE_PROVINCE, rules.id),)
    if rules.answering is Answering.CENTRAL:
        why_province = (Reason(ReasonCode.CENTRAL_ANSWERING, rules.id),)
    elif county is None:
        why_province = (Reason(ReasonCode.COUNTY_UNKNOWN), *why_province)
    elif county.is_open:
        own = (Reason(ReasonCode.OWN_DESK, county.id),)
        yield _Circle((county.desk,), rules.steps.own_s, own)
    else:
        yield from _supporting(rules, county, counties)
    yield _Circle(rules.desks, None, why_province)


def _supporting(
    rules: ProvinceRules, county: County, counties: dict[CountyId, County]
) -> Iterator[_Circle]:
    why = Reason(_WHY_NO_OWN_DESK[county.centre.state], county.id)
    helpers = [counties[helper.county] for helper in county.supporting]
    for helper in (helper for helper in helpers if helper.is_open):
        reasons = (why, Reason(ReasonCode.SUPPORTING_COUNTY, helper.id))
        yield _Circle((helper.desk,), rules.steps.supporting_s, reasons)


def _step(circle: _Circle, duty: Duty, after_s: float) -> Step:
    counsellors: dict[CounsellorId, None] = {}
    for desk in circle.desks:
        counsellors.update(dict.fromkeys(duty.at_desk(desk)))
    nobody = () if counsellors else (Reason(ReasonCode.NOBODY_ROSTERED),)
    return Step(
        after_s=after_s,
        lasts_s=circle.lasts_s,
        desks=circle.desks,
        counsellors=tuple(counsellors),
        reasons=(*circle.reasons, *nobody),
    )
