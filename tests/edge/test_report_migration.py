"""Calls of before reports had their columns are told of as new ones are."""

from dataclasses import replace

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select

from ivr.model import CallEnd
from ivr.settings import Settings
from ivr.store.database import MIGRATIONS
from ivr.store.store import Store
from ivr.store.tables import calls
from tests.edge.store_examples import call, full_call


def back_to_0006(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.downgrade(config, "0006")


async def told(store: Store) -> dict[str, tuple[str | None, str | None]]:
    rows = await store.rows(select(calls.c.call, calls.c.answered_where, calls.c.abandoned_why))
    return {row["call"]: (row["answered_where"], row["abandoned_why"]) for row in rows}


async def test_earlier_calls_get_their_columns(chosen: Settings) -> None:
    left = {"connected_at": None, "talk_ended_at": None, "desk": None, "counsellor": None}
    records = [
        full_call("own"),
        replace(full_call("fallback"), end=CallEnd.FALLBACK_CONNECTED),
        replace(full_call("left"), end=CallEnd.ABANDONED, **left),
        call("arrived"),
    ]
    async with await Store.open(chosen) as store:
        await store.save_calls(records)
        expected = await told(store)
        async with store.engine.begin() as connection:
            await connection.run_sync(back_to_0006)
    async with await Store.open(chosen) as store:
        assert await told(store) == expected
    assert expected == {
        "own": ("own", None),
        "fallback": ("fallback", None),
        "left": (None, "nobody_on_duty"),
        "arrived": (None, None),
    }
