"""Whether a call that is named is there."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import NotThere
from ivr.model import CallId
from ivr.store.tables import calls


async def check_call(connection: AsyncConnection, call: CallId | None) -> None:
    """Raises NotThere where a call is named that is not there."""
    if call is None:
        return
    found = await connection.execute(select(calls.c.call).where(calls.c.call == call))
    if found.one_or_none() is None:
        raise NotThere(f"There is no call {call!r}; nothing was saved.")
