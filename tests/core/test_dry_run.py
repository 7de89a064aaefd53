"""Calls through old and new rules: small ones computed by hand, large ones by what must hold."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.dry_run import replay as replaying
from ivr.dry_run.calls import PastCall, chance, recorded_calls, simulated_calls
from ivr.dry_run.compare import Comparison, Tally, compare
from ivr.dry_run.figures import Where, answered_where, figures_of
from ivr.dry_run.presence import presence_of
from ivr.dry_run.replay import World, new_floor, replay
from ivr.dry_run.run import Period, dry_run
from ivr.duty import NO_BOOK, ClosureKind, DutyBook, DutyKind
from ivr.limits import Limits
from ivr.model import (
    CallEnd,
    CallFacts,
    CallId,
    CallPhase,
    Counsellor,
    CounsellorId,
    CountyId,
    Device,
    DeviceId,
    DeviceKind,
    DeviceState,
    Lane,
    ProvinceId,
)
from ivr.model.record import CallRecord
from ivr.people import load_people
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from ivr.simulator.day_checks import CheckedFloor
from ivr.simulator.day_people import LOADS, Reaction
from tests.core.duty_kit import SAVEH, TAFRESH, closure, entry, hour
from tests.core.floor_kit import counsellor

KHUZESTAN, MARKAZI, QAZVIN = (
    load_rules(PROJECT / "deploy" / "provinces" / f"{name}.yaml")
    for name in ("khuzestan", "markazi", "qazvin")
)
PEOPLE = load_people(PROJECT / "deploy" / "demo")
ALI, SARA = counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak")
PERIOD = Period(from_at=hour(0), days=7)
ANSWER_S = 3.0
TALK_S = 100.0
CONNECT_S = ANSWER_S + replaying.WHISPER_S


def changed(rules: ProvinceRules, **fields: Any) -> ProvinceRules:
    """The rules with other values, read as from a file."""
    return ProvinceRules.model_validate(rules.model_dump(mode="json") | fields)


def with_open(rules: ProvinceRules, county: str) -> ProvinceRules:
    counties = rules.model_dump(mode="json")["counties"]
    for one in counties:
        if one["id"] == county:
            one["centre"] = {"state": "open"}
    return changed(rules, counties=counties)


AT_ONCE = changed(MARKAZI, steps=[{"ring": "province"}])


def call(
    name: str, at_s: float, *, county: str | None = "markazi-tafresh", patience_s: float = 900.0
) -> PastCall:
    facts = CallFacts(province=MARKAZI.id, county=CountyId(county) if county else None)
    joined_at = hour(0) + timedelta(seconds=at_s)
    return PastCall(
        id=CallId(name), facts=facts, joined_at=joined_at, patience_s=patience_s, talk_s=TALK_S
    )


def world(*calls: PastCall, people: Sequence[Counsellor] = (ALI, SARA), **more: Any) -> World:
    """Everybody is there all the time."""
    changes = [
        (hour(0), device.id, DeviceState.IDLE) for person in people for device in person.devices
    ]
    return World(calls=calls, people=people, changes=changes, began_at=hour(0), **more)


def simulated(
    rules: Sequence[ProvinceRules], *, days: int = 7, seed: int = 7, factor: float = 1.0
) -> tuple[PastCall, ...]:
    load = LOADS[rules[0].id]
    return simulated_calls(load, rules, from_at=hour(0), days=days, seed=seed, factor=factor)


def compared(
    old: ProvinceRules,
    new: ProvinceRules,
    calls: Sequence[PastCall],
    people: Sequence[Counsellor] = PEOPLE,
    seed: int = 7,
) -> Comparison:
    return dry_run(
        old, new, calls=calls, people=people, book=NO_BOOK, period=PERIOD, seed=seed
    ).comparison


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every offer is answered after the same time."""
    answered = Reaction(kind="answered", after_s=ANSWER_S)
    monkeypatch.setattr(replaying, "reaction", lambda _: answered)


# ------------------------------------------------------------------- computed by hand


@pytest.mark.usefixtures("steady")
def test_three_calls_and_two_counsellors() -> None:
    """Ali of Saveh serves Tafresh; Sara of Arak may be rung after 20 s, or now at once.

    Ali talks from 7 to 107 s and wraps up until 137 s, before Sara is free again.
    """
    calls = call("c1", 0), call("c2", 10), call("c3", 20)
    before, after = replay(world(*calls), MARKAZI), replay(world(*calls), AT_ONCE)
    ali_free_s = CONNECT_S + TALK_S + MARKAZI.limits.wrap_up_s
    third_s = ali_free_s - 20 + CONNECT_S
    assert [one.wait_s for one in before] == [CONNECT_S, 20 + CONNECT_S, third_s]
    assert [one.wait_s for one in after] == [CONNECT_S, CONNECT_S, third_s]
    assert [one.rung_first for one in before] == [one.rung_first for one in after]
    assert [one.rung_first for one in after] == ["ali", "sara", "ali"]
    where = [answered_where(one) for one in before]
    assert where == [Where.SUPPORTING, Where.PROVINCE, Where.SUPPORTING]
    assert {answered_where(one) for one in after} == {Where.PROVINCE}


@pytest.mark.usefixtures("steady")
def test_figures_by_the_published_formula() -> None:
    """The second gives up after 15 s by the old rules; the last within the short threshold."""
    calls = (
        call("c1", 0),
        call("c2", 10, patience_s=15),
        call("c3", 20),
        call("c4", 30, patience_s=2),
    )
    found = compare(replay(world(*calls), MARKAZI), replay(world(*calls), AT_ONCE))
    old, new = found.old, found.new
    assert (old.calls, old.connected, old.abandoned, old.short_abandoned) == (4, 2, 1, 1)
    assert (new.connected, new.abandoned, new.short_abandoned) == (3, 0, 1)
    # Sara is free at 20 s and is rung for c3 when its 20 s alone with Saveh are over.
    assert old.wait_longest_s == 20 + CONNECT_S
    assert old.wait_mean_s == (CONNECT_S + 20 + CONNECT_S) / 2
    assert (old.wait_median_s, old.wait_p95_s) == (CONNECT_S, 20 + CONNECT_S)
    assert old.service_level == {15.0: 1 / 3, 20.0: 1 / 3}
    assert new.service_level == {15.0: 2 / 3, 20.0: 2 / 3}
    assert old.answered[Where.SUPPORTING] == old.answered[Where.PROVINCE] == 1
    assert found.changes[0].old.call.id == "c2"
    assert found.changes[0].fate


@pytest.mark.usefixtures("steady")
def test_a_closure_moves_the_waiting_call_in_both_runs() -> None:
    """Saveh is evacuated 5 s after the call joined; its own contingency, Arak, is rung at once."""
    busy = call("c0", 0, county="markazi-saveh")
    book = DutyBook(closures=(closure(15 / 3600, 1),))
    served = replay(world(busy, call("c1", 10), book=book), MARKAZI)[1]
    assert served.record.plan != served.plan
    assert (served.rung_first, served.wait_s) == ("sara", 5 + CONNECT_S)


@pytest.mark.usefixtures("steady")
def test_who_comes_when_nobody_is_there_is_counted() -> None:
    late = replace(
        world(call("c1", 0), call("c2", 60)),
        changes=[(hour(0) + timedelta(seconds=30), DeviceId("sara-phone"), DeviceState.IDLE)],
    )
    served = replay(late, MARKAZI)
    assert [one.nobody_there for one in served] == [True, False]
    assert served[0].wait_s == 30 + CONNECT_S
    assert figures_of(served).nobody_on_duty == 1


def test_what_a_counsellor_does_with_a_call_is_drawn_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever was asked before, and for each time of asking by itself."""
    drawn: list[dict[str, float]] = []

    def seen(seed: int, whose: str) -> Any:
        drawn[-1][whose] = chance(seed, whose).random()
        return chance(seed, whose)

    monkeypatch.setattr(replaying, "chance", seen)
    monkeypatch.setattr(replaying, "reaction", lambda _: Reaction(kind="rejected", after_s=1.0))
    for rules in (MARKAZI, AT_ONCE):
        drawn.append({})
        replay(world(call("c1", 0, patience_s=30)), rules)
    old, new = drawn
    asked = {"offer c1 ali 1", "offer c1 ali 2", "offer c1 sara 1"}
    assert asked <= old.keys() & new.keys()
    assert all(old[one] == new[one] for one in old.keys() & new.keys())
    assert len(set(old.values())) == len(old)


# -------------------------------------------------------------------- what must hold


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), rules=st.sampled_from([KHUZESTAN, MARKAZI, QAZVIN]))
def test_the_same_rules_give_the_same_to_the_last_digit(rules: ProvinceRules, seed: int) -> None:
    calls = simulated([rules], days=2, seed=seed, factor=5)
    found = compared(rules, changed(rules), calls, seed=seed)
    assert found.old.calls == len(calls) > 50
    assert found.old == found.new
    assert found.changes == ()
    assert not any(one.seems_worse for one in found.counties)


def test_another_seed_gives_other_calls() -> None:
    assert simulated([MARKAZI], seed=1) != simulated([MARKAZI], seed=2)
    assert simulated([MARKAZI], seed=1) == simulated([MARKAZI], seed=1)


def test_opening_a_desk_changes_the_plans_of_its_own_county_alone() -> None:
    people = (*PEOPLE, counsellor("tafresh-1", "markazi-tafresh"))
    calls = simulated([MARKAZI], factor=5)
    found = compared(MARKAZI, with_open(MARKAZI, "markazi-tafresh"), calls, people)
    of_tafresh = {one.id for one in calls if one.facts.county == "markazi-tafresh"}
    assert of_tafresh
    assert {change.old.call.id for change in found.changes if change.plan} == of_tafresh
    tafresh = next(one for one in found.counties if one.county == "markazi-tafresh")
    assert tafresh.old.answered[Where.OWN] == 0
    assert tafresh.new.answered[Where.OWN] > 0


def test_opening_a_desk_at_which_nobody_sits_changes_no_call() -> None:
    found = compared(MARKAZI, with_open(MARKAZI, "markazi-tafresh"), simulated([MARKAZI]))
    assert found.changes == ()
    assert found.old == found.new


def test_one_desk_for_everything_makes_counties_worse() -> None:
    one_desk = changed(MARKAZI, steps=[{"ring": "desks", "desks": ["markazi-khomeyn"]}])
    found = compared(MARKAZI, one_desk, simulated([MARKAZI], factor=8))
    worse = {one.county: one for one in found.worse}
    assert {"markazi-saveh", "markazi-arak", None} <= set(worse)
    saveh = worse[CountyId("markazi-saveh")]
    assert saveh.less_near
    assert saveh.more_abandoned
    assert found.new.service_level[20.0] < found.old.service_level[20.0]
    better = compared(one_desk, MARKAZI, simulated([MARKAZI], factor=8))
    assert better.worse == better.perhaps_worse == ()


def test_no_promise_of_the_floor_is_broken() -> None:
    """Ten times the calls, with a roster, a gap in it, somebody on call and closures."""
    people = load_people(PROJECT / "deploy" / "demo")
    telephone = Device(id=DeviceId("home"), kind=DeviceKind.TELEPHONE)
    people = [
        replace(one, devices=(*one.devices, telephone)) if one.id == "saveh-2" else one
        for one in people
    ]
    book = DutyBook(
        roster=(
            entry("saveh-1", 0, 60),
            entry("saveh-1", 80, 160),
            entry("saveh-2", 40, 100),
            entry("saveh-2", 0, 40, kind=DutyKind.ON_CALL),
        ),
        closures=(closure(30, 50), closure(90, 95, ClosureKind.SHORT_STAFFED)),
    )
    presence = presence_of(people, book, (hour(0), hour(168)), 7)
    crowded = World(
        calls=simulated([MARKAZI], factor=10),
        people=people,
        changes=presence.changes,
        began_at=hour(0),
        book=book,
        seed=7,
    )
    limits = Limits(**MARKAZI.limits.model_dump())
    floor = CheckedFloor(SimpleNamespace(limits=limits, limits_by_province={}))  # type: ignore[arg-type]
    served = replay(crowded, MARKAZI, floor)
    assert floor.broken == {}
    assert floor.events > len(served) > 1000
    assert not floor.calls
    assert all(one.record.phase is CallPhase.ENDED for one in served)
    assert served == replay(crowded, MARKAZI, new_floor(MARKAZI))  # looking on changes nothing


def test_few_calls_prove_nothing() -> None:
    assert not Tally(4, 0).beyond_chance
    assert Tally(5, 0).beyond_chance
    assert not Tally(60, 45).beyond_chance
    assert Tally(70, 40).beyond_chance


# -------------------------------------------------------------------- recorded calls


def record(name: str, **changes: Any) -> CallRecord:
    values: dict[str, Any] = {
        "call": CallId(name),
        "province": ProvinceId("markazi"),
        "line": "086123",
        "caller": None,
        "arrived_at": hour(0),
        "phase": CallPhase.ENDED,
        "facts": CallFacts(province=ProvinceId("markazi"), lane=Lane.SILENCE),
        "joined_at": hour(1),
    }
    return CallRecord(**values | changes)


def seconds(number: float) -> Any:
    return hour(1) + timedelta(seconds=number)


def test_what_a_record_knows_is_kept_and_the_rest_is_drawn() -> None:
    connected = record(
        "b", connected_at=seconds(50), talk_ended_at=seconds(170), ended_at=seconds(180)
    )
    abandoned = record("a", joined_at=hour(0.5), ended_at=hour(0.5) + timedelta(seconds=12))
    in_menu = record("m", joined_at=None, facts=None, ended_at=hour(1))
    first, second = recorded_calls([connected, abandoned, in_menu], seed=7)
    assert (first.id, second.id) == ("a", "b")
    assert first.patience_s == 12
    assert 15 <= first.talk_s <= 60  # of silent callers, as on the simulated day
    assert second.talk_s == 120
    assert second.patience_s > 50
    assert recorded_calls([connected], seed=7) == (second,)
    (other,) = recorded_calls([connected], seed=8)
    assert (other.talk_s, other.patience_s != second.patience_s) == (120, True)


@pytest.mark.usefixtures("steady")
def test_an_abandoned_call_is_abandoned_again_by_the_same_rules() -> None:
    gone = record("a", ended_at=seconds(12), end=CallEnd.ABANDONED)
    (served,) = replay(replace(world(*recorded_calls([gone], 7)), changes=[]), MARKAZI)
    assert (served.is_connected, served.wait_s) == (False, 12)


# ------------------------------------------------------------------------- presence


def spans(who: Counsellor, book: DutyBook, until: float = 24) -> list[tuple[str, float, str]]:
    presence = presence_of([who], book, (hour(0), hour(until)), 7)
    return [
        (device, (at - hour(0)).total_seconds() / 3600, state.value)
        for at, device, state in presence.changes
    ]


def test_who_is_rostered_is_there_and_nobody_else() -> None:
    ali = counsellor("ali", SAVEH)
    book = DutyBook(roster=(entry("ali", 7, 14), entry("ali", 14, 16), entry("other", 0, 48)))
    assert spans(ali, book) == [("ali-phone", 7, "idle"), ("ali-phone", 16, "unreachable")]
    assert not presence_of([ali], book, (hour(0), hour(24)), 7).assumed


def test_without_a_roster_everybody_works_two_of_three_shifts() -> None:
    ali = counsellor("ali", TAFRESH)
    presence = presence_of([ali], NO_BOOK, (hour(0), hour(24 * 6)), 7)
    assert presence.assumed == {CounsellorId("ali")}
    times = [at for at, _, _ in presence.changes]
    there = sum((b - a).total_seconds() for a, b in zip(times[::2], times[1::2], strict=True))
    assert 0.6 < there / (7 * 86_400) < 0.75


def test_where_the_roster_has_run_out_the_shifts_are_assumed() -> None:
    ali = counsellor("ali", SAVEH)
    book = DutyBook(roster=(entry("ali", 0, 24),))
    presence = presence_of([ali], book, (hour(0), hour(72)), 7)
    assert presence.assumed == {CounsellorId("ali")}
    assert presence.changes[0] == (hour(0), DeviceId("ali-phone"), DeviceState.IDLE)
    assert presence.changes[-1][0] > hour(48)


def test_a_telephone_at_home_can_always_be_rung() -> None:
    """The floor rings it in duty time only; whoever is on call is not at the desk."""
    home = Device(id=DeviceId("home"), kind=DeviceKind.TELEPHONE)
    ali = replace(counsellor("ali", SAVEH), devices=(*ALI.devices, home))
    book = DutyBook(roster=(entry("ali", 0, 48, kind=DutyKind.ON_CALL), entry("other", 0, 48)))
    assert spans(ali, book) == [("home", 0, "idle"), ("home", 48, "unreachable")]
