"""The conversation of a province's line, made from its rules.

Danger by key and silence at the first question go straight to a human; then county, then
category; key 0, silence and a second wrong key lead to a human everywhere.
"""

from collections.abc import Mapping

from ivr.dialplan.flow import Answer, Fact, Flow, Page, Question, Then
from ivr.model import UNKNOWN_CATEGORY, CallFacts, CategoryId, Lane, WaitNote, WaitWords
from ivr.rules.menus import HUMAN_KEY, NEXT_PAGE_KEY, CategoryChoice, CountyChoice
from ivr.rules.schema import ProvinceRules
from ivr.spoken import expected_wait, position

UNKNOWN_COUNTY = "-"

WAITING: Mapping[WaitWords, tuple[str, ...]] = {
    WaitWords.ALL_BUSY: ("all-busy",),
    WaitWords.STILL_WAITING: ("still-waiting",),
    WaitWords.TAKING_LONGER: ("taking-longer",),
    WaitWords.DANGER: ("waiting-danger",),
    WaitWords.SILENCE: ("waiting-silence",),
}


def build_flow(rules: ProvinceRules) -> Flow:
    """The whole conversation; the county is asked for only where the rules say so."""
    county = (_county_question(rules),) if rules.asks_county else ()
    return Flow(
        questions=(_first_question(rules), *county, _category_question(rules)),
        wrong_key=("wrong-key",),
        in_line=("in-line",),
        waiting=WAITING,
        counsellor_lost=("counsellor-lost",),
        closing=("closing",),
        come_back_key="1",
        back_in_line=("back-in-line",),
        goodbye=("goodbye",),
        topics={choice.category: choice.topic for choice in rules.menus.category_choices},
        closing_wait_s=rules.conversation.closing_wait_s,
    )


def _lane(lane: Lane) -> dict[Fact, str]:
    return {Fact.LANE: lane.name.lower()}


def _silent(**facts: str) -> Answer:
    """Silence is a possible cry for help: its own lane, and no further question."""
    known = {Fact(name): value for name, value in facts.items()}
    return Answer(facts=_lane(Lane.SILENCE) | known, say=("silence-note",), then=Then.LINE)


def _first_question(rules: ProvinceRules) -> Question:
    keys = rules.menus.first_question
    danger = Answer(facts=_lane(Lane.DANGER), say=("stay-with-us",), then=Then.LINE)
    human = Answer(facts=_lane(Lane.ORDINARY), say=("to-human",), then=Then.LINE)
    answers = {
        keys.danger_key: danger,
        keys.ordinary_key: Answer(facts=_lane(Lane.ORDINARY)),
        HUMAN_KEY: human,
    }
    return Question(
        settles=Fact.LANE,
        pages=(Page(prompts=("greeting", "first-question"), answers=answers),),
        wait_s=rules.conversation.first_wait_s,
        silence=_silent(),
        wrong=human,
    )


def _county_question(rules: ProvinceRules) -> Question:
    human = Answer(facts={Fact.COUNTY: UNKNOWN_COUNTY}, say=("to-human",), then=Then.LINE)
    pages = rules.menus.county_pages
    # Who has heard all names and not their own must not be told to know nothing.
    end = "county-not-named" if rules.unheard_counties else "county-human"
    return Question(
        settles=Fact.COUNTY,
        pages=tuple(
            _county_page(choices, human, first=n == 0, end=end if n + 1 == len(pages) else None)
            for n, choices in enumerate(pages)
        ),
        wait_s=rules.conversation.key_wait_s,
        silence=_silent(county=UNKNOWN_COUNTY),
        wrong=human,
    )


def _county_page(
    choices: tuple[CountyChoice, ...], human: Answer, *, first: bool, end: str | None
) -> Page:
    """`end` says on the last page what key 0 is for; before it key 9 leads on."""
    prompts = ["county-question"] if first else []
    answers = {HUMAN_KEY: human}
    for choice in choices:
        prompts += [f"county-{choice.county}", f"key-{choice.key}"]
        answers[choice.key] = Answer(facts={Fact.COUNTY: choice.county})
    if end is None:
        prompts.append("other-counties")
        answers[NEXT_PAGE_KEY] = Answer(then=Then.NEXT_PAGE)
    prompts.append(end or "county-human")
    return Page(prompts=tuple(prompts), answers=answers)


def _category_question(rules: ProvinceRules) -> Question:
    unknown = {Fact.CATEGORY: str(UNKNOWN_CATEGORY)}
    human = Answer(facts=unknown, say=("to-human",), then=Then.LINE)
    prompts = ["category-question"]
    answers = {HUMAN_KEY: human}
    for choice in rules.menus.category_choices:
        prompts += [choice.prompt, f"key-{choice.key}"]
        answers[choice.key] = _category_answer(choice)
    prompts.append("category-human")
    return Question(
        settles=Fact.CATEGORY,
        pages=(Page(prompts=tuple(prompts), answers=answers),),
        wait_s=rules.conversation.key_wait_s,
        silence=_silent(category=str(UNKNOWN_CATEGORY)),
        wrong=human,
    )


def _category_answer(choice: CategoryChoice) -> Answer:
    facts = {Fact.CATEGORY: str(choice.category)}
    if choice.lane is Lane.DANGER:
        return Answer(facts=facts | _lane(Lane.DANGER), say=("stay-with-us",), then=Then.LINE)
    return Answer(facts=facts)


def waiting_prompts(
    waiting: Mapping[WaitWords, tuple[str, ...]], note: WaitNote
) -> tuple[str, ...]:
    """What a waiting caller hears: words, then the place, then the expected wait."""
    words = waiting[note.words] if note.words is not None else ()
    place = position(note.place) if note.place is not None else ()
    wait = expected_wait(note.minutes) if note.minutes is not None else ()
    return (*words, *place, *wait)


def whisper_prompts(
    topics: Mapping[CategoryId, str], facts: CallFacts, *, confirm: bool
) -> tuple[str, ...]:
    """What a counsellor hears before the caller: county and topic, under 4 s; then key 1 if asked.

    Danger and silence are said first, for they change how one says hello.
    """
    urgent = {Lane.DANGER: ("whisper-danger",), Lane.SILENCE: ("whisper-silent",)}
    county = ("whisper-county", f"county-{facts.county}") if facts.county else ("county-unknown",)
    chosen = topics.get(facts.category)
    topic = ("whisper-topic", chosen) if chosen else ()
    ask = ("press-1-to-accept",) if confirm else ()
    return (*urgent.get(facts.lane, ()), *county, *topic, *ask)
