"""The duty book and its pages, beside a naive model that looks at everything each time."""

from datetime import datetime, timedelta
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from ivr.duty import Closure, ClosureKind, DutyBook, DutyKind, RosterEntry, duty_at
from ivr.model import DeskId
from tests.core.duty_kit import ARAK, SAVEH, TAFRESH, closure, entry, hour, person

GONE, SHORT = ClosureKind.EVACUATED, ClosureKind.SHORT_STAFFED
MINUTE = timedelta(minutes=1)
MINUTES = 90  # the time in which the made-up books lie


def _span(draw: st.DrawFn) -> tuple[float, float]:
    begins = draw(st.integers(0, MINUTES - 2))
    return begins / 60, draw(st.integers(begins + 1, MINUTES - 1)) / 60


@st.composite
def entries(draw: st.DrawFn) -> RosterEntry:
    begins, ends = _span(draw)
    desk = draw(st.sampled_from([SAVEH, ARAK]))
    return entry(draw(st.sampled_from("abc")), begins, ends, desk, draw(st.sampled_from(DutyKind)))


@st.composite
def closures(draw: st.DrawFn) -> Closure:
    begins, ends = _span(draw)
    kind = draw(st.sampled_from([GONE, ClosureKind.LINK_LOST, SHORT]))
    return closure(begins, ends, kind, draw(st.sampled_from([SAVEH, ARAK])))


@st.composite
def books(draw: st.DrawFn) -> DutyBook:
    roster = draw(st.lists(entries(), max_size=12))
    return DutyBook(tuple(roster), tuple(draw(st.lists(closures(), max_size=5))))


def _naive_rostered(book: DutyBook, desk: DeskId, at: datetime) -> tuple[str, ...] | None:
    mine = [one for one in book.roster if one.desk == desk and one.kind is DutyKind.DESK]
    if not mine or not min(one.from_at for one in mine) <= at < max(one.until_at for one in mine):
        return None
    return tuple(dict.fromkeys(one.counsellor for one in mine if one.from_at <= at < one.until_at))


def _naive_on_call(book: DutyBook, at: datetime) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in book.roster:
        if one.kind is DutyKind.ON_CALL and one.from_at <= at < one.until_at:
            found[one.desk] = tuple(dict.fromkeys((*found.get(one.desk, ()), one.counsellor)))
    return found


def _naive_closed(book: DutyBook, at: datetime) -> dict[str, Closure]:
    found = {}
    for desk in (SAVEH, ARAK):
        mine = [one for one in book.closures if one.desk == desk and one.from_at <= at]
        mine = [one for one in mine if at < one.until_at]
        gone = [one for one in mine if one.kind is not SHORT]
        ranked = sorted(gone or mine, key=lambda one: (one.until_at, one.id))
        if ranked:
            found[desk] = ranked[-1]
    return found


def _page(book: DutyBook, at: datetime) -> object:
    rostered = [_naive_rostered(book, desk, at) for desk in (SAVEH, ARAK)]
    return rostered, _naive_on_call(book, at), _naive_closed(book, at)


@given(books(), st.integers(0, MINUTES))
def test_a_page_is_what_a_look_at_everything_gives(book: DutyBook, minute: int) -> None:
    at = hour(minute / 60)
    for desk in (SAVEH, ARAK):
        assert book.rostered(desk, at) == _naive_rostered(book, desk, at)
    assert book.on_call(at) == _naive_on_call(book, at)
    assert book.closed(at) == _naive_closed(book, at)


@given(books(), st.integers(-1, MINUTES))
def test_the_next_change_is_the_first_at_which_a_page_differs(book: DutyBook, minute: int) -> None:
    after = hour(minute / 60)
    later = (after + number * MINUTE for number in range(1, MINUTES + 2))
    differing = next((at for at in later if _page(book, at) != _page(book, after)), None)
    assert book.next_change_at(after) == differing
    if differing:
        assert _page(book, differing - MINUTE / 60) == _page(book, after)


@given(books())
def test_gaps_are_when_a_desk_with_a_roster_has_nobody(book: DutyBook) -> None:
    marks = [hour(minute / 60) for minute in range(MINUTES)]
    empty = [at for at in marks if _naive_rostered(book, SAVEH, at) == ()]
    found = book.gaps(SAVEH, marks[0], hour(MINUTES / 60))
    assert [at for at in marks if any(begin <= at < end for begin, end in found)] == empty
    assert all(one[1] < other[0] for one, other in pairwise(found))


def test_a_handover_to_oneself_changes_nothing() -> None:
    book = DutyBook((entry("a", 7, 14), entry("a", 14, 22)))
    assert book.next_change_at(hour(8)) == hour(22)
    assert book.next_change_at(hour(22)) is None


def test_a_closure_that_takes_the_desk_away_counts_before_a_shortage() -> None:
    gone, short = closure(2, 4, GONE), closure(0, 8, SHORT)
    book = DutyBook((), (gone, short))
    assert [book.closed(hour(at))[SAVEH] for at in (1, 3, 5)] == [short, gone, short]


def test_among_closures_alike_the_one_that_lasts_longest_counts_then_the_newest() -> None:
    first, longer, newest = closure(0, 4), closure(0, 8, number=900), closure(0, 8, number=901)
    for given_order in ((first, longer, newest), (newest, longer, first)):
        assert DutyBook((), given_order).closed(hour(1)) == {SAVEH: newest}
    assert DutyBook((), (first, longer)).next_change_at(hour(1)) == hour(8)


def test_one_entry_of_a_month_does_not_hide_the_short_ones_after_it() -> None:
    long = entry("a", 0, 700)
    book = DutyBook((long, *(entry("b", day * 24 + 8, day * 24 + 16) for day in range(28))))
    assert book.rostered(SAVEH, hour(27 * 24 + 9)) == ("a", "b")
    assert book.rostered(SAVEH, hour(27 * 24 + 17)) == ("a",)


def test_a_desk_without_a_roster_expects_all_who_sit_there() -> None:
    duty = duty_at([person("a", SAVEH), person("b", SAVEH, ARAK)], hour(0))
    assert duty.at_desk(SAVEH) == ("a", "b")
    assert duty.at_desk(ARAK) == ("b",)


def test_a_roster_that_has_run_out_expects_all_again_and_a_gap_in_it_nobody() -> None:
    book = DutyBook((entry("a", 7, 14), entry("a", 22, 30)))
    people = [person("a", SAVEH), person("b", SAVEH)]
    expected = [duty_at(people, hour(at), book).at_desk(SAVEH) for at in (6, 7, 15, 23, 30)]
    assert expected == [("a", "b"), ("a",), (), ("a",), ("a", "b")]


def test_people_help_out_at_a_desk_where_nobody_sits() -> None:
    book = DutyBook((entry("a", 7, 14, TAFRESH),))
    duty = duty_at([person("a", SAVEH)], hour(8), book)
    assert duty.at_desk(TAFRESH) == duty.of_desk(TAFRESH) == ("a",)
    assert TAFRESH not in duty.members


def test_whoever_has_left_is_neither_expected_nor_on_call() -> None:
    gone = (entry("gone", 0, 9), entry("gone", 0, 9, kind=DutyKind.ON_CALL))
    duty = duty_at([person("a", SAVEH)], hour(1), DutyBook(gone))
    assert duty.at_desk(SAVEH) == ()
    assert duty.on_call == {SAVEH: ()}


def test_a_stretch_began_with_the_first_of_the_shifts_that_touch() -> None:
    book = DutyBook((entry("a", 6, 14), entry("a", 14, 22, ARAK), entry("a", 0, 5)))
    assert book.on_duty_since(person("a").id, hour(15)) == hour(6)
    assert book.on_duty_since(person("a").id, hour(14)) == hour(6)
    assert book.on_duty_since(person("b").id, hour(14)) == hour(14)


def test_the_book_of_some_desks_has_nothing_of_others() -> None:
    book = DutyBook((entry("a", 0, 9), entry("b", 0, 9, ARAK)), (closure(0, 3, desk=ARAK),))
    mine = book.of_desks({SAVEH})
    assert [one.desk for one in mine.roster] == [SAVEH]
    assert mine.closures == ()
    assert mine.rostered_desks == (SAVEH,)


def test_pages_agree_whatever_the_order_of_asking() -> None:
    book = DutyBook(tuple(entry("a", at, at + 1) for at in range(0, 20, 2)))
    asked = [book.rostered(SAVEH, hour(at / 2)) for at in (*range(40), *reversed(range(40)))]
    assert asked[:40] == asked[40:][::-1]
    assert [names for names, _ in groupby(asked[:38])] == [("a",), ()] * 9 + [("a",)]
