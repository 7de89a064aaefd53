"""What a province decides: one frozen document, without any I/O, so that the core can read it.

Field descriptions finish the sentence "what belongs here: …" and are shown to whoever made a
mistake in a rules file. What one field alone cannot show to be wrong, `ivr.rules.check` finds.
"""

import hashlib
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import Field

from ivr.model import CategoryId, CountyId, DeskId, ProvinceId
from ivr.outcomes import OutcomeId
from ivr.rules.fields import (
    ID,
    CategoryRef,
    CentreLevel,
    CountyRef,
    Id,
    JalaliText,
    Name,
    Number,
    Record,
    Seconds,
    Sentence,
)
from ivr.rules.form_labels import FormLabel
from ivr.rules.hours import Calendar, Timetable
from ivr.rules.keeping import Keeping
from ivr.rules.limits import Conversation, Limits, LocationTrust
from ivr.rules.menus import AskCounty, Menus
from ivr.rules.priority import Priority, Rate, Urgency
from ivr.rules.routing import DEFAULT_STEPS, Need, SkillRef, SkillRule, StepRule
from ivr.rules.units import CrisisCentre, MobileTeam, ServiceBase, Shifts, Stated

DEFAULT_LINE = "123"  # belongs to the default province of a running copy, never to a file


class Answering(StrEnum):
    CENTRAL = "central"  # one place answers for the whole province (Ilam)
    COUNTY = "county"  # the county's own centre first (Markazi)


class CentreState(StrEnum):
    OPEN = "open"
    NONE = "none"
    PLANNED = "planned"  # stays so until a person writes `open`, whatever the planned date
    UNKNOWN = "unknown"  # the sources do not say (Khuzestan)


class Centre(Record):
    """Whether a county has its own centre, as far as is known."""

    state: CentreState = Field(description="whether callers of the county have a centre there")
    levels: tuple[CentreLevel, ...] = Field(
        (), description="the levels of service (1 to 3) that the centre gives or will give"
    )
    planned: JalaliText | None = Field(
        None, description="the Jalali day on which the opening was promised; it opens nothing"
    )
    hours: Id | None = Field(
        None, description="the timetable by which its desk answers; left out for day and night"
    )
    source: str = Field("", description="where the state is known from")


class SupportingCounty(Record):
    """A county whose centre serves one that has none (شهرستان معین)."""

    county: CountyRef = Field(description="the county whose centre takes the calls instead")
    proposal: bool = Field(
        False, description="true where no source names it and the province must confirm it"
    )


class County(Record):
    id: CountyRef = Field(description="the county that callers choose in the menu")
    name_fa: Name = Field(description="the county's name as people read it")
    centre: Centre = Field(description="whether the county's own counsellors can be rung")
    line_24h: bool | None = Field(
        None, description="true where a source says that the line serves the county at any hour"
    )
    supporting: tuple[SupportingCounty, ...] = Field(
        (),
        description="who serves the county while it has no open centre, and helps one that is "
        "busy, first choice first",
    )
    contingency: tuple[CountyRef, ...] = Field(
        (),
        description="whose centres take over at once when the centre that serves the county is "
        "gone; left out for the open centres next to it",
    )
    neighbours: tuple[CountyRef, ...] = Field(
        (), description="the counties next to it, nearest first; left out for those of the map"
    )
    languages: tuple[SkillRef, ...] = Field(
        (), description="languages that callers from there may need, by the id of the skill"
    )

    @property
    def prompt(self) -> str:
        return f"county-{self.id}"

    @property
    def is_open(self) -> bool:
        return self.centre.state is CentreState.OPEN

    @property
    def desk(self) -> DeskId:
        """The desk of the county's own centre; nobody sits there unless it is open."""
        return DeskId(self.id)


class Category(Record):
    """What a call is about."""

    id: CategoryRef = Field(description="the category's name in records; it never changes")
    name_fa: Name = Field(description="the label that counsellors read")
    name_en: Name = Field(description="the label in English")
    urgency: Urgency = Field(description="how urgent such a call is unless the counsellor differs")
    rate: Rate | None = Field(
        None,
        description="how many seconds each second of its waiting counts; left out for that of its "
        "urgency",
    )
    enabled: bool = Field(True, description="false while counsellors are not to be offered it")
    skills: tuple[Need, ...] = Field(
        (), description="the skills of those who should be rung first for it"
    )
    centre_level: CentreLevel | None = Field(
        None, description="the level of service that a centre must give to be rung for it"
    )
    wrap_up_s: Seconds | None = Field(
        None, ge=0, le=900, description="the time for notes after such a call, where it is its own"
    )
    heavy: bool = Field(
        False, description="whether a counsellor is spared the next such call for a while"
    )


class Outcome(Record):
    """One way for a call to end."""

    id: OutcomeId = Field(description="the outcome's name in records and reports")
    name_fa: Name = Field(description="the label that counsellors read")
    name_en: Name = Field(description="the label in English")


class OpenQuestion(Record):
    """What the sources leave open and no field of these rules shows."""

    ask: Sentence = Field(description="the question, as somebody would put it to the province")
    whom: Sentence | None = Field(
        None, description="who can answer it; left out for the province's welfare organisation"
    )
    meanwhile: Sentence = Field(description="what the line does until the answer is there")


class ProvinceRules(Record):
    """Everything that the line of one province goes by."""

    id: Annotated[ProvinceId, Field(pattern=ID)] = Field(description="the province served")
    name_fa: Name = Field(description="the province's name as people read it")
    answering: Answering = Field(description="whether one place answers or each county's centre")
    central_seat: CountyRef | None = Field(
        None, description="the county in which the provincial desk sits"
    )
    lines: tuple[Number, ...] = Field(
        min_length=1, description="the numbers under which callers reach the province"
    )
    counties: tuple[County, ...] = Field(
        min_length=1, description="the counties that callers can be helped in"
    )
    mobile_teams: tuple[MobileTeam, ...] = Field((), description="who goes out, county by county")
    shifts: Shifts | None = Field(None, description="the hours of the teams' shifts")
    crisis_centres: tuple[CrisisCentre, ...] = Field(
        (), description="the crisis-intervention centres that are known by name"
    )
    service_bases: tuple[ServiceBase, ...] = Field(
        (), description="the social service bases that are known by name"
    )
    stated: Stated = Field(
        default_factory=Stated, description="what the source counts without naming all of it"
    )
    questions: tuple[OpenQuestion, ...] = Field(
        (), description="what is still to be asked and no other field shows"
    )
    steps: tuple[StepRule, ...] = Field(
        DEFAULT_STEPS,
        min_length=1,
        max_length=9,
        description="how a waiting call is widened, circle by circle",
    )
    hours: tuple[Timetable, ...] = Field(
        (), description="the timetables of centres that do not answer day and night"
    )
    calendar: Calendar = Field(default_factory=Calendar, description="the official holidays")
    skills: tuple[SkillRule, ...] = Field((), description="what counsellors can and calls may need")
    limits: Limits = Field(default_factory=Limits, description="the floor's times")
    priority: Priority = Field(
        default_factory=Priority, description="how the line is ordered, danger and silence apart"
    )
    conversation: Conversation = Field(
        default_factory=Conversation, description="the times of what callers hear"
    )
    location: LocationTrust = Field(
        default_factory=LocationTrust, description="what is made of counties nobody was asked for"
    )
    keeping: Keeping = Field(default_factory=Keeping, description="how records are kept")
    categories: tuple[Category, ...] = Field(min_length=1, description="what calls may be about")
    outcomes: tuple[Outcome, ...] = Field(min_length=1, description="how calls may end")
    form_labels: tuple[FormLabel, ...] = Field(
        (), description="the province's own labels of what the outcome form asks"
    )
    menus: Menus = Field(description="what callers are asked before they join the line")

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits of the content's SHA-256: the same rules, the same version.

        Defaults are left out: a field that a later version of the code adds changes no version.
        """
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:12]

    def county(self, county: CountyId | None) -> County | None:
        return self._county_by_id.get(county)

    def category(self, category: CategoryId) -> Category | None:
        return self._category_by_id.get(category)

    # Looked up many times for each call; of two with one id (a mistake) the first counts.
    @cached_property
    def _county_by_id(self) -> dict[CountyId | None, County]:
        return {county.id: county for county in reversed(self.counties)}

    @cached_property
    def _category_by_id(self) -> dict[CategoryId, Category]:
        return {category.id: category for category in reversed(self.categories)}

    @property
    def provincial_desk(self) -> DeskId:
        """Who answers for the whole province, not for one county; its id is the province's."""
        return DeskId(self.id)

    @cached_property
    def desks(self) -> tuple[DeskId, ...]:
        """The desks that answer: the provincial one, or those of open centres as in the file."""
        if self.answering is Answering.CENTRAL:
            return (self.provincial_desk,)
        return tuple(county.desk for county in self.counties if county.is_open)

    @cached_property
    def all_desks(self) -> tuple[DeskId, ...]:
        """Every place of the province where counsellors may sit, `desks` first."""
        places = (*self.desks, self.provincial_desk, *(county.desk for county in self.counties))
        return tuple(dict.fromkeys(places))

    @cached_property
    def desks_by_timetable(self) -> tuple[tuple[Timetable, tuple[DeskId, ...]], ...]:
        """The hours of the desks that do not answer day and night."""
        desks: dict[str, list[DeskId]] = {}
        for county in self.counties:
            if county.centre.hours is not None:
                desks.setdefault(county.centre.hours, []).append(county.desk)
        return tuple((item, tuple(desks[item.id])) for item in self.hours if item.id in desks)

    @property
    def has_mobile_teams(self) -> bool:
        """Whether a source says that teams go out, even where it does not say from which county."""
        return bool(self.mobile_teams or self.stated.mobile_teams or self.stated.vehicles)

    @property
    def asks_county(self) -> bool:
        """Whether callers are asked for their county: without need a question only costs time."""
        if self.menus.ask_county is AskCounty.AUTO:
            return self.answering is Answering.COUNTY
        return self.menus.ask_county is AskCounty.ALWAYS

    @property
    def unheard_counties(self) -> tuple[CountyId, ...]:
        """The counties that no key of the menu stands for."""
        heard = {item.county for page in self.menus.county_pages for item in page}
        return tuple(county.id for county in self.counties if county.id not in heard)

    def numbers(self, default_province: str) -> tuple[str, ...]:
        """All called numbers of the province; 123 itself where it is the default province."""
        return (*self.lines, DEFAULT_LINE) if self.id == default_province else self.lines
