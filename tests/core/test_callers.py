"""Who is one caller after merges and splits, and who sees what of a caller's earlier contacts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.callers import (
    CallerLink,
    Contact,
    Sight,
    check_merge,
    checked_reason,
    same_caller,
    shown,
    sight,
)
from ivr.errors import BadInput
from ivr.model import CallId, DeskId, ProvinceId
from ivr.people import Grant, Person, Role

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MARKAZI, ILAM = ProvinceId("markazi"), ProvinceId("ilam")
SAVEH = DeskId("markazi-saveh")
NAMES = "abcdef"


def person(*grants: Grant, **changes: object) -> Person:
    values: dict[str, object] = {"id": "x", "name_fa": "نمونه", "grants": grants}
    return Person.model_validate(values | changes)


def link(number: int, pseudonym: str, into: str) -> CallerLink:
    return CallerLink(id=number, pseudonym=pseudonym, into=into, reason="", by="x", at=NOW)


@pytest.mark.parametrize(
    ("who", "own", "other"),
    [
        (person(desks=(SAVEH,)), "full", "brief"),
        (person(Grant(role=Role.COUNSELLOR, province=MARKAZI, desk=SAVEH)), "full", "brief"),
        (person(desks=(SAVEH,), enabled=False), "nothing", "nothing"),
        (person(Grant(role=Role.SUPERVISOR, province=MARKAZI)), "full", "brief"),
        (person(Grant(role=Role.SUPERVISOR, province=MARKAZI, desk=SAVEH)), "full", "brief"),
        (person(Grant(role=Role.SUPERVISOR, province=MARKAZI, until_at=NOW)), "nothing", "nothing"),
        (person(Grant(role=Role.ADMIN, province=MARKAZI)), "full", "nothing"),
        (person(Grant(role=Role.AUDITOR, province=MARKAZI)), "full", "nothing"),
        (person(Grant(role=Role.AUDITOR)), "full", "full"),
        (person(Grant(role=Role.MANAGER)), "nothing", "nothing"),
        (person(), "nothing", "nothing"),
    ],
)
def test_who_sees_how_much(who: Person, own: str, other: str) -> None:
    assert (sight(who, MARKAZI, NOW), sight(who, ILAM, NOW)) == (own, other)


def test_in_brief_there_is_nothing_but_when_and_whether_in_danger() -> None:
    whole = Contact(
        arrived_at=NOW,
        danger=True,
        silence=False,
        sight=Sight.FULL,
        call=CallId("1"),
        province=MARKAZI,
        desk=SAVEH,
        category="child_abuse",
    )
    assert shown(whole, Sight.FULL) == whole
    assert shown(whole, Sight.NOTHING) is None
    brief = Contact(arrived_at=NOW, danger=True, silence=False, sight=Sight.BRIEF)
    assert shown(whole, Sight.BRIEF) == brief


def reachable(pairs: set[tuple[str, str]], start: str) -> set[str]:
    """The naive model: whoever can be reached over links, either way."""
    found = {start}
    while more := {
        other
        for one, two in pairs
        for here, other in ((one, two), (two, one))
        if here in found and other not in found
    }:
        found |= more
    return found


STEP = st.tuples(st.booleans(), st.sampled_from(NAMES), st.sampled_from(NAMES))


@given(st.lists(STEP, max_size=30))
def test_merges_and_splits_are_as_a_naive_model_has_them(
    steps: list[tuple[bool, str, str]],
) -> None:
    links: dict[int, CallerLink] = {}
    pairs: set[tuple[str, str]] = set()
    for number, (merges, one, other) in enumerate(steps):
        known = [key for key, link in links.items() if {link.pseudonym, link.into} <= {one, other}]
        if merges and other in reachable(pairs, one):
            with pytest.raises(BadInput, match="one caller already"):
                check_merge(links.values(), one, other)
        elif merges:
            check_merge(links.values(), one, other)
            links[number] = link(number, one, other)
            pairs.add((one, other))
        elif known:
            gone = links.pop(known[0])
            pairs.discard((gone.pseudonym, gone.into))
            assert gone.into not in same_caller(links.values(), gone.pseudonym)
        for name in NAMES:
            assert same_caller(links.values(), name) == reachable(pairs, name)


def test_an_undone_link_joins_nobody() -> None:
    undone = CallerLink(
        **{**{name: getattr(link(1, "a", "b"), name) for name in CallerLink.__slots__}}
        | {"undone_by": "x", "undone_at": NOW}
    )
    assert same_caller([undone], "a") == {"a"}
    assert same_caller([link(1, "a", "b"), link(2, "c", "d")], "a", "d") == set("abcd")


def test_a_reason_has_letters() -> None:
    assert checked_reason(" ده حرف فارسی بس است ") == "ده حرف فارسی بس است"
    for short in ("", "because", "1234567890 ..........", "   a        b   "):
        with pytest.raises(BadInput, match="at least 10 letters"):
            checked_reason(short)
