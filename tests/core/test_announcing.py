"""What the floor has said to waiting callers: when, what, and when it says nothing."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from ivr import announcing
from ivr import effects as do
from ivr import events as ev
from ivr.announcing import AT_ONCE, PAUSE_S, SILENCE_EVERY
from ivr.expected_wait import Forecast, Withheld
from ivr.limits import Limits
from ivr.model import (
    CallId,
    CounsellorId,
    DeviceState,
    Lane,
    OfferResult,
    WaitNote,
    WaitWords,
)
from ivr.queues import Floor
from tests.core.floor_kit import LIMITS, Kit, counsellor, plan_of

FIRST_S, EVERY_S = LIMITS.announce_first_s, LIMITS.announce_every_s
ALI = plan_of((None, ("ali",)))
OWN_THEN_ALL = plan_of((60, ("ali",)), (None, ("ali", "sara")))


def kit_with(*names: str, limits: Limits = LIMITS) -> Kit:
    kit = Kit(floor=Floor(epoch=7, limits=limits))
    return kit.staff(*(counsellor(name, "markazi-saveh") for name in names)).on_duty(*names)


def ali_talks(*, limits: Limits = LIMITS, talks_before: int = 0, talk_s: float = 90) -> Kit:
    """Ali has had some talks of the same length, and is in a new one."""
    kit = kit_with("ali", limits=limits)
    for number in range(talks_before):
        have_a_talk(kit, f"before{number}", talk_s)
        kit.post(ev.WrapUpEnded(counsellor=CounsellorId("ali")))
    kit.call("talking", ALI)
    kit.talk(kit.offer())
    return kit


def have_a_talk(kit: Kit, call: str, talk_s: float) -> None:
    kit.call(call, ALI)
    offer = kit.offer()
    kit.talk(offer)
    kit.pass_s(talk_s)
    kit.leg_ended(offer)
    kit.hang_up(call)
    kit.device("ali", DeviceState.IDLE)


def said_to(kit: Kit, call: str) -> WaitNote:
    (note,) = (effect.note for effect in kit.all(do.Announce) if effect.call == call)
    return note


def nothing_said(kit: Kit) -> bool:
    return not kit.all(do.Announce)


def hears_next(kit: Kit, call: str) -> WaitNote:
    """Let time pass until the caller is told something."""
    for _ in range(20):
        deadline_at = kit.floor.next_deadline()
        assert deadline_at is not None
        kit.now = max(deadline_at, kit.now)
        kit.post(ev.TimePassed())
        if any(effect.call == call for effect in kit.all(do.Announce)):
            return said_to(kit, call)
    raise AssertionError(f"{call} is told nothing")


class TestWhen:
    def test_soon_after_joining_and_then_at_the_interval(self) -> None:
        kit = ali_talks()
        kit.call("c1", ALI)
        kit.pass_s(FIRST_S - 0.1)
        assert nothing_said(kit)
        kit.pass_s(0.1)
        assert said_to(kit, "c1").words is WaitWords.ALL_BUSY
        kit.pass_s(EVERY_S - 0.1)
        assert nothing_said(kit)
        kit.pass_s(0.1)
        assert said_to(kit, "c1") == WaitNote(words=WaitWords.STILL_WAITING)

    def test_the_intervals_of_the_province(self) -> None:
        kit = ali_talks(limits=replace(LIMITS, announce_first_s=5, announce_every_s=60))
        kit.call("c1", ALI)
        kit.pass_s(5)
        assert said_to(kit, "c1")
        kit.pass_s(59)
        assert nothing_said(kit)
        kit.pass_s(1)
        assert said_to(kit, "c1")

    def test_nothing_while_a_counsellor_is_rung_and_again_when_that_came_to_nothing(self) -> None:
        kit = ali_talks()
        kit.call("c1", plan_of((None, ("ali", "sara"))))
        sara = counsellor("sara", "markazi-saveh")
        kit.post(ev.StaffChanged(counsellors=(counsellor("ali", "markazi-saveh"), sara)))
        kit.device("sara", DeviceState.IDLE)
        offer = kit.offer()
        kit.pass_s(FIRST_S)
        assert nothing_said(kit)
        kit.fail(offer, OfferResult.BUSY)
        assert hears_next(kit, "c1")

    def test_a_free_counsellor_cuts_what_is_being_said(self) -> None:
        kit = ali_talks()
        kit.call("c1", ALI)
        kit.pass_s(FIRST_S)
        kit.hang_up("talking")
        kit.device("ali", DeviceState.IDLE)
        kit.post(ev.WrapUpEnded(counsellor=CounsellorId("ali")))
        assert kit.offer().call == "c1"
        kinds = [type(effect) for effect in kit.effects]
        assert kinds.index(do.Hush) < kinds.index(do.OfferCall)

    def test_the_sentence_of_joining_is_not_cut(self) -> None:
        kit = kit_with("ali")
        kit.call("c1", ALI)
        assert kit.offer().call == "c1"
        assert not kit.all(do.Hush)

    def test_nothing_while_nobody_can_be_rung(self) -> None:
        kit = ali_talks()
        kit.call("c1", ALI)
        kit.post(ev.ExchangeLost())
        kit.pass_s(FIRST_S)
        assert nothing_said(kit)

    def test_who_has_left_is_told_nothing(self) -> None:
        kit = ali_talks()
        kit.call("c1", ALI)
        kit.hang_up("c1")
        kit.pass_s(FIRST_S)
        assert nothing_said(kit)

    def test_many_at_one_moment_are_told_a_few_at_a_time(self) -> None:
        kit = ali_talks()
        callers = [f"c{number}" for number in range(2 * AT_ONCE + 1)]
        for call in callers:
            kit.call(call, ALI)
        kit.now += timedelta(seconds=FIRST_S)
        told = []
        for _ in range(3):
            kit.post(ev.TimePassed())
            told.append([effect.call for effect in kit.all(do.Announce)])
            kit.now += timedelta(seconds=PAUSE_S)
        assert [len(calls) for calls in told] == [AT_ONCE, AT_ONCE, 1]
        assert sorted(call for calls in told for call in calls) == sorted(callers)

    def test_a_clock_that_steps_forward_says_each_thing_once(self) -> None:
        kit = ali_talks()
        kit.call("c1", ALI)
        kit.pass_s(3600)
        assert len(kit.all(do.Announce)) == 1


class TestPlace:
    def test_counts_those_who_need_the_same_counsellors(self) -> None:
        kit = ali_talks()
        kit.call("elsewhere", plan_of((None, ("reza",))))
        kit.call("c1", ALI)
        kit.call("c2", ALI)
        kit.pass_s(FIRST_S)
        assert said_to(kit, "c1").place == 1
        assert said_to(kit, "c2").place == 2

    def test_who_is_being_rung_for_counts_for_that_may_come_to_nothing(self) -> None:
        kit = kit_with("ali")
        kit.call("c1", ALI)
        kit.call("c2", ALI)
        kit.pass_s(FIRST_S)
        assert said_to(kit, "c2").place == 2

    def test_is_said_again_only_when_it_is_better(self) -> None:
        kit = ali_talks()
        for call in ("c1", "c2", "c3"):
            kit.call(call, ALI)
        assert hears_next(kit, "c3").place == 3
        kit.call("danger", ALI, lane=Lane.DANGER)
        assert hears_next(kit, "c3").place is None
        kit.hang_up("danger")
        assert hears_next(kit, "c3").place is None
        kit.hang_up("c1")
        assert hears_next(kit, "c3").place == 2

    def test_is_not_said_where_the_province_does_not_want_it(self) -> None:
        kit = ali_talks(limits=replace(LIMITS, announce_position=False))
        kit.call("c1", ALI)
        kit.pass_s(FIRST_S)
        assert said_to(kit, "c1") == WaitNote(words=WaitWords.ALL_BUSY)

    def test_is_not_said_while_callers_will_come_back_to_their_places(self) -> None:
        kit = ali_talks()
        kit.call("first", ALI)
        kit.post(ev.CallDetached(call=CallId("first")))
        kit.call("c1", ALI)
        kit.pass_s(FIRST_S)
        assert said_to(kit, "c1").place is None
        assert outlook(kit, "c1").forecast is Withheld.LINE_NOT_WHOLE

    def test_who_comes_back_with_an_old_place_hears_no_numbers(self) -> None:
        kit = ali_talks(talks_before=6)
        kit.arrive("c1")
        kit.join("c1", ALI, joined_at=kit.now - timedelta(minutes=3))
        kit.pass_s(FIRST_S)
        note = said_to(kit, "c1")
        assert (note.place, note.minutes) == (None, None)
        assert outlook(kit, "c1").forecast is Withheld.CAME_BACK


def outlook(kit: Kit, call: str) -> announcing.Outlook:
    return announcing.outlook(kit.floor, kit.floor.calls[CallId(call)])


class TestWait:
    def test_from_the_talk_under_way_and_the_recent_ones(self) -> None:
        kit = ali_talks(talks_before=6, talk_s=90)
        kit.call("c1", ALI)
        kit.call("c2", ALI)
        kit.pass_s(FIRST_S)
        assert outlook(kit, "c1").forecast == Forecast(likely_s=80, safe_s=80)
        assert said_to(kit, "c1").minutes == 2
        assert outlook(kit, "c2").forecast == Forecast(likely_s=170, safe_s=170)
        assert said_to(kit, "c2").minutes == 3

    def test_counts_down_with_the_time_that_passes(self) -> None:
        kit = ali_talks(talks_before=6, talk_s=90)
        kit.call("c1", ALI)
        assert hears_next(kit, "c1").minutes == 2
        assert hears_next(kit, "c1").minutes == 0

    def test_where_it_takes_longer_that_is_said_once_and_no_new_number(self) -> None:
        kit = ali_talks(talks_before=6, talk_s=50)
        kit.call("c1", ALI)
        assert hears_next(kit, "c1").minutes == 0  # 40 s are left of the talk
        heard = [hears_next(kit, "c1") for _ in range(4)]  # it goes on
        assert [note.minutes for note in heard] == [None] * 4
        assert [note.words for note in heard].count(WaitWords.TAKING_LONGER) == 1

    def test_a_danger_call_ahead_makes_no_number_rise(self) -> None:
        kit = ali_talks(talks_before=6, talk_s=90)
        kit.call("c1", ALI)
        assert hears_next(kit, "c1").minutes == 2
        kit.call("danger", ALI, lane=Lane.DANGER)
        note = hears_next(kit, "c1")
        assert (note.words, note.minutes) == (WaitWords.TAKING_LONGER, None)

    def test_is_not_said_where_the_province_does_not_want_it(self) -> None:
        kit = ali_talks(limits=replace(LIMITS, announce_wait=False), talks_before=6)
        kit.call("c1", ALI)
        assert hears_next(kit, "c1").minutes is None

    @pytest.mark.parametrize(("talks", "said"), [(0, False), (4, False), (6, True)])
    def test_is_withheld_after_too_few_talks(self, talks: int, *, said: bool) -> None:
        kit = ali_talks(talks_before=talks)
        kit.call("c1", ALI)
        assert (hears_next(kit, "c1").minutes is not None) is said

    def test_is_withheld_when_nobody_is_on_duty(self) -> None:
        kit = ali_talks(talks_before=6)
        kit.call("c1", ALI)
        kit.post(ev.CounsellorPaused(counsellor=CounsellorId("ali"), reason="break"))
        note = hears_next(kit, "c1")
        assert outlook(kit, "c1").forecast is Withheld.NOBODY_ON_DUTY
        assert (note.words, note.minutes) == (None, None)  # the place alone

    def test_is_withheld_beyond_ten_minutes(self) -> None:
        kit = ali_talks(talks_before=6, talk_s=400)
        kit.call("c1", ALI)
        kit.call("c2", ALI)
        assert hears_next(kit, "c2").minutes is None
        assert outlook(kit, "c2").forecast is Withheld.TOO_LONG

    def test_a_later_step_counts_from_its_opening(self) -> None:
        kit = ali_talks(talks_before=6, talk_s=400)
        ali, sara = (counsellor(name, "markazi-saveh") for name in ("ali", "sara"))
        kit.post(ev.StaffChanged(counsellors=(ali, sara)))
        kit.device("sara", DeviceState.IDLE)
        kit.call("c1", OWN_THEN_ALL)
        assert outlook(kit, "c1").forecast == Forecast(likely_s=60, safe_s=60)

    def test_who_talks_on_another_line_is_not_counted_on(self) -> None:
        kit = ali_talks(talks_before=6)
        kit.hang_up("talking")
        kit.device("ali", DeviceState.IN_USE)
        kit.post(ev.WrapUpEnded(counsellor=CounsellorId("ali")))
        kit.call("c1", ALI)
        assert outlook(kit, "c1").forecast is Withheld.NOBODY_ON_DUTY


class TestWords:
    def test_that_all_are_busy_only_where_it_is_true(self) -> None:
        """Sara is free and may answer in a minute, by the next step of the plan."""
        kit = ali_talks()
        ali, sara = (counsellor(name, "markazi-saveh") for name in ("ali", "sara"))
        kit.post(ev.StaffChanged(counsellors=(ali, sara)))
        kit.device("sara", DeviceState.IDLE)
        kit.call("c1", OWN_THEN_ALL)
        assert hears_next(kit, "c1").words is None

    def test_danger_hears_calm_words_alone(self) -> None:
        kit = ali_talks(talks_before=6)
        kit.call("c1", ALI, lane=Lane.DANGER)
        kit.pass_s(FIRST_S)
        assert nothing_said(kit)
        for _ in range(3):
            assert hears_next(kit, "c1") == WaitNote(words=WaitWords.DANGER)
        assert outlook(kit, "c1").forecast is Withheld.URGENT

    def test_silence_hears_hardly_anything(self) -> None:
        kit = ali_talks(talks_before=6)
        kit.call("c1", ALI, lane=Lane.SILENCE)
        kit.pass_s(SILENCE_EVERY * EVERY_S - 1)
        assert nothing_said(kit)
        assert hears_next(kit, "c1") == WaitNote(words=WaitWords.SILENCE)


def test_a_talk_that_broke_off_begins_a_new_wait() -> None:
    kit = ali_talks(talks_before=6)
    kit.call("c1", ALI)
    assert hears_next(kit, "c1").minutes is not None
    kit.arrive("c1")
    kit.join("c1", ALI)
    assert outlook(kit, "c1").said_until_at is None


def test_the_same_journal_says_the_same() -> None:
    kit = JournalKit()
    kit.staff(counsellor("ali", "markazi-saveh")).on_duty("ali")
    for number in range(6):
        have_a_talk(kit, f"before{number}", 50 + 10 * number)
        kit.post(ev.WrapUpEnded(counsellor=CounsellorId("ali")))
    for call in ("c1", "c2", "c3"):
        kit.call(call, ALI)
        kit.pass_s(7)
    for _ in range(20):
        kit.pass_s(9)
    assert sum(map(len, kit.said)) > 5
    again = Floor(epoch=7, limits=LIMITS)
    assert [announced(again.decide(event, at)) for event, at in kit.journal] == kit.said


@dataclass
class JournalKit(Kit):
    """Keeps what came in, and what was to be said then."""

    journal: list[tuple[ev.Event, datetime]] = field(default_factory=list)
    said: list[list[do.Announce]] = field(default_factory=list)

    def post(self, event: ev.Event) -> list[do.Effect]:
        effects = super().post(event)
        self.journal.append((event, self.now))
        self.said.append(announced(effects))
        return effects


def announced(effects: list[do.Effect]) -> list[do.Announce]:
    return [effect for effect in effects if isinstance(effect, do.Announce)]
