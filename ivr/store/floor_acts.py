"""What people tell the floor of the running line, whichever process they tell it to.

Each act stands in the database and, in the same transaction, in the audit trail; the running line
takes it from there, once. Nobody is told "done" before the line has it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.errors import BadInput, NotAllowed
from ivr.floor_acts import MORE_S, ActKind, FloorAct, PauseReason
from ivr.model.record import CallRecord
from ivr.people import Person, province_of
from ivr.rights import Action, desk_for_floor_act, may
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import floor_acts

log = structlog.get_logger()

GROUP = "floor"  # of the actions in the audit trail

# An act that the line finds later than this is not for the floor as it is by then: a counsellor who
# wanted a break before a restart sits there again.
FRESH_S = 30.0
TAKEN_WITHIN_S = 3.0  # a running line looks four times a second
_LOOK_EVERY_S = 0.05
MORE_MOST_S = 3600.0  # at one time; the rules bound the whole wrap-up

GRANTED_BY_OTHERS = frozenset({ActKind.GRANT_BREAK})  # all others people may do for themselves
_WITH_REASON = (ActKind.PAUSE, ActKind.PAUSE_AFTER_CALL)
_COLUMNS = tuple(floor_acts.c[name] for name in FloorAct.__slots__)
_OPEN = floor_acts.c.taken_at.is_(None) & floor_acts.c.withdrawn_at.is_(None)


class FloorActStore:
    """Part of `store`; raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def tell(
        self,
        actor: Person,
        kind: ActKind,
        counsellor: str,
        *,
        now: datetime,
        reason: PauseReason = PauseReason.BREAK,
        more_s: float = MORE_S,
    ) -> int:
        """The actor tells the floor of a counsellor; returns the act's number.

        Raises BadInput for nobody, NotAllowed for somebody else's counsellor.
        """
        person = await PeopleStore(self._store).person(counsellor)
        if person is None or not person.desks:
            raise BadInput(
                f"{counsellor}: is no counsellor at a desk. Nothing was changed; `ivr counsellors` "
                "shows who is."
            )
        own = kind not in GRANTED_BY_OTHERS
        desk = desk_for_floor_act(actor, person, own=own, now=now)
        if desk is None:
            raise NotAllowed(
                f"{actor.id} may not do this ({kind}) for {person.id}: it takes the supervisor "
                f"role at {' or '.join(person.desks)}"
                f"{', or being the counsellor' if own else ''}. Nothing was changed."
            )
        if not 0 < more_s <= MORE_MOST_S:
            raise BadInput(f"{more_s:g} s: say how many seconds more, up to {MORE_MOST_S:g}.")
        act = FloorAct(
            kind=kind,
            subject=person.id,
            by=actor.id,
            at=now,
            reason=reason,
            more_s=more_s,
            province=province_of(desk),
            desk=desk,
        )
        return await self.add(act)

    async def acknowledge(self, actor: Person, call: CallRecord, *, now: datetime) -> int:
        """The actor takes up a call that was lost in danger; returns the act's number.

        Raises BadInput for a call that was not, or that somebody has taken up, and NotAllowed for
        one of another province.
        """
        if not may(actor, Action.FLOOR_LOST, province=call.province, now=now):
            raise NotAllowed(
                f"{actor.id} may not take up lost calls of {call.province}: it takes the "
                "supervisor role in the whole province. Nothing was changed."
            )
        if call.lost_at is None:
            raise BadInput(
                f"{call.call} was not lost in danger, so there is nothing to take up. `ivr floor` "
                "shows the calls that were."
            )
        if call.acknowledged_at is not None:
            raise BadInput(f"{call.call} was taken up by {call.acknowledged_by} already.")
        kind = ActKind.ACKNOWLEDGE
        return await self.add(
            FloorAct(kind=kind, subject=call.call, by=actor.id, at=now, province=call.province)
        )

    async def add(self, act: FloorAct) -> int:
        """On disk when this returns, with its audit entry."""
        values = {name: getattr(act, name) for name in FloorAct.__slots__}
        async with self._store.writing() as connection:
            result = await connection.execute(insert(floor_acts).values(values))
            (number,) = result.inserted_primary_key or (0,)
            await self._note(connection, act, number)
        return int(number)

    async def is_taken_in(
        self,
        number: int,
        *,
        by: str,
        now: Callable[[], datetime],
        within_s: float | None = None,
    ) -> bool:
        """Waits for the running line to take the act; one that it has not taken is withdrawn."""
        loop = asyncio.get_running_loop()
        give_up_at_s = loop.time() + (TAKEN_WITHIN_S if within_s is None else within_s)
        while loop.time() < give_up_at_s:
            if await self._is_taken(number):
                return True
            await asyncio.sleep(_LOOK_EVERY_S)
        return not await self._withdraw(number, by=by, at=now())

    async def _is_taken(self, number: int) -> bool:
        rows = await self._store.rows(
            select(floor_acts.c.taken_at).where(floor_acts.c.id == number)
        )
        return bool(rows) and rows[0]["taken_at"] is not None

    async def _withdraw(self, number: int, *, by: str, at: datetime) -> bool:
        """False where the line was quicker."""
        mine = (floor_acts.c.id == number) & _OPEN
        statement = update(floor_acts).where(mine).values(withdrawn_at=at).returning(*_COLUMNS)
        async with self._store.writing() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
            if row is not None:
                act = replace(FloorAct(**row), by=by, at=at)
                await self._note(connection, act, number, f"{GROUP}.withdraw")
        return row is not None

    async def _note(
        self, connection: AsyncConnection, act: FloorAct, number: int, action: str = ""
    ) -> None:
        """Last in its transaction."""
        detail: dict[str, object] = {"act": number}
        if act.kind in _WITH_REASON:
            detail["reason"] = act.reason
        if act.kind is ActKind.EXTEND_WRAP_UP:
            detail["more_s"] = act.more_s
        entry = AuditEntry(
            at=act.at,
            by=act.by,
            action=action or f"{GROUP}.{act.kind}",
            subject=act.subject,
            province=act.province,
            desk=act.desk,
            detail=detail,
        )
        await self._store.note_decision(connection, entry)

    async def take(self, now: datetime) -> tuple[FloorAct, ...]:
        """What nobody has taken yet, in the order in which it came; it is the caller's from now on.

        What is older than FRESH_S stays where it is for ever.
        """
        fresh = _OPEN & (floor_acts.c.at >= now - timedelta(seconds=FRESH_S))
        if not await self._store.rows(select(floor_acts.c.id).where(fresh).limit(1)):
            return ()
        columns = (floor_acts.c.id, *_COLUMNS)
        statement = update(floor_acts).where(fresh).values(taken_at=now).returning(*columns)
        async with self._store.writing() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return tuple(_acts(sorted(rows, key=lambda row: int(row["id"]))))


def _acts(rows: Iterable[RowMapping]) -> Iterator[FloorAct]:
    for row in rows:
        values = {name: row[name] for name in FloorAct.__slots__}
        try:
            kind, reason = ActKind(row["kind"]), PauseReason(row["reason"])
        except ValueError:  # of a later version
            log.warning("floor_act_unknown", act=row["id"])
        else:
            yield FloorAct(**{**values, "kind": kind, "reason": reason})
