"""What figures are called: places by their names, answers of the form in a province's own words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.model import UNKNOWN_CATEGORY, ProvinceId
from ivr.outcomes import OUTCOME_LABELS
from ivr.reports.catalogue import definition_of
from ivr.reports.catalogue_people import SERVED_BY
from ivr.rules.counties import gazetteer
from ivr.rules.form_labels import FormLabel
from ivr.rules.schema import ProvinceRules

_UNKNOWN = "نامعلوم"
_ANYWHERE = {str(outcome): label for outcome, label in OUTCOME_LABELS.items()}


@dataclass(frozen=True, slots=True)
class Names:
    """By a figure's id; what is in neither is called as the catalogue says, or by its id."""

    en: Mapping[str, str] = field(default_factory=dict)
    fa: Mapping[str, str] = field(default_factory=dict)

    def label_fa(self, figure: str) -> str:
        return self.fa.get(figure, definition_of(figure).label_fa)


def names(rules: Sequence[ProvinceRules], province: ProvinceId | None) -> Names:
    """Of a report on one province its own words, of one on all of them only their categories."""
    own = [one for one in rules if one.id == province]
    counties = gazetteer().counties.values()
    categories = [category for each in own or rules for category in each.categories]
    outcomes = [
        outcome
        for each in own
        for outcome in each.outcomes
        if outcome.name_fa != OUTCOME_LABELS[outcome.id]
    ]
    fa = {f"category.{UNKNOWN_CATEGORY}": _UNKNOWN, "county.unknown": _UNKNOWN}
    fa |= {f"county.{one.id}": one.name_fa for one in counties}
    fa |= {f"category.{one.id}": one.name_fa for one in categories}
    said = {f"outcome.{one.id}": one.name_fa for one in outcomes}
    for each in own:
        said |= {figure: one.name_fa for one in each.form_labels for figure in _figures(one)}
    en = {f"county.{one.id}": one.name_en for one in counties if one.name_en}
    en |= {f"category.{one.id}": one.name_en for one in categories}
    en |= {figure: f"{definition_of(figure).label_en} ({word})" for figure, word in said.items()}
    return Names(en, fa | said)


def _figures(label: FormLabel) -> Iterator[str]:
    """The figures that count this answer of the form."""
    name, _, value = label.id.partition(".")
    if name == "relation":
        yield f"calls_{value}"
    elif name in _OUTCOME_OF:
        yield f"outcome.{_OUTCOME_OF[name]}.{value}"
    elif name in _PART_OF_PERSONS:
        yield from (f"persons.{who}.{_PART_OF_PERSONS[name]}.{value}" for who in SERVED_BY)


_OUTCOME_OF = {"kind": "phone_resolved", "body": "external"}
_PART_OF_PERSONS = {"age_band": "age", "sex": "sex"}


OutcomeLabels = Mapping[ProvinceId, Mapping[str, str]]


def outcome_label(labels: OutcomeLabels, province: ProvinceId, outcome: str) -> str:
    """By the province's rules, else as everywhere; of a newer version its id."""
    return labels.get(province, {}).get(outcome) or _ANYWHERE.get(outcome, outcome)


def outcome_labels(rules: Iterable[ProvinceRules]) -> OutcomeLabels:
    """What each province calls the outcomes."""
    return {each.id: {str(one.id): one.name_fa for one in each.outcomes} for each in rules}
