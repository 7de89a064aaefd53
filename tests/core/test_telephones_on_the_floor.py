"""Ordinary telephones: nobody is rung at home whom duty does not expect now."""

from dataclasses import replace

from ivr import effects as do
from ivr import events as ev
from ivr.limits import Hold
from ivr.model import (
    Counsellor,
    CounsellorId,
    Device,
    DeviceId,
    DeviceKind,
    DeviceState,
    OfferResult,
)
from ivr.model.plan import RoutePlan
from tests.core.floor_kit import Kit, counsellor, plan_of

ALI = CounsellorId("ali")
HOME = Device(id=DeviceId("ali-home"), kind=DeviceKind.TELEPHONE)
AT_HOME = replace(counsellor("ali", "markazi-saveh"), devices=(HOME,))
SARA = counsellor("sara", "markazi-saveh")


def kit_of(*people: Counsellor) -> Kit:
    kit = Kit().staff(*people)
    kit.post(ev.DeviceChanged(device=HOME.id, state=DeviceState.IDLE))
    return kit


def expecting(plan: RoutePlan, *steps: tuple[str, ...]) -> RoutePlan:
    """The plan with whom duty expects at each of its steps."""
    expected = [tuple(map(CounsellorId, names)) for names in steps]
    pairs = zip(plan.steps, expected, strict=True)
    return replace(plan, steps=tuple(replace(step, on_duty=names) for step, names in pairs))


OWN_THEN_ON_CALL = plan_of((20, ("ali", "sara")), (None, ("ali",)))


def test_who_is_expected_is_rung_at_home() -> None:
    kit = kit_of(AT_HOME)
    kit.call("c1", expecting(plan_of((None, ("ali",))), ("ali",)))
    assert kit.offer().device == HOME


def test_who_is_not_expected_is_not_rung_at_home() -> None:
    kit = kit_of(AT_HOME)
    kit.call("c1", plan_of((None, ("ali",))))
    assert not kit.all(do.OfferCall)


def test_who_is_on_call_is_rung_when_that_step_opens() -> None:
    kit = kit_of(AT_HOME, SARA).on_duty("sara")
    kit.call("c0", plan_of((None, ("sara",))))
    kit.call("c1", expecting(OWN_THEN_ON_CALL, ("sara",), ("ali",)))
    assert not kit.all(do.OfferCall)
    kit.pass_s(20)
    assert kit.offer().counsellor == "ali"


def test_a_step_with_nobody_but_a_telephone_off_duty_lasts_no_time() -> None:
    kit = kit_of(AT_HOME, SARA)
    kit.call("c1", expecting(OWN_THEN_ON_CALL, (), ("ali",)))
    assert kit.offer().counsellor == "ali"


def test_who_is_at_the_desk_after_hours_is_rung_there_and_not_at_home() -> None:
    desk = Device(id=DeviceId("ali-phone"))
    kit = kit_of(replace(AT_HOME, devices=(HOME, desk)))
    kit.call("c1", plan_of((None, ("ali",))))
    assert not kit.all(do.OfferCall)
    kit.on_duty("ali")
    assert kit.offer().device == desk


def test_a_wrong_number_is_left_alone_for_a_while() -> None:
    kit = kit_of(AT_HOME)
    kit.call("c1", expecting(plan_of((None, ("ali",))), ("ali",)))
    kit.fail(kit.offer(), OfferResult.NO_SUCH_NUMBER)
    presence = kit.floor.staff.get(ALI)
    assert presence is not None
    assert presence.hold is Hold.NO_SUCH_NUMBER
    assert not kit.all(do.OfferCall)
    assert kit.records["c1"].offers[0].result is OfferResult.NO_SUCH_NUMBER
    kit.pass_s(60)
    assert kit.offer().counsellor == "ali"
