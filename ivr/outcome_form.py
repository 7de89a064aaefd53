"""What a counsellor records of a call: its form.

Ids stay for ever and reports count by them; labels are data. A draft may be incomplete: it is the
same form, kept on every change and checked (`ivr.form_check`) only when it is saved.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator, Field

from ivr.errors import BadInput
from ivr.outcomes import (
    AgeBand,
    OutcomeId,
    OutsideBody,
    Relation,
    Reporter,
    Risk,
    ServiceKind,
    Sex,
)
from ivr.rules.fields import CategoryRef, CountyRef, Id, Record
from ivr.text import clean

NOTE_LENGTH = 4000
OUTCOMES_AT_MOST = 20
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)  # a day outside is a slip of a program


def _note(value: object) -> object:
    """As text is kept; U+0000 has no place in PostgreSQL, half surrogate pairs in no UTF-8."""
    if not isinstance(value, str):
        return value
    return clean(value.replace("\0", "").encode("utf-8", "ignore").decode("utf-8"))


Note = Annotated[str, BeforeValidator(_note), Field(max_length=NOTE_LENGTH)]


class PersonsServed(Record):
    """So many people of one age and sex, as far as either is known."""

    count: int = Field(ge=1, le=999, description="how many people")
    age_band: AgeBand | None = Field(None, description="their age, where it is known")
    sex: Sex | None = Field(None, description="their sex, where it is known")


class OutcomeItem(Record):
    """One thing that came of the call."""

    outcome: OutcomeId = Field(description="what came of the call")
    kind: ServiceKind | None = Field(None, description="with which help it was solved by phone")
    unit: Id | None = Field(None, description="to which centre, base or team, by its id")
    body: OutsideBody | None = Field(None, description="to which body outside the organisation")
    note: Note = Field("", description="a remark on this alone")


class OutcomeForm(Record):
    """Everything that is recorded of a call by hand."""

    relation: Relation = Field(Relation.RELATED, description="whether it is one for the service")
    category: CategoryRef | None = Field(None, description="what it was about, as found out")
    county: CountyRef | None = Field(None, description="where it happened, not whence was called")
    reporter: Reporter | None = Field(None, description="who called")
    persons: tuple[PersonsServed, ...] = Field((), max_length=20, description="who was helped")
    risk: Risk | None = Field(None, description="how great the danger is")
    outcomes: tuple[OutcomeItem, ...] = Field(
        (), max_length=OUTCOMES_AT_MOST, description="what came of it"
    )
    note: Note = Field("", description="anything else; no names and no numbers of callers")
    follow_up_on: date | None = Field(
        None, ge=FIRST_DAY, le=LAST_DAY, description="when somebody is to ask again"
    )
    wrong_county: bool = Field(False, description="whether the line went by a wrong county")
    wrong_category: bool = Field(False, description="whether the line went by a wrong category")


# Relations that say all there is to say: one touch closes such a call.
ONE_TOUCH: Mapping[Relation, OutcomeId] = MappingProxyType(
    {
        Relation.UNRELATED: OutcomeId.UNRELATED,
        Relation.SILENT: OutcomeId.SILENT,
        Relation.PRANK: OutcomeId.PRANK,
        Relation.TEST: OutcomeId.TEST,
    }
)
RELATIONS = {outcome: relation for relation, outcome in ONE_TOUCH.items()}


def one_touch(relation: Relation) -> OutcomeForm:
    """The whole form of a call that is none for the service."""
    return OutcomeForm(relation=relation, outcomes=(OutcomeItem(outcome=ONE_TOUCH[relation]),))


def with_outcome(form: OutcomeForm, item: OutcomeItem) -> OutcomeForm:
    """The form and one outcome more; one that is no call for the service says so alone.

    Raises BadInput where it is one too many.
    """
    relation = RELATIONS.get(item.outcome)
    if relation is not None:
        return OutcomeForm(relation=relation, outcomes=(item,))
    kept = tuple(one for one in form.outcomes if one != item and one.outcome not in RELATIONS)
    if len(kept) >= OUTCOMES_AT_MOST:
        raise BadInput(
            f"The form has {OUTCOMES_AT_MOST} outcomes already, which is all it can hold; nothing "
            "was saved. Save the whole form anew (`ivr outcome form`, `ivr outcome save`)."
        )
    return form.model_copy(update={"relation": Relation.RELATED, "outcomes": (*kept, item)})
