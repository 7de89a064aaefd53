"""From when on each kind of data is erased, by the rules of each province."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from ivr.model import ProvinceId
from ivr.retention import Due, Erased, Kind, Term, days, done, terms
from ivr.rules.keeping import Keeping
from ivr.store.erasing import without_notes
from ivr.store.journal_callers import without_callers

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def rules(province: str, **changes: int) -> Any:
    return cast("Any", SimpleNamespace(id=province, keeping=Keeping(**changes)))


def test_each_province_has_terms_of_its_own_and_what_is_nobodys_goes_by_the_shortest() -> None:
    found = terms([rules("markazi", notes_d=100), rules("ilam", journal_d=7)], NOW)
    until = {(one.kind, one.province): (NOW - one.until_at).days for one in found}
    assert (until[Kind.NOTES, "markazi"], until[Kind.NOTES, "ilam"]) == (100, 1825)
    assert until[Kind.JOURNAL, None] == 7
    assert {one.kind for one in found} == set(Kind)
    assert found[-1].kind is Kind.PSEUDONYMS
    assert isinstance(found[0], Term)


def test_nothing_is_erased_without_rules() -> None:
    assert terms([], NOW) == ()


def test_the_journal_and_numbers_never_outlive_what_they_hang_on() -> None:
    found = days(Keeping(pseudonyms_d=10, numbers_d=20, journal_d=30))
    assert (found[Kind.NUMBERS], found[Kind.JOURNAL], found[Kind.PSEUDONYMS]) == (10, 10, 10)
    assert days(Keeping(notes_d=5))[Kind.DRAFTS] == 5


@pytest.mark.parametrize("wrong", [0, 7301])
def test_days_have_bounds(wrong: int) -> None:
    with pytest.raises(ValidationError):
        Keeping(notes_d=wrong)


def test_notes_leave_a_form_and_nothing_else_does() -> None:
    form = {"note": "x", "risk": "low", "outcomes": [{"outcome": "prank", "note": "y"}]}
    assert without_notes(form) == {"risk": "low", "outcomes": [{"outcome": "prank"}]}
    assert without_notes({}) == {}


def test_callers_of_some_calls_leave_an_event_that_tells_of_several() -> None:
    def record(call: str) -> dict[str, Any]:
        return {"call": call, "caller": {"pseudonym": "p"}, "location": {}, "offers": [{"n": 1}]}

    event = {"records": [record("1"), record("2")], "lost": []}
    found = without_callers(event, {"1"})
    assert found["records"][0] == record("1") | {"caller": None, "location": None}
    assert found["records"][1] == record("2")


def test_what_was_erased_is_told_and_not_what_was_planned() -> None:
    oldest = datetime(2020, 1, 1, tzinfo=UTC)
    markazi, ilam = ProvinceId("markazi"), ProvinceId("ilam")
    due = [
        Due(kind=kind, province=place, rows=5, oldest_at=oldest)
        for kind, place in ((Kind.NOTES, markazi), (Kind.NUMBERS, ilam))
    ]
    erased = Erased({(Kind.NOTES, markazi): 4, (Kind.NUMBERS, ilam): 0, (Kind.DRAFTS, ilam): 1})
    assert done(due, erased) == (
        Due(kind=Kind.NOTES, province=markazi, rows=4, oldest_at=oldest),
        Due(kind=Kind.DRAFTS, province=ilam, rows=1, oldest_at=None),
    )
