"""Where a call was answered, and why nobody took it: from its row, as it is saved."""

from typing import Any

import pytest

from ivr.reports.catalogue import definition_of
from ivr.store.served import served


def step(desk: str, code: str, *on_duty: str) -> dict[str, Any]:
    return {"desks": [desk], "reasons": [{"code": code, "subject": desk}], "on_duty": list(on_duty)}


PLAN = {
    "steps": [
        step("markazi-tafresh", "own_desk"),
        step("markazi-saveh", "supporting_county", "reza"),
        step("markazi", "whole_province", "reza"),
        step("qom-qom", "other_desk"),
    ]
}


def row(**changes: Any) -> dict[str, Any]:
    return {
        "province": "markazi",
        "county": "markazi-tafresh",
        "desk": None,
        "end": "connected",
        "connected_at": "then",
        "plan": PLAN,
        "offers": [],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"desk": "markazi-tafresh"}, "own"),
        ({"desk": "markazi-saveh"}, "supporting"),
        ({"desk": "markazi"}, "province"),
        ({"desk": "markazi-arak"}, "province"),  # of an on-call step, or by another way
        ({"desk": "qom-qom"}, "elsewhere"),
        ({"desk": None}, None),
        ({"desk": "markazi-tafresh", "end": "fallback_connected"}, "fallback"),
        ({"desk": "markazi-tafresh", "connected_at": None, "end": "abandoned"}, None),
        ({"desk": "markazi-tafresh", "plan": None}, "own"),
        ({"desk": "markazi-tafresh", "plan": None, "connected_at": None}, "own"),  # from paper
        # The county was set right afterwards: the plan knows for whom the desk was rung.
        ({"desk": "markazi-tafresh", "county": "markazi-saveh"}, "own"),
        ({"desk": "markazi-saveh", "county": "markazi-saveh"}, "supporting"),
    ],
)
def test_where_a_call_was_answered(changes: dict[str, Any], where: str | None) -> None:
    assert served(row(**changes))["answered_where"] == where


EMPTY = {"steps": [step("markazi-tafresh", "own_desk"), step("markazi", "whole_province")]}
OLD = {"steps": [{"desks": ["markazi"], "reasons": []}]}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"plan": EMPTY}, "nobody_on_duty"),
        ({"plan": EMPTY, "offers": [{}]}, "nobody_on_duty"),  # somebody off duty was there
        ({"offers": [{}]}, "not_taken"),
        ({}, "too_busy"),
        ({"plan": None}, None),
        ({"plan": OLD}, None),  # from before plans said who was expected
        ({"end": "short_abandonment"}, None),
        ({"end": "fallback_abandoned"}, None),
    ],
)
def test_why_nobody_took_an_abandoned_call(changes: dict[str, Any], why: str | None) -> None:
    abandoned = row(connected_at=None, end="abandoned") | changes
    assert served(abandoned)["abandoned_why"] == why


def test_who_was_expected_and_not_there_is_not_called_busy() -> None:
    """Neither the plan nor the offers tell busy people from those whose telephone was gone."""
    told = definition_of("abandoned.too_busy")
    assert told.label_en == "Nobody could be rung"
    for reason in ("busy", "on a break", "not there (signed out, telephone gone)"):
        assert reason in told.sentence_en
    for reason in ("مشغول", "استراحت", "حضور نداشت"):
        assert reason in told.sentence_fa
    assert "مشغول" not in told.label_fa
