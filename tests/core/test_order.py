"""The published order of the line, its cap, and why a call went before another."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr import events as ev
from ivr.model import (
    CallFacts,
    CallId,
    CounsellorId,
    DeviceState,
    EndedBy,
    Lane,
    OfferResult,
    Overtaking,
    Precedence,
)
from ivr.model.plan import RoutePlan, Weight
from ivr.order import Place, micros, overtaking, standing_of
from ivr.rules.priority import Level, Priority, Urgency
from tests.core.floor_kit import MARKAZI, START, Kit, counsellor, plan_of

CAP_S = 300
ADVICE = Weight(head_start_s=0, rate=1, cap_s=CAP_S)
CHILD_ALONE = Weight(head_start_s=60, rate=1.5, cap_s=CAP_S)
EVERYBODY = plan_of((None, ("ali", "sara")))


def weighing(weight: Weight, plan: RoutePlan = EVERYBODY) -> RoutePlan:
    return replace(plan, weight=weight)


@pytest.fixture
def kit() -> Kit:
    return Kit().staff(counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak"))


def in_order(kit: Kit) -> list[CallId]:
    return [call.id for call in kit.floor.line.in_order(kit.now)]


def silent(kit: Kit, call: str, *, again: bool) -> None:
    kit.arrive(call)
    facts = CallFacts(province=MARKAZI, lane=Lane.SILENCE, returning_silence=again)
    joined = ev.CallJoined(call=CallId(call), facts=facts, plan=EVERYBODY, joined_at=kit.now)
    kit.post(joined)


def overtook(kit: Kit) -> Overtaking:
    found = kit.offer().overtook
    assert found is not None
    return found


class TestScore:
    def test_a_head_start_goes_before_a_shorter_wait(self, kit: Kit) -> None:
        kit.call("advice", weighing(ADVICE))
        kit.pass_s(59)
        kit.call("child", weighing(CHILD_ALONE))
        kit.device("ali", DeviceState.IDLE)
        assert kit.offer().call == "child"

    def test_equal_scores_go_by_the_order_of_joining(self, kit: Kit) -> None:
        """docs/rules.md: advice after two minutes and a child alone after 40 s are level."""
        kit.call("advice", weighing(ADVICE))
        kit.pass_s(80)
        kit.call("child", weighing(CHILD_ALONE))
        kit.pass_s(39.9)
        assert in_order(kit) == ["advice", "child"]
        kit.pass_s(0.1)
        assert in_order(kit) == ["advice", "child"]
        kit.pass_s(0.1)
        assert in_order(kit) == ["child", "advice"]

    def test_the_wait_that_is_shown_is_the_true_one(self, kit: Kit) -> None:
        joined_at = kit.now
        kit.call("child", weighing(CHILD_ALONE))
        kit.pass_s(10)
        assert kit.records["child"].joined_at == joined_at

    def test_a_call_keeps_its_place_while_it_is_rung_for(self, kit: Kit) -> None:
        kit.on_duty("ali")
        kit.call("first", EVERYBODY)
        offer = kit.offer()
        kit.pass_s(1)
        kit.call("second", EVERYBODY)
        kit.fail(offer, OfferResult.REJECTED)
        assert in_order(kit) == ["first", "second"]


class TestCap:
    def test_after_the_cap_nobody_who_came_later_goes_before(self, kit: Kit) -> None:
        kit.call("advice", weighing(ADVICE))
        kit.pass_s(CAP_S - 1)
        kit.call("child", weighing(CHILD_ALONE))
        kit.pass_s(0.9)
        assert in_order(kit) == ["advice", "child"]
        urgent = Weight(head_start_s=600, rate=5, cap_s=CAP_S)
        kit.call("urgent", weighing(urgent))
        assert in_order(kit)[0] == "urgent"
        kit.pass_s(0.1)
        assert in_order(kit)[0] == "advice"

    def test_it_holds_against_silence_and_not_against_danger(self, kit: Kit) -> None:
        kit.call("advice", weighing(ADVICE))
        kit.pass_s(CAP_S)
        kit.call("silent", weighing(ADVICE), lane=Lane.SILENCE)
        kit.call("danger", weighing(ADVICE), lane=Lane.DANGER)
        assert in_order(kit) == ["danger", "advice", "silent"]

    def test_who_have_waited_for_it_go_in_the_order_of_joining(self, kit: Kit) -> None:
        kit.call("advice", weighing(ADVICE))
        kit.pass_s(1)
        kit.call("child", weighing(CHILD_ALONE))
        kit.pass_s(CAP_S)
        assert in_order(kit) == ["advice", "child"]

    def test_it_counts_from_joining_also_for_who_waited_in_the_fallback(self, kit: Kit) -> None:
        kit.call("child", weighing(CHILD_ALONE))
        kit.arrive("advice")
        kit.join("advice", weighing(ADVICE), joined_at=kit.now - timedelta(seconds=CAP_S))
        assert in_order(kit) == ["advice", "child"]


class TestReason:
    def test_nobody_was_passed_over(self, kit: Kit) -> None:
        kit.call("first", EVERYBODY)
        kit.call("second", EVERYBODY)
        kit.device("ali", DeviceState.IDLE)
        assert kit.offer().overtook is None

    def test_score_with_both_scores_and_both_true_waits(self, kit: Kit) -> None:
        kit.call("advice", weighing(ADVICE))
        kit.pass_s(30)
        kit.call("child", weighing(CHILD_ALONE))
        kit.pass_s(10)
        kit.device("ali", DeviceState.IDLE)
        assert overtook(kit) == Overtaking(
            reason=Precedence.SCORE,
            over=CallId("advice"),
            waited_s=10,
            score_s=75,
            over_waited_s=40,
            over_score_s=40,
        )

    def test_it_stands_in_the_record(self, kit: Kit) -> None:
        kit.call("advice", weighing(ADVICE))
        kit.call("danger", weighing(ADVICE), lane=Lane.DANGER)
        kit.device("ali", DeviceState.IDLE)
        kit.talk(kit.offer())
        kit.hang_up("danger")
        (entry,) = kit.records["danger"].offers
        assert entry.overtook is not None
        assert (entry.overtook.reason, entry.overtook.over) == (Precedence.DANGER, "advice")

    def test_the_earliest_of_those_passed_over_is_named(self, kit: Kit) -> None:
        for call in ("first", "second"):
            kit.call(call, EVERYBODY)
            kit.pass_s(1)
        kit.call("silent", EVERYBODY, lane=Lane.SILENCE)
        kit.device("ali", DeviceState.IDLE)
        assert (overtook(kit).reason, overtook(kit).over) == (Precedence.SILENCE, "first")

    def test_somebody_who_could_not_have_had_the_counsellor_was_not_passed_over(
        self, kit: Kit
    ) -> None:
        kit.call("of sara", plan_of((None, ("sara",))))
        kit.call("of ali", plan_of((None, ("ali",))), lane=Lane.SILENCE)
        kit.device("ali", DeviceState.IDLE)
        assert kit.offer().overtook is None

    def test_cap(self, kit: Kit) -> None:
        kit.call("patient", weighing(replace(ADVICE, cap_s=900)))
        kit.pass_s(1)
        kit.call("capped", weighing(replace(ADVICE, cap_s=60)))
        kit.pass_s(60)
        kit.device("ali", DeviceState.IDLE)
        assert (kit.offer().call, overtook(kit).reason) == ("capped", Precedence.CAP)

    def test_silent_again(self, kit: Kit) -> None:
        silent(kit, "silent", again=False)
        kit.pass_s(1)
        silent(kit, "again", again=True)
        kit.device("ali", DeviceState.IDLE)
        assert (kit.offer().call, overtook(kit).reason) == ("again", Precedence.RETURNING_SILENCE)

    def test_a_talk_that_broke_off(self, kit: Kit) -> None:
        kit.call("of sara", weighing(CHILD_ALONE, plan_of((None, ("sara",)))))
        kit.pass_s(1)
        kit.on_duty("ali").call("talking", weighing(ADVICE))
        offer = kit.offer()
        kit.talk(offer)
        kit.device("ali", DeviceState.UNREACHABLE)
        kit.leg_ended(offer, EndedBy.DEVICE_LOST)
        kit.device("sara", DeviceState.IDLE)
        assert (kit.offer().call, overtook(kit).reason) == ("talking", Precedence.BROKEN_OFF)


def test_a_talk_that_broke_off_counts_from_when_its_caller_first_joined(kit: Kit) -> None:
    """Of those who have waited for the cap it is not the last because its talk was long."""
    kit.on_duty("ali").call("talking", EVERYBODY)
    offer = kit.offer()
    kit.talk(offer)
    kit.pass_s(1)
    kit.call("waiting", EVERYBODY)
    kit.pass_s(CAP_S)
    kit.leg_ended(offer, EndedBy.DEVICE_LOST)
    assert in_order(kit) == ["talking", "waiting"]


@pytest.mark.parametrize("lane", [Lane.DANGER, Lane.SILENCE])
def test_scores_are_of_ordinary_calls_alone(lane: Lane) -> None:
    facts = CallFacts(province=MARKAZI, lane=lane)
    place = Place(standing_of(facts, CHILD_ALONE), micros(START), 1, START)
    assert place.score_s(micros(START + timedelta(seconds=100))) == 0


def test_who_came_later_is_not_passed_over() -> None:
    facts = CallFacts(province=MARKAZI)
    standing = standing_of(facts, ADVICE)
    first, second = (Place(standing, micros(START), number, START) for number in (1, 2))
    assert overtaking(first, CallId("second"), second, micros(START)) is None


class TestRules:
    def test_the_weight_of_a_category_is_that_of_its_urgency(self) -> None:
        rules = Priority(p2=Level(head_start_s=90, rate=2.5), cap_s=120)
        assert rules.weight(Urgency.P2, None) == Weight(head_start_s=90, rate=2.5, cap_s=120)

    def test_a_category_may_have_a_rate_of_its_own(self) -> None:
        assert Priority().weight(Urgency.P4, 1.1).rate == 1.1

    def test_callers_who_have_not_said_what_it_is_about(self) -> None:
        rules = Priority(unknown=Urgency.P3)
        assert rules.weight(None, None) == rules.weight(Urgency.P3, None)

    def test_nobody_more_urgent_counts_less(self) -> None:
        weights = [Priority().weight(urgency, None) for urgency in Urgency]
        counts = [(weight.head_start_s, weight.rate) for weight in weights]
        assert counts == sorted(counts, reverse=True)


def test_only_who_may_be_rung_is_passed_over_while_a_counsellor_is_paused(kit: Kit) -> None:
    kit.call("first", plan_of((None, ("sara",))))
    kit.call("second", EVERYBODY, lane=Lane.SILENCE)
    kit.post(ev.CounsellorPaused(counsellor=CounsellorId("sara"), reason="break"))
    kit.device("ali", DeviceState.IDLE)
    assert (kit.offer().call, kit.offer().overtook) == ("second", None)
