"""Keeps a running line on what people decide: rules, people, rosters, closures, while calls come.

The database is asked four times a second whether anybody decided anything (one number is read),
and whatever time alone brings (a shift, the end of a closure, scheduled rules) is taken in at its
instant, with the database or without.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from ivr.errors import LineError, StoreError
from ivr.floor_view import AtWork
from ivr.in_force import InForce, NotTakenIn
from ivr.model import CallId

log = structlog.get_logger()

LOOK_EVERY_S = 0.25  # so that an evacuated desk is left within a second


class Source(Protocol):
    """Where decisions are written; both raise StoreError."""

    async def revision(self) -> int: ...
    async def load(self, at: datetime) -> InForce: ...


class Outcomes(Protocol):
    """Where forms are saved: the ids of those that each of these calls has; raises StoreError."""

    async def forms_of(self, of: Collection[CallId]) -> Mapping[CallId, frozenset[int]]: ...


Take = Callable[[InForce], Awaitable[None]]


class Steering:
    """`take` gets everything anew after each change; what it refuses leaves the old in force.

    `tell_reachable` hears whenever the database is away or back, `tell_not_taken_in` of refusals.
    """

    def __init__(
        self,
        source: Source,
        take: Take,
        now: Callable[[], datetime],
        in_force: InForce,
        *,
        tell_reachable: Callable[[bool], None] = lambda _reachable: None,
        tell_not_taken_in: Callable[[NotTakenIn], None] = lambda _refused: None,
    ) -> None:
        self._source = source
        self._take = take
        self._tell_reachable = tell_reachable
        self._tell_not_taken_in = tell_not_taken_in
        self._now = now
        self._in_force = in_force
        self._next_at = in_force.next_change_at(now())
        self._overdue = False  # time has brought something that only the database knows
        self._reachable = True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Once: take in what was decided or has come by itself."""
        now = self._now()
        came = self._next_at is not None and self._next_at <= now
        found = await self._found(now, came=came)
        if found is not None:
            await self._take_in(found)
            self._next_at = found.next_change_at(now)

    async def _found(self, now: datetime, *, came: bool) -> InForce | None:
        """What is in force where that is something new; without a database what time brings."""
        try:
            newest = await self._source.revision()
            stale = self._overdue or (self._in_force.from_copy and newest > 0)
            same = newest == self._in_force.revision and not came and not stale
            found = None if same else await self._source.load(now)
        except StoreError as error:
            self._say_reachable(False, str(error))
            self._overdue |= came
            return self._in_force if came else None
        self._say_reachable(True)
        self._overdue = False
        return found

    async def _take_in(self, found: InForce) -> None:
        self._in_force = found
        try:
            await self._take(found)
            log.info("taken_in", revision=found.revision)
        except LineError as error:
            log.error("decision_not_taken_in", revision=found.revision, reason=str(error))  # noqa: TRY400
            subject = found.newest or f"decision {found.revision}"
            self._tell_not_taken_in(NotTakenIn(subject=subject, reason=str(error)))

    def _say_reachable(self, reachable: bool, reason: str = "") -> None:
        if reachable != self._reachable:
            self._reachable = reachable
            self._tell_reachable(reachable)
            log.warning(
                "decisions_reachable_again" if reachable else "decisions_not_reachable",
                reason=reason,
            )


class OutcomeWatch:
    """Tells of each form that is saved while its call is wrapped up, whoever saves it, once.

    What is saved in a talk ends no wrap-up. While the database is away nothing is told; a wrap-up
    then ends by its time.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        at_work: Callable[[], AtWork],
        tell: Callable[[CallId], None],
    ) -> None:
        self._outcomes = outcomes
        self._at_work = at_work
        self._tell = tell
        self._seen: dict[CallId, frozenset[int]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        at_work = self._at_work()
        calls = at_work.talking | at_work.wrapped_up
        self._seen = {call: ids for call, ids in self._seen.items() if call in calls}
        if not calls:
            return
        try:
            found = await self._outcomes.forms_of(calls)
        except StoreError:  # Steering says so
            return
        wrapped_up = self._at_work().wrapped_up
        for call, ids in found.items():
            if call in wrapped_up and ids - self._seen.get(call, frozenset()):
                self._tell(call)
            self._seen[call] = ids
