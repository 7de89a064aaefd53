"""Rules + duty + call + time -> the plan: ordered steps, each with its reasons. Pure.

`circles` says who is added step by step, this module how long each step lasts and whom it rings.
A step that duty expects nobody for lasts no time, danger opens every step at once (design §2,
promise 2), and where everything is closed the closed desks are rung all the same: a phone that
rings in an empty house is better than a plan that ends at nobody.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain

from ivr.circles import Circle, Seen, circles, why_not_own
from ivr.duty import Duty
from ivr.model import CallFacts, CounsellorId, DeskId, Lane, SkillId
from ivr.model.plan import Reason, ReasonCode, RoutePlan, Step
from ivr.rules.hours import is_open
from ivr.rules.routing import Ring, SkillNeed, StepRule
from ivr.rules.schema import Category, County, ProvinceRules
from ivr.rules.units import MobileTeam, on_shift


def plan(rules: ProvinceRules, duty: Duty, call: CallFacts, at: datetime) -> RoutePlan:
    """Who may be rung for `call`, when it joins at `at`, and why.

    The plan's own reasons say what holds for all steps, and which mobile team could be sent.
    """
    county = rules.county(call.county)
    category = rules.category(call.category)
    seen = Seen(rules, duty, call, county, category, out_of_hours(rules, at))
    needs = needs_of(county, category)
    steps = list(_steps(_at_least_one(seen), seen, needs))
    if not any(step.on_duty for step in steps):
        steps += _last_resort(seen, steps)
    steps[-1] = replace(steps[-1], lasts_s=None)
    at_once = call.lane is Lane.DANGER
    return RoutePlan(
        steps=tuple(steps),
        rules_version=rules.version,
        reasons=(
            *((Reason(ReasonCode.DANGER_OPENS_ALL),) if at_once else ()),
            *(_teams(rules, county, at) if county else ()),
        ),
        all_at_once=at_once,
        skilled=_skilled(steps, duty, needs),
        weight=rules.priority.weight(
            category.urgency if category else None, category.rate if category else None
        ),
        wrap_up_s=category.wrap_up_s if category else None,
        heavy=category.heavy if category else at_once,
    )


def _at_least_one(seen: Seen) -> list[Circle]:
    """The circles, or one of nobody where nobody sits at any desk: the line waits and says so."""
    whole = Reason(ReasonCode.WHOLE_PROVINCE, seen.rules.id)
    nobody = Circle((), StepRule(ring=Ring.PROVINCE), (*why_not_own(seen), whole))
    return list(circles(seen)) or [nobody]


def _last_resort(seen: Seen, steps: list[Step]) -> Iterator[Step]:
    """Where nobody is expected anywhere: every desk of the province, closed or not."""
    desks = tuple(desk for desk in seen.rules.all_desks if seen.duty.of_desk(desk))
    everybody = seen.duty.of_desks(desks)
    planned = {name for step in steps for name in step.counsellors}
    if not planned.issuperset(everybody):
        yield Step(
            after_s=steps[-1].after_s,
            lasts_s=None,
            desks=desks,
            counsellors=everybody,
            reasons=(Reason(ReasonCode.LAST_RESORT, seen.rules.id),),
        )


# ---------------------------------------------------------------------------- steps


def _steps(found: Iterable[Circle], seen: Seen, needs: tuple[SkillNeed, ...]) -> Iterator[Step]:
    after_s = 0.0
    at_once = seen.call.lane is Lane.DANGER
    for circle in found:
        for step in _of_circle(circle, seen.duty, needs, after_s, at_once=at_once):
            yield step
            after_s = step.after_s + (step.lasts_s or 0.0)


def _of_circle(
    circle: Circle, duty: Duty, needs: tuple[SkillNeed, ...], after_s: float, *, at_once: bool
) -> Iterator[Step]:
    """The circle as one step, or as two where those with the skills go first for a while."""
    everybody = _joined(duty.of_desks(circle.desks), circle.people)
    expected = _joined(duty.at_desks(circle.desks), circle.people)
    whole = Step(
        after_s=after_s,
        lasts_s=circle.rule.lasts_s if expected and not at_once else 0.0,
        desks=circle.desks,
        counsellors=everybody,
        reasons=circle.reasons if expected else (*circle.reasons, _NOBODY),
        on_duty=expected,
    )
    first_s = min(circle.rule.skilled_s, whole.lasts_s or 0.0)
    if not needs or first_s == 0.0:
        yield whole
        return
    skilled = frozenset(with_skills(duty, everybody, needs))
    if skilled.isdisjoint(expected):
        nobody = (Reason(ReasonCode.NOBODY_SKILLED, need.skill) for need in needs)
        yield replace(whole, reasons=(*whole.reasons, *nobody))
        return
    first = (Reason(ReasonCode.SKILLED_FIRST, need.skill) for need in needs)
    yield replace(
        whole,
        lasts_s=first_s,
        counsellors=tuple(name for name in everybody if name in skilled),
        on_duty=tuple(name for name in expected if name in skilled),
        reasons=(*whole.reasons, *first),
    )
    yield replace(whole, after_s=after_s + first_s, lasts_s=(whole.lasts_s or 0.0) - first_s)


_NOBODY = Reason(ReasonCode.NOBODY_ROSTERED)


def _joined(
    people: tuple[CounsellorId, ...], others: tuple[CounsellorId, ...]
) -> tuple[CounsellorId, ...]:
    return tuple(dict.fromkeys((*people, *others))) if others else people


def out_of_hours(rules: ProvinceRules, at: datetime) -> frozenset[DeskId]:
    """The desks of open centres whose timetable says that nobody answers at `at`."""
    shut = (
        desks
        for timetable, desks in rules.desks_by_timetable
        if not is_open(timetable, rules.calendar, at)
    )
    return frozenset(chain.from_iterable(shut))


# --------------------------------------------------------------------------- skills


def needs_of(county: County | None, category: Category | None) -> tuple[SkillNeed, ...]:
    """What a call needs of whom it is offered to first."""
    languages = (SkillNeed(skill=skill) for skill in (county.languages if county else ()))
    return (*(category.skills if category else ()), *languages)


def with_skills(
    duty: Duty, people: Iterable[CounsellorId], needs: Iterable[SkillNeed]
) -> tuple[CounsellorId, ...]:
    """Those of the people who have everything that is needed."""
    found = list(people)
    for need in needs:
        skill, level, held = need.skill, need.level, duty.skills
        found = [name for name in found if held.get(name, _NO_SKILLS).get(skill, 0) >= level]
    return tuple(found)


_NO_SKILLS: Mapping[SkillId, int] = {}


def _skilled(
    steps: Iterable[Step], duty: Duty, needs: tuple[SkillNeed, ...]
) -> tuple[CounsellorId, ...]:
    if not needs:
        return ()
    everybody = dict.fromkeys(chain.from_iterable(step.counsellors for step in steps))
    return with_skills(duty, everybody, needs)


# ---------------------------------------------------------------------------- teams


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
