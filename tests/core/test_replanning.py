"""Live calls when duty changes: planned again at once, place and time kept, talks left alone."""

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.model import CallId, CallPhase, Lane, OfferResult
from ivr.model.plan import RoutePlan
from tests.core.floor_kit import START, Kit, counsellor, plan_of

SAVEH_FIRST = plan_of((20, ("ali",)), (None, ("ali", "sara")))
SAVEH_GONE = plan_of((None, ("sara",)))


@pytest.fixture
def kit() -> Kit:
    """Ali sits in Saveh, Sara in Arak; both are free."""
    people = (counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak"))
    return Kit().staff(*people).on_duty("ali", "sara")


def busy(kit: Kit, *names: str) -> None:
    for name in names:
        kit.call(f"of {name}", plan_of((None, (name,))))
        kit.talk(kit.offer())


def new_plans(kit: Kit, **plans: RoutePlan) -> list[do.Effect]:
    return kit.post(ev.PlansChanged(plans=tuple((CallId(name), it) for name, it in plans.items())))


def test_every_planned_call_is_planned_again_by_its_own_version(kit: Kit) -> None:
    busy(kit, "ali", "sara")
    kit.call("waits", SAVEH_FIRST)
    kit.arrive("in the menu")
    kit.post(ev.DutyChanged())
    ((call, facts, version),) = kit.only(do.PlanAgain).calls
    assert (call, facts.county, version) == ("waits", "markazi-saveh", "test")


def test_without_calls_nothing_is_planned(kit: Kit) -> None:
    assert kit.post(ev.DutyChanged()) == []


def test_a_caller_who_waits_for_an_evacuated_desk_is_offered_to_the_next_at_once(kit: Kit) -> None:
    busy(kit, "ali")
    kit.call("c1", SAVEH_FIRST)
    assert not kit.all(do.OfferCall)
    new_plans(kit, c1=SAVEH_GONE)
    assert kit.offer().counsellor == "sara"


def test_a_ringing_phone_of_an_evacuated_desk_is_silenced_and_the_next_one_rings(kit: Kit) -> None:
    kit.call("c1", SAVEH_FIRST)
    first = kit.offer()
    assert first.counsellor == "ali"
    new_plans(kit, c1=SAVEH_GONE)
    assert kit.only(do.HangUpLeg).offer == first.id
    assert kit.offer().counsellor == "sara"
    assert kit.records["c1"].offers[0].result is OfferResult.WITHDRAWN


def test_a_ringing_phone_that_the_new_plan_has_too_goes_on_ringing(kit: Kit) -> None:
    kit.call("c1", SAVEH_FIRST)
    new_plans(kit, c1=plan_of((None, ("ali", "sara"))))
    assert not kit.all(do.HangUpLeg)
    assert kit.floor.calls[CallId("c1")].phase is CallPhase.OFFERED


def test_an_accepted_offer_and_a_talk_are_left_alone(kit: Kit) -> None:
    kit.call("c1", SAVEH_FIRST)
    kit.accept(kit.offer())
    assert new_plans(kit, c1=SAVEH_GONE) == []


def test_the_place_in_line_is_kept(kit: Kit) -> None:
    busy(kit, "ali", "sara")
    kit.call("first", SAVEH_FIRST)
    kit.call("second", plan_of((None, ("ali", "sara"))))
    new_plans(kit, first=SAVEH_GONE)
    assert [call.id for call in kit.floor.line.in_order(kit.now)] == ["first", "second"]


def test_the_time_that_was_waited_counts_in_the_new_plan(kit: Kit) -> None:
    busy(kit, "ali")
    kit.call("c1", plan_of((60, ("ali",)), (None, ("ali", "sara"))))
    kit.pass_s(30)
    new_plans(kit, c1=plan_of((25, ("ali",)), (None, ("ali", "sara"))))
    assert kit.offer().counsellor == "sara"


def test_a_desk_that_comes_back_is_rung_for_those_who_wait(kit: Kit) -> None:
    busy(kit, "sara")
    kit.call("c1", SAVEH_GONE)
    new_plans(kit, c1=SAVEH_FIRST)
    assert kit.offer().counsellor == "ali"


def test_danger_goes_on_having_all_steps_open(kit: Kit) -> None:
    busy(kit, "ali")
    kit.call("c1", plan_of((0, ("ali",)), at_once=True), lane=Lane.DANGER)
    new_plans(kit, c1=plan_of((0, ("ali",)), (None, ("sara",)), at_once=True))
    assert kit.offer().counsellor == "sara"


def test_a_plan_that_is_the_same_changes_nothing(kit: Kit) -> None:
    busy(kit, "ali", "sara")
    kit.call("c1", SAVEH_FIRST)
    assert new_plans(kit, c1=plan_of((20, ("ali",)), (None, ("ali", "sara")))) == []


def test_race_the_caller_hangs_up_while_new_plans_are_made(kit: Kit) -> None:
    busy(kit, "ali")
    kit.call("c1", SAVEH_FIRST)
    kit.hang_up("c1")
    assert new_plans(kit, c1=SAVEH_GONE) == []


def test_race_the_phone_is_accepted_while_new_plans_are_made(kit: Kit) -> None:
    kit.call("c1", SAVEH_FIRST)
    offer = kit.offer()
    kit.post(ev.DutyChanged())
    kit.accept(offer)
    new_plans(kit, c1=SAVEH_GONE)
    assert not kit.all(do.HangUpLeg)
    kit.enter(offer)
    assert kit.only(do.LetIn).offer == offer.id


def test_race_a_call_in_the_fallback_while_its_desk_is_evacuated(kit: Kit) -> None:
    busy(kit, "ali")
    kit.call("c1", SAVEH_FIRST)
    kit.post(ev.CallDetached(call=CallId("c1")))
    kit.post(ev.DutyChanged())
    assert not kit.all(do.PlanAgain)
    assert new_plans(kit, c1=SAVEH_GONE) == []


def test_steps_go_on_opening_after_a_new_plan(kit: Kit) -> None:
    busy(kit, "ali")
    kit.call("c1", plan_of((None, ("ali",))))
    new_plans(kit, c1=plan_of((40, ("ali",)), (None, ("sara",))))
    assert kit.floor.next_deadline() is not None
    kit.pass_s(40)
    assert kit.offer().counsellor == "sara"
    assert kit.now > START
