"""What a waiting caller is told and when: the floor decides it, the conversation says it.

A number is said only where it is true and no worse than the one before: a place in line that has
grown because danger came is not said again, and an expected wait never rises; where it turns out
too short, that is said, and no new one is invented. Danger and silence hear no numbers
(docs/decisions/0008).
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from typing import TYPE_CHECKING, NamedTuple

from ivr import effects as do
from ivr.expected_wait import (
    FARTHEST_PLACE,
    FREE_FIRST,
    MOST_AHEAD,
    MOST_COUNSELLORS,
    Busy,
    Forecast,
    Withheld,
    expected_wait,
    minutes_for,
)
from ivr.heard import Heard
from ivr.model import CallId, CallPhase, CounsellorId, CounsellorState, Lane, WaitNote, WaitWords
from ivr.order import Key, micros
from ivr.presence import Presence
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

SILENCE_EVERY = 4  # intervals: a hidden caller's telephone should hardly ever speak
_IN_TALKS = (CounsellorState.TALKING, CounsellorState.OFFERED, CounsellorState.WRAP_UP)
AT_ONCE = 2  # announcements in one step of the floor, so that none of its steps takes long …
PAUSE_S = 0.01  # … and then others first
KEPT_PLACE_S = 2.0  # who joined longer ago has stood in line before


@dataclass(slots=True)
class Announcer:
    """Whose turn it is to be told something, and when: a few at a time."""

    _turns: list[tuple[datetime, CallId]] = field(default_factory=list)
    _wakes_at: datetime | None = None

    def add(self, at: datetime, call: CallId) -> None:
        heapq.heappush(self._turns, (at, call))

    def take(self, now: datetime) -> Iterator[CallId]:
        if self._wakes_at is not None and self._wakes_at <= now:
            self._wakes_at = None
        for _ in range(AT_ONCE):
            if not self._turns or self._turns[0][0] > now:
                return
            yield heapq.heappop(self._turns)[1]

    def wakes_at(self, now: datetime) -> datetime | None:
        """When the floor is to look again, where it does not know yet."""
        if not self._turns:
            return None
        at = max(self._turns[0][0], now + timedelta(seconds=PAUSE_S))
        if self._wakes_at is not None and self._wakes_at <= at:
            return None
        self._wakes_at = at
        return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A waiting call's place and forecast, or why there is none; `said_until_at` is what it heard.

    `place` counts from 1 among those who need the same counsellors; None far behind.
    """

    place: int | None
    forecast: Forecast | Withheld
    said_until_at: datetime | None = None


def start(floor: "Floor", call: FloorCall, joined_at: datetime) -> None:
    """A wait begins: the first word follows soon, in danger and silence after an interval."""
    limits, lane = floor.limits_of(call), _lane(call)
    if lane is not Lane.ORDINARY:
        floor.staff.recent.note_urgent(call.record.province, floor.now)
    first_s = limits.announce_first_s if lane is Lane.ORDINARY else _interval_s(floor, call)
    came_back = floor.now - joined_at > timedelta(seconds=KEPT_PLACE_S)
    call.heard = Heard(floor.now + timedelta(seconds=first_s), came_back=came_back)
    floor.announcer.add(call.heard.next_at, call.id)
    floor.wake(floor.announcer.wakes_at(floor.now), "announce", "")


def say_nothing(call: FloorCall) -> None:
    """Its caller hears the way back, not the line."""
    call.heard = Heard(datetime.max.replace(tzinfo=UTC), came_back=True)


def due(floor: "Floor") -> None:
    """Tell those whose turn has come; who is being rung for hears nothing now."""
    for call_id in floor.announcer.take(floor.now):
        call = floor.calls.get(call_id)
        heard = call.heard if call is not None else None
        if call is None or heard is None or heard.next_at > floor.now or not _in_line(call):
            continue
        if call.phase is CallPhase.WAITING and floor.exchange_up:
            floor.act(do.Announce(call=call.id, note=_note(floor, call, heard)))
            heard.times += 1
        heard.next_at = floor.now + timedelta(seconds=_interval_s(floor, call))
        floor.announcer.add(heard.next_at, call.id)
    floor.wake(floor.announcer.wakes_at(floor.now), "announce", "")


def hush(floor: "Floor", call: FloorCall) -> None:
    """A counsellor is free: what is being said is over."""
    if call.heard is not None and call.heard.times:
        floor.act(do.Hush(call=call.id))


def outlook(floor: "Floor", call: FloorCall) -> Outlook:
    """For a call in line; the same that its caller is told from."""
    assert call.heard is not None, "a call in line began to wait"
    ahead = _ahead(floor, call)
    return Outlook(
        place=None if ahead is None else ahead.rung + ahead.waiting + 1,
        forecast=_forecast(floor, call, ahead),
        said_until_at=call.heard.said_until_at,
    )


def _in_line(call: FloorCall) -> bool:
    return call.phase in (CallPhase.WAITING, CallPhase.OFFERED, CallPhase.CONNECTING)


def _lane(call: FloorCall) -> Lane:
    assert call.record.facts is not None, "a call in line has facts"
    return call.record.facts.lane


def _interval_s(floor: "Floor", call: FloorCall) -> float:
    every_s = floor.limits_of(call).announce_every_s
    return every_s * SILENCE_EVERY if _lane(call) is Lane.SILENCE else every_s


# ------------------------------------------------------------------- what is said


def _note(floor: "Floor", call: FloorCall, heard: Heard) -> WaitNote:
    lane = _lane(call)
    if lane is not Lane.ORDINARY:
        heard.withheld = Withheld.URGENT
    if lane is Lane.DANGER:
        return WaitNote(words=WaitWords.DANGER)
    if lane is Lane.SILENCE:
        return WaitNote(words=WaitWords.SILENCE)
    limits, now = floor.limits_of(call), outlook(floor, call)
    place = minutes = None
    heard.withheld = now.forecast if isinstance(now.forecast, Withheld) else None
    if limits.announce_position and now.place is not None and now.place <= FARTHEST_PLACE:
        place = heard.better_place(now.place)
    if limits.announce_wait:
        minutes = heard.new_minutes(now.forecast, floor.now)
    return WaitNote(
        words=_words(floor, call, heard, now, numbers=(place, minutes) != (None, None)),
        place=place,
        minutes=minutes,
    )


def _words(
    floor: "Floor", call: FloorCall, heard: Heard, now: Outlook, *, numbers: bool
) -> WaitWords | None:
    if heard.must_say_longer(now.forecast, floor.now):
        return WaitWords.TAKING_LONGER
    if heard.times == 0 and _all_in_talks(floor, call):
        return WaitWords.ALL_BUSY
    return None if numbers else WaitWords.STILL_WAITING


# -------------------------------------------------------------- place and forecast


class _Ahead(NamedTuple):
    """How many would be served before a call, of those who need the same counsellors.

    Who is being rung for counts: that may come to nothing.
    """

    rung: int
    waiting: int


def _ahead(floor: "Floor", call: FloorCall) -> _Ahead | None:
    """None where it is not known: the line is not whole."""
    if not call.plan.circles or _others_will_return(floor, call):
        return None
    return _Ahead(len(_rung_before(floor, call)), floor.line.ahead(call, floor.now))


def _key(floor: "Floor", call: FloorCall) -> Key:
    """Where it stands, also while somebody is rung for it."""
    assert call.place is not None, "a call that joined has its place"
    return call.place.key(micros(floor.now))


def _others_will_return(floor: "Floor", call: FloorCall) -> bool:
    """Callers in the static queue keep their places: without them the line is not whole."""
    return any(
        other.record.province == call.record.province for other in floor.in_fallback.values()
    )


def _rung_before(floor: "Floor", call: FloorCall) -> set[CallId]:
    mine = _key(floor, call)
    rung = floor.ringing.keys() & call.plan.circles[-1]
    others = (floor.ringing[counsellor] for counsellor in rung)
    return {other.id for other in others if other is not call and _key(floor, other) < mine}


def _forecast(floor: "Floor", call: FloorCall, ahead: _Ahead | None) -> Forecast | Withheld:
    if (withheld := _withheld(floor, call)) is not None:
        return withheld
    if ahead is None:
        return Withheld.TOO_FAR
    if ahead.waiting > MOST_AHEAD:
        return Withheld.TOO_FAR
    servers = _soonest(floor, call)
    desks = {desk for presence, _ in servers for desk in presence.profile.desks}
    recent = floor.staff.recent.at(desks, call.record.province, floor.now)
    found = expected_wait([busy for _, busy in servers], ahead.waiting, recent)
    if isinstance(found, Forecast) and minutes_for(found.safe_s) is None:
        return Withheld.TOO_LONG
    return found


def _withheld(floor: "Floor", call: FloorCall) -> Withheld | None:
    """Why nothing is foreseen, whatever the numbers are."""
    assert call.heard is not None, "a call in line began to wait"
    if _lane(call) is not Lane.ORDINARY:
        return Withheld.URGENT
    if not floor.exchange_up:
        return Withheld.EXCHANGE_DOWN
    if call.heard.came_back:
        return Withheld.CAME_BACK
    if _others_will_return(floor, call):
        return Withheld.LINE_NOT_WHOLE
    return None


def _soonest(floor: "Floor", call: FloorCall) -> list[tuple[Presence, Busy]]:
    """Of those who may serve the call now or at a later step the ones who are free first."""
    later = list(_later_steps(call))
    found = [
        (order, free_at, presence.state_since_at or floor.now, presence.profile.id, presence)
        for presence in _servers(floor, call)
        if (order := FREE_FIRST.get(presence.noted_state)) is not None
        for free_at in [_free_at(floor, presence, later)]
    ]
    return [
        (presence, _busy(floor, presence, free_at))
        for _, free_at, _, _, presence in nsmallest(MOST_COUNSELLORS, found)
    ]


def _free_at(
    floor: "Floor", presence: Presence, later: Sequence[tuple[datetime, frozenset[CounsellorId]]]
) -> datetime:
    """At the earliest: the end of a wrap-up or back-off, and the opening of the step."""
    until_at = presence.wrap_up_until_at or presence.held_until_at or floor.now
    opens_at = floor.now
    for step_opens_at, reached_before in later:
        if presence.profile.id in reached_before:
            break
        opens_at = step_opens_at
    return max(until_at, opens_at, floor.now)


def _servers(floor: "Floor", call: FloorCall) -> Iterator[Presence]:
    """Who may serve the call now or at a later step, and is there to do it."""
    everyone, expected = call.plan.circles[-1], call.plan.expected[-1]
    for presence in map(floor.staff.get, everyone):
        if presence is not None and presence.able[presence.profile.id not in expected]:
            yield presence


def _later_steps(call: FloorCall) -> Iterator[tuple[datetime, frozenset[CounsellorId]]]:
    """When each step opens that is not open yet, and whom the call reaches before."""
    due_at = call.step_due_at
    for number, step in enumerate(call.plan.steps[call.step + 1 :], call.step):
        assert due_at is not None, "a step that is not the last has its time"
        yield due_at, call.plan.circles[number]
        due_at += timedelta(seconds=step.lasts_s or 0.0)


def _busy(floor: "Floor", presence: Presence, free_at: datetime) -> Busy:
    since_at = presence.state_since_at or floor.now
    return Busy(
        state=presence.noted_state,
        for_s=(floor.now - since_at).total_seconds(),
        not_before_s=(free_at - floor.now).total_seconds(),
    )


def _all_in_talks(floor: "Floor", call: FloorCall) -> bool:
    """Whether somebody is on duty for the call, and everybody who is talks, rings or writes."""
    everyone, expected = call.plan.circles[-1], call.plan.expected[-1]
    if any(one.able[one.profile.id not in expected] for one in floor.staff.at_rest(everyone)):
        return False
    return any(one.noted_state in _IN_TALKS for one in _servers(floor, call))
