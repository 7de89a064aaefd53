"""Signing in and out on the floor: who is out is rung by nobody, and no talk ends for it."""

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.floor_view import view_of
from ivr.model import CallId, CallPhase, CounsellorId, CounsellorState, DeviceState, OfferResult
from tests.core.floor_kit import Kit, counsellor, plan_of

ALI = CounsellorId("ali")
BOTH = (counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-saveh"))
EVERYBODY = plan_of((None, ("ali", "sara")))


@pytest.fixture
def kit() -> Kit:
    return Kit().staff(*BOTH).on_duty("ali")


def sign_out(kit: Kit) -> list[do.Effect]:
    return kit.post(ev.CounsellorSignedOut(counsellor=ALI))


def sign_in(kit: Kit) -> list[do.Effect]:
    return kit.post(ev.CounsellorSignedIn(counsellor=ALI))


def state(kit: Kit) -> CounsellorState:
    presence = kit.floor.staff.get(ALI)
    assert presence is not None
    return presence.state()


def test_who_never_signed_out_is_in(kit: Kit) -> None:
    assert state(kit) is CounsellorState.AVAILABLE
    assert [row.signed_in for row in view_of(kit.floor, kit.now).counsellors] == [True, True]


def test_who_is_signed_out_is_not_rung_until_signing_in(kit: Kit) -> None:
    sign_out(kit)
    assert state(kit) is CounsellorState.OFF_DUTY
    kit.call("c1", EVERYBODY)
    assert not kit.all(do.OfferCall)
    sign_in(kit)
    assert kit.offer().counsellor == "ali"


def test_a_step_with_nobody_but_who_is_signed_out_lasts_no_time(kit: Kit) -> None:
    sign_out(kit)
    kit.on_duty("sara").call("c1", plan_of((20, ("ali",)), (None, ("sara",))))
    assert kit.offer().counsellor == "sara"


def test_signing_out_takes_a_ringing_offer_back(kit: Kit) -> None:
    kit.on_duty("sara").call("c1", EVERYBODY)
    offer = kit.offer()
    assert offer.counsellor == "ali"
    sign_out(kit)
    assert kit.only(do.HangUpLeg).why is OfferResult.WITHDRAWN
    assert kit.offer().counsellor == "sara"
    assert kit.records["c1"].offers[0].result is OfferResult.WITHDRAWN


def test_signing_out_in_a_talk_counts_after_it(kit: Kit) -> None:
    kit.call("c1", EVERYBODY)
    offer = kit.offer()
    kit.talk(offer)
    sign_out(kit)
    assert not kit.all(do.HangUpLeg)
    assert state(kit) is CounsellorState.TALKING
    kit.call("c2", EVERYBODY)
    kit.leg_ended(offer)
    kit.device("ali", DeviceState.IDLE)
    assert state(kit) is CounsellorState.OFF_DUTY
    kit.pass_s(60)
    assert kit.floor.calls[CallId("c2")].phase is CallPhase.WAITING


def test_signing_in_begins_without_the_break_of_before(kit: Kit) -> None:
    kit.post(ev.CounsellorPaused(counsellor=ALI, reason="break"))
    sign_out(kit)
    sign_in(kit)
    assert state(kit) is CounsellorState.AVAILABLE


def test_a_new_staff_list_signs_nobody_in(kit: Kit) -> None:
    sign_out(kit)
    kit.post(ev.StaffChanged(counsellors=BOTH))
    assert state(kit) is CounsellorState.OFF_DUTY
    kit.device("ali", DeviceState.UNREACHABLE)
    kit.device("ali", DeviceState.IDLE)
    assert state(kit) is CounsellorState.OFF_DUTY


def test_nobody_known_may_sign_in_or_out(kit: Kit) -> None:
    for kind in (ev.CounsellorSignedIn, ev.CounsellorSignedOut):
        kit.post(kind(counsellor=CounsellorId("nobody")))
    assert state(kit) is CounsellorState.AVAILABLE
