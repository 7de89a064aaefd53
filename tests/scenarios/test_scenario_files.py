"""Scenario files are read by people: every mistake has its file, line and the way to mend it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ivr.errors import BadInput
from ivr.rules.load import load_all
from ivr.settings import Settings
from ivr.simulator.scenario import SENTENCES, Manner, load_scenarios
from ivr.simulator.scenario_decisions import changed
from ivr.simulator.scenario_play import Player

GOOD = """title: A small one
at: "03:00"
counsellors:
  saveh-1: lets it ring
story:
  - Mina dials 086123
  - Mina presses 2 2 4
  - saveh-1 rings
  - 2.5 seconds pass
  - Mina hangs up
history:
  Mina:
    - arrives
"""


def load(tmp_path: Path, text: str):
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    return load_scenarios(tmp_path)


def test_a_story_is_understood_sentence_by_sentence(tmp_path: Path) -> None:
    [scenario] = load(tmp_path, GOOD)
    assert (scenario.name, scenario.title) == ("one", "A small one")
    assert scenario.at is not None
    assert scenario.at.hour == 3
    assert scenario.counsellors == {"saveh-1": Manner.LETS_RING}
    assert [(step.line, step.verb, step.words) for step in scenario.story] == [
        (6, "dials", {"caller": "Mina", "called": "086123"}),
        (7, "presses", {"caller": "Mina", "keys": "2 2 4"}),
        (8, "rings", {"device": "saveh-1"}),
        (9, "passes", {"seconds": "2.5"}),
        (10, "hangs_up", {"caller": "Mina"}),
    ]
    assert scenario.callers == ("Mina",)
    assert scenario.history == {"Mina": ("arrives",)}


def test_what_people_decided_before_is_told_by_desk_and_by_section(tmp_path: Path) -> None:
    more = (
        "duty:\n  evacuated: [ilam]\n  roster: {markazi-saveh: [saveh-2]}\n"
        "rules:\n  limits: {wrap_up_s: 5}\n"
    )
    [scenario] = load(tmp_path, GOOD.replace("counsellors:", f"{more}counsellors:"))
    assert scenario.duty.evacuated == ("ilam",)
    assert scenario.duty.roster == {"markazi-saveh": ("saveh-2",)}
    assert scenario.rules == {"limits": {"wrap_up_s": "5"}}


def test_a_field_that_no_rules_have_is_refused() -> None:
    [rules] = (one for one in load_all(Settings().rules_dir) if one.id == "markazi")
    assert changed(rules, {"limits": {"wrap_up_s": "5"}}).limits.wrap_up_s == 5
    with pytest.raises(ValidationError):
        changed(rules, {"limits": {"wrap_up": "5"}})


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("Mina hangs up", "Mina sings", "one.yaml:10: story[5]: «Mina sings»: not understood"),
        ("saveh-1 rings", "arak-1 rings", "one.yaml:8: story[3]: «arak-1 rings»: 'arak-1' is not"),
        (
            "Mina presses",
            "Sara presses",
            "one.yaml:7: story[2]: «Sara presses 2 2 4»: Sara has not",
        ),
        ("2.5 seconds pass", "Mina dials 123", "one.yaml:9: story[4]: «Mina dials 123»: Mina has"),
        ("  Mina:\n    - arrives", "  Sara: []", "Mina must be both in the story and here"),
        ("lets it ring", "sleeps", "one.yaml:4: counsellors.saveh-1"),
        ("03:00", "25:00", "one.yaml:2: at"),
        ("title: A small one", "titel: A small one", "one.yaml:1: titel"),
    ],
)
def test_mistakes_are_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert complaint in str(caught.value)


def test_an_empty_directory_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to play"):
        load_scenarios(tmp_path)


def test_every_sentence_is_an_example_of_itself_and_can_be_played(tmp_path: Path) -> None:
    story = [example.replace(" (as 09121234567)", "") for example, _ in SENTENCES.values()]
    lines = "".join(f"  - {sentence}\n" for sentence in story)
    head, tail = GOOD[: GOOD.index("story:")], GOOD[GOOD.index("history:") :]
    [scenario] = load(tmp_path, f"{head}story:\n{lines}{tail}")
    assert [step.verb for step in scenario.story] == list(SENTENCES)
    assert all(hasattr(Player, verb) for verb in SENTENCES)
