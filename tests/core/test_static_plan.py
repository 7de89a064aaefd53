"""Asterisk's own queues come from the same rules and duty as live plans."""

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from ivr import router
from ivr.dialplan.static_lines import StaticLine, StaticMember
from ivr.dialplan.static_plan import MOST_STAGES, StaticPlanner
from ivr.duty import Closure, ClosureKind, DutyBook, DutyKind, RosterEntry, duty_at
from ivr.model import (
    CallFacts,
    Counsellor,
    CounsellorId,
    CountyId,
    DeskId,
    Device,
    DeviceId,
    DeviceKind,
    ProvinceId,
)
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SAVEH, TAFRESH, ARAK = "markazi-saveh", "markazi-tafresh", "markazi-arak"
NUMBER = "PJSIP/09181112222@line123-trunk"


@cache
def provinces() -> dict[str, ProvinceRules]:
    return {rules.id: rules for rules in load_all(Settings().rules_dir)}


def person(name: str, desk: str, *devices: Device) -> Counsellor:
    return Counsellor(
        id=CounsellorId(name),
        name_fa="نمونه",
        desks=(DeskId(desk),),
        devices=devices or (Device(id=DeviceId(name)),),
    )


PEOPLE = (person("arak", ARAK), person("saveh", SAVEH), person("shazand", "markazi-shazand"))


def closure(desk: str, from_at: datetime, until_at: datetime) -> Closure:
    return Closure(
        id=1,
        desk=DeskId(desk),
        kind=ClosureKind.EVACUATED,
        reason="سیل",
        from_at=from_at,
        until_at=until_at,
    )


def planned(
    *closures: Closure,
    people: tuple[Counsellor, ...] = PEOPLE,
    province: str = "markazi",
    roster: tuple[RosterEntry, ...] = (),
    interfaces: dict[DeviceId, str] | None = None,
) -> StaticLine:
    planner = StaticPlanner(people, DutyBook(roster, closures), AT, interfaces or {})
    return planner.line(provinces()[province], ("086123",))


def members(line: StaticLine, queue: str) -> dict[str, int]:
    [found] = [one for one in line.queues if one.name == queue]
    return {member.device: member.penalty for member in found.members}


def names(line: StaticLine) -> set[str]:
    return {queue.name for queue in line.queues}


def test_the_own_desk_comes_before_the_province() -> None:
    rung = members(planned(), f"fallback-{SAVEH}")
    assert rung["saveh"] == 0
    assert rung["arak"] > 0
    assert set(rung) == {"arak", "saveh", "shazand"}


def test_a_county_without_a_centre_rings_who_supports_it() -> None:
    rung = members(planned(), f"fallback-{TAFRESH}")
    assert min(rung, key=rung.__getitem__) == "saveh"


@pytest.mark.parametrize("county", [county.id for county in provinces()["markazi"].counties])
def test_everybody_is_rung_in_the_order_of_the_live_plan(county: CountyId) -> None:
    rules = provinces()["markazi"]
    facts = CallFacts(province=ProvinceId("markazi"), county=county)
    plan = router.plan(rules, duty_at(PEOPLE, AT), facts, AT)
    order = dict.fromkeys(name for step in plan.steps for name in step.counsellors)
    line = planned()
    own = f"fallback-{county}" if f"fallback-{county}" in names(line) else "fallback-markazi"
    rung = members(line, own)
    assert list(rung) == list(order)
    assert sorted(rung.values()) == list(rung.values())
    assert set(rung.values()) == set(range(len(set(rung.values()))))  # no step is empty


def test_in_danger_all_are_equal_and_the_queue_goes_first() -> None:
    line = planned()
    assert set(members(line, "fallback-danger-markazi").values()) == {0}
    weights = {queue.name: queue.weight for queue in line.queues}
    danger, silence = weights["fallback-danger-markazi"], weights["fallback-silence-markazi"]
    assert danger > silence > weights["fallback-markazi"]


def test_where_the_county_decides_nothing_all_share_one_queue() -> None:
    people = (person("ilam-1", "ilam"), person("ilam-2", "ilam"))
    expected = {"fallback-ilam", "fallback-silence-ilam", "fallback-danger-ilam"}
    assert names(planned(people=people, province="ilam")) == expected


def test_an_evacuated_desk_is_not_rung_until_the_closure_ends() -> None:
    line = planned(closure(SAVEH, AT - HOUR, AT + HOUR))
    assert line.expires_at == AT + HOUR
    now, later = line.stages
    assert not [one for one in now.queues for member in one.members if member.device == "saveh"]
    assert members(line, f"fallback-1-{SAVEH}")["saveh"] == 0
    assert later.from_at == AT + HOUR


def test_a_closure_that_begins_later_is_a_stage_too() -> None:
    line = planned(closure(SAVEH, AT + HOUR, AT + 2 * HOUR))
    assert [stage.from_at for stage in line.stages] == [None, AT + HOUR, AT + 2 * HOUR]
    assert "saveh" in members(line, f"fallback-{SAVEH}")
    assert "saveh" not in members(line, "fallback-1-markazi")
    assert "saveh" in members(line, f"fallback-2-{SAVEH}")


def test_an_expired_closure_shapes_nothing() -> None:
    assert planned(closure(SAVEH, AT - 2 * HOUR, AT - HOUR)) == planned()


def test_a_closure_elsewhere_is_no_stage() -> None:
    assert len(planned(closure("qazvin", AT, AT + HOUR)).stages) == 1


def test_after_many_ends_no_closure_counts() -> None:
    ends = [closure(SAVEH, AT, AT + HOUR * number) for number in range(1, 9)]
    also = closure(ARAK, AT, AT + HOUR * 2)
    line = planned(*ends, also)
    assert len(line.stages) <= MOST_STAGES
    last = f"fallback-{len(line.stages) - 1}-"
    assert members(line, f"{last}{SAVEH}")["saveh"] == 0


def on_call(name: str) -> RosterEntry:
    return RosterEntry(
        id=1,
        desk=DeskId(SAVEH),
        counsellor=CounsellorId(name),
        kind=DutyKind.ON_CALL,
        from_at=AT - HOUR,
        until_at=AT + HOUR,
    )


def test_who_is_on_call_is_rung_last_and_on_the_telephone() -> None:
    mobile = Device(id=DeviceId("mobile"), kind=DeviceKind.TELEPHONE, confirm=True)
    people = (*PEOPLE, person("home", SAVEH, Device(id=DeviceId("home")), mobile))
    line = planned(
        people=people, roster=(on_call("home"),), interfaces={DeviceId("mobile"): NUMBER}
    )
    for queue in line.queues:
        at_home = queue.members[-1]
        assert at_home == StaticMember("mobile", at_home.penalty, NUMBER)
        others = [member.penalty for member in queue.members[:-1]]
        assert at_home.penalty > max(others)
        assert "home" in {member.device for member in queue.members}


def test_a_telephone_that_asterisk_cannot_ring_is_no_member() -> None:
    mobile = Device(id=DeviceId("mobile"), kind=DeviceKind.TELEPHONE, confirm=True)
    people = (*PEOPLE, person("far", SAVEH, mobile))
    assert "mobile" not in planned(people=people).devices
    ringing = planned(people=people, interfaces={DeviceId("mobile"): NUMBER})
    assert "mobile" in ringing.devices
