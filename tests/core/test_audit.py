"""The chain of what people decided: every way to change it afterwards is seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ivr.audit import (
    FIRST,
    AuditEntry,
    Head,
    SealedEntry,
    Tampering,
    TamperingChecker,
    TamperingKind,
    seal,
)
from ivr.errors import BadInput
from ivr.model import DeskId, ProvinceId

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def entry(number: int) -> AuditEntry:
    return AuditEntry(
        at=NOW + timedelta(minutes=number),
        by="markazi-supervisor",
        action="duty.close",
        subject=str(number),
        province=ProvinceId("markazi"),
        desk=DeskId("markazi-saveh"),
        detail={"reason": "سیل"},
    )


def sealed(count: int, key: bytes = KEY) -> list[SealedEntry]:
    trail: list[SealedEntry] = []
    for seq in range(1, count + 1):
        previous = trail[-1].seal if trail else FIRST
        mark = seal(entry(seq), seq=seq, previous=previous, key=key)
        trail.append(SealedEntry(seq=seq, entry=entry(seq), previous=previous, seal=mark))
    return trail


def check(trail: list[SealedEntry], head: Head | None) -> tuple[Tampering, ...]:
    checker = TamperingChecker(KEY, head)
    for item in trail:
        checker.take(item)
    return checker.finish()


def kinds(trail: list[SealedEntry], head: Head | None) -> list[tuple[str, int, int]]:
    return [(one.kind.value, one.first, one.last) for one in check(trail, head)]


def head_of(trail: list[SealedEntry]) -> Head:
    return Head(trail[-1].seq, trail[-1].seal)


@pytest.mark.parametrize(
    "change",
    [
        {"at": NOW},
        {"by": "somebody"},
        {"action": "duty.reopen"},
        {"subject": "7"},
        {"province": ProvinceId("ilam")},
        {"desk": None},
        {"detail": {"reason": "سیلاب"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_seal_covers_every_field(change: dict[str, object]) -> None:
    changed = replace(entry(1), **change)  # type: ignore[arg-type]
    before = seal(entry(1), seq=1, previous=FIRST, key=KEY)
    assert seal(changed, seq=1, previous=FIRST, key=KEY) != before
    assert seal(entry(1), seq=2, previous=FIRST, key=KEY) != before
    assert seal(entry(1), seq=1, previous=before, key=KEY) != before
    assert seal(entry(1), seq=1, previous=FIRST, key=b"other") != before


def test_a_trail_as_written_shows_nothing() -> None:
    trail = sealed(5)
    assert check(trail, head_of(trail)) == ()
    assert check(trail, head_of(trail[:3])) == ()  # the head is written after the entry
    assert check([], None) == ()


def test_a_changed_entry_is_named_with_what_it_says() -> None:
    trail = sealed(5)
    trail[2] = replace(trail[2], entry=replace(entry(3), by="nobody"))
    (found,) = check(trail, head_of(trail))
    assert (found.kind, found.first, found.last) == (TamperingKind.CHANGED, 3, 3)
    assert found.message == (
        "the seal of entry 3 does not fit what it says (duty.close 3 by nobody, 1405/09/01 03:33 "
        "in Tehran)."
    )


def test_an_entry_taken_out_of_the_middle_leaves_its_number_missing() -> None:
    trail = sealed(5)
    assert kinds([*trail[:2], *trail[3:]], head_of(trail)) == [("missing", 3, 3)]
    assert kinds(trail[2:], head_of(trail)) == [("missing", 1, 2)]


def test_an_entry_taken_out_and_the_rest_renumbered_is_seen() -> None:
    trail = sealed(5)
    moved = [replace(item, seq=item.seq - 1) for item in trail[3:]]
    found = kinds([*trail[:2], *moved], head_of(trail))
    assert ("changed", 3, 4) in found
    assert ("broken", 3, 3) in found
    assert ("cut_off", 5, 5) in found


def test_an_entry_put_in_is_seen_wherever_it_stands() -> None:
    trail = sealed(4)
    foreign = sealed(2, b"another key")[1]
    moved = [replace(item, seq=item.seq + 1) for item in trail[1:]]
    assert kinds([trail[0], foreign, *moved], head_of(trail))[0][0] in {"broken", "changed"}
    at_the_end = replace(foreign, seq=5, previous=trail[-1].seal)
    assert kinds([*trail, at_the_end], head_of(trail)) == [("changed", 5, 5)]


def test_an_end_cut_off_is_seen_by_the_head() -> None:
    trail = sealed(5)
    assert kinds(trail[:3], head_of(trail)) == [("cut_off", 4, 5)]
    assert kinds([], head_of(trail)) == [("cut_off", 1, 5)]


def test_an_end_cut_off_and_grown_again_is_seen_by_the_head() -> None:
    trail = sealed(5)
    assert kinds(trail, Head(4, "0" * 64)) == [("replaced", 4, 4)]


def test_a_lost_head_is_told() -> None:
    assert kinds(sealed(2), None) == [("no_head", 2, 2)]


def test_another_key_is_one_finding() -> None:
    trail = sealed(300, b"another key")
    (found,) = check(trail, head_of(trail))
    assert (found.kind, found.first, found.last) == (TamperingKind.CHANGED, 1, 300)
    assert "entry 1 " in found.message
    assert "up to 300" in found.message


def test_what_cannot_be_read_does_not_fit() -> None:
    trail = sealed(2)
    trail[0] = replace(trail[0], entry=replace(entry(1), detail={"a": b"bytes"}))
    trail[1] = replace(trail[1], entry=None)
    assert kinds(trail, head_of(trail)) == [("changed", 1, 2)]


def test_a_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(BadInput, match="not UTF-8"):
        seal(replace(entry(1), subject="\udce6"), seq=1, previous=FIRST, key=KEY)
