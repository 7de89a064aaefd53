"""Reports, counsellors and rules as the API gives them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from ivr.floor_acts import MORE_S, PauseReason
from ivr.web.rest.fields import (
    LONGEST_ID,
    Answer,
    CategoryRef,
    CounsellorRef,
    CountyRef,
    DeskRef,
    Limit,
    OfProvince,
    Request,
)

MOST_OPENED = 100_000
Day = Annotated[str, Field(min_length=6, max_length=20, description="1400/01/01 or 2021-03-21")]


class PeriodAsked(OfProvince):
    """Of what a report tells, from the first day in Tehran to the last."""

    county: CountyRef | None = None
    category: CategoryRef | None = None
    desk: DeskRef | None = None
    counsellor: CounsellorRef | None = None
    from_: Day = Field(alias="from")
    to: Day


class ReportAsked(PeriodAsked):
    publish: bool = Field(False, description="hide small counts: for what leaves the house")


class DaysAnswer(Answer):
    """Jalali days, and the same as instants (until_at is no longer part of it)."""

    from_: str = Field(alias="from")
    to: str
    from_at: datetime
    until_at: datetime


class FigureAnswer(Answer):
    """`value` is null where there is nothing to tell, or it is hidden; counts are whole."""

    value: int | float | None
    previous: int | float | None
    change: float | None
    unit: str
    hidden: bool
    previous_hidden: bool
    label_fa: str
    definition: str


class ReportAnswer(Answer):
    """Figures by id; `definition` says in a sentence what each counts."""

    period: DaysAnswer
    previous: DaysAnswer
    scope: dict[str, str | None]
    published: bool
    figures: dict[str, FigureAnswer]


class OpenedAsked(PeriodAsked):
    """Which figure; its rows from number `after` on."""

    figure: Annotated[str, Field(min_length=3, max_length=LONGEST_ID, description="its id")]
    after: int = Field(0, ge=0, le=MOST_OPENED, description="`next` of the page before")
    limit: Limit = 100


class OpenedRow(Answer):
    """A call, dispatch, visit or person that the figure counts.

    `of` is who served a person; `seconds` what a mean is of; `within` whether a share has the call.
    """

    kind: str
    id: str
    call: str | None
    at: datetime
    county: str | None
    what: str
    wait_s: float | None
    of: str | None
    seconds: float | None
    within: bool | None


class OpenedPage(Answer):
    """`next` is the `after` of the page after this one; null: there is none."""

    rows: list[OpenedRow]
    next: int | None


class PauseAsked(Request):
    reason: PauseReason = PauseReason.BREAK


class MoreAsked(Request):
    more_s: float = Field(MORE_S, gt=0, le=3600, description="seconds more")


class Nothing(Request):
    """Nothing has to be said."""


class ActAnswer(Answer):
    """The running line has taken it in."""

    act: int
    kind: str
    counsellor: str


class CounsellorAnswer(Answer):
    """`state` is null for who is not on the floor of the running line."""

    id: str
    name_fa: str
    desks: list[str]
    enabled: bool
    state: str | None
    state_since_at: datetime | None
    signed_in: bool | None


class CounsellorList(Answer):
    counsellors: list[CounsellorAnswer]


class VersionAnswer(Answer):
    """One version of a province's rules, without its content."""

    province: str
    number: int
    version: str
    state: str
    note: str
    drafted_by: str
    drafted_at: datetime
    published_by: str | None
    published_at: datetime | None
    active_from_at: datetime | None
    withdrawn_at: datetime | None


class VersionList(Answer):
    versions: list[VersionAnswer]


class RulesAnswer(Answer):
    """A province's rules as they are in force; see docs/rules.md for the fields."""

    province: str
    version: str
    rules: dict[str, Any]
