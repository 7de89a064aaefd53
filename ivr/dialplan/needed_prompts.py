"""Which prompts the calls of a province may play: what a catalogue must have before rules count."""

from collections.abc import Iterator
from itertools import product

from ivr.dialplan.desk import DESK_PROMPTS
from ivr.dialplan.desk_static import NOT_NOW_PROMPT
from ivr.dialplan.flow import Flow
from ivr.dialplan.script import waiting_prompts, whisper_prompts
from ivr.dialplan.static import CLOSING_PROMPT
from ivr.dialplan.whisper import CALLED_OFF
from ivr.expected_wait import FARTHEST_PLACE, MINUTES
from ivr.model import CallFacts, Lane, WaitNote
from ivr.rules.schema import ProvinceRules


def needed_prompts(rules: ProvinceRules, flow: Flow) -> set[str]:
    """Whispers and counsellors' own calls included; `flow` is that of the rules."""
    needed = {CLOSING_PROMPT, NOT_NOW_PROMPT, *DESK_PROMPTS, *CALLED_OFF.values()}
    needed.update(flow.prompts())
    for facts in _possible_facts(rules):
        needed.update(whisper_prompts(flow.topics, facts, confirm=True))
    for note in _possible_notes():
        needed.update(waiting_prompts(flow.waiting, note))
    return needed


def _possible_notes() -> Iterator[WaitNote]:
    """Words are the flow's own; of the numbers each alone."""
    for place in range(1, FARTHEST_PLACE + 1):
        yield WaitNote(place=place)
    for minutes in MINUTES:
        yield WaitNote(minutes=minutes)


def _possible_facts(rules: ProvinceRules) -> Iterator[CallFacts]:
    counties = (None, *(county.id for county in rules.counties))
    categories = (choice.category for choice in rules.menus.category_choices)
    for county, category, lane in product(counties, categories, Lane):
        yield CallFacts(province=rules.id, county=county, category=category, lane=lane)
