"""Stays in a crisis centre: at most 21 days, and somebody is told before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ivr.errors import BadInput
from ivr.model import ProvinceId
from ivr.visits import StayEnd, Visit, VisitKind, checked, due, ended, prolonged

AT = datetime(2026, 11, 22, tzinfo=UTC)


def days(count: float) -> datetime:
    return AT + timedelta(days=count)


def visit(**changes: Any) -> Visit:
    fields: dict[str, Any] = {
        "id": 0,
        "key": "k",
        "call": None,
        "province": ProvinceId("qazvin"),
        "county": None,
        "centre": "crisis-qazvin",
        "kind": VisitKind.ADMISSION,
        "services": (),
        "from_at": AT,
        "by": "sara",
        "at": AT,
    }
    return Visit(**(fields | changes))


def test_a_stay_without_an_end_ends_after_21_days() -> None:
    assert checked(visit()).until_at == days(21)
    assert checked(visit(until_at=days(2))).until_at == days(2)
    assert checked(visit(kind=VisitKind.OUTPATIENT)).until_at is None


@pytest.mark.parametrize(
    "changes",
    [
        {"until_at": days(21.1)},
        {"until_at": AT},
        {"kind": VisitKind.OUTPATIENT, "until_at": days(1)},
    ],
)
def test_a_stay_that_may_not_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        checked(visit(**changes))


@pytest.mark.parametrize(("day", "is_due"), [(17.9, False), (18, True), (30, True)])
def test_the_end_of_a_stay_is_told_three_days_before(day: float, is_due: bool) -> None:
    assert due(checked(visit()), days(day)) is is_due


def test_a_stay_is_prolonged_up_to_21_days_and_longer_by_a_court() -> None:
    short = visit(until_at=days(2))
    assert prolonged(short, days(21), by_court=False).until_at == days(21)
    with pytest.raises(BadInput, match="takes a court's word"):
        prolonged(short, days(22), by_court=False)
    longer = prolonged(short, days(60), by_court=True)
    assert not due(longer, days(30))
    with pytest.raises(BadInput, match="after it begins"):
        prolonged(short, AT, by_court=True)


@pytest.mark.parametrize(
    "changes",
    [{"kind": VisitKind.OUTPATIENT}, {"ended_at": days(1), "ended_how": StayEnd.HOME}],
)
def test_only_a_stay_that_lasts_is_prolonged(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="has not ended"):
        prolonged(visit(**changes), days(2), by_court=True)


def test_a_stay_that_has_ended_is_due_no_more_and_ends_once() -> None:
    over = ended(checked(visit()), StayEnd.HOME, days(19))
    assert not due(over, days(30))
    assert ended(over, StayEnd.COURT, days(20)) == over
    with pytest.raises(BadInput):
        ended(visit(), StayEnd.HOME, days(-1))
