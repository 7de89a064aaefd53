"""Danger, when nobody is free: wrap-ups and back-offs that yield to it, and those that do not."""

from dataclasses import replace

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.limits import Limits
from ivr.model import (
    CallId,
    CounsellorId,
    CounsellorState,
    DeviceState,
    Lane,
    OfferResult,
    Relief,
)
from ivr.presence import Presence
from ivr.queues import Floor
from tests.core.floor_kit import LIMITS, Kit, counsellor, plan_of

EVERYBODY = plan_of((None, ("ali", "sara")))
LEAST_S = LIMITS.wrap_up_least_s


def kit_of(*names: str, limits: Limits = LIMITS) -> Kit:
    kit = Kit(floor=Floor(epoch=7, limits=limits))
    kit.staff(counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak"))
    return kit.on_duty(*names)


def presence_of(kit: Kit, name: str) -> Presence:
    found = kit.floor.staff.get(CounsellorId(name))
    assert found is not None
    return found


def wrap_up(kit: Kit, name: str, *, lane: Lane = Lane.ORDINARY) -> None:
    """Somebody's talk has just ended."""
    call = f"before {name}"
    kit.call(call, plan_of((None, (name,))), lane=lane)
    offer = kit.offer()
    kit.talk(offer)
    kit.hang_up(call)
    kit.device(name, DeviceState.IDLE)


def danger(kit: Kit, call: str = "danger") -> list[do.OfferCall]:
    kit.call(call, EVERYBODY, lane=Lane.DANGER)
    return kit.all(do.OfferCall)


class TestWrapUp:
    def test_is_ended_for_danger_when_nobody_is_free(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.pass_s(LEAST_S)
        (offered,) = danger(kit)
        assert (offered.offer.counsellor, offered.offer.relief) == ("ali", Relief.WRAP_UP)

    def test_is_left_alone_while_somebody_is_free(self) -> None:
        kit = kit_of("ali", "sara")
        wrap_up(kit, "ali")
        kit.pass_s(LEAST_S)
        (offered,) = danger(kit)
        assert (offered.offer.counsellor, offered.offer.relief) == ("sara", None)

    def test_its_least_part_is_left_and_then_danger_is_offered_at_once(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.pass_s(1)
        assert not danger(kit)
        kit.pass_s(LEAST_S - 1.1)
        assert not kit.all(do.OfferCall)
        deadline_at = kit.floor.next_deadline()
        assert deadline_at is not None
        kit.pass_s((deadline_at - kit.now).total_seconds())
        assert (kit.offer().call, kit.offer().relief) == ("danger", Relief.WRAP_UP)

    def test_after_danger_stays(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali", lane=Lane.DANGER)
        kit.pass_s(LEAST_S)
        assert not danger(kit)

    def test_whose_counsellor_needs_it_stays(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.post(ev.WrapUpKept(counsellor=CounsellorId("ali")))
        kit.pass_s(LEAST_S)
        assert not danger(kit)

    def test_is_not_ended_for_other_lanes(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.pass_s(LEAST_S)
        kit.call("silent", EVERYBODY, lane=Lane.SILENCE)
        assert not kit.all(do.OfferCall)

    def test_the_rules_may_say_otherwise(self) -> None:
        kit = kit_of("ali", limits=replace(LIMITS, danger_ends_wrap_ups=False))
        wrap_up(kit, "ali")
        kit.pass_s(LEAST_S)
        assert not danger(kit)

    def test_goes_on_where_the_caller_in_danger_leaves(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.pass_s(LEAST_S)
        danger(kit)
        kit.hang_up("danger")
        ali = presence_of(kit, "ali")
        assert (ali.state(), ali.call) == (CounsellorState.WRAP_UP, "before ali")

    def test_of_a_talk_with_danger_is_a_new_one(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.pass_s(LEAST_S)
        (offered,) = danger(kit)
        kit.talk(offered.offer)
        assert presence_of(kit, "ali").wrap_up_until_at is None

    def test_the_reason_stands_in_the_record(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.pass_s(LEAST_S)
        (offered,) = danger(kit)
        kit.talk(offered.offer)
        kit.hang_up("danger")
        assert [entry.relief for entry in kit.records["danger"].offers] == [Relief.WRAP_UP]

    def test_of_several_the_plan_says_whose(self) -> None:
        kit = kit_of("ali", "sara")
        wrap_up(kit, "ali")
        wrap_up(kit, "sara")
        kit.pass_s(LEAST_S)
        near = plan_of((20, ("sara",)), (None, ("ali", "sara")), at_once=True)
        kit.call("danger", near, lane=Lane.DANGER)
        assert kit.offer().counsellor == "sara"
        assert presence_of(kit, "ali").state() is CounsellorState.WRAP_UP

    def test_race_it_ends_by_itself_in_the_instant_of_danger(self) -> None:
        kit = kit_of("ali")
        wrap_up(kit, "ali")
        kit.pass_s(LIMITS.wrap_up_s)
        (offered,) = danger(kit)
        assert offered.offer.relief is None


UNWILLING = (OfferResult.REJECTED, OfferResult.DECLINED)
NOT_THERE = (OfferResult.BUSY, OfferResult.UNREACHABLE, OfferResult.FAILED)


class TestBackOff:
    @pytest.mark.parametrize("result", UNWILLING)
    def test_of_who_did_not_wish_to_answer_another_call_yields(self, result: OfferResult) -> None:
        kit = kit_of("ali")
        kit.call("ordinary", EVERYBODY)
        kit.fail(kit.offer(), result)
        (offered,) = danger(kit)
        assert (offered.offer.call, offered.offer.relief) == ("danger", Relief.BACK_OFF)

    def test_of_a_phone_that_rang_in_vain_yields(self) -> None:
        kit = kit_of("ali")
        kit.call("ordinary", EVERYBODY)
        kit.pass_s(LIMITS.ring_s)
        assert danger(kit)

    @pytest.mark.parametrize("result", NOT_THERE)
    def test_of_a_phone_that_cannot_be_rung_does_not(self, result: OfferResult) -> None:
        kit = kit_of("ali")
        kit.call("ordinary", EVERYBODY)
        kit.fail(kit.offer(), result)
        assert not danger(kit)

    def test_that_danger_brought_about_does_not_yield_to_danger(self) -> None:
        """Else two calls in danger would ring somebody in turns who rejects them."""
        kit = kit_of("ali")
        (offered,) = danger(kit)
        danger(kit, "another")
        kit.fail(offered.offer, OfferResult.REJECTED)
        assert not kit.all(do.OfferCall)
        kit.pass_s(LIMITS.rejected_s)
        assert kit.offer().call == "danger"

    def test_the_rules_may_say_otherwise(self) -> None:
        kit = kit_of("ali", limits=replace(LIMITS, danger_lifts_back_offs=False))
        kit.call("ordinary", EVERYBODY)
        kit.fail(kit.offer(), OfferResult.REJECTED)
        assert not danger(kit)

    def test_of_somebody_on_a_break_is_a_break(self) -> None:
        kit = kit_of("ali")
        kit.call("ordinary", EVERYBODY)
        kit.fail(kit.offer(), OfferResult.REJECTED)
        kit.post(ev.CounsellorPaused(counsellor=CounsellorId("ali"), reason="break"))
        assert not danger(kit)


def test_danger_goes_to_the_best_of_all_who_are_free_whatever_the_step() -> None:
    kit = kit_of("ali", "sara")
    near = plan_of((20, ("sara",)), (None, ("ali", "sara")), at_once=True)
    kit.call("danger", near, lane=Lane.DANGER)
    assert kit.offer().counsellor == "sara"
    kit.call("another", near, lane=Lane.DANGER)
    assert kit.offer().counsellor == "ali"


def test_race_two_in_danger_and_one_wrap_up() -> None:
    kit = kit_of("ali")
    wrap_up(kit, "ali")
    kit.pass_s(LEAST_S)
    danger(kit)
    assert not danger(kit, "another")
    kit.hang_up("danger")
    assert [effect.offer.call for effect in kit.all(do.OfferCall)] == ["another"]
    assert CallId("another") not in kit.floor.line
