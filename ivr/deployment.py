"""What is served: rules and people in force, and the conversations made from them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import structlog

from ivr import events as ev
from ivr.controller import Controller
from ivr.dialplan.needed_prompts import needed_prompts
from ivr.dialplan.script import build_flow
from ivr.errors import BadInput, LineError
from ivr.in_force import InForce, NotTakenIn
from ivr.limits import Limits
from ivr.location import LocationTables
from ivr.location_files import load_tables
from ivr.model import Counsellor, ProvinceId
from ivr.people import load_persons
from ivr.prompts.catalogue import load_catalogue
from ivr.reception import Line, Reception
from ivr.report_names import outcome_labels
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings
from ivr.view import Names

# What is said to who waits is the floor's decision, the other times are the conversation's own.
_ANNOUNCING = {"announce_first_s", "announce_every_s", "announce_position", "announce_wait"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is in force with the conversations made from it, checked to fit together."""

    in_force: InForce
    people: tuple[Counsellor, ...]
    lines: dict[ProvinceId, Line]
    default_province: ProvinceId
    tables: LocationTables
    not_taken_in: NotTakenIn | None = None

    @property
    def rules(self) -> tuple[ProvinceRules, ...]:
        return self.in_force.rules

    @property
    def limits(self) -> Limits:
        return self.limits_by_province[self.default_province]

    @property
    def limits_by_province(self) -> dict[ProvinceId, Limits]:
        return {rules.id: floor_limits(rules) for rules in self.rules}

    @property
    def names(self) -> Names:
        return Names(
            provinces={rules.id: rules.name_fa for rules in self.rules},
            counties={
                county.id: county.name_fa for rules in self.rules for county in rules.counties
            },
            categories={
                category.id: category.name_fa
                for rules in self.rules
                for category in rules.categories
            },
            outcomes=outcome_labels(self.rules),
            crisis_centres={id_: name for one in self.rules for id_, name in centre_names(one)},
        )


def centre_names(rules: ProvinceRules) -> Iterator[tuple[str, str]]:
    """Crisis centres by id, called after their place; two of one place are told apart by id."""
    named = {}
    for centre in rules.crisis_centres:
        county = rules.county(centre.county)
        named[centre.id] = centre.city or (county.name_fa if county else centre.county)
    times = Counter(named.values())
    for id_, place in named.items():
        apart = f" ({id_})" if times[place] > 1 else ""
        yield id_, f"مرکز مداخله در بحران {place}{apart}"


def floor_limits(rules: ProvinceRules) -> Limits:
    """What the floor goes by of a province's rules."""
    announcing = rules.conversation.model_dump(include=_ANNOUNCING)
    return Limits(**rules.limits.model_dump(), **announcing)


def load_deployment(settings: Settings) -> Deployment:
    """What the files say, as a copy goes by it that nobody has decided anything for yet.

    Raises RulesError, BadInput or PromptsError, each listing all that is wrong.
    """
    return deploy(settings, from_files(settings))


def from_files(settings: Settings) -> InForce:
    """Raises RulesError or BadInput, each listing all that is wrong."""
    rules = load_all(settings.rules_dir)
    return InForce(rules=rules, people=load_persons(settings.demo_dir))


def deploy(settings: Settings, in_force: InForce) -> Deployment:
    """Make the conversations; raises BadInput or PromptsError where something does not fit."""
    default = ProvinceId(settings.default_province)
    if default not in {province.id for province in in_force.rules}:
        known = ", ".join(province.id for province in in_force.rules)
        raise BadInput(f"IVR_DEFAULT_PROVINCE is {default!r}; there are rules for {known}")
    lines = {rules.id: Line(rules=rules, flow=build_flow(rules)) for rules in in_force.rules}
    load_catalogue(settings.prompts_dir).require(all_prompts(lines.values()))
    return Deployment(
        in_force=in_force,
        people=in_force.counsellors,
        lines=lines,
        default_province=default,
        tables=load_tables(settings.locations_dir),
    )


def deploy_next(settings: Settings, in_force: InForce, before: Deployment) -> Deployment:
    """As `deploy`, for a running line: rules that do not fit leave those before in force.

    People and duty count all the same: who evacuates a desk did not publish those rules. The
    deployment says what was not taken in.
    """
    found = in_force.keeping(before.in_force)
    try:
        return replace(deploy(settings, found), not_taken_in=_unreadable(in_force))
    except LineError as error:
        if found.rules == before.rules:
            raise
        log.error("rules_not_taken_in", revision=found.revision, reason=str(error))  # noqa: TRY400
        kept = deploy(settings, replace(found, rules=before.rules))
        return replace(kept, not_taken_in=_unfit(found, before, str(error)))


def _unreadable(in_force: InForce) -> NotTakenIn | None:
    if not in_force.unreadable:
        return None
    provinces = ", ".join(in_force.unreadable)
    reason = (
        "this version of line 123 cannot read them. Install the version that wrote them, or "
        "publish rules that this one can read (`ivr rules draft`, `ivr rules publish`)."
    )
    return NotTakenIn(subject=f"rules of {provinces}", reason=reason)


def _unfit(found: InForce, before: Deployment, reason: str) -> NotTakenIn:
    kept = {rules.id: rules.version for rules in before.rules}
    changed = [rules for rules in found.rules if kept.get(rules.id) != rules.version]
    names = ", ".join(f"{rules.id} {rules.version}" for rules in changed)
    mend = "Publish rules that fit, or go back: `ivr rules rollback PROVINCE`."
    return NotTakenIn(subject=f"rules of {names}", reason=f"{reason} {mend}")


def take_in(deployment: Deployment, reception: Reception, controller: Controller) -> None:
    """Go by it from now on. Calls in their menus hear the questions that they began with.

    A call that joins after this is planned by it, one that has joined is planned again by the new
    duty: the inbox keeps the two apart.
    """
    reception.lines = deployment.lines
    controller.planner.take(
        deployment.rules,
        deployment.people,
        deployment.in_force.book,
        used=controller.versions_in_use(),
    )
    controller.post(ev.StaffChanged(counsellors=deployment.people))
    limits = tuple(sorted(deployment.limits_by_province.items()))
    controller.post(ev.LimitsChanged(limits=limits))
    controller.post(ev.DutyChanged())


def all_prompts(lines: Iterable[Line]) -> set[str]:
    """Every prompt that a call may play."""
    return set().union(*(needed_prompts(line.rules, line.flow) for line in lines))
