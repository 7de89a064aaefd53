"""What people type of an outcome, as a record; a mistake is told without what was typed."""

import json

from pydantic import ValidationError

from ivr.errors import BadInput
from ivr.jalali import parse_day
from ivr.mistakes import in_words
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.outcomes import OutcomeId, OutsideBody, ServiceKind

_DAY = "follow_up_on"


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
        raise BadInput(f"{'; '.join(_mistakes(error))}; nothing was saved.") from None


def outcome_form(text: str) -> OutcomeForm:
    """A whole form of JSON; its day Jalali or Gregorian. Raises BadInput with all that is wrong."""
    try:
        return OutcomeForm.model_validate_json(_with_plain_day(text))
    except ValidationError as error:
        raise BadInput("\n".join(f"  {said}" for said in _mistakes(error))) from None


def _with_plain_day(text: str) -> str:
    try:
        data = json.loads(text)
    except ValueError:
        return text  # said better by whoever reads all of it
    day = data.get(_DAY) if isinstance(data, dict) else None
    if not isinstance(day, str):
        return text
    try:
        return json.dumps({**data, _DAY: parse_day(day).isoformat()})
    except BadInput as error:
        raise BadInput(f"  {_DAY}: {error}") from None


def _mistakes(error: ValidationError) -> list[str]:
    """Each field and what is wrong with it; never the value, which may tell of a caller."""
    found = error.errors(include_url=False, include_input=False)
    return [f"{'.'.join(map(str, one['loc'])) or 'the form'}: {in_words(one)}" for one in found]
