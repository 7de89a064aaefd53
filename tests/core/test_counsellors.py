"""What the floor does for counsellors: pauses, wrap-ups, lost devices, and being spared."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.floor_view import AtWork, at_work_on
from ivr.limits import Hold, Limits
from ivr.model import (
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    DeskId,
    Device,
    DeviceId,
    DeviceState,
    EndedBy,
    Lane,
    Offer,
    OfferResult,
    Protection,
    ProvinceId,
)
from ivr.model.plan import RoutePlan
from ivr.notices import AlarmCode
from ivr.presence import Presence
from ivr.queues import Floor
from tests.core.floor_kit import LIMITS, MARKAZI, Kit, counsellor, plan_of

BOTH = plan_of((None, ("ali", "sara")))
ALI = plan_of((None, ("ali",)))
HEAVY = replace(BOTH, heavy=True)


def floor_of(limits: Limits = LIMITS, **by_province: Limits) -> Kit:
    provinces = {ProvinceId(name): its for name, its in by_province.items()}
    kit = Kit(floor=Floor(epoch=7, limits=limits, limits_by_province=provinces))
    people = (counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-saveh"))
    return kit.staff(*people, counsellor("mina", "markazi-arak"))


@pytest.fixture
def kit() -> Kit:
    return floor_of()


def of(kit: Kit, name: str = "ali") -> Presence:
    presence = kit.floor.staff.get(CounsellorId(name))
    assert presence is not None
    return presence


def state(kit: Kit, name: str = "ali") -> CounsellorState:
    return of(kit, name).state()


def talk_with(kit: Kit, call: str, plan: RoutePlan = BOTH) -> Offer:
    kit.call(call, plan)
    offer = kit.offer()
    kit.talk(offer)
    return offer


def end(kit: Kit, offer: Offer) -> None:
    """The talk ends, the phone is idle again."""
    kit.leg_ended(offer)
    kit.device(offer.counsellor, DeviceState.IDLE)


def rung(kit: Kit) -> list[str]:
    return [effect.offer.counsellor for effect in kit.all(do.OfferCall)]


ALI_ID = CounsellorId("ali")


class TestOnePerson:
    def test_at_several_desks_and_devices_counts_once(self) -> None:
        devices = (Device(id=DeviceId("ali-phone")), Device(id=DeviceId("ali-desk")))
        desks = (DeskId("markazi-saveh"), DeskId("markazi-arak"))
        kit = Kit().staff(replace(counsellor("ali", ""), desks=desks, devices=devices))
        kit.on_duty("ali")
        kit.post(ev.DeviceChanged(device=DeviceId("ali-desk"), state=DeviceState.IDLE))
        kit.call("c1", ALI)
        kit.call("c2", ALI)
        assert len(kit.floor.offers) == 1

    def test_whose_second_device_is_lost_in_a_talk_goes_on_talking(self) -> None:
        devices = (Device(id=DeviceId("ali-phone")), Device(id=DeviceId("ali-desk")))
        kit = Kit().staff(replace(counsellor("ali", "markazi-saveh"), devices=devices))
        kit.on_duty("ali")
        talk_with(kit, "c1", ALI)
        kit.post(ev.DeviceChanged(device=DeviceId("ali-desk"), state=DeviceState.UNREACHABLE))
        assert state(kit) is CounsellorState.TALKING


class TestPauseAfterThisCall:
    will_pause = ev.CounsellorWillPause(counsellor=ALI_ID, reason="lunch")

    def test_comes_when_call_and_wrap_up_are_over(self, kit: Kit) -> None:
        kit.on_duty("ali")
        offer = talk_with(kit, "c1")
        kit.post(self.will_pause)
        assert state(kit) is CounsellorState.TALKING
        end(kit, offer)
        assert state(kit) is CounsellorState.WRAP_UP
        kit.call("c2", BOTH)
        kit.pass_s(LIMITS.wrap_up_s)
        assert state(kit) is CounsellorState.PAUSED
        assert of(kit).pause_reason == "lunch"
        assert not kit.all(do.OfferCall)

    def test_comes_at_once_where_there_is_no_call(self, kit: Kit) -> None:
        kit.on_duty("ali").post(self.will_pause)
        assert state(kit) is CounsellorState.PAUSED

    def test_leaves_the_call_that_is_being_offered(self, kit: Kit) -> None:
        kit.on_duty("ali").call("c1", BOTH)
        offer = kit.offer()
        kit.post(self.will_pause)
        assert not kit.all(do.HangUpLeg)
        kit.fail(offer, OfferResult.REJECTED)
        assert state(kit) is CounsellorState.PAUSED

    def test_is_taken_back_by_going_on(self, kit: Kit) -> None:
        kit.on_duty("ali")
        offer = talk_with(kit, "c1")
        kit.post(self.will_pause)
        kit.post(ev.CounsellorResumed(counsellor=ALI_ID))
        end(kit, offer)
        kit.pass_s(LIMITS.wrap_up_s)
        assert state(kit) is CounsellorState.AVAILABLE


class TestBreaks:
    ask = ev.BreakAsked(counsellor=ALI_ID)

    def test_are_granted_where_enough_others_of_the_desk_are_there(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara").post(self.ask)
        assert state(kit) is CounsellorState.PAUSED
        assert of(kit).pause_reason == "break"

    def test_are_granted_after_the_present_call(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara")
        offer = talk_with(kit, "c1")
        kit.post(self.ask)
        end(kit, offer)
        assert state(kit) is CounsellorState.WRAP_UP
        kit.post(ev.WrapUpEnded(counsellor=ALI_ID))
        assert state(kit) is CounsellorState.PAUSED

    def test_stand_until_somebody_comes(self, kit: Kit) -> None:
        kit.on_duty("ali", "mina").post(self.ask)
        assert state(kit) is CounsellorState.AVAILABLE, "mina is of another desk"
        assert of(kit).load.protections(kit.now) == (Protection.ASKED_FOR_BREAK,)
        kit.on_duty("sara")
        assert state(kit) is CounsellorState.PAUSED
        assert of(kit).load.break_asked_at is None

    def test_two_ask_at_once_and_one_has_to_stay(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara")
        offer = talk_with(kit, "c1")
        kit.post(self.ask)
        kit.post(ev.BreakAsked(counsellor=CounsellorId("sara")))
        assert of(kit).will_pause == "break"
        assert state(kit, "sara") is CounsellorState.AVAILABLE
        end(kit, offer)
        kit.pass_s(LIMITS.wrap_up_s)
        assert state(kit, "sara") is CounsellorState.AVAILABLE
        kit.post(ev.CounsellorResumed(counsellor=ALI_ID))
        assert state(kit, "sara") is CounsellorState.PAUSED

    def test_who_waits_for_a_break_is_rung_last_and_rung_all_the_same(self, kit: Kit) -> None:
        kit.on_duty("ali", "mina").post(self.ask)
        plan = plan_of((None, ("ali", "mina")))
        kit.call("c1", plan)
        assert rung(kit) == ["mina"]
        sparing = kit.offer().sparing
        assert sparing is not None
        assert (sparing.counsellor, sparing.why) == ("ali", Protection.ASKED_FOR_BREAK)
        assert not sparing.gave_way
        kit.call("c2", plan)
        assert rung(kit) == ["ali"]
        sparing = kit.offer().sparing
        assert sparing is not None
        assert sparing.gave_way

    def test_go_by_the_number_of_the_desks_own_province(self) -> None:
        none_stays = replace(LIMITS, break_others_least=0)
        kit = floor_of(LIMITS, markazi=none_stays, ilam=LIMITS).on_duty("ali")
        kit.post(self.ask)
        assert state(kit) is CounsellorState.PAUSED


class TestWrapUp:
    def test_lasts_as_long_as_the_category_says(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1", replace(BOTH, wrap_up_s=120.0)))
        assert of(kit).wrap_up_until_at == kit.now + timedelta(seconds=120)

    def test_is_lengthened_up_to_a_bound(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1"))
        ends_at = of(kit).wrap_up_until_at
        assert ends_at is not None
        more = ev.WrapUpExtended(counsellor=ALI_ID, by_s=60)
        kit.post(more)
        assert of(kit).wrap_up_until_at == ends_at + timedelta(seconds=60)
        kit.pass_s(LIMITS.wrap_up_s + 59)
        assert state(kit) is CounsellorState.WRAP_UP
        for _ in range(20):
            kit.post(more)
        latest_at = ends_at + timedelta(seconds=LIMITS.wrap_up_more_most_s)
        assert of(kit).wrap_up_until_at == latest_at

    def test_that_is_over_is_not_lengthened(self, kit: Kit) -> None:
        kit.on_duty("ali").post(ev.WrapUpExtended(counsellor=ALI_ID, by_s=60))
        assert state(kit) is CounsellorState.AVAILABLE

    def test_is_ended_by_the_outcome(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1"))
        kit.call("c2", BOTH)
        kit.post(ev.OutcomeSaved(call=CallId("c1")))
        assert kit.offer().call == "c2"

    def test_is_not_ended_by_the_outcome_of_an_earlier_call(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1"))
        kit.pass_s(LIMITS.wrap_up_s)
        end(kit, talk_with(kit, "c2"))
        kit.post(ev.OutcomeSaved(call=CallId("c1")))
        assert state(kit) is CounsellorState.WRAP_UP

    def test_is_seen_as_the_work_at_its_call(self, kit: Kit) -> None:
        kit.on_duty("ali")
        offer = talk_with(kit, "c1")
        assert at_work_on(kit.floor) == AtWork(frozenset({"c1"}), frozenset())
        end(kit, offer)
        assert at_work_on(kit.floor) == AtWork(frozenset(), frozenset({"c1"}))
        kit.pass_s(LIMITS.wrap_up_s)
        assert at_work_on(kit.floor) == AtWork(frozenset(), frozenset())

    def test_follows_also_where_the_outcome_was_saved_in_the_talk(self, kit: Kit) -> None:
        kit.on_duty("ali")
        offer = talk_with(kit, "c1")
        kit.post(ev.OutcomeSaved(call=CallId("c1")))
        assert state(kit) is CounsellorState.TALKING
        end(kit, offer)
        assert state(kit) is CounsellorState.WRAP_UP


class TestDeviceLostInTalk:
    def lose(self, kit: Kit, offer: Offer) -> None:
        """Its contact is removed: Asterisk says so, then the leg is gone."""
        kit.device(offer.counsellor, DeviceState.UNREACHABLE)
        kit.leg_ended(offer, EndedBy.DEVICE_LOST)

    def test_the_caller_goes_back_to_the_same_counsellor(self, kit: Kit) -> None:
        kit.on_duty("ali")
        self.lose(kit, talk_with(kit, "c1"))
        kit.call("c2", BOTH)
        kit.pass_s(5)
        kit.device("ali", DeviceState.IDLE)
        offer = kit.offer()
        assert (offer.call, offer.counsellor) == ("c1", "ali")
        kit.talk(offer)
        assert kit.records["c1"].phase is CallPhase.TALKING

    def test_back_while_another_rings(self, kit: Kit) -> None:
        """Both phones ring: nobody's stops, and the first to accept has the caller."""
        kit.on_duty("ali", "sara")
        self.lose(kit, talk_with(kit, "c1"))
        sara = kit.offer()
        assert sara.counsellor == "sara", "nobody waits for a device"
        kit.device("ali", DeviceState.IDLE)
        ali = kit.offer()
        assert ali.counsellor == "ali"
        assert not kit.all(do.HangUpLeg)
        kit.accept(ali)
        stopped = kit.only(do.HangUpLeg)
        assert (stopped.offer, stopped.why) == (sara.id, OfferResult.ANSWERED_ELSEWHERE)

    def test_back_after_another_has_accepted(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara")
        self.lose(kit, talk_with(kit, "c1"))
        kit.accept(kit.offer())
        kit.device("ali", DeviceState.IDLE)
        assert not kit.all(do.OfferCall)
        assert state(kit) is CounsellorState.WRAP_UP

    def test_back_twice(self, kit: Kit) -> None:
        kit.on_duty("ali")
        self.lose(kit, talk_with(kit, "c1"))
        kit.device("ali", DeviceState.IDLE)
        first = kit.offer()
        kit.device("ali", DeviceState.UNREACHABLE)
        kit.device("ali", DeviceState.IDLE)
        assert not kit.all(do.OfferCall)
        assert list(kit.floor.offers) == [first.id]

    def test_back_too_late(self, kit: Kit) -> None:
        kit = floor_of(replace(LIMITS, device_back_s=20)).on_duty("ali")
        self.lose(kit, talk_with(kit, "c1"))
        kit.pass_s(20)
        kit.device("ali", DeviceState.IDLE)
        assert not kit.all(do.OfferCall), "the wrap-up goes on"
        kit.pass_s(LIMITS.wrap_up_s)
        assert rung(kit) == ["ali"]

    def test_back_after_the_caller_has_hung_up(self, kit: Kit) -> None:
        kit.on_duty("ali")
        self.lose(kit, talk_with(kit, "c1"))
        kit.hang_up("c1")
        kit.device("ali", DeviceState.IDLE)
        assert not kit.all(do.OfferCall)
        assert state(kit) is CounsellorState.WRAP_UP
        kit.pass_s(LIMITS.wrap_up_s)
        assert state(kit) is CounsellorState.AVAILABLE

    def test_back_while_danger_waits(self, kit: Kit) -> None:
        kit.on_duty("ali")
        self.lose(kit, talk_with(kit, "c1"))
        kit.call("danger", BOTH, lane=Lane.DANGER)
        kit.pass_s(LIMITS.wrap_up_least_s)
        kit.device("ali", DeviceState.IDLE)
        assert kit.offer().call == "danger"

    def test_back_on_a_break(self, kit: Kit) -> None:
        kit.on_duty("ali")
        self.lose(kit, talk_with(kit, "c1"))
        kit.post(ev.CounsellorPaused(counsellor=ALI_ID, reason="repair"))
        kit.device("ali", DeviceState.IDLE)
        assert not kit.all(do.OfferCall)

    def test_back_and_then_not_answering_is_one_of_all(self, kit: Kit) -> None:
        kit.on_duty("ali")
        self.lose(kit, talk_with(kit, "c1"))
        kit.device("ali", DeviceState.IDLE)
        kit.fail(kit.offer(), OfferResult.RONA)
        kit.on_duty("sara")
        assert rung(kit) == ["sara"]

    def test_that_only_fell_silent_is_rung_when_asterisk_has_looked(self, kit: Kit) -> None:
        kit.on_duty("ali")
        kit.leg_ended(talk_with(kit, "c1"), EndedBy.DEVICE_LOST)
        kit.device("ali", DeviceState.IDLE)
        assert of(kit).hold is Hold.DEVICE_LOST
        assert not kit.all(do.OfferCall)
        kit.pass_s(LIMITS.device_lost_s)
        assert rung(kit) == ["ali"]


class TestLoad:
    def test_the_next_heavy_call_goes_to_somebody_else(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1", HEAVY))
        kit.pass_s(LIMITS.wrap_up_s)
        kit.pass_s(60)
        kit.on_duty("sara")
        kit.call("c2", HEAVY)
        assert rung(kit) == ["sara"], "ali has been idle for longer"
        sparing = kit.offer().sparing
        assert sparing is not None
        assert (sparing.counsellor, sparing.why) == ("ali", Protection.HEAVY_CALL)
        kit.fail(kit.offer(), OfferResult.REJECTED)
        assert [entry.sparing for entry in kit.records["c2"].offers] == [sparing]

    def test_who_had_a_heavy_call_takes_others(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1", HEAVY))
        kit.pass_s(LIMITS.wrap_up_s)
        kit.pass_s(60)
        kit.on_duty("sara")
        kit.call("c2", BOTH)
        assert rung(kit) == ["ali"]
        assert kit.offer().sparing is None

    def test_a_heavy_call_never_waits_for_somebody_else(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1", HEAVY))
        kit.pass_s(LIMITS.wrap_up_s)
        kit.call("c2", HEAVY)
        sparing = kit.offer().sparing
        assert sparing is not None
        assert sparing.gave_way

    def test_after_the_gap_nobody_is_spared(self, kit: Kit) -> None:
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1", HEAVY))
        kit.on_duty("sara")
        kit.pass_s(LIMITS.heavy_gap_s)
        kit.on_duty("sara")
        kit.device("ali", DeviceState.UNREACHABLE)
        kit.device("sara", DeviceState.UNREACHABLE)
        kit.on_duty("ali", "sara")
        kit.call("c2", HEAVY)
        assert rung(kit) == ["ali"]

    def test_a_caller_s_need_of_skill_goes_before_a_counsellor_s_of_rest(self, kit: Kit) -> None:
        skilled = replace(HEAVY, skilled=(ALI_ID,))
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1", HEAVY))
        kit.pass_s(LIMITS.wrap_up_s)
        kit.on_duty("sara")
        kit.call("c2", skilled)
        assert rung(kit) == ["ali"]

    def stretch(self, kit: Kit) -> None:
        """Ali talks again and again, for as long as is allowed."""
        kit.on_duty("ali")
        worked_s = 0.0
        while worked_s < kit.floor.limits.stretch_most_s:
            offer = talk_with(kit, f"c{worked_s}", ALI)
            kit.pass_s(600)
            end(kit, offer)
            kit.pass_s(LIMITS.wrap_up_s)
            worked_s += 600 + LIMITS.wrap_up_s

    def test_who_has_worked_too_long_without_a_rest_is_rung_last(self, kit: Kit) -> None:
        self.stretch(kit)
        assert [(one.code, one.subject) for one in kit.floor.alarms] == [
            (AlarmCode.NEEDS_BREAK, "ali")
        ]
        kit.on_duty("sara")
        kit.call("next", BOTH)
        assert rung(kit) == ["sara"]
        kit.call("another", BOTH)
        assert rung(kit) == ["ali"], "nobody waits for somebody's rest"

    def test_a_rest_ends_the_stretch_and_the_alarm(self, kit: Kit) -> None:
        self.stretch(kit)
        kit.pass_s(LIMITS.rest_s)
        assert kit.only(do.LiftAlarm).code == AlarmCode.NEEDS_BREAK
        kit.on_duty("sara")
        kit.call("next", BOTH)
        assert rung(kit) == ["ali"]

    def test_a_pause_counts_as_rest(self, kit: Kit) -> None:
        self.stretch(kit)
        kit.post(ev.CounsellorPaused(counsellor=ALI_ID, reason="break"))
        kit.pass_s(LIMITS.rest_s)
        kit.post(ev.CounsellorResumed(counsellor=ALI_ID))
        assert of(kit).load.protections(kit.now) == ()

    def test_the_limits_are_those_of_the_call(self) -> None:
        kit = floor_of(LIMITS, markazi=replace(LIMITS, heavy_gap_s=0))
        assert kit.province == MARKAZI
        kit.on_duty("ali")
        end(kit, talk_with(kit, "c1", HEAVY))
        assert of(kit).load.heavy_until_at is None
