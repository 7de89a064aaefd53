"""`ivr outcome`: record how a call ended."""

import asyncio
import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.calls import find_call
from ivr.outcomes import OUTCOME_LABELS, OutcomeId, outcome_id
from ivr.settings import load_settings
from ivr.store.records import OutcomeEntry
from ivr.store.store import Store

_ALLOWED = ", ".join(OUTCOME_LABELS)


def command(
    call: Annotated[str, typer.Argument(help="A call's id, or its beginning.")],
    outcome: Annotated[str, typer.Argument(help=f"One of: {_ALLOWED}.")],
    note: Annotated[str, typer.Option(help="A remark; no names or numbers of callers.")] = "",
    by: Annotated[
        str | None, typer.Option(help="Who says so (default: the user of this machine).")
    ] = None,
) -> None:
    """Record an outcome of a call. A call may have several; none is taken back.

    "Saved" is printed once it is on disk.
    """
    entry = asyncio.run(_save(call, outcome_id(outcome), note, by or getpass.getuser()))
    typer.echo(f"Saved: {entry.call} {entry.outcome} {OUTCOME_LABELS[entry.outcome]}")


async def _save(call: str, outcome: OutcomeId, note: str, by: str) -> OutcomeEntry:
    async with await Store.open(load_settings()) as store:
        record = await find_call(store, call)
        now = datetime.now(UTC)
        return await store.add_outcome(record.call, outcome, by=by, at=now, note=note)
