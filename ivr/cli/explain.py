"""`ivr rules explain`: whom a call would reach, in which order, and why."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ivr.calendar import TEHRAN
from ivr.current import current
from ivr.duty import duty_at
from ivr.errors import BadInput
from ivr.jalali import parse_instant
from ivr.model import UNKNOWN_CATEGORY, CallFacts, CategoryId, CountyId, CountySource, Lane
from ivr.model.plan import Reason, ReasonCode, RoutePlan, Step
from ivr.router import plan
from ivr.rules.judging import did_you_mean
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import load_settings

SENTENCES: Mapping[ReasonCode, str] = {
    ReasonCode.OWN_DESK: "{} has an open centre of its own",
    ReasonCode.SUPPORTING_COUNTY: "{} is its supporting county",
    ReasonCode.NO_OWN_CENTRE: "{} has no centre of its own",
    ReasonCode.CENTRE_UNKNOWN: "no source says whether {} has a centre",
    ReasonCode.OPENING_NOT_CONFIRMED: "the centre of {} is planned; nobody has said that it opened",
    ReasonCode.CENTRAL_ANSWERING: "one desk answers for the whole of {}",
    ReasonCode.COUNTY_UNKNOWN: "the county is not known",
    ReasonCode.NEIGHBOUR: "{} is next to it",
    ReasonCode.PROVINCIAL_CENTRE: "{} helps the whole province",
    ReasonCode.WHOLE_PROVINCE: "everybody on duty in {}",
    ReasonCode.OTHER_DESK: "the rules name {} for when the province cannot answer",
    ReasonCode.ON_CALL: "on call in {}, by telephone",
    ReasonCode.SKILLED_FIRST: "only those who have the skill {} for now",
    ReasonCode.NOBODY_SKILLED: "nobody there has the skill {}, so nobody waits for it",
    ReasonCode.LEVEL_TOO_LOW: "the centre of {} does not give the level that is needed",
    ReasonCode.OUT_OF_HOURS: "{} does not answer at this hour",
    ReasonCode.EVACUATED: "{} is evacuated",
    ReasonCode.LINK_LOST: "{} cannot be reached",
    ReasonCode.NO_STAFF: "{} has no staff",
    ReasonCode.SHORT_STAFFED: "{} is short of staff, so nobody waits for it alone",
    ReasonCode.TAKES_OVER: "takes over for {}",
    ReasonCode.LAST_RESORT: "nobody is expected anywhere in {}: closed desks are rung as well",
    ReasonCode.DANGER_OPENS_ALL: "danger: all steps open at once",
    ReasonCode.NOBODY_ROSTERED: "nobody is on duty there, so the step lasts no time",
    ReasonCode.LOCAL_TEAM: "{} is on shift and could be sent",
    ReasonCode.NO_LOCAL_TEAM_NOW: "no mobile team of {} is on shift",
    ReasonCode.TEAM_COVERS: "{} is on shift elsewhere and could go instead",
    ReasonCode.TEAM_UNKNOWN: "no source says whether a mobile team of {} works now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explained:
    """A call that might come, and what would become of it."""

    rules: ProvinceRules
    facts: CallFacts
    at: datetime
    plan: RoutePlan


def explain(
    *,
    province: Annotated[str, typer.Option(help="The province whose line is called.")],
    county: Annotated[
        str | None, typer.Option(help="The county, with or without the province before it.")
    ] = None,
    category: Annotated[
        str, typer.Option(help="What the call is about, by the id of the category.")
    ] = UNKNOWN_CATEGORY,
    lane: Annotated[
        str | None, typer.Option(help="danger, silence or ordinary; else as the menu has it.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Date and time, Jalali or ISO, of Tehran; else now.")
    ] = None,
    draft: Annotated[
        Path | None, typer.Option(help="By the rules in this file, not by those in force.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Show whom a call would reach, step by step with the reasons; the people are those on duty."""
    when = _instant(at) if at else datetime.now(TEHRAN)
    in_force = current(load_settings(), when)
    rules = _province([load_rules(draft)] if draft else in_force.rules, province)
    named = _category(rules, category)
    where = _county(rules, county) if county else None
    facts = CallFacts(
        province=rules.id,
        county=where,
        county_source=CountySource.KEYPAD if where else CountySource.UNKNOWN,
        category=named,
        lane=_lane(lane) if lane else _lane_of_menu(rules, named),
    )
    route = plan(rules, duty_at(in_force.counsellors, when, in_force.book), facts, when)
    explained = _Explained(rules=rules, facts=facts, at=when, plan=route)
    typer.echo(_as_json(explained) if as_json else _as_text(explained))


def _province(known: Iterable[ProvinceRules], name: str) -> ProvinceRules:
    by_id = {rules.id: rules for rules in known}
    found = next((rules for id_, rules in by_id.items() if id_ == name), None)
    if found is None:
        raise BadInput(f"--province {name}: is not served here. {did_you_mean(name, by_id)}")
    return found


def _county(rules: ProvinceRules, name: str) -> CountyId:
    for candidate in (CountyId(name), CountyId(f"{rules.id}-{name}")):
        if rules.county(candidate):
            return candidate
    known = [county.id for county in rules.counties]
    raise BadInput(f"--county {name}: is no county of {rules.id}. {did_you_mean(name, known)}")


def _category(rules: ProvinceRules, name: str) -> CategoryId:
    known = [UNKNOWN_CATEGORY, *(category.id for category in rules.categories)]
    if name not in known:
        raise BadInput(f"--category {name}: is not known. {did_you_mean(name, known)}")
    return CategoryId(name)


def _lane(name: str) -> Lane:
    lanes = {lane.name.lower(): lane for lane in Lane}
    if name not in lanes:
        raise BadInput(f"--lane {name}: is not known. Write {', '.join(lanes)}.")
    return lanes[name]


def _lane_of_menu(rules: ProvinceRules, category: CategoryId) -> Lane:
    choices = (item for item in rules.menus.category_choices if category in item.categories)
    return next((choice.lane for choice in choices), Lane.ORDINARY)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text).astimezone(TEHRAN)
    except BadInput as error:
        raise BadInput(f"--at: {error}") from None


def _as_json(explained: _Explained) -> str:
    facts, route = explained.facts, explained.plan
    report = {
        "province": facts.province,
        "county": facts.county,
        "category": facts.category,
        "lane": facts.lane.name.lower(),
        "at": explained.at.isoformat(),
        "asks_county": explained.rules.asks_county,
        "rules_version": route.rules_version,
        "all_at_once": route.all_at_once,
        "reasons": _reasons(route.reasons),
        "steps": [_step(step) for step in route.steps],
    }
    return json.dumps(report, ensure_ascii=False, indent=2)


def _step(step: Step) -> dict[str, Any]:
    return {
        "after_s": step.after_s,
        "lasts_s": step.lasts_s,
        "desks": step.desks,
        "counsellors": step.on_duty,
        "may_also_ring": [name for name in step.counsellors if name not in step.on_duty],
        "reasons": _reasons(step.reasons),
    }


def _reasons(reasons: Iterable[Reason]) -> list[dict[str, str]]:
    return [
        {"code": reason.code, "subject": reason.subject, "text": _sentence(reason)}
        for reason in reasons
    ]


def _as_text(explained: _Explained) -> str:
    facts, route, rules = explained.facts, explained.plan, explained.rules
    asked = "asked for their county" if rules.asks_county else "not asked for their county"
    lines = [
        f"{rules.id}, county {facts.county or 'not known'}, category {facts.category}",
        f"lane {facts.lane.name.lower()}, {explained.at:%Y-%m-%d %H:%M} in Tehran",
        f"rules {route.rules_version}; callers are {asked}",
        *(f"- {_sentence(reason)}" for reason in route.reasons),
    ]
    for step in route.steps:
        lasts = "" if step.lasts_s is None else f", for {step.lasts_s:g} s"
        lines += [
            f"after {step.after_s:g} s{lasts}: {', '.join(step.desks) or 'no desk'}",
            f"    rings: {_rung(step)}",
            f"    because: {'; '.join(map(_sentence, step.reasons))}",
        ]
    return "\n".join(lines)


def _rung(step: Step) -> str:
    """Who is expected, and who would be rung besides if they are there."""
    others = [name for name in step.counsellors if name not in step.on_duty]
    besides = f"; if they are there: {', '.join(others)}" if others else ""
    return (", ".join(step.on_duty) or "nobody is expected") + besides


def _sentence(reason: Reason) -> str:
    return SENTENCES[reason.code].format(reason.subject)
