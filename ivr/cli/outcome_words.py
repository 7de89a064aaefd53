"""A call's form as people read it: ids for who types, a province's own words beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ivr.model import ProvinceId
from ivr.outcome_form import OutcomeForm, OutcomeItem, PersonsServed
from ivr.report_names import outcome_label, outcome_labels
from ivr.rules.counties import gazetteer
from ivr.rules.form_labels import labels
from ivr.rules.schema import ProvinceRules

Row = tuple[str, str | None, str | None]
Words = Mapping[str, Mapping[str, str]]  # by the form's field and the answer's id


def category_names(rules: Iterable[ProvinceRules]) -> Mapping[str, Mapping[str, str]]:
    """What each province calls its subjects."""
    return {each.id: {str(one.id): one.name_fa for one in each.categories} for each in rules}


def form_rows(form: OutcomeForm, rules: Sequence[ProvinceRules], province: ProvinceId) -> list[Row]:
    """Field, id, and what the province calls it; what the form does not say is left out."""
    return [row for row in _rows(form, rules, province) if row[1]]


def _rows(form: OutcomeForm, rules: Sequence[ProvinceRules], province: ProvinceId) -> Iterator[Row]:
    own = next((one for one in rules if one.id == province), None)
    words: Words = labels(own.form_labels if own else ())
    yield _row("relation", form.relation, words["relation"])
    yield _row("category", form.category, category_names(rules).get(province, {}))
    yield _row("county", form.county, _counties())
    yield _row("reporter", form.reporter, words["reporter"])
    yield _row("risk", form.risk, words["risk"])
    yield from (_of_persons(one, words) for one in form.persons)
    named = outcome_labels(rules)
    for item in form.outcomes:
        yield _of_outcome(item, outcome_label(named, province, item.outcome), words)
    yield ("follow-up", str(form.follow_up_on) if form.follow_up_on else None, None)
    wrong = [name for name in ("county", "category") if getattr(form, f"wrong_{name}")]
    yield ("line went by a wrong", ", ".join(wrong) or None, None)
    notes = sum(bool(note) for note in (form.note, *(item.note for item in form.outcomes)))
    yield ("notes", str(notes) if notes else None, None)


def _row(field: str, value: str | None, words: Mapping[str, str]) -> Row:
    return (field, value, words.get(value) if value else None)


def _of_persons(one: PersonsServed, words: Words) -> Row:
    parts = [("age_band", one.age_band), ("sex", one.sex)]
    said = [(field, str(value)) for field, value in parts if value is not None]
    ids = " ".join([str(one.count), *(value for _, value in said)])
    return ("persons", ids, "، ".join(words[field][value] for field, value in said) or None)


def _of_outcome(item: OutcomeItem, label: str, words: Words) -> Row:
    parts = [("kind", item.kind), ("body", item.body)]
    said = [(field, str(value)) for field, value in parts if value is not None]
    ids = [str(item.outcome), *(value for _, value in said), *([item.unit] if item.unit else [])]
    label = "، ".join([label, *(words[field][value] for field, value in said)])
    return ("outcome", " ".join(ids), label)


def _counties() -> Mapping[str, str]:
    return {str(one.id): one.name_fa for one in gazetteer().counties.values()}
