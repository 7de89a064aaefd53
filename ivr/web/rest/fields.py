"""What the fields of requests are made of: each is bounded before anything is asked with it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from ivr.model import CallId, CategoryId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.outcome_form import Note

LONGEST_ID = 100
LARGEST_NUMBER = 2**31 - 1  # of an integer column
CURSOR_LENGTH = 300
_ID = r"^[a-z0-9]+([-_][a-z0-9]+)*$"
_CALL = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"
_CURSOR = r"^[A-Za-z0-9_-]+$"
_FIRST_YEAR, _LAST_YEAR = 1900, 2300


class Request(BaseModel):
    """Unknown fields are refused: a slip of the pen must not pass for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Answer(BaseModel):
    """Instants are ISO 8601 in UTC."""

    model_config = ConfigDict(frozen=True)


def _near(at: datetime) -> datetime:
    if not _FIRST_YEAR < at.year < _LAST_YEAR:
        raise ValueError("write a time of these centuries")
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_near)]
Number = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
Limit = Annotated[int, Field(ge=1, le=500, description="at most so many")]
Cursor = Annotated[
    str, Field(pattern=_CURSOR, max_length=CURSOR_LENGTH, description="`next` of the page before")
]
ProvinceRef = Annotated[ProvinceId, Field(pattern=_ID, max_length=LONGEST_ID)]
CountyRef = Annotated[CountyId, Field(pattern=_ID, max_length=LONGEST_ID)]
CategoryRef = Annotated[CategoryId, Field(pattern=_ID, max_length=LONGEST_ID)]
DeskRef = Annotated[DeskId, Field(pattern=_ID, max_length=LONGEST_ID)]
CounsellorRef = Annotated[CounsellorId, Field(pattern=_ID, max_length=LONGEST_ID)]
CallRef = Annotated[CallId, Field(pattern=_CALL, max_length=LONGEST_ID)]
UnitRef = Annotated[str, Field(pattern=_ID, max_length=LONGEST_ID)]
Remark = Annotated[Note, Field(description="a remark; no names and no numbers of callers")]
ShortText = Annotated[Note, Field(max_length=200)]


class Spooled(Answer):
    """On the line's own disk, as the database is away; it follows by itself, once, in order.

    Whether it may be done is judged then. The same request with the same Idempotency-Key tells.
    """

    spooled: Literal[True] = True
    key: str = Field(description="until it has a number, what is made is named by this")


class OfProvince(Request):
    """A list of one province, or of all that the token may see."""

    province: ProvinceRef | None = None


class Paged(OfProvince):
    """A list in pages; the newest first."""

    since: Instant | None = Field(None, description="from this instant on")
    until: Instant | None = Field(None, description="before this instant")
    cursor: Cursor | None = None
    limit: Limit = 100
