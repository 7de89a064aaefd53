"""The sentences of `ivr.rules.diff`: what a change says, and who notices it.

A field without a wording of its own is named with its old and new value and what belongs there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ivr.model import CountyId
from ivr.rules.changes import Change, Item, Kind, Path, Plain
from ivr.rules.routing import Ring
from ivr.rules.schema import Centre, CentreState, County, ProvinceRules
from ivr.rules.wording import meaning

FOR_THE_RECORD = "nobody: it is for the record"

_CENTRES = {
    CentreState.OPEN: "open",
    CentreState.NONE: "none of its own",
    CentreState.PLANNED: "planned",
    CentreState.UNKNOWN: "not known",
}
_CIRCLES = {
    Ring.OWN: "the county's own centre",
    Ring.SUPPORTING: "its supporting counties",
    Ring.NEIGHBOURS: "the counties next to it",
    Ring.PROVINCIAL: "the provincial desk",
    Ring.PROVINCE: "the whole province",
    Ring.DESKS: "the desks that are named",
    Ring.ON_CALL: "who is on call",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A change together with all that its wording may need."""

    change: Change
    before: ProvinceRules
    after: ProvinceRules

    @property
    def items(self) -> tuple[str, ...]:
        """The names or places of the items on the path, outermost first."""
        return tuple(part for part in self.change.path if isinstance(part, Item))

    @property
    def item(self) -> str:
        return self.items[0]

    @property
    def old(self) -> str:
        return shown(self.change.old, self.change.path[-1])

    @property
    def new(self) -> str:
        return shown(self.change.new, self.change.path[-1])


Wording = Callable[[Seen], str]


def pattern_of(path: Path) -> str:
    """The path with "*" for any item of a list: `counties.*.centre.state`."""
    return ".".join("*" if isinstance(part, Item) else part for part in path)


def field_of(path: Path) -> str:
    """The path as people write it: `counties[markazi-saveh].centre.state`."""
    parts = (f"[{part}]" if isinstance(part, Item) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


def sentence_of(seen: Seen) -> str:
    own = _WORDINGS.get((pattern_of(seen.change.path), seen.change.kind))
    return own(seen) if own else _plainly(seen)


def affected_by(seen: Seen) -> str:
    """Who notices the change, in a few words; empty where it is not known."""
    pattern = pattern_of(seen.change.path)
    if pattern.rpartition(".")[2] in {"source", "proposal"}:
        return FOR_THE_RECORD
    found = (who for start, who in _AFFECTED if f"{pattern}.".startswith(f"{start}."))
    who = next(found, "")
    return who(seen) if callable(who) else who


def shown(value: Plain, field: str) -> str:
    """A value as people read it; times say that they are seconds."""
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g} s" if field.endswith("_s") else f"{value:g}"
    if isinstance(value, list):
        between = "; " if any(isinstance(item, dict) for item in value) else ", "
        return between.join(shown(item, field) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(part, name)}" for name, part in _told(value))
    return str(value) or "empty"


def _told(table: Mapping[str, Plain]) -> Iterator[tuple[str, Plain]]:
    return ((name, part) for name, part in table.items() if part not in (None, "", [], {}))


def _plainly(seen: Seen) -> str:
    """The field, what became of it, and what belongs there."""
    field, change = field_of(seen.change.path), seen.change
    if change.kind is Kind.ADDED:
        return f"{field}: added ({seen.new})"
    if change.kind is Kind.REMOVED:
        return f"{field}: removed (was {seen.old})"
    if change.kind is Kind.REORDERED:
        return f"{field}: the order is now {seen.new} (was {seen.old})"
    place = tuple(0 if isinstance(part, Item) else part for part in change.path)
    return f"{field}: now {seen.new} (was {seen.old}): {meaning(ProvinceRules, place)}"


def _state(seen: Seen) -> str:
    """With the planned day, where both have the county (drafts may hold an id twice)."""
    old, new = (rules.county(CountyId(seen.item)) for rules in (seen.before, seen.after))
    if old is None or new is None:
        return _plainly(seen)
    words = _centre_words(new.centre), _centre_words(old.centre)
    return "{}: its centre is now {} (was {})".format(seen.item, *words)


def _centre_words(centre: Centre) -> str:
    planned = centre.planned if centre.state is CentreState.PLANNED else None
    return f"planned for {planned}" if planned else _CENTRES[centre.state]


def _county_added(seen: Seen) -> str:
    county = County.model_validate(seen.change.new)
    return f"{county.id} is a county of these rules now; its centre: {_centre_words(county.centre)}"


def _planned(seen: Seen) -> str:
    if seen.change.new is None:
        return f"{seen.item}: no day is planned any more for its opening (was {seen.old})"
    return f"{seen.item}: its opening is now planned for {seen.new} (was {seen.old})"


def _supporting(what: str) -> Wording:
    def words(seen: Seen) -> str:
        county, supporter = seen.items
        return f"{county}: {supporter} {what}; its supporting counties are now {_named(seen)}"

    return words


def _named(seen: Seen) -> str:
    county = seen.after.county(CountyId(seen.item))
    return ", ".join(item.county for item in county.supporting) if county else ""


def _step(seen: Seen) -> str:
    step = seen.change.new or seen.change.old
    about = f"{_CIRCLES[Ring(step['ring'])]} for {step['lasts_s']:g} s"
    if seen.change.kind is Kind.ADDED:
        return f"step {seen.item} is new: {about}"
    return f"the old step {seen.item} is gone: {about}"


def _ring(seen: Seen) -> str:
    new, old = (_CIRCLES[Ring(ring)] for ring in (seen.change.new, seen.change.old))
    return f"step {seen.item} adds {new} (was {old})"


def _county_key(seen: Seen) -> str:
    page, key = seen.items
    new, old = (
        value["county"] if isinstance(value, dict) else value
        for value in (seen.change.new, seen.change.old)
    )
    return f"key {key} of page {page} now leads to {new or 'nothing'} (was {old or 'nothing'})"


def _says(template: str) -> Wording:
    """`{0}`, `{1}`: the items on the path; `{new}`, `{old}`: the values."""
    return lambda seen: template.format(*seen.items, new=seen.new, old=seen.old)


_WORDINGS: Mapping[tuple[str, Kind], Wording] = {
    ("answering", Kind.CHANGED): _says("calls are now answered by {new} (was {old})"),
    ("lines", Kind.CHANGED): _says("the province is now reached under {new} (was {old})"),
    ("counties.*", Kind.ADDED): _county_added,
    ("counties.*", Kind.REMOVED): _says("{0} is no county of these rules any more"),
    ("counties.*.centre.state", Kind.CHANGED): _state,
    ("counties.*.centre.planned", Kind.CHANGED): _planned,
    ("counties.*.centre.levels", Kind.CHANGED): _says(
        "{0}: its centre now gives the levels {new} (was {old})"
    ),
    ("counties.*.centre.hours", Kind.CHANGED): _says(
        "{0}: its desk now answers by the timetable: {new} (was {old})"
    ),
    ("counties.*.supporting.*", Kind.ADDED): _supporting("serves it too"),
    ("counties.*.supporting.*", Kind.REMOVED): _supporting("serves it no longer"),
    ("counties.*.supporting", Kind.REORDERED): _says(
        "{0}: its supporting counties are rung in the order {new} (was {old})"
    ),
    ("counties.*.contingency", Kind.CHANGED): _says(
        "{0}: when the centre that serves it is gone, it is now for: {new} (was {old})"
    ),
    ("counties.*.languages", Kind.CHANGED): _says(
        "{0}: callers from there may now need: {new} (was {old})"
    ),
    ("steps.*", Kind.ADDED): _step,
    ("steps.*", Kind.REMOVED): _step,
    ("steps.*.ring", Kind.CHANGED): _ring,
    ("steps.*.lasts_s", Kind.CHANGED): _says("step {0} lasts {new} (was {old})"),
    ("steps.*.skilled_s", Kind.CHANGED): _says(
        "step {0} is for those with the skills alone for {new} (was {old})"
    ),
    ("steps.*.desks", Kind.CHANGED): _says("step {0} rings the desks {new} (was {old})"),
    ("categories.*", Kind.ADDED): _says("the category {0} is new ({new})"),
    ("categories.*", Kind.REMOVED): _says("the category {0} is gone (was: {old})"),
    ("categories.*.urgency", Kind.CHANGED): _says("{0}: its urgency is now {new} (was {old})"),
    ("categories.*.enabled", Kind.CHANGED): _says(
        "{0}: counsellors are offered it: {new} (was {old})"
    ),
    ("questions.*", Kind.ADDED): _says("a question is open that was not: {0}"),
    ("questions.*", Kind.REMOVED): _says("a question is open no longer: {0}"),
    ("menus.first_question.danger_key", Kind.CHANGED): _says(
        "danger is now key {new} at the first question (was {old})"
    ),
    ("menus.first_question.ordinary_key", Kind.CHANGED): _says(
        "no danger is now key {new} at the first question (was {old})"
    ),
    ("menus.county_pages.*.*", Kind.ADDED): _county_key,
    ("menus.county_pages.*.*", Kind.REMOVED): _county_key,
    ("menus.county_pages.*.*.county", Kind.CHANGED): _county_key,
    ("menus.county_pages.*", Kind.REORDERED): _says(
        "the keys of page {0} are said in the order {new} (was {old})"
    ),
    ("menus.category_choices.*", Kind.ADDED): _says("key {0} of the subjects is new ({new})"),
    ("menus.category_choices.*", Kind.REMOVED): _says(
        "key {0} of the subjects leads to nothing any more (was: {old})"
    ),
    ("menus.category_choices.*.categories", Kind.CHANGED): _says(
        "key {0} of the subjects now stands for {new} (was {old})"
    ),
    ("menus.category_choices.*.prompt", Kind.CHANGED): _says(
        "key {0} of the subjects is now offered with the prompt {new} (was {old})"
    ),
    ("menus.category_choices.*.lane", Kind.CHANGED): _says(
        "key {0} of the subjects now leads to the lane {new} (was {old})"
    ),
}


def _callers_of_county(seen: Seen) -> str:
    return f"callers of {seen.item}"


def _callers_of_centre(seen: Seen) -> str:
    """Of the county, and of those that its centre serves, before or after."""
    others = [
        county.id
        for rules in (seen.before, seen.after)
        for county in rules.counties
        if any(item.county == seen.item for item in county.supporting)
    ]
    return "callers of " + ", ".join(dict.fromkeys((seen.item, *others)))


def _callers_by_timetable(seen: Seen) -> str:
    counties = [county.id for county in seen.after.counties if county.centre.hours == seen.item]
    return f"callers of {', '.join(counties)}" if counties else "nobody: no centre goes by it"


def _callers_about(seen: Seen) -> str:
    return f"calls about {seen.item}"


def _callers_who_press(seen: Seen) -> str:
    return f"callers who choose key {seen.item} of the subjects" if seen.items else "every caller"


# The first whose beginning fits; what is left out affects nobody who could be named.
_AFFECTED: tuple[tuple[str, str | Wording], ...] = (
    ("answering", "every caller of the province"),
    ("central_seat", "every caller of the province"),
    ("lines", "callers of these numbers"),
    ("counties.*.name_fa", "people who read it"),
    ("counties.*.line_24h", FOR_THE_RECORD),
    ("counties.*.centre.planned", FOR_THE_RECORD),
    ("counties.*.centre.state", _callers_of_centre),
    ("counties.*.centre.hours", _callers_of_centre),
    ("counties.*", _callers_of_county),
    ("steps", "every caller who waits"),
    ("hours.*", _callers_by_timetable),
    ("calendar", "callers on holidays, where a centre has hours"),
    ("categories.*", _callers_about),
    ("outcomes", "counsellors and reports"),
    ("limits", "counsellors, and callers in line"),
    ("priority.returning_silence_h", "callers who are silent again"),
    ("priority", "every caller who waits"),
    ("conversation", "every caller"),
    ("location", "callers who name no county"),
    ("menus.first_question", "every caller"),
    ("menus.ask_county", "every caller"),
    ("menus.county_pages", "callers who are asked for their county"),
    ("menus.category_choices", _callers_who_press),
    ("mobile_teams", "whom counsellors can send"),
    ("shifts", "whom counsellors can send"),
    ("crisis_centres", "where counsellors can send people"),
    ("service_bases", "where counsellors can send people"),
    ("skills", "who is rung first"),
    ("stated", FOR_THE_RECORD),
    ("questions", FOR_THE_RECORD),
)
