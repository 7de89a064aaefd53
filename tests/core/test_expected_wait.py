"""The expected wait from facts that can be reckoned by hand."""

from datetime import timedelta

import pytest

from ivr.expected_wait import (
    MOST_AHEAD,
    Busy,
    Forecast,
    Lengths,
    Recent,
    Withheld,
    expected_wait,
    minutes_for,
)
from ivr.limits import Hold
from ivr.model import CounsellorState, DeskId, DeviceId, DeviceState, OfferId, ProvinceId
from ivr.presence import Presence
from ivr.recent_times import HALF_LIFE_S, KEPT, URGENT_HALF_LIFE_S, RecentTimes
from tests.core.floor_kit import MARKAZI, START, counsellor

TALKING = CounsellorState.TALKING


def always(length_s: float) -> Lengths:
    return Lengths((length_s, 1.0) for _ in range(10))


NONE = Lengths()
# Every talk takes 100 s, every answer 10 s, every wrap-up 20 s.
STEADY = Recent(talks=always(100), wrap_ups=always(20), answers=always(10), failures=NONE)


def wait_s(*people: Busy, ahead: int = 0, recent: Recent = STEADY) -> float:
    found = expected_wait(people, ahead, recent)
    assert isinstance(found, Forecast)
    assert found.likely_s == found.safe_s
    return found.safe_s


def test_the_rest_of_the_talk_the_wrap_up_and_the_ringing() -> None:
    assert wait_s(Busy(state=TALKING, for_s=60)) == 40 + 20 + 10


def test_who_is_free_only_has_to_answer() -> None:
    assert wait_s(Busy(state=CounsellorState.AVAILABLE)) == 10


def test_a_step_that_opens_later_is_waited_for() -> None:
    assert wait_s(Busy(state=CounsellorState.AVAILABLE, not_before_s=45)) == 45 + 10


def test_a_wrap_up_lasts_to_its_end() -> None:
    assert wait_s(Busy(state=CounsellorState.WRAP_UP, not_before_s=12)) == 12 + 10


def test_who_is_rung_for_another_will_talk_first() -> None:
    assert wait_s(Busy(state=CounsellorState.OFFERED, for_s=4)) == 10 + 100 + 20 - 4 + 10


def test_each_call_ahead_takes_the_next_who_is_free() -> None:
    people = (Busy(state=TALKING, for_s=90), Busy(state=TALKING, for_s=50))
    free_after = (30, 70, 30 + 130, 70 + 130)
    for ahead, free_s in enumerate(free_after):
        assert wait_s(*people, ahead=ahead) == free_s + 10


def test_a_talk_longer_than_all_measured_ones_is_as_if_begun_anew() -> None:
    assert wait_s(Busy(state=TALKING, for_s=500)) == 100 + 20 + 10


def test_who_has_talked_long_is_not_nearly_done_where_some_talks_are_very_long() -> None:
    mixed = Lengths([(60.0, 1.0)] * 9 + [(1000.0, 1.0)])
    recent = Recent(talks=mixed, wrap_ups=NONE, answers=NONE, failures=NONE)
    assert wait_s(Busy(state=TALKING, for_s=70), recent=recent) == 930


def test_urgent_calls_that_will_come_go_first() -> None:
    one_in_a_minute = Recent(
        talks=always(100),
        wrap_ups=always(20),
        answers=always(10),
        failures=NONE,
        urgent_per_s=1 / 60,
    )
    busy = Busy(state=TALKING, for_s=0)
    found = expected_wait([busy], 0, one_in_a_minute)
    calm = expected_wait([busy], 0, STEADY)
    assert isinstance(calm, Forecast)
    assert not isinstance(found, Forecast) or found.safe_s > calm.safe_s


def test_offers_that_come_to_nothing_take_their_time() -> None:
    failing = Recent(
        talks=always(100), wrap_ups=always(20), answers=always(10), failures=always(20)
    )
    found = expected_wait([Busy(state=CounsellorState.AVAILABLE)], 0, failing)
    assert found == Forecast(likely_s=10, safe_s=30)


class TestWithheld:
    def test_nobody_on_duty(self) -> None:
        assert expected_wait([], 0, STEADY) is Withheld.NOBODY_ON_DUTY

    def test_too_many_ahead(self) -> None:
        people = [Busy(state=TALKING)]
        assert expected_wait(people, MOST_AHEAD + 1, STEADY) is Withheld.TOO_FAR

    @pytest.mark.parametrize("weights", [[], [1.0] * 4, [0.3] * 16])
    def test_too_few_talks_or_too_old_ones(self, weights: list[float]) -> None:
        recent = Recent(
            talks=Lengths((100, weight) for weight in weights),
            wrap_ups=NONE,
            answers=NONE,
            failures=NONE,
        )
        assert expected_wait([Busy(state=TALKING)], 0, recent) is Withheld.TOO_FEW_TALKS

    def test_too_wide_a_spread(self) -> None:
        mixed = Lengths([(20.0, 1.0)] * 10 + [(3000.0, 1.0)] * 4)
        recent = Recent(talks=mixed, wrap_ups=NONE, answers=NONE, failures=NONE)
        assert expected_wait([Busy(state=TALKING)], 0, recent) is Withheld.TOO_UNCERTAIN


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [(0, 0), (60, 0), (61, 2), (120, 2), (121, 3), (301, 7), (420, 7), (600, 10), (601, None)],
)
def test_the_words_that_people_use(seconds: float, minutes: int | None) -> None:
    assert minutes_for(seconds) == minutes


class TestRecentTimes:
    """Lengths are noted from what a counsellor's states last."""

    DESK = DeskId("markazi-saveh")

    def setup_method(self) -> None:
        self.recent = RecentTimes()
        self.now = START
        self.ali = Presence(counsellor("ali", "markazi-saveh"))
        self.ali.devices = {DeviceId("ali-phone"): DeviceState.IDLE}
        self.lasts(0)

    def lasts(self, seconds: float) -> None:
        """The state that ali was in has lasted so long; the new one is noted."""
        self.now += timedelta(seconds=seconds)
        self.recent.observe(self.ali, self.now)
        self.ali.note_state(self.now)

    def offered(self) -> None:
        self.ali.offer = OfferId("7-1")
        self.lasts(0)

    def talk(self, seconds: float) -> None:
        self.offered()
        self.ali.talking = True
        self.lasts(7)
        self.ali.offer, self.ali.talking = None, False
        self.ali.wrap_up_until_at = self.now + timedelta(minutes=5)
        self.lasts(seconds)
        self.ali.wrap_up_until_at = None
        self.lasts(25)

    def at(self, *desks: DeskId) -> Recent:
        return self.recent.at(desks or (self.DESK,), MARKAZI, self.now)

    def test_rings_talks_and_wrap_ups_each_on_their_own(self) -> None:
        self.talk(100)
        found = self.at()
        assert (
            found.answers.spread_s[10],
            found.talks.spread_s[10],
            found.wrap_ups.spread_s[10],
        ) == (7, 100, 25)
        assert found.failures.weight == 0

    def test_an_offer_that_holds_its_counsellor_came_to_nothing(self) -> None:
        self.offered()
        self.ali.offer = None
        self.ali.put_on_hold(Hold.NOT_ANSWERED, 10, self.now)
        self.lasts(20)
        assert self.at().failures.spread_s[10] == 20

    def test_an_offer_that_was_taken_back_is_nobodys_failure(self) -> None:
        self.offered()
        self.ali.offer = None
        self.lasts(3)
        assert self.at().failures.weight == self.at().answers.weight == 0

    def test_what_is_older_counts_for_less(self) -> None:
        self.talk(100)
        fresh = self.at().talks.weight
        self.now += timedelta(seconds=HALF_LIFE_S)
        assert self.at().talks.weight == pytest.approx(fresh / 2)

    def test_only_the_newest_are_kept(self) -> None:
        for number in range(KEPT + 5):
            self.talk(100 + number)
        assert self.at().talks.spread_s[0] == 105

    def test_a_counsellor_at_two_desks_counts_once(self) -> None:
        profile = self.ali.profile
        self.ali.profile = type(profile)(
            id=profile.id,
            name_fa="",
            desks=(self.DESK, DeskId("markazi-arak")),
            devices=profile.devices,
        )
        self.talk(100)
        both = self.at(self.DESK, DeskId("markazi-arak"))
        assert both.talks.weight == self.at().talks.weight
        assert self.at(DeskId("ilam")).talks.weight == 0

    def test_urgent_calls_fade_as_they_get_older(self) -> None:
        for _ in range(10):
            self.recent.note_urgent(MARKAZI, self.now)
        often = self.at().urgent_per_s
        assert often == pytest.approx(10 * 0.693 / URGENT_HALF_LIFE_S, rel=0.01)
        self.now += timedelta(seconds=2 * URGENT_HALF_LIFE_S)
        assert self.at().urgent_per_s == pytest.approx(often / 4)
        assert self.recent.at((), ProvinceId("ilam"), self.now).urgent_per_s == 0
