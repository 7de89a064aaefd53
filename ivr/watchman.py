"""Keeps the alarms and the closed desks of the floor true: looks who is there, what is in force.

It decides nothing about calls. What it sees becomes an event (`NoticesChanged`) whenever that is
something new, so that the floor's view has it and the journal keeps it.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from ivr import events as ev
from ivr.controller import Controller
from ivr.floor_view import Attendance
from ivr.in_force import InForce, NotTakenIn
from ivr.notices import Alarm, AlarmCode
from ivr.standing_alarms import closed_desks, standing_alarms

log = structlog.get_logger()

LOOK_EVERY_S = 10.0  # how late an alarm of time alone may be
SETTLE_S = 1.0  # what changes together is looked at once


class Watchman:
    """`take` tells what is in force from now on.

    `decisions_reachable` tells whether decisions arrive, `not_taken_in` which decision the
    line cannot follow (None: it follows all).
    """

    def __init__(self, controller: Controller, in_force: InForce) -> None:
        self._controller = controller
        self._exchange_seen = False
        self._unreachable_since_at: datetime | None = None
        self._by_copy_since_at: datetime | None = None
        self._not_taken_in: Alarm | None = None
        self._owed: tuple[Alarm, ...] = ()
        self._seen: Attendance | None = None
        self._look_again_at: datetime | None = None
        self._told = ev.NoticesChanged(alarms=())
        self.take(in_force)

    def take(self, in_force: InForce) -> None:
        now = self._controller.clock.now()
        self._in_force = in_force
        self._by_copy_since_at = (self._by_copy_since_at or now) if in_force.from_copy else None
        self._look_again_at = None

    def decisions_reachable(self, reachable: bool) -> None:
        now = self._controller.clock.now()
        self._unreachable_since_at = None if reachable else self._unreachable_since_at or now
        self._look_again_at = None

    def not_taken_in(self, refused: NotTakenIn | None) -> None:
        before, now = self._not_taken_in, self._controller.clock.now()
        self._look_again_at = None
        self._not_taken_in = None
        if refused:
            self._not_taken_in = Alarm(
                code=AlarmCode.DECISION_NOT_TAKEN_IN,
                subject=refused.subject,
                since_at=before.since_at if before else now,
                detail=refused.reason,
            )

    def owed(self, alarms: tuple[Alarm, ...]) -> None:
        """What people owe by the records, as seen last (`ivr.owed_watch`)."""
        if alarms != self._owed:
            self._owed = alarms
            self._look_again_at = None

    async def run(self) -> None:
        """Until cancelled."""
        changed = self._controller.watch()
        try:
            while True:
                changed.clear()
                self._look_safely()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await changed.wait()
                await asyncio.sleep(SETTLE_S)
        finally:
            self._controller.unwatch(changed)

    def _look_safely(self) -> None:
        """A mistake of ours in an alarm must cost no call; what stood before goes on standing."""
        try:
            self.look()
        except Exception:
            log.exception("watchman_broke")

    def look(self) -> None:
        """Once: tell the floor where there is something to tell."""
        now, attendance = self._controller.clock.now(), self._attendance()
        is_due = self._look_again_at is None or self._look_again_at <= now
        if not is_due and attendance == self._seen:
            return
        self._seen = attendance
        self._look_again_at = now + timedelta(seconds=LOOK_EVERY_S)
        self._tell(self._notices(attendance, now))

    def _attendance(self) -> Attendance | None:
        """None until Asterisk has said who is at a device; later its last word counts."""
        self._exchange_seen = self._exchange_seen or self._controller.exchange_up
        return self._controller.attendance() if self._exchange_seen else None

    def _notices(self, attendance: Attendance | None, now: datetime) -> ev.NoticesChanged:
        duty = self._controller.planner.duty(self._controller.clock.wall())
        standing = standing_alarms(self._in_force, duty, attendance, now)
        return ev.NoticesChanged(
            alarms=(*standing, *self._of_the_database(), *self._owed),
            closed_desks=closed_desks(duty),
        )

    def _of_the_database(self) -> tuple[Alarm, ...]:
        since = {
            AlarmCode.KEPT_COPY: self._by_copy_since_at,
            AlarmCode.DECISIONS_UNREACHABLE: self._unreachable_since_at,
        }
        standing = (
            Alarm(code=code, subject="", since_at=since_at)
            for code, since_at in since.items()
            if since_at is not None
        )
        return (*standing, *((self._not_taken_in,) if self._not_taken_in else ()))

    def _tell(self, notices: ev.NoticesChanged) -> None:
        if notices != self._told:
            self._told = notices
            self._controller.post(notices)
