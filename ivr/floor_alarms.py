"""The floor's board of alarms: its own, raised and lifted one by one, and those that are reported.

Each is told once when it is raised and once when it is over, as an effect; in between it stands on
the board for everybody who looks.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ivr import effects as do
from ivr import events as ev
from ivr.model import CounsellorState
from ivr.notices import Alarm, AlarmCode, Severity

if TYPE_CHECKING:
    from ivr.queues import Floor

_URGENCY = {severity: place for place, severity in enumerate(Severity)}


class AlarmBoard:
    """All alarms that stand: callers lost in danger, then the most urgent, then the oldest."""

    def __init__(self) -> None:
        self._own: dict[str, Alarm] = {}
        self._reported: dict[str, Alarm] = {}

    def __iter__(self) -> Iterator[Alarm]:
        standing = (*self._own.values(), *self._reported.values())
        return iter(sorted(standing, key=_order))

    def raise_own(self, alarm: Alarm) -> bool:
        """Whether it is new; one that stands already keeps the instant since when it does."""
        return self._own.setdefault(alarm.key, alarm) is alarm

    def lift_own(self, alarm: Alarm) -> bool:
        return self._own.pop(alarm.key, None) is not None

    def replace_reported(self, alarms: Iterable[Alarm]) -> tuple[list[Alarm], list[Alarm]]:
        """Those reported stand from now on, no others; returns the new ones and those over."""
        before, self._reported = self._reported, {alarm.key: alarm for alarm in alarms}
        raised = [alarm for key, alarm in self._reported.items() if key not in before]
        over = [alarm for key, alarm in before.items() if key not in self._reported]
        return raised, over


def _order(alarm: Alarm) -> tuple[bool, int, datetime, str]:
    lost = alarm.code is AlarmCode.LOST_IN_DANGER
    return not lost, _URGENCY[alarm.severity], alarm.since_at, alarm.key


def raise_alarm(
    floor: "Floor", code: AlarmCode, subject: str, *, since_at: datetime | None = None
) -> None:
    """Of the floor itself; nothing happens where it stands already."""
    alarm = Alarm(code=code, subject=subject, since_at=since_at or floor.now)
    if floor.alarms.raise_own(alarm):
        floor.act(do.RaiseAlarm(code=code, subject=subject))


def lift_alarm(floor: "Floor", code: AlarmCode, subject: str) -> None:
    """Its cause is over; nothing happens where it does not stand."""
    if floor.alarms.lift_own(Alarm(code=code, subject=subject, since_at=floor.now)):
        floor.act(do.LiftAlarm(code=code, subject=subject))


def lift_what_is_over(floor: "Floor") -> None:
    """After each event: whoever did not answer has talked, come back by themselves, or gone.

    Only those are looked at of whom something has changed; a rest that is long enough is such a
    change (`Staff.time_is_up`).
    """
    for counsellor in floor.staff.take_changed():
        presence = floor.staff.get(counsellor)
        if (
            presence is None
            or presence.missed_in_a_row == 0
            or presence.state() is CounsellorState.OFF_DUTY
        ):
            lift_alarm(floor, AlarmCode.NOT_ANSWERING, counsellor)
        if presence is None or not presence.load.needs_break(floor.now):
            lift_alarm(floor, AlarmCode.NEEDS_BREAK, counsellor)


def notices_changed(floor: "Floor", event: ev.NoticesChanged) -> None:
    floor.closed_desks = event.closed_desks
    raised, over = floor.alarms.replace_reported(event.alarms)
    for alarm in raised:
        floor.act(do.RaiseAlarm(code=alarm.code, subject=alarm.subject))
    for alarm in over:
        floor.act(do.LiftAlarm(code=alarm.code, subject=alarm.subject))
