"""Rules + duty + call + time -> the plan: ordered steps, each with its reasons. Pure.

The county's own desk; where it has none, its supporting counties; then the whole province, which
has no end. Where a province answers centrally, its provincial desk comes first for everybody.
Danger opens every step at once (design §2, promise 2).

Rules say in which order desks are rung, duty says who is there: where the sources do not tell
whether a county has a centre, its desk is rung with the whole province as soon as duty has
somebody there, and not before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ivr.duty import Duty
from ivr.model import (
    CallFacts,
    CounsellorId,
    DeskId,
    Lane,
    Reason,
    ReasonCode,
    RoutePlan,
    Step,
)
from ivr.rules.schema import Answering, CentreState, County, ProvinceRules
from ivr.rules.units import MobileTeam, on_shift

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


def plan(rules: ProvinceRules, duty: Duty, call: CallFacts, at: datetime) -> RoutePlan:
    """Who may be rung for `call`, when it joins at `at`, and why.

    The plan's own reasons say what holds for all steps, and which mobile team could be sent.
    """
    steps: list[Step] = []
    after_s = 0.0
    for circle in _circles(rules, duty, call):
        steps.append(_step(circle, duty, after_s))
        after_s += circle.lasts_s or 0.0
    all_at_once = call.lane is Lane.DANGER
    at_once = (Reason(ReasonCode.DANGER_OPENS_ALL),) if all_at_once else ()
    county = rules.county(call.county)
    return RoutePlan(
        steps=tuple(steps),
        rules_version=rules.version,
        reasons=(*at_once, *(_teams(rules, county, at) if county else ())),
        all_at_once=all_at_once,
    )


def _circles(rules: ProvinceRules, duty: Duty, call: CallFacts) -> Iterator[_Circle]:
    if rules.answering is Answering.CENTRAL:
        yield from _central(rules, duty)
    else:
        yield from _by_county(rules, duty, rules.county(call.county))


def _central(rules: ProvinceRules, duty: Duty) -> Iterator[_Circle]:
    """The provincial desk; whoever is on duty elsewhere in the province helps out after a while."""
    everybody = _whole_province(rules, duty)
    why = (Reason(ReasonCode.CENTRAL_ANSWERING, rules.id),)
    alone = everybody.desks == rules.desks
    yield _Circle(rules.desks, None if alone else rules.steps.own_s, why)
    if not alone:
        yield everybody


def _by_county(rules: ProvinceRules, duty: Duty, county: County | None) -> Iterator[_Circle]:
    why: tuple[Reason, ...] = ()
    if county is None:
        why = (Reason(ReasonCode.COUNTY_UNKNOWN),)
    elif county.is_open:
        own = (Reason(ReasonCode.OWN_DESK, county.id),)
        yield _Circle((county.desk,), rules.steps.own_s, own)
    else:
        why = (Reason(_WHY_NO_OWN_DESK[county.centre.state], county.id),)
        helpers = [*_supporting(rules, county, why)]
        yield from helpers
        why = () if helpers else why
    yield _whole_province(rules, duty, *why)


def _supporting(rules: ProvinceRules, county: County, why: tuple[Reason, ...]) -> Iterator[_Circle]:
    for item in county.supporting:
        helper = rules.county(item.county)
        if helper is not None and helper.is_open:
            reasons = (*why, Reason(ReasonCode.SUPPORTING_COUNTY, helper.id))
            yield _Circle((helper.desk,), rules.steps.supporting_s, reasons)


def _whole_province(rules: ProvinceRules, duty: Duty, *why: Reason) -> _Circle:
    """The desks that answer by the rules, and every other one at which somebody is on duty."""
    others = (desk for desk in rules.all_desks[len(rules.desks) :] if duty.at_desk(desk))
    reasons = (*why, Reason(ReasonCode.WHOLE_PROVINCE, rules.id))
    return _Circle((*rules.desks, *others), None, reasons)


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


def _teams(rules: ProvinceRules, county: County, at: datetime) -> tuple[Reason, ...]:
    """Which mobile team could be sent to the county at `at`; nothing where no source has teams."""
    own = [team for team in rules.mobile_teams if team.county == county.id]
    ready = [team for team in own if on_shift(team, rules.shifts, at)]
    if ready:
        return tuple(Reason(ReasonCode.LOCAL_TEAM, team.id) for team in ready)
    if own and all(on_shift(team, rules.shifts, at) is False for team in own):
        away = tuple(Reason(ReasonCode.TEAM_COVERS, team.id) for team in _cover(rules, at))
        return (Reason(ReasonCode.NO_LOCAL_TEAM_NOW, county.id), *away)
    if rules.has_mobile_teams:
        return (Reason(ReasonCode.TEAM_UNKNOWN, county.id),)
    return ()


def _cover(rules: ProvinceRules, at: datetime) -> Iterator[MobileTeam]:
    for team in rules.mobile_teams:
        if team.cover is not None and on_shift(team, rules.shifts, at):
            yield team
