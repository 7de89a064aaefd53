"""Plans for Markazi: own desk, supporting county, province."""

from pathlib import Path

import pytest

from ivr.duty import duty_at
from ivr.model import (
    CallFacts,
    Counsellor,
    CounsellorId,
    CountyId,
    Device,
    DeviceId,
    Lane,
    ProvinceId,
    Reason,
    ReasonCode,
)
from ivr.router import plan
from ivr.rules.load import load_rules
from tests.core.floor_kit import START

RULES = load_rules(Path(__file__).parents[2] / "deploy/provinces/markazi.yaml")
PEOPLE = tuple(
    Counsellor(
        id=CounsellorId(f"at-{desk}"),
        name_fa=desk,
        desks=(desk,),
        devices=(Device(id=DeviceId(f"{desk}-1")),),
    )
    for desk in RULES.desks
    if desk != "markazi-khondab"
)


def plan_for(county: str | None, lane: Lane = Lane.ORDINARY) -> list[tuple[float, list[str]]]:
    steps = _plan(county, lane).steps
    return [(step.after_s, list(step.desks)) for step in steps]


def _plan(county: str | None, lane: Lane = Lane.ORDINARY):  # type: ignore[no-untyped-def]
    facts = CallFacts(
        province=ProvinceId("markazi"), county=CountyId(county) if county else None, lane=lane
    )
    return plan(RULES, duty_at(PEOPLE, START), facts, START)


ALL_DESKS = list(RULES.desks)


@pytest.mark.parametrize(
    ("county", "first_desk"),
    [
        ("markazi-arak", "markazi-arak"),
        ("markazi-saveh", "markazi-saveh"),
        ("markazi-tafresh", "markazi-saveh"),
        ("markazi-ashtian", "markazi-arak"),
        ("markazi-farahan", "markazi-arak"),
        ("markazi-komijan", "markazi-khondab"),
    ],
)
def test_own_or_supporting_desk_then_the_province(county: str, first_desk: str) -> None:
    first, last = plan_for(county)
    assert first == (0, [first_desk])
    assert last == (20, ALL_DESKS)


def test_a_county_without_a_confirmed_opening_says_so() -> None:
    assert _plan("markazi-tafresh").steps[0].reasons == (
        Reason(ReasonCode.OPENING_NOT_CONFIRMED, "markazi-tafresh"),
        Reason(ReasonCode.SUPPORTING_COUNTY, "markazi-saveh"),
    )


def test_an_unknown_county_goes_to_the_whole_province_at_once() -> None:
    assert plan_for(None) == [(0, ALL_DESKS)]
    assert _plan(None).steps[0].reasons[0] == Reason(ReasonCode.COUNTY_UNKNOWN)


def test_danger_opens_everything_at_once_and_keeps_the_order_of_desks() -> None:
    danger = _plan("markazi-saveh", Lane.DANGER)
    assert danger.all_at_once
    assert danger.steps[0].desks == ("markazi-saveh",)


def test_a_step_without_anyone_rostered_says_so() -> None:
    step = _plan("markazi-khondab").steps[0]
    assert step.counsellors == ()
    assert Reason(ReasonCode.NOBODY_ROSTERED) in step.reasons


def test_the_last_step_has_no_end() -> None:
    for county in RULES.counties:
        assert _plan(county.id).steps[-1].lasts_s is None
