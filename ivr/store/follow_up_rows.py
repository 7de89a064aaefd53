"""The follow-up that a form asks for: one a call, moved or taken away by the form that counts."""

from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.jalali import in_tehran
from ivr.model import CallId
from ivr.store.outcome_tables import follow_ups


async def set_follow_up_of_form(
    connection: AsyncConnection,
    call: CallId,
    on: date | None,
    *,
    province: str,
    desk: str | None,
    by: str,
    at: datetime,
) -> None:
    """Within the form's transaction; what somebody has done already stays as it is."""
    prefix = f"form|{call}|"
    key = f"{prefix}{on}"
    mine = (follow_ups.c.call == call) & follow_ups.c.key.startswith(prefix, autoescape=True)
    others = mine & (follow_ups.c.key != key) & follow_ups.c.done_at.is_(None)
    await connection.execute(delete(follow_ups).where(others))
    there = await connection.execute(select(follow_ups.c.id).where(follow_ups.c.key == key))
    if on is None or there.one_or_none() is not None:
        return
    await connection.execute(
        insert(follow_ups).values(
            key=key,
            call=call,
            province=province,
            desk=desk,
            kind="follow_up",
            due_at=in_tehran(on),
            note="",
            by=by,
            at=at,
        )
    )
