"""The floor as a view, and deltas between two views."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import effects as do
from ivr import events as ev
from ivr.expected_wait import Withheld
from ivr.floor_delta import Changes, apply, changes, delta, key_of, patched
from ivr.floor_view import attendance_of, view_of
from ivr.model import (
    CallerRef,
    CallFacts,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CounsellorState,
    DeskId,
    DeviceId,
    DeviceKind,
    DeviceState,
    EndedBy,
    Lane,
    OfferResult,
    Precedence,
    ProvinceId,
)
from ivr.model.plan import Weight
from ivr.notices import SEVERITIES, Alarm, AlarmCode, ClosedDesk
from ivr.queues import Floor
from ivr.settings import PROJECT
from ivr.view import (
    CounsellorView,
    DeskView,
    FloorView,
    LostCall,
    Ringing,
    Said,
    TalkView,
    WaitingCall,
)
from tests.core.floor_kit import LIMITS, START, Kit, counsellor, plan_of

ONE = plan_of((None, ("sara",)))
T = datetime(2026, 11, 22, tzinfo=UTC)

instants = st.integers(0, 5).map(lambda number: T + timedelta(seconds=number))
ids = st.sampled_from([f"id{number}" for number in range(9)])


def waiting_call(call: str, step: int, joined_at: datetime, **more: object) -> WaitingCall:
    plain = WaitingCall(
        call=CallId(call),
        lane=Lane.ORDINARY,
        province=ProvinceId("markazi"),
        county=None,
        category=CategoryId("unknown"),
        joined_at=joined_at,
        phase=CallPhase.WAITING,
        step=step,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def ringing(name: str, since_at: datetime, *, back: bool) -> Ringing:
    return Ringing(
        counsellor=CounsellorId(name),
        device=DeviceId(f"{name}-phone"),
        kind=DeviceKind.SIP,
        desk=DeskId("markazi-saveh"),
        since_at=since_at,
        back=back,
    )


def lost_call(call: str, lost_at: datetime) -> LostCall:
    return LostCall(
        call=CallId(call),
        province=ProvinceId("markazi"),
        category=None,
        arrived_at=T,
        lost_at=lost_at,
    )


def desk(name: str, there: int, free: int, minutes: int | None, why: Withheld | None) -> DeskView:
    return DeskView(desk=DeskId(name), there=there, free=free, expected_min=minutes, withheld=why)


def person(
    name: str,
    state: CounsellorState,
    since_at: datetime,
    asked_at: datetime | None,
    lengthened: int,
) -> CounsellorView:
    return CounsellorView(
        counsellor=CounsellorId(name),
        name_fa=name,
        desks=(),
        state=state,
        since_at=since_at,
        break_asked_at=asked_at,
        wrap_up_lengthened=lengthened,
    )


def talk(call: str, connected_at: datetime) -> TalkView:
    return TalkView(
        call=CallId(call),
        counsellor=CounsellorId("sara"),
        county=None,
        category=CategoryId("unknown"),
        connected_at=connected_at,
    )


def closed(desk: str, until_at: datetime) -> ClosedDesk:
    return ClosedDesk(desk=DeskId(desk), kind="evacuated", from_at=T, until_at=until_at)


def alarm(code: AlarmCode, subject: str, since_at: datetime) -> Alarm:
    return Alarm(code=code, subject=subject, since_at=since_at)


def rows(
    make: Callable[..., object], *parts: st.SearchStrategy[object]
) -> st.SearchStrategy[object]:
    return st.lists(st.builds(make, *parts), unique_by=key_of, max_size=5).map(tuple)


phones = st.lists(st.builds(ringing, ids, instants, back=st.booleans()), max_size=2).map(tuple)
whys = st.none() | st.sampled_from(Withheld)
told = st.builds(
    Said,
    place=st.none() | st.integers(1, 3),
    until_at=st.none() | instants,
    longer=st.booleans(),
    withheld=whys,
)
line_rows = st.builds(
    waiting_call,
    ids,
    st.integers(0, 2),
    instants,
    offered_to=phones,
    overtaken=st.none() | st.sampled_from(Precedence),
    behind=st.none() | ids,
    broken_off=st.booleans(),
    said=told,
)
views = st.builds(
    FloorView,
    sequence=st.integers(0, 3),
    at=instants,
    lost=rows(lost_call, ids, instants),
    waiting=st.lists(line_rows, unique_by=key_of, max_size=5).map(tuple),
    talks=rows(talk, ids, instants),
    counsellors=rows(
        person,
        ids,
        st.sampled_from(CounsellorState),
        instants,
        st.none() | instants,
        st.integers(0, 2),
    ),
    desks=rows(desk, ids, *[st.integers(0, 2)] * 2, st.none() | st.integers(0, 3), whys),
    alarms=rows(alarm, st.sampled_from(AlarmCode), ids, instants),
    closed_desks=rows(closed, ids, instants),
    in_menu=st.integers(0, 3),
    in_fallback=st.integers(0, 3),
    exchange_up=st.booleans(),
)


@given(views, views)
def test_a_delta_makes_the_newer_view_of_the_older(old: FloorView, new: FloorView) -> None:
    assert apply(old, delta(old, new)) == new


@settings(max_examples=40)
@given(views, views, views)
def test_deltas_one_after_the_other_leave_nothing_out(
    first: FloorView, second: FloorView, third: FloorView
) -> None:
    after_one = apply(first, delta(first, second))
    assert apply(after_one, delta(second, third)) == third


@settings(max_examples=40)
@given(views)
def test_between_the_same_views_nothing_changes(view: FloorView) -> None:
    news = delta(view, view)
    lists = [getattr(news, one.name) for one in fields(news)]
    assert {one for one in lists if isinstance(one, Changes)} == {Changes()}
    assert sum(isinstance(one, Changes) for one in lists) == 7


def test_a_gap_is_refused() -> None:
    old, new = FloorView(sequence=4, at=T), FloorView(sequence=6, at=T)
    with pytest.raises(ValueError, match="after 4 does not fit the view 5"):
        apply(FloorView(sequence=5, at=T), delta(old, new))


def line(*calls: str) -> Sequence[WaitingCall]:
    return [waiting_call(call, 0, T) for call in calls]


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("abcdef", "xabcdef", "x"),
        ("abcdef", "fabcde", "f"),
        ("abcdef", "bcdefa", "a"),
        ("abcdef", "bcdef", ""),
        ("abcdef", "abdcef", "d"),
        ("abcdef", "fedcba", "fedcb"),
    ],
)
def test_what_only_moves_up_is_not_told_again(before: str, after: str, moved: str) -> None:
    news = changes(line(*before), line(*after))
    assert "".join(row.call for _, row in news.put) == moved
    assert patched(line(*before), news, key_of) == tuple(line(*after))


# What a view shows of a floor.


def test_a_hold_and_a_wrap_up_say_until_when() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    kit.call("c1", ONE)
    kit.fail(kit.offer(), OfferResult.REJECTED)
    (row,) = view_of(kit.floor, kit.now).counsellors
    assert (row.hold, row.held_until_at) == ("rejected", kit.now + timedelta(seconds=15))
    kit.pass_s(15)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer)
    kit.device("sara", DeviceState.IDLE)
    (row,) = view_of(kit.floor, kit.now).counsellors
    assert (row.hold, row.held_until_at) == ("", None)
    assert row.state is CounsellorState.WRAP_UP
    assert row.wrap_up_until_at == kit.now + timedelta(seconds=30)


def test_the_wait_that_is_shown_began_when_the_call_first_joined() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    kit.call("c1", ONE)
    joined_at = kit.now
    offer = kit.offer()
    kit.pass_s(3)
    kit.fail(offer, OfferResult.BUSY)
    kit.pass_s(3)
    assert [row.joined_at for row in view_of(kit.floor, kit.now).waiting] == [joined_at]


def test_who_stands_before_an_earlier_call_has_a_reason() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh"))
    for call, lane in (
        ("ordinary", Lane.ORDINARY),
        ("later", Lane.ORDINARY),
        ("silent", Lane.SILENCE),
        ("danger", Lane.DANGER),
    ):
        kit.call(call, ONE, lane=lane)
        kit.pass_s(1)
    rows = view_of(kit.floor, kit.now).waiting
    assert [(row.call, row.precedence, row.ahead_of) for row in rows] == [
        ("danger", "danger", "ordinary"),
        ("silent", "silence", "ordinary"),
        ("ordinary", None, None),
        ("later", None, None),
    ]
    kit.on_duty("sara")
    kit.talk(kit.offer())
    (talking,) = view_of(kit.floor, kit.now).talks
    assert (talking.call, talking.precedence, talking.ahead_of) == ("danger", "danger", "ordinary")


def test_who_was_overtaken_is_told_by_whom_and_why() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh"))
    for call, lane in (
        ("early", Lane.ORDINARY),
        ("silent", Lane.SILENCE),
        ("late", Lane.ORDINARY),
        ("danger", Lane.DANGER),
    ):
        kit.call(call, ONE, lane=lane)
        kit.pass_s(1)
    rows = view_of(kit.floor, kit.now).waiting
    assert [(row.call, row.overtaken, row.behind) for row in rows] == [
        ("danger", None, None),
        ("silent", "danger", "danger"),
        ("early", "danger", "danger"),
        ("late", "danger", "danger"),
    ]
    kit.hang_up("danger")
    rows = view_of(kit.floor, kit.now).waiting
    assert [(row.call, row.overtaken, row.behind) for row in rows] == [
        ("silent", None, None),
        ("early", "silence", "silent"),
        ("late", None, None),
    ]


def test_each_phone_that_rings_is_shown_with_its_desk() -> None:
    two = replace(LIMITS, ring_at_once=2)
    kit = Kit(floor=Floor(epoch=7, limits=two))
    kit.staff(counsellor("sara", "markazi-saveh"), counsellor("ali", "markazi-arak"))
    kit.on_duty("sara", "ali")
    kit.call("c1", plan_of((None, ("sara", "ali"))))
    first, second = (one.offer for one in kit.all(do.OfferCall))
    kit.post(ev.OfferPickedUp(offer=second.id))
    (row,) = view_of(kit.floor, kit.now).waiting
    assert [(one.counsellor, one.device, one.desk, one.picked_up) for one in row.offered_to] == [
        ("sara", "sara-phone", "markazi-saveh", False),
        ("ali", "ali-phone", "markazi-arak", True),
    ]
    assert {one.since_at for one in row.offered_to} == {first.offered_at}


def test_a_talk_that_goes_back_to_its_counsellor_says_so() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    kit.call("c1", ONE)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer, EndedBy.DEVICE_LOST)
    (row,) = view_of(kit.floor, kit.now).waiting
    assert (row.broken_off, row.offered_to) == (True, ())
    kit.device("sara", DeviceState.UNREACHABLE)
    kit.pass_s(1)
    kit.device("sara", DeviceState.IDLE)
    (row,) = view_of(kit.floor, kit.now).waiting
    assert [one.counsellor for one in row.offered_to] == ["sara"]


def test_a_lengthened_wrap_up_says_how_often_and_until_when_at_most() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    kit.call("c1", ONE)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer)
    ended_at = kit.now
    kit.device("sara", DeviceState.IDLE)
    for by_s in (60, 60, 1e6, 60):  # the last one adds nothing: the bound is reached
        kit.post(ev.WrapUpExtended(counsellor=CounsellorId("sara"), by_s=by_s))
    (row,) = view_of(kit.floor, kit.now).counsellors
    assert row.wrap_up_lengthened == 3
    assert row.wrap_up_until_at == row.wrap_up_latest_at == ended_at + timedelta(seconds=630)
    kit.post(ev.WrapUpEnded(counsellor=CounsellorId("sara")))
    (row,) = view_of(kit.floor, kit.now).counsellors
    assert (row.wrap_up_until_at, row.wrap_up_latest_at, row.wrap_up_lengthened) == (None, None, 0)


def test_a_break_that_was_asked_for_says_since_when() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    asked_at = kit.now
    kit.post(ev.BreakAsked(counsellor=CounsellorId("sara")))
    kit.pass_s(90)
    (row,) = view_of(kit.floor, kit.now).counsellors
    assert (row.break_asked_at, row.protections) == (asked_at, ("asked_for_break",))


def test_what_the_caller_was_told_is_shown_and_why_no_time_was() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    kit.call("c1", ONE)
    kit.talk(kit.offer())
    kit.call("c2", ONE)
    kit.call("c3", ONE, lane=Lane.DANGER)
    rows = {row.call: row.said for row in view_of(kit.floor, kit.now).waiting}
    assert set(rows.values()) == {Said()}, "nothing yet"
    kit.pass_s(60)
    kit.pass_s(1)  # not all are told in one step of the floor
    rows = {row.call: row.said for row in view_of(kit.floor, kit.now).waiting}
    assert rows == {
        "c2": Said(place=2, withheld=Withheld.TOO_FEW_TALKS),
        "c3": Said(withheld=Withheld.URGENT),
    }


def test_a_desk_says_who_is_there_who_waits_and_what_its_newest_caller_would_hear() -> None:
    saveh, arak = DeskId("markazi-saveh"), DeskId("markazi-arak")
    own = replace(ONE, steps=(replace(ONE.steps[0], desks=(saveh,)),))
    kit = Kit().staff(counsellor("sara", saveh), counsellor("ali", arak), counsellor("away", arak))
    kit.on_duty("sara", "ali")
    kit.call("c1", own)
    kit.talk(kit.offer())
    joined_at = kit.now
    kit.call("c2", own)
    kit.pass_s(5)
    kit.call("c3", own, lane=Lane.DANGER)
    assert view_of(kit.floor, kit.now).desks == (
        DeskView(desk=arak, there=1, free=1),
        DeskView(
            desk=saveh,
            there=1,
            free=0,
            waiting=2,
            waiting_since_at=joined_at,
            withheld=Withheld.TOO_FEW_TALKS,
        ),
    )


def test_whose_county_nobody_knows_waits_for_the_province_and_for_no_desk_of_it() -> None:
    saveh, arak, whole = DeskId("markazi-saveh"), DeskId("markazi-arak"), DeskId("markazi")
    province = replace(ONE, steps=(replace(ONE.steps[0], desks=(arak, saveh)),))
    kit = Kit().staff(counsellor("sara", saveh), counsellor("mina", saveh))
    kit.on_duty("sara", "mina")
    kit.device("sara", DeviceState.IN_USE)
    kit.device("mina", DeviceState.IN_USE)
    kit.arrive("c1")
    facts = CallFacts(province=ProvinceId("markazi"))
    kit.post(ev.CallJoined(call=CallId("c1"), facts=facts, plan=province, joined_at=kit.now))
    view = view_of(kit.floor, kit.now)
    assert [row.desk for row in view.waiting] == [whole]
    rows = {row.desk: (row.there, row.free, row.waiting) for row in view.desks}
    assert rows == {whole: (2, 0, 1), saveh: (2, 0, 0)}
    kit.hang_up("c1")
    kit.call("c2", province)
    assert [row.desk for row in view_of(kit.floor, kit.now).waiting] == [arak]


def test_callers_lost_in_danger_stand_on_the_view_until_somebody_takes_them_up() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh"))
    kit.arrive("c1")
    facts = CallFacts(province=ProvinceId("markazi"), lane=Lane.DANGER)
    kit.post(ev.CallJoined(call=CallId("c1"), facts=facts, plan=ONE, joined_at=kit.now))
    kit.pass_s(7)
    kit.hang_up("c1")
    (row,) = view_of(kit.floor, kit.now).lost
    assert (row.call, row.lost_at, row.waited_s) == ("c1", kit.now, 7.0)
    kit.post(ev.SupervisorAcknowledged(call=CallId("c1"), by="mina"))
    assert view_of(kit.floor, kit.now).lost == ()


def test_the_order_is_that_of_now_also_where_nothing_has_happened() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh"))
    kit.call("slow", ONE)
    kit.pass_s(10)
    kit.call("fast", replace(ONE, weight=Weight(rate=3)))
    sequence = kit.floor.sequence
    for seconds, order in ((0, ["slow", "fast"]), (6, ["fast", "slow"])):
        view = view_of(kit.floor, kit.now + timedelta(seconds=seconds))
        assert view.sequence == sequence
        assert [row.call for row in view.waiting] == order
    assert [row.precedence for row in view.waiting] == ["score", None]


@pytest.mark.parametrize(
    "kind",
    [
        *(FloorView, LostCall, WaitingCall, Ringing, Said, TalkView, CounsellorView, DeskView),
        *(Alarm, ClosedDesk),
    ],
)
def test_the_page_has_every_field(kind: type) -> None:
    page = (PROJECT / "docs" / "floor.md").read_text("utf-8")
    assert [one.name for one in fields(kind) if f"`{one.name}`" not in page] == []


def test_a_view_knows_nothing_of_who_called() -> None:
    kit = Kit()
    kit.post(
        ev.CallArrived(
            call=CallId("c1"),
            province=ProvinceId("markazi"),
            line="123",
            caller=CallerRef(pseudonym="p5eud0nym", ciphertext="c1pher"),
            arrived_at=kit.now,
        )
    )
    kit.join("c1", ONE)
    shown = repr(view_of(kit.floor, kit.now))
    assert "c1" in shown
    assert "p5eud0nym" not in shown
    assert "c1pher" not in shown


def test_what_spares_a_counsellor_is_shown_and_that_it_gave_way() -> None:
    heavy = replace(ONE, heavy=True)
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    kit.call("c1", heavy)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer)
    kit.device("sara", DeviceState.IDLE)
    kit.pass_s(30)
    (row,) = view_of(kit.floor, kit.now).counsellors
    assert (row.protections, row.sparing) == (("heavy_call",), None)
    kit.call("c2", heavy)
    (row,) = view_of(kit.floor, kit.now).counsellors
    assert row.sparing is not None
    assert (row.sparing.counsellor, row.sparing.gave_way) == ("sara", True)


def test_attendance_counts_breaks_as_being_there() -> None:
    kit = Kit().staff(counsellor("sara", "markazi-saveh"), counsellor("ali", "markazi-arak"))
    assert set(attendance_of(kit.floor).away_since) == {"sara", "ali"}
    kit.on_duty("sara", "ali")
    kit.post(ev.CounsellorPaused(counsellor=CounsellorId("sara"), reason="break"))
    kit.now += timedelta(seconds=9)
    kit.device("ali", DeviceState.UNREACHABLE)
    seen = attendance_of(kit.floor)
    assert seen.present == {"sara"}
    assert seen.away_since == {"ali": kit.now}


# Alarms.


def test_every_alarm_has_a_severity() -> None:
    assert set(SEVERITIES) == set(AlarmCode)


def standing(kit: Kit) -> list[tuple[str, str]]:
    return [(alarm.code, alarm.subject) for alarm in view_of(kit.floor, kit.now).alarms]


def let_ring(kit: Kit, times: int) -> None:
    """Each offer rings in vain; a hold of a minute lies between two."""
    for _ in range(times):
        while not kit.all(do.OfferCall):
            kit.pass_s(60)
        kit.pass_s(20)


def never_answering() -> Kit:
    kit = Kit().staff(counsellor("sara", "markazi-saveh")).on_duty("sara")
    kit.call("c1", ONE)
    let_ring(kit, 3)
    assert standing(kit) == [("not_answering", "sara")]
    return kit


def test_not_answering_is_told_once_and_stands_until_a_talk() -> None:
    kit = never_answering()
    assert kit.only(do.RaiseAlarm).subject == "sara"
    since_at = next(iter(kit.floor.alarms)).since_at
    let_ring(kit, 1)
    assert not kit.all(do.RaiseAlarm)
    assert [alarm.since_at for alarm in kit.floor.alarms] == [since_at]
    kit.pass_s(60)
    kit.talk(kit.offer())
    assert kit.only(do.LiftAlarm).code == "not_answering"
    assert standing(kit) == []


def test_not_answering_is_over_when_the_counsellor_goes_or_says_they_are_back() -> None:
    kit = never_answering()
    kit.device("sara", DeviceState.UNREACHABLE)
    assert standing(kit) == []
    kit = never_answering()
    kit.post(ev.CounsellorResumed(counsellor=CounsellorId("sara")))
    assert standing(kit) == []
    kit = never_answering()
    kit.post(ev.StaffChanged(counsellors=()))
    assert standing(kit) == []


def test_reported_alarms_stand_as_reported_and_change_the_sequence() -> None:
    kit = Kit()
    empty = alarm(AlarmCode.DESK_EMPTY, "markazi-saveh", START)
    late = Alarm(
        code=AlarmCode.ABSENT, subject="sara", desk=DeskId("markazi-saveh"), since_at=START
    )
    before = view_of(kit.floor, kit.now).sequence
    kit.post(ev.NoticesChanged(alarms=(late, empty), closed_desks=(closed("markazi-arak", T),)))
    view = view_of(kit.floor, kit.now)
    assert view.alarms == (empty, late), "the most urgent first"
    assert view.closed_desks == (closed("markazi-arak", T),)
    assert view.sequence > before
    assert [told.code for told in kit.all(do.RaiseAlarm)] == ["absent", "desk_empty"]
    kit.post(ev.NoticesChanged(alarms=(replace(late, since_at=START + timedelta(seconds=1)),)))
    assert not kit.all(do.RaiseAlarm)
    assert kit.only(do.LiftAlarm).code == "desk_empty"
    assert view_of(kit.floor, kit.now).closed_desks == ()
