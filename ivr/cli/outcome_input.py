"""What people type of an outcome, as a record; a mistake is told without what was typed."""

from pydantic import ValidationError

from ivr.errors import BadInput
from ivr.outcome_form import OutcomeItem
from ivr.outcomes import OutcomeId, OutsideBody, ServiceKind


def outcome_item(
    outcome: OutcomeId,
    kind: ServiceKind | None = None,
    unit: str | None = None,
    body: OutsideBody | None = None,
    note: str = "",
) -> OutcomeItem:
    """Raises BadInput."""
    try:
        return OutcomeItem(outcome=outcome, kind=kind, unit=unit, body=body, note=note)
    except ValidationError as error:
        raise BadInput(f"{first_mistake(error)}; nothing was saved.") from None


def first_mistake(error: ValidationError) -> str:
    """The field and what is wrong with it; never the value, which may tell of a caller."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the form"
    return f"{place}: {first['msg']}"
