"""A conversation as data: questions, their pages and keys, and where each answer leads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.model import CategoryId, WaitWords

ALL_KEYS = "0123456789*#"


class Fact(StrEnum):
    """What a question settles; also the name of the channel's variable (docs/architecture.md)."""

    LANE = "lane"
    COUNTY = "county"
    COUNTY_SOURCE = "county_source"  # where it is known from; absent: from the keypad
    CATEGORY = "category"


class Then(StrEnum):
    NEXT_QUESTION = "next_question"
    NEXT_PAGE = "next_page"
    LINE = "line"  # straight to a human


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a key, silence or a second wrong key means: facts, and the way on.

    `say` is heard in line instead of the usual sentence, where `then` leads there.
    """

    facts: Mapping[Fact, str] = field(default_factory=dict)
    say: tuple[str, ...] = ()
    then: Then = Then.NEXT_QUESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is said at once, and the keys that it offers."""

    prompts: tuple[str, ...]
    answers: Mapping[str, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. A wrong key has it said once more; after that `wrong` is the answer."""

    settles: Fact
    pages: tuple[Page, ...]
    wait_s: float
    silence: Answer
    wrong: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A line's whole conversation; prompts are ids of the catalogue.

    `waiting`: what is said between the music, besides numbers. `topics`: what a counsellor hears of
    the category that a caller chose.
    """

    questions: tuple[Question, ...]
    wrong_key: tuple[str, ...]
    in_line: tuple[str, ...]
    waiting: Mapping[WaitWords, tuple[str, ...]]
    counsellor_lost: tuple[str, ...]
    closing: tuple[str, ...]
    come_back_key: str
    back_in_line: tuple[str, ...]
    goodbye: tuple[str, ...]
    topics: Mapping[CategoryId, str]
    closing_wait_s: float

    def prompts(self) -> frozenset[str]:
        """Every prompt that may be played, for the check before the line opens."""
        said: set[str] = set()
        for question in self.questions:
            answers = [question.silence, question.wrong]
            for page in question.pages:
                said.update(page.prompts)
                answers.extend(page.answers.values())
            for answer in answers:
                said.update(answer.say)
        for prompts in (
            self.wrong_key,
            self.in_line,
            *self.waiting.values(),
            self.counsellor_lost,
            self.closing,
            self.back_in_line,
            self.goodbye,
        ):
            said.update(prompts)
        return frozenset(said)
