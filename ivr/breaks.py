"""Pauses: those that counsellors ask for, and those that the floor makes and takes back."""

from typing import TYPE_CHECKING

from ivr.floor_alarms import raise_alarm
from ivr.notices import AlarmCode
from ivr.presence import NOT_ANSWERING, Presence
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

BREAK = "break"


def grant(floor: "Floor") -> None:
    """To whoever asked, as soon as enough others of each of their desks are there."""
    for presence in floor.staff.take_asking():
        if _may_go(floor, presence):
            floor.staff.pause_after(presence, BREAK, floor.now)


def _may_go(floor: "Floor", presence: Presence) -> bool:
    return all(
        floor.staff.others_at(desk, presence) >= floor.limits_at(desk).break_others_least
        for desk in presence.profile.desks
    )


def not_answered(floor: "Floor", call: FloorCall, presence: Presence) -> None:
    """Too often in a row: told to the supervisor, then not rung any more while others are there."""
    limits, name = floor.limits_of(call), presence.profile.id
    if presence.missed_in_a_row >= limits.rona_alarm_after:
        raise_alarm(floor, AlarmCode.NOT_ANSWERING, name)
    if presence.missed_in_a_row < limits.rona_pause_after:
        return
    others = call.plan.circles[-1] - {name}
    expected = call.plan.expected[-1]
    if any(floor.staff.could_serve(other, other in expected) for other in others):
        floor.staff.pause(presence, NOT_ANSWERING, floor.now)


def call_back_the_last(floor: "Floor") -> None:
    """A caller for whom nobody else is there: a phone that may ring in vain is better than none."""
    for presence in floor.staff.not_answering():
        for circle in floor.line.circles_of(presence.profile.id):
            if not circle.could_be_served(floor.staff.could_serve):
                floor.staff.call_back(presence, floor.now)
                break


def look_after(floor: "Floor", presence: Presence | None) -> None:
    """Whoever has worked too long without a rest is told to the supervisor."""
    if presence is not None and presence.load.needs_break(floor.now):
        raise_alarm(floor, AlarmCode.NEEDS_BREAK, presence.profile.id)
