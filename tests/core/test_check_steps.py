"""What the checks of steps, skills and helpers say nothing of: rules that are right."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ivr.rules.check_skills import SKILL_CHECKS
from ivr.rules.check_steps import STEP_CHECKS
from ivr.rules.check_support import SUPPORT_CHECKS
from ivr.rules.counties import gazetteer
from ivr.rules.judging import Subject
from ivr.rules.load import load_rules
from ivr.rules.routing import DEFAULT_STEPS
from ivr.rules.schema import ProvinceRules

GOOD = load_rules(Path(__file__).parent / "data" / "good.yaml")
TODAY = date(2026, 11, 22)


def judged(**changes: Any) -> list[str]:
    """What the checks say of the good rules with other fields."""
    document = GOOD.model_dump(mode="json") | changes
    subject = Subject(ProvinceRules.model_validate(document), gazetteer(), TODAY)
    checks = (*STEP_CHECKS, *SKILL_CHECKS, *SUPPORT_CHECKS)
    return [problem.message for one_check in checks for problem in one_check(subject)]


def counties(*states: str, **changes: Any) -> list[dict[str, Any]]:
    """The good rules' counties with these states; the changes are the last one's."""
    found = [county.model_dump(mode="json") for county in GOOD.counties]
    for county, state in zip(found, states, strict=True):
        county["centre"] |= {"state": state, "planned": None}
    found[-1] |= changes
    return found


PROVINCE = {"ring": "province"}


@pytest.mark.parametrize(
    "steps",
    [
        [PROVINCE],
        [{"ring": "own"}, PROVINCE, {"ring": "on_call"}],
        [{"ring": "provincial"}, PROVINCE, {"ring": "desks", "desks": ["tehran"]}],
        [{"ring": "desks", "desks": ["qom-qom"]}, PROVINCE],
        [PROVINCE, {"ring": "desks", "desks": ["tehran"]}, {"ring": "desks", "desks": ["semnan"]}],
        # 120 s is not yet too long.
        [{"ring": "own", "lasts_s": 120}, PROVINCE],
    ],
)
def test_steps_that_are_right(steps: list[dict[str, Any]]) -> None:
    plain = [county | {"supporting": []} for county in counties("open", "unknown", "unknown")]
    assert judged(steps=steps, counties=plain) == []


def test_the_common_steps_suit_every_province() -> None:
    steps = [step.model_dump(mode="json") for step in DEFAULT_STEPS]
    plain = [county | {"supporting": []} for county in counties("open", "open", "open")]
    assert judged(steps=steps, answering="central", counties=plain) == []
    assert judged(steps=steps, counties=plain) == []


def test_where_centres_are_unknown_steps_wait_for_them() -> None:
    steps = [{"ring": "own"}, {"ring": "supporting"}, {"ring": "neighbours"}, PROVINCE]
    unknown = [county | {"supporting": []} for county in counties("unknown", "unknown", "unknown")]
    assert judged(steps=steps, counties=unknown) == []


def test_each_supporting_county_has_the_time_of_the_step() -> None:
    both = [{"county": "qom-qom"}, {"county": "qom-kahak"}]
    steps = [{"ring": "own", "lasts_s": 20}, {"ring": "supporting", "lasts_s": 60}, PROVINCE]
    [message] = judged(steps=steps, counties=counties("open", "open", "none", supporting=both))
    assert message.startswith("a caller of qom-jafarabad may wait 140 s for the nearer desks")


def test_a_busy_centre_may_be_helped_by_a_supporting_county() -> None:
    helped = counties("open", "open", "open", supporting=[{"county": "qom-qom"}])
    assert judged(counties=helped) == []


def test_two_open_centres_may_help_each_other() -> None:
    helped = counties("open", "open", "none")
    helped[0]["supporting"] = [{"county": "qom-kahak"}]
    helped[1]["supporting"] = [{"county": "qom-qom"}]
    assert judged(counties=helped) == []


def test_a_way_over_an_open_centre_is_no_circle() -> None:
    """Kahak is served by Qom, which Kahak could not help; nobody is led round."""
    helped = counties("open", "none", "none", supporting=[{"county": "qom-kahak"}])
    helped[0]["supporting"] = [{"county": "qom-jafarabad"}]
    messages = judged(counties=helped)
    assert not [message for message in messages if "circle" in message]
    assert len(messages) == 2


def test_a_level_that_some_open_centre_may_give_is_right() -> None:
    category = GOOD.categories[0].model_dump(mode="json") | {"centre_level": 2}
    assert judged(categories=[category]) == []
    unknown = counties("open", "open", "none")
    unknown[0]["centre"]["levels"] = [1]
    assert judged(categories=[category], counties=unknown) == []


def test_who_may_take_over() -> None:
    helped = counties("open", "open", "none")
    helped[0]["contingency"] = ["qom-kahak"]
    helped[2]["contingency"] = ["qom-kahak", "qom-qom"]
    assert judged(counties=helped) == []
