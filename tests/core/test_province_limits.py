"""One floor, several provinces: a call goes by the limits of its own."""

from datetime import datetime, timedelta

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.deployment import load_deployment
from ivr.limits import Hold, Limits
from ivr.model import CallEnd, CounsellorId, CounsellorState, OfferResult, ProvinceId
from ivr.queues import Floor
from ivr.settings import Settings
from tests.core.floor_kit import LIMITS, MARKAZI, Kit, counsellor, plan_of

ILAM = ProvinceId("ilam")
ILAM_LIMITS = Limits(
    ring_s=7,
    whisper_s=9,
    connect_s=3,
    wrap_up_s=0,
    short_abandonment_s=20,
    rejected_s=120,
    rona_alarm_after=1,
)
ANYBODY = plan_of((None, ("ali",)))


@pytest.fixture(params=[MARKAZI, ILAM])
def province(request: pytest.FixtureRequest) -> ProvinceId:
    return ProvinceId(request.param)


@pytest.fixture
def limits(province: ProvinceId) -> Limits:
    return ILAM_LIMITS if province == ILAM else LIMITS


@pytest.fixture
def kit(province: ProvinceId) -> Kit:
    """Ali serves both provinces; the calls that come in are of one of them."""
    floor = Floor(epoch=7, limits=LIMITS, limits_by_province={ILAM: ILAM_LIMITS})
    kit = Kit(floor=floor).staff(counsellor("ali", "ilam")).on_duty("ali")
    kit.province = province
    return kit


def held_until(kit: Kit) -> datetime | None:
    presence = kit.floor.staff.get(CounsellorId("ali"))
    assert presence is not None
    return presence.held_until_at


def test_how_long_a_phone_rings_and_who_is_alarmed(kit: Kit, limits: Limits) -> None:
    kit.call("c1", ANYBODY)
    assert kit.offer().deadline_at == kit.now + timedelta(seconds=limits.ring_s)
    kit.pass_s(limits.ring_s)
    alarms = [alarm.code for alarm in kit.all(do.RaiseAlarm)]
    assert alarms == (["not_answering"] if limits.rona_alarm_after == 1 else [])


def test_how_long_a_whisper_and_the_way_into_the_room_take(kit: Kit, limits: Limits) -> None:
    kit.call("c1", ANYBODY)
    offer = kit.offer()
    for event, seconds in (
        (ev.OfferPickedUp(offer=offer.id), limits.whisper_s),
        (ev.OfferAccepted(offer=offer.id), limits.connect_s),
    ):
        kit.post(event)
        running = kit.floor.offers[offer.id].offers[offer.id]
        assert running.deadline_at == kit.now + timedelta(seconds=seconds)


def test_how_long_a_rejection_holds(kit: Kit, limits: Limits) -> None:
    kit.call("c1", ANYBODY)
    kit.fail(kit.offer(), OfferResult.REJECTED)
    assert held_until(kit) == kit.now + timedelta(seconds=limits.rejected_s)
    presence = kit.floor.staff.get(CounsellorId("ali"))
    assert presence is not None
    assert presence.hold is Hold.REJECTED


def test_how_long_wrap_up_lasts(kit: Kit, limits: Limits) -> None:
    kit.call("c1", ANYBODY)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer)
    presence = kit.floor.staff.get(CounsellorId("ali"))
    assert presence is not None
    assert presence.wrap_up_until_at == kit.now + timedelta(seconds=limits.wrap_up_s)
    kit.pass_s(limits.wrap_up_s)
    assert presence.state() is not CounsellorState.WRAP_UP


def test_what_a_short_abandonment_is(kit: Kit, limits: Limits) -> None:
    kit.call("c1", ANYBODY)
    kit.now += timedelta(seconds=10)
    kit.hang_up("c1")
    short = limits.short_abandonment_s > 10
    assert kit.records["c1"].end is (CallEnd.SHORT_ABANDONMENT if short else CallEnd.ABANDONED)


def test_a_deployment_knows_the_limits_of_each_province() -> None:
    deployment = load_deployment(Settings())
    assert set(deployment.limits_by_province) == set(deployment.lines)
    assert deployment.limits == deployment.limits_by_province[deployment.default_province]
