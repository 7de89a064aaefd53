"""Calls that the line did not have: taken on paper during an outage, or from earlier records.

They are rows like all others, marked in `calls.entered`; nobody's number belongs to them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import BadInput
from ivr.model import (
    UNKNOWN_CATEGORY,
    CallEnd,
    CallFacts,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CountyId,
    CountySource,
    DeskId,
    Lane,
    ProvinceId,
)
from ivr.model.record import CallRecord
from ivr.outcome_form import OutcomeForm
from ivr.store.forms import SavedForm, Source, add_form
from ivr.store.records import call_to_row
from ivr.store.store import Store
from ivr.store.tables import calls


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredCall:
    """What is known of such a call. `connected_at` is None where nobody talked to the caller."""

    key: str  # its own: entered again it is the same call
    province: ProvinceId
    arrived_at: datetime
    ended_at: datetime
    joined_at: datetime | None = None
    connected_at: datetime | None = None
    county: CountyId | None = None
    category: CategoryId | None = None  # as heard
    counsellor: CounsellorId | None = None
    desk: DeskId | None = None

    def __post_init__(self) -> None:
        """Raises BadInput where the times stand in no possible order."""
        times = (self.arrived_at, self.joined_at, self.connected_at, self.ended_at)
        known = [at for at in times if at is not None]
        if known != sorted(known):
            raise BadInput(
                "the times are not in order: a call arrives, joins the line, is connected, ends"
            )


class EnteredStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def enter(
        self,
        entered: EnteredCall,
        form: OutcomeForm | None,
        *,
        source: Source,
        by: str,
        at: datetime,
    ) -> CallId:
        """A call with its form, in one transaction; on disk when this returns.

        The same key again changes nothing and gives the same call.
        """
        async with self._store.writing() as connection:
            await enter_call(connection, entered, form, source=source, by=by, at=at)
        return call_id(entered.key, source)


def call_id(key: str, source: Source) -> CallId:
    return CallId(f"{source}-{key}")


async def enter_call(
    connection: AsyncConnection,
    entered: EnteredCall,
    form: OutcomeForm | None,
    *,
    source: Source,
    by: str,
    at: datetime,
) -> bool:
    """Within a transaction; False where it was there already.

    Raises BadInput where another call has its key.
    """
    row = entered_to_row(entered, source)
    known = select(calls.c.province, calls.c.arrived_at).where(calls.c.call == row["call"])
    there = (await connection.execute(known)).one_or_none()
    if there is not None:
        if tuple(there) != (entered.province, entered.arrived_at):
            raise BadInput(
                f"{row['call']} is another call, of another time or province; nothing was saved. "
                "Give this one a key of its own."
            )
        return False
    await connection.execute(insert(calls).values(row))
    if form is not None:
        call = CallId(row["call"])
        new = SavedForm(
            id=0, key=f"entered-{call}", call=call, form=form, source=source, by=by, at=at
        )
        found = await connection.execute(
            select(calls.c.province, calls.c.county, calls.c.desk).where(calls.c.call == call)
        )
        await add_form(connection, new, found.mappings().one())
    return True


def entered_to_row(entered: EnteredCall, source: Source) -> dict[str, Any]:
    record = CallRecord(
        call=call_id(entered.key, source),
        province=entered.province,
        line="",
        caller=None,
        arrived_at=entered.arrived_at,
        joined_at=entered.joined_at or entered.connected_at,
        connected_at=entered.connected_at,
        talk_ended_at=entered.ended_at if entered.connected_at else None,
        ended_at=entered.ended_at,
        phase=CallPhase.ENDED,
        end=_end(entered),
        counsellor=entered.counsellor,
        desk=entered.desk,
        facts=CallFacts(
            province=entered.province,
            county=entered.county,
            county_source=CountySource.COUNSELLOR if entered.county else CountySource.UNKNOWN,
            category=entered.category or UNKNOWN_CATEGORY,
            lane=Lane.ORDINARY,
        ),
    )
    return {**call_to_row(record), "entered": source.value}


def _end(entered: EnteredCall) -> CallEnd:
    if entered.connected_at is not None:
        return CallEnd.CONNECTED
    return CallEnd.ABANDONED if entered.joined_at is not None else CallEnd.IN_MENU
