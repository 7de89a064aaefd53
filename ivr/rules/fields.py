"""What the fields of a rules file are made of: texts, numbers, days and hours as people write them.

Digits of all three kinds are read; see `ivr.rules.wording` for what a mistake is called.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from ivr.model import CategoryId, CountyId, Lane
from ivr.text import to_ascii_digits

ID = r"^[a-z0-9]+([-_][a-z0-9]+)*$"
NUMBER = r"^[0-9]{3,15}$"
JALALI = r"^1[34][0-9]{2}-[0-9]{2}-[0-9]{2}$"
HOUR = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
COUNTY_KEY = r"^[1-8]$"
CHOICE_KEY = r"^[1-9]$"
CHOICE_PROMPT = r"^choice-[a-z0-9]+(-[a-z0-9]+)*$"


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy without what was derived from the old values: pydantic would keep that."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields:
            del copied.__dict__[name]
        return copied


def _digits(value: object) -> object:
    return to_ascii_digits(value).strip() if isinstance(value, str) else value


def _lane(value: object) -> object:
    """Lanes are written by name; `silence` is what happens, not what somebody chooses."""
    names = {"danger": Lane.DANGER, "ordinary": Lane.ORDINARY}
    if isinstance(value, str) and value not in names:
        raise ValueError("write danger or ordinary")
    return names[value] if isinstance(value, str) else value


def _lane_name(lane: Lane) -> str:
    return lane.name.lower()


Name = Annotated[str, Field(min_length=1, max_length=80)]
Sentence = Annotated[str, Field(min_length=1, max_length=400)]
Id = Annotated[str, Field(pattern=ID)]
Seconds = Annotated[float, BeforeValidator(_digits)]  # bounded, so never NaN
Times = Annotated[float, BeforeValidator(_digits)]  # bounded too
Count = Annotated[int, BeforeValidator(_digits)]
Share = Annotated[float, BeforeValidator(_digits), Field(ge=0, le=1)]
CentreLevel = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=3)]
Number = Annotated[str, BeforeValidator(_digits), Field(pattern=NUMBER)]
JalaliText = Annotated[str, BeforeValidator(_digits), Field(pattern=JALALI)]
Hour = Annotated[str, BeforeValidator(_digits), Field(pattern=HOUR)]
CountyKey = Annotated[str, BeforeValidator(_digits), Field(pattern=COUNTY_KEY)]
ChoiceKey = Annotated[str, BeforeValidator(_digits), Field(pattern=CHOICE_KEY)]
ChoicePrompt = Annotated[str, Field(pattern=CHOICE_PROMPT, max_length=64)]
CountyRef = Annotated[CountyId, Field(pattern=ID)]
CategoryRef = Annotated[CategoryId, Field(pattern=ID)]
ChosenLane = Annotated[Lane, BeforeValidator(_lane), PlainSerializer(_lane_name, when_used="json")]
