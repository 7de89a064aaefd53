"""What callers are asked before they join the line."""

from enum import StrEnum

from pydantic import Field

from ivr.model import CategoryId, Lane
from ivr.rules.fields import (
    CategoryRef,
    ChoiceKey,
    ChoicePrompt,
    ChosenLane,
    CountyKey,
    CountyRef,
    Record,
)

HUMAN_KEY = "0"
NEXT_PAGE_KEY = "9"
MAX_COUNTY_PAGES = 2
KEYS_PER_PAGE = 8
MAX_CATEGORY_CHOICES = 5


class AskCounty(StrEnum):
    """Whether callers are asked for their county before anybody answers."""

    AUTO = "auto"  # only where the county may decide who answers
    ALWAYS = "always"
    NEVER = "never"


class FirstQuestion(Record):
    """Is somebody in danger now? Silence is neither: it has a lane of its own."""

    danger_key: ChoiceKey = Field(description="the key that sends a caller to the danger lane")
    ordinary_key: ChoiceKey = Field(description="the key that leads to the further questions")


class CountyChoice(Record):
    key: CountyKey = Field(description="the key (1 to 8) that callers press for the county")
    county: CountyRef = Field(description="the county that the key stands for")


class CategoryChoice(Record):
    """One key of the category question."""

    key: ChoiceKey = Field(description="the key that callers press for the subject")
    categories: tuple[CategoryRef, ...] = Field(
        min_length=1, description="the categories that callers hear; the first goes on record"
    )
    prompt: ChoicePrompt = Field(
        description="the sentence that callers hear for the key, a prompt named choice-…"
    )
    lane: ChosenLane = Field(
        Lane.ORDINARY, description="danger where the choice means that a life is at stake"
    )

    @property
    def category(self) -> CategoryId:
        """What stands on record until the counsellor says it more exactly."""
        return self.categories[0]

    @property
    def topic(self) -> str:
        """The prompt that tells the counsellor what was chosen, and no more than that."""
        return self.prompt.replace("choice-", "topic-", 1)


class Menus(Record):
    """What callers are asked. Key 0 leads to a person everywhere, key 9 to the next page."""

    first_question: FirstQuestion = Field(description="the question whether life is in danger")
    ask_county: AskCounty = Field(
        AskCounty.AUTO, description="whether callers are asked for their county before the answer"
    )
    county_pages: tuple[tuple[CountyChoice, ...], ...] = Field(
        (),
        max_length=MAX_COUNTY_PAGES,
        description="the counties that callers hear, page by page",
    )
    category_choices: tuple[CategoryChoice, ...] = Field(
        min_length=1,
        max_length=MAX_CATEGORY_CHOICES,
        description="the subjects that callers may choose from",
    )
