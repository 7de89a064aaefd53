"""A province's own words for what the outcome form asks; ids stay, labels are data."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from ivr.outcomes import FORM_LABELS
from ivr.rules.fields import Name, Record


def _known(label: str) -> str:
    field, _, value = label.partition(".")
    if value not in {str(one) for one in FORM_LABELS.get(field, {})}:
        known = ", ".join(f"{name}.{next(iter(values))}" for name, values in FORM_LABELS.items())
        raise ValueError(f"no such answer of the form; they are written as {known}")
    return label


class FormLabel(Record):
    """Another label for one answer, such as `risk.high`."""

    id: Annotated[str, AfterValidator(_known)] = Field(
        description="the answer, by the form's field and the id in it"
    )
    name_fa: Name = Field(description="the label that counsellors read")


def labels(own: Iterable[FormLabel]) -> dict[str, dict[str, str]]:
    """Every answer's label by field and id: the province's own where it has one."""
    found = {
        field: {str(value): label for value, label in values.items()}
        for field, values in FORM_LABELS.items()
    }
    for one in own:
        field, _, value = one.id.partition(".")
        found[field][value] = one.name_fa
    return found
