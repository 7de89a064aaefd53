"""In which circles a waiting call is widened, and what it needs of whom it is offered to."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from ivr.model import DeskId, SkillId
from ivr.rules.fields import ID, Count, Name, Record, Seconds

DeskRef = Annotated[DeskId, Field(pattern=ID)]
SkillRef = Annotated[SkillId, Field(pattern=ID)]
SkillLevel = Annotated[Count, Field(ge=1, le=3)]


class Ring(StrEnum):
    """The circles of counsellors; each step of the plan adds one."""

    OWN = "own"  # the county's own centre, or the provincial desk where one answers for all
    SUPPORTING = "supporting"  # the counties named as supporting, one after the other
    NEIGHBOURS = "neighbours"  # open centres of the counties next to it
    PROVINCIAL = "provincial"  # the provincial desk
    PROVINCE = "province"  # anybody of the province
    DESKS = "desks"  # desks named here: another province's, a national line's
    ON_CALL = "on_call"  # whom duty has on call, by telephone


class StepRule(Record):
    """One circle and its budget. A circle that nobody could serve lasts no time."""

    ring: Ring = Field(description="who is added: own, supporting, neighbours, province and so on")
    lasts_s: Seconds = Field(
        20,
        ge=0,
        le=300,
        description="the time before the next circle is added (the last has none)",
    )
    skilled_s: Seconds = Field(
        0,
        ge=0,
        le=120,
        description="how much of that time only those with the skills of the category are rung",
    )
    desks: tuple[DeskRef, ...] = Field((), description="the desks that 'ring: desks' means")


DEFAULT_STEPS = (
    StepRule(ring=Ring.OWN),
    StepRule(ring=Ring.SUPPORTING),
    StepRule(ring=Ring.PROVINCE, lasts_s=60),
    StepRule(ring=Ring.ON_CALL),
)


class SkillKind(StrEnum):
    SUBJECT = "subject"
    LANGUAGE = "language"


class SkillRule(Record):
    """Something that counsellors can and calls may need."""

    id: SkillRef = Field(description="the skill's name in records; it never changes")
    name_fa: Name = Field(description="the label that people read")
    name_en: Name = Field(description="the label in English")
    kind: SkillKind = Field(SkillKind.SUBJECT, description="a subject or a language")


def _short(value: object) -> object:
    """`child` is short for `{skill: child}`."""
    return {"skill": value} if isinstance(value, str) else value


class SkillNeed(Record):
    skill: SkillRef = Field(description="the skill, by its id")
    level: SkillLevel = Field(1, description="how well it must be held, from 1 to 3")


Need = Annotated[SkillNeed, BeforeValidator(_short)]
