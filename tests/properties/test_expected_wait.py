"""The expected wait under random facts: it grows with the line, and never rises for one caller."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.expected_wait import (
    MOST_AHEAD,
    Busy,
    Forecast,
    Lengths,
    Recent,
    Withheld,
    expected_wait,
    minutes_for,
    seconds_of,
)
from ivr.heard import Heard
from ivr.model import CounsellorState
from tests.core.floor_kit import START

STATES = st.sampled_from(
    [
        CounsellorState.AVAILABLE,
        CounsellorState.OFFERED,
        CounsellorState.TALKING,
        CounsellorState.WRAP_UP,
    ]
)
BUSY = st.builds(Busy, state=STATES, for_s=st.floats(0, 3000), not_before_s=st.floats(0, 600))
PEOPLE = st.lists(BUSY, min_size=1, max_size=15)
LENGTHS = st.builds(
    Lengths, st.lists(st.tuples(st.floats(0, 1800), st.floats(0.01, 1)), max_size=30)
)
TALKS = st.builds(
    Lengths, st.lists(st.tuples(st.floats(1, 3600), st.just(1.0)), min_size=5, max_size=30)
)
RECENT = st.builds(
    Recent,
    talks=TALKS,
    wrap_ups=LENGTHS,
    answers=LENGTHS,
    failures=LENGTHS,
    urgent_per_s=st.floats(0, 0.02),
)
FORECASTS = st.one_of(
    st.sampled_from(list(Withheld)),
    st.builds(
        lambda likely_s, more_s: Forecast(likely_s=likely_s, safe_s=likely_s + more_s),
        st.floats(0, 900),
        st.floats(0, 600),
    ),
)


@settings(max_examples=60, deadline=None)
@given(people=PEOPLE, ahead=st.integers(0, MOST_AHEAD - 1), recent=RECENT)
def test_one_more_ahead_is_never_a_shorter_wait(
    people: list[Busy], ahead: int, recent: Recent
) -> None:
    less, more = (expected_wait(people, count, recent) for count in (ahead, ahead + 1))
    if isinstance(less, Forecast) and isinstance(more, Forecast):
        assert more.likely_s >= less.likely_s
        assert more.safe_s >= less.safe_s


@settings(max_examples=60, deadline=None)
@given(people=PEOPLE, ahead=st.integers(0, MOST_AHEAD), recent=RECENT)
def test_nine_of_ten_wait_no_less_than_half(people: list[Busy], ahead: int, recent: Recent) -> None:
    found = expected_wait(people, ahead, recent)
    if isinstance(found, Forecast):
        assert 0 <= found.likely_s <= found.safe_s


@settings(max_examples=60, deadline=None)
@given(people=PEOPLE, ahead=st.integers(0, MOST_AHEAD), recent=RECENT)
def test_the_same_facts_give_the_same_forecast(
    people: list[Busy], ahead: int, recent: Recent
) -> None:
    assert expected_wait(people, ahead, recent) == expected_wait(people, ahead, recent)


@settings(deadline=None)
@given(told=st.lists(st.tuples(st.floats(0.1, 120), FORECASTS), max_size=30))
def test_a_said_wait_never_rises_by_itself(told: list[tuple[float, Forecast | Withheld]]) -> None:
    """What is said later ends no later; and once it takes longer, no number is invented."""
    heard, now, ends_at, longer = Heard(next_at=START), START, None, 0
    for passed_s, forecast in told:
        now += timedelta(seconds=passed_s)
        minutes = heard.new_minutes(forecast, now)
        if minutes is not None:
            assert isinstance(forecast, Forecast)
            assert seconds_of(minutes) >= forecast.safe_s
            until_at = now + timedelta(seconds=seconds_of(minutes))
            assert ends_at is None or until_at <= ends_at
            assert longer == 0
            ends_at = until_at
        longer += heard.must_say_longer(forecast, now)
        assert longer <= 1
        assert longer == 0 or ends_at is not None


@given(places=st.lists(st.integers(1, 99), max_size=30))
def test_a_said_place_only_gets_better(places: list[int]) -> None:
    heard = Heard(next_at=START)
    said = [place for place in map(heard.better_place, places) if place is not None]
    assert said == sorted(set(said), reverse=True)
    assert said[:1] == places[:1]


@given(wait_s=st.floats(0, 600))
def test_what_is_said_is_enough(wait_s: float) -> None:
    minutes = minutes_for(wait_s)
    assert minutes is not None
    assert seconds_of(minutes) >= wait_s
