"""What would make a saved form wrong: each with its field and a sentence that says the mend."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ivr.model import UNKNOWN_CATEGORY, CategoryId, CountyId
from ivr.outcome_form import ONE_TOUCH, RELATIONS, OutcomeForm, OutcomeItem
from ivr.outcomes import OutcomeId
from ivr.rules.schema import ProvinceRules
from ivr.text import holds_telephone

FOLLOW_UP_AT_MOST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a form from being saved: which field, and a sentence with the mend."""

    field: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSetting:
    """What a form is checked against: the call's rules, what was heard, the day it is saved on."""

    rules: ProvinceRules
    known_counties: frozenset[CountyId]  # of all provinces: an event may lie in another one
    heard_county: CountyId | None
    heard_category: CategoryId | None
    today: date


def check_form(form: OutcomeForm, setting: FormSetting) -> tuple[Problem, ...]:
    """All that is wrong with the form, in the order of its fields; empty: it may be saved."""
    return (
        *_of_relation(form),
        *_of_place(form, setting),
        *_of_category(form, setting),
        *_of_outcomes(form, setting.rules),
        *_of_notes(form),
        *_of_follow_up(form, setting.today),
    )


def _of_relation(form: OutcomeForm) -> Iterator[Problem]:
    touched = {item.outcome for item in form.outcomes} & set(RELATIONS)
    expected = ONE_TOUCH.get(form.relation)
    if expected is None and not form.outcomes:
        yield Problem("outcomes", "nothing is said of what came of the call; choose at least one")
    if expected is None and touched:
        yield Problem(
            "outcomes",
            f"{min(touched)} says that the call is none for the service: set the relation to "
            f"{RELATIONS[min(touched)]}, or take that outcome out",
        )
    if expected is not None and {item.outcome for item in form.outcomes} != {expected}:
        yield Problem(
            "outcomes",
            f"a call that is {form.relation} has {expected} as its only outcome; set the relation "
            "to related where more came of it",
        )
    if expected is not None and form.persons:
        yield Problem("persons", f"nobody is helped by a call that is {form.relation}")


def _of_place(form: OutcomeForm, setting: FormSetting) -> Iterator[Problem]:
    if form.county is not None and form.county not in setting.known_counties:
        yield Problem("county", f"there is no county {form.county!r}; choose one of the list")
    if form.wrong_county and form.county in {None, setting.heard_county}:
        yield Problem("county", "the line's county is marked as wrong: say which is right")


def _of_category(form: OutcomeForm, setting: FormSetting) -> Iterator[Problem]:
    known = form.category is None or setting.rules.category(form.category) is not None
    if not known and form.category != UNKNOWN_CATEGORY:
        yield Problem("category", f"there is no category {form.category!r}; choose one of the list")
    if form.wrong_category and form.category in {None, setting.heard_category}:
        yield Problem("category", "the line's category is marked as wrong: say which is right")


def _of_outcomes(form: OutcomeForm, rules: ProvinceRules) -> Iterator[Problem]:
    for number, item in enumerate(form.outcomes):
        for what in _of_item(item, rules):
            yield Problem(f"outcomes.{number}", what)
        if item in form.outcomes[:number]:
            yield Problem(f"outcomes.{number}", f"{item.outcome} is there twice; take one out")


def _of_item(item: OutcomeItem, rules: ProvinceRules) -> Iterator[str]:
    """A kind or a body may be left unsaid: nobody is kept from saving, and it is counted apart."""
    solved, outside = item.outcome is OutcomeId.PHONE_RESOLVED, item.outcome is OutcomeId.EXTERNAL
    if not solved and item.kind is not None:
        yield f"a kind of help belongs to {OutcomeId.PHONE_RESOLVED} alone; take it out"
    if not outside and item.body is not None:
        yield f"a body outside belongs to {OutcomeId.EXTERNAL} alone; take it out"
    yield from _of_unit(item, rules)


def _of_unit(item: OutcomeItem, rules: ProvinceRules) -> Iterator[str]:
    named = units_of(item.outcome, rules)
    if named is None and item.unit is not None:
        yield f"no centre, base or team belongs to {item.outcome}; take it out"
    if named and item.unit is not None and item.unit not in named:
        yield f"{rules.id} has no {item.unit!r} for this; choose one of: {', '.join(named)}"


def units_of(outcome: OutcomeId, rules: ProvinceRules) -> tuple[str, ...] | None:
    """The units of the province that are known by name; None where the outcome has no unit.

    Where a province names none, any id is taken: its list is not complete.
    """
    by_outcome = {
        OutcomeId.MOBILE_TEAM: rules.mobile_teams,
        OutcomeId.CRISIS_CENTRE_OUTPATIENT: rules.crisis_centres,
        OutcomeId.CRISIS_CENTRE_ADMISSION: rules.crisis_centres,
        OutcomeId.SERVICE_BASE: rules.service_bases,
        OutcomeId.INTERNAL_OTHER: (),
    }
    units = by_outcome.get(outcome)
    return None if units is None else tuple(unit.id for unit in units)


def _of_notes(form: OutcomeForm) -> Iterator[Problem]:
    """A note is read by more people than may see a number, and outlives its erasure."""
    notes = {"note": form.note} | {
        f"outcomes.{number}.note": item.note for number, item in enumerate(form.outcomes)
    }
    for field, note in notes.items():
        if holds_telephone(note):
            yield Problem(
                field,
                "it holds a telephone number; take it out (the caller's own is kept sealed with "
                "the call)",
            )


def _of_follow_up(form: OutcomeForm, today: date) -> Iterator[Problem]:
    if form.follow_up_on is None:
        return
    if form.follow_up_on < today - FOLLOW_UP_AT_MOST:
        yield Problem("follow_up_on", "the day is more than a year ago; is the year right?")
    if form.follow_up_on > today + FOLLOW_UP_AT_MOST:
        yield Problem("follow_up_on", "the day is more than a year away; is the year right?")
