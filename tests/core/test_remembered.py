"""What work had asked of counsellors before the controller ended still counts when it is back."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ivr import events as ev
from ivr.limits import Limits
from ivr.model import (
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    DeviceState,
    Lane,
    OfferId,
    Protection,
    ProvinceId,
)
from ivr.model.exchange import ExchangeSnapshot
from ivr.model.record import EndedTalk
from ivr.notices import AlarmCode
from ivr.presence import Presence
from ivr.queues import Floor
from tests.core.floor_kit import LIMITS, START, Kit, counsellor, plan_of
from tests.core.test_reconcile import CALL, IN_ROOM, LIVE, TALKING

ALI = CounsellorId("ali")
BOTH = plan_of((None, ("ali", "sara")))
PEOPLE = (counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-saveh"))
OFFER = OfferId("6-1")


def talk(ended_s: float, *, began_s: float = -600.0, who: str = "ali", **more: object) -> EndedTalk:
    """Instants in seconds after the start of this controller."""
    known = EndedTalk(
        call=CallId(f"{who}{ended_s}"),
        province=ProvinceId("markazi"),
        counsellor=CounsellorId(who),
        began_at=at(began_s),
        ended_at=at(ended_s),
    )
    return replace(known, **more)  # type: ignore[arg-type]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def started(*talks: EndedTalk, limits: Limits = LIMITS) -> Kit:
    """A controller that has just begun, in the order in which `app` posts; nobody is there yet."""
    kit = Kit(floor=Floor(epoch=7, limits=limits))
    kit.post(ev.StaffChanged(counsellors=PEOPLE))
    kit.post(ev.TalksRemembered(talks=talks))
    kit.post(ev.CallsRestored(records=()))
    kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
    return kit


def of(kit: Kit, name: str = "ali") -> Presence:
    presence = kit.floor.staff.get(CounsellorId(name))
    assert presence is not None
    return presence


def test_the_next_heavy_call_still_goes_to_somebody_else() -> None:
    kit = started(talk(-300.0, heavy=True)).on_duty("ali", "sara")
    assert of(kit).load.heavy_until_at == at(-300.0 + LIMITS.heavy_gap_s)
    kit.call("c1", replace(BOTH, heavy=True))
    assert kit.offer().counsellor == "sara"
    sparing = kit.offer().sparing
    assert sparing is not None
    assert (sparing.counsellor, sparing.why) == ("ali", Protection.HEAVY_CALL)


def test_the_newest_heavy_call_counts_and_what_came_after_it_changes_nothing() -> None:
    kit = started(
        talk(-900.0, began_s=-1000.0, heavy=True),
        talk(-400.0, began_s=-500.0, heavy=True),
        talk(-100.0, began_s=-200.0),
    )
    assert of(kit).load.heavy_until_at == at(-400.0 + LIMITS.heavy_gap_s)


def test_a_gap_that_is_over_spares_nobody() -> None:
    kit = started(talk(-LIMITS.heavy_gap_s, began_s=-2000.0, heavy=True)).on_duty("ali", "sara")
    assert of(kit).load.protections(kit.now) == ()


def test_nobody_is_rung_into_their_wrap_up() -> None:
    kit = started(talk(-20.0, wrap_up_s=60.0)).on_duty("ali")
    assert of(kit).state() is CounsellorState.WRAP_UP
    assert of(kit).wrap_up_until_at == at(40.0)
    kit.call("c1", BOTH)
    assert not kit.floor.offers
    kit.now = at(40.0)
    kit.post(ev.TimePassed())
    assert kit.offer().counsellor == "ali"


def test_the_province_s_wrap_up_counts_where_the_category_has_none() -> None:
    kit = started(talk(-10.0), talk(-LIMITS.wrap_up_s, who="sara")).on_duty("ali", "sara")
    assert of(kit).wrap_up_until_at == at(LIMITS.wrap_up_s - 10.0)
    assert of(kit, "sara").state() is CounsellorState.AVAILABLE


def test_a_later_talk_has_ended_the_wrap_up_of_the_one_before() -> None:
    kit = started(
        talk(-50.0, began_s=-60.0, wrap_up_s=600.0), talk(-40.0, began_s=-45.0, wrap_up_s=0.0)
    )
    assert of(kit.on_duty("ali")).state() is CounsellorState.AVAILABLE


def test_an_outcome_ends_it_and_danger_may() -> None:
    kit = started(talk(-20.0, wrap_up_s=60.0), talk(-20.0, who="sara", wrap_up_s=60.0))
    kit.on_duty("ali", "sara")
    kit.post(ev.OutcomeSaved(call=talk(-20.0).call))
    assert of(kit).state() is CounsellorState.AVAILABLE
    kit.device("ali", DeviceState.UNREACHABLE)
    kit.call("c1", replace(BOTH, all_at_once=True), lane=Lane.DANGER)
    assert kit.offer().counsellor == "sara"


def test_after_danger_not_even_danger_ends_it() -> None:
    kit = started(talk(-20.0, wrap_up_s=60.0, danger=True)).on_duty("ali")
    kit.call("c1", replace(BOTH, all_at_once=True), lane=Lane.DANGER)
    assert not kit.floor.offers


def test_a_pause_that_was_wished_waits_for_the_wrap_up_that_still_runs() -> None:
    kit = started(talk(-20.0, wrap_up_s=60.0)).on_duty("ali")
    kit.post(ev.CounsellorWillPause(counsellor=ALI, reason="meal"))
    assert of(kit).state() is CounsellorState.WRAP_UP
    kit.now = at(40.0)
    kit.post(ev.TimePassed())
    assert of(kit).state() is CounsellorState.PAUSED


def test_who_works_without_a_rest_has_not_rested_because_we_began_anew() -> None:
    limits = replace(LIMITS, stretch_most_s=1200.0, rest_s=300.0)
    kit = started(
        talk(-700.0, began_s=-1100.0), talk(-10.0, began_s=-690.0), limits=limits
    ).on_duty("ali")
    assert of(kit).load.tired_at == at(-1100.0 + 1200.0)
    assert list(kit.floor.alarms) == []
    kit.now = at(100.0)
    kit.post(ev.TimePassed())
    assert of(kit).load.protections(kit.now) == (Protection.NEEDS_BREAK,)
    assert [alarm.code for alarm in kit.floor.alarms] == [AlarmCode.NEEDS_BREAK]


def test_a_rest_between_two_talks_ended_the_stretch() -> None:
    limits = replace(LIMITS, stretch_most_s=1200.0, rest_s=300.0)
    kit = started(talk(-700.0, began_s=-1100.0), talk(-10.0, began_s=-300.0), limits=limits)
    assert of(kit).load.tired_at == at(-300.0 + 1200.0)


def test_a_clock_that_was_ahead_keeps_nobody_for_longer() -> None:
    kit = started(talk(3600.0, began_s=3000.0, heavy=True)).on_duty("ali")
    assert of(kit).wrap_up_until_at == at(LIMITS.wrap_up_s)
    assert of(kit).load.heavy_until_at == at(LIMITS.heavy_gap_s)


def test_who_has_left_the_staff_is_nobody_to_spare() -> None:
    kit = started(talk(-20.0, who="mina", heavy=True)).on_duty("ali")
    assert of(kit).state() is CounsellorState.AVAILABLE


class TestTheTalkUnderWay:
    @pytest.fixture
    def kit(self) -> Kit:
        kit = Kit().staff(*PEOPLE)
        kit.now = at(300.0)
        kit.post(ev.CallsRestored(records=(TALKING,)))
        return kit

    def test_it_is_as_long_as_it_is(self, kit: Kit) -> None:
        adopt(kit)
        assert of(kit).state_since_at == TALKING.connected_at == at(20.0)
        assert of(kit).load.tired_at == at(20.0 + LIMITS.stretch_most_s)

    def test_after_one_that_broke_off_it_is_no_longer_than_since_then(self, kit: Kit) -> None:
        kit.post(ev.CallsRestored(records=(replace(TALKING, talk_ended_at=at(90.0)),)))
        adopt(kit)
        assert of(kit).state_since_at == at(90.0)

    def test_one_that_nobody_wrote_down_begins_now(self, kit: Kit) -> None:
        kit.post(ev.CallsRestored(records=()))
        adopt(kit)
        assert of(kit).state_since_at == kit.now

    @pytest.mark.parametrize("asked_back", [False, True])
    def test_what_ended_without_us_is_wrapped_up(self, kit: Kit, *, asked_back: bool) -> None:
        joined_at = at(290.0) if asked_back else START
        live = replace(LIVE, joined_at=joined_at)
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(live,))))
        self.is_wrapped_up(kit)

    def test_also_where_the_caller_is_back_before_asterisk_is_seen(self, kit: Kit) -> None:
        kit.arrive(CALL)
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
        self.is_wrapped_up(kit)

    def is_wrapped_up(self, kit: Kit) -> None:
        kit.on_duty("ali")
        assert of(kit).state() is CounsellorState.WRAP_UP
        assert of(kit).wrap_up_until_at == at(300.0 + LIMITS.wrap_up_s)

    def test_whoever_talks_in_it_wraps_nothing_up(self, kit: Kit) -> None:
        adopt(kit)
        assert of(kit).wrap_up_until_at is None


def adopt(kit: Kit) -> None:
    kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(IN_ROOM,), legs=frozenset({OFFER}))))
    assert of(kit).state() is CounsellorState.TALKING
    assert kit.records[CALL].phase is CallPhase.TALKING
