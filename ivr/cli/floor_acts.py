"""`ivr floor …`: what a counsellor or a supervisor tells the floor of the running line."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli import floor
from ivr.cli.acting import WhoOption, sign_in
from ivr.cli.find_call import find_call
from ivr.errors import LineError
from ivr.floor_acts import MORE_S, PAUSE_LABELS, ActKind, PauseReason
from ivr.people import Person
from ivr.settings import load_settings
from ivr.store.floor_acts import MORE_MOST_S, FloorActStore
from ivr.store.store import Store

app = typer.Typer()

_REASONS = "، ".join(f"{reason}: {label}" for reason, label in PAUSE_LABELS.items())
Counsellor = Annotated[str, typer.Argument(help="The counsellor's id.")]
Reason = Annotated[PauseReason, typer.Option(help=f"Why ({_REASONS}).")]

Tell = Callable[[Store, Person, datetime], Awaitable[int]]


@app.callback(invoke_without_command=True, help=floor.command.__doc__)
def show(
    context: typer.Context,
    *,
    as_json: floor.JsonOption = False,
    watch: floor.WatchOption = False,
) -> None:
    if context.invoked_subcommand is None:
        floor.command(as_json=as_json, watch=watch)


@app.command("pause")
def pause_command(
    counsellor: Counsellor, reason: Reason = PauseReason.BREAK, who: WhoOption = None
) -> None:
    """Ring the counsellor no more, at once; an offer that rings is taken back, a talk goes on."""
    _tell(ActKind.PAUSE, counsellor, who, reason=reason)


@app.command("pause-after-call")
def pause_after_call_command(
    counsellor: Counsellor, reason: Reason = PauseReason.BREAK, who: WhoOption = None
) -> None:
    """Ring the counsellor no more after the present call and its wrap-up."""
    _tell(ActKind.PAUSE_AFTER_CALL, counsellor, who, reason=reason)


@app.command("resume")
def resume_command(counsellor: Counsellor, who: WhoOption = None) -> None:
    """End a pause, or take back one that has not begun."""
    _tell(ActKind.RESUME, counsellor, who)


@app.command("ask-for-break")
def ask_for_break_command(counsellor: Counsellor, who: WhoOption = None) -> None:
    """Ask for a break: it begins when enough others of each desk are there."""
    _tell(ActKind.ASK_FOR_BREAK, counsellor, who)


@app.command("grant-break")
def grant_break_command(counsellor: Counsellor, who: WhoOption = None) -> None:
    """Let the counsellor rest after the present call, whoever else is there. For supervisors."""
    _tell(ActKind.GRANT_BREAK, counsellor, who)


@app.command("extend-wrap-up")
def extend_wrap_up_command(
    counsellor: Counsellor,
    by: Annotated[
        float, typer.Option(help=f"Seconds more, up to {MORE_MOST_S:g}; the rules bound them all.")
    ] = MORE_S,
    who: WhoOption = None,
) -> None:
    """Give the counsellor more time for what is to be written; nothing where none is running."""
    _tell(ActKind.EXTEND_WRAP_UP, counsellor, who, more_s=by)


@app.command("end-wrap-up")
def end_wrap_up_command(counsellor: Counsellor, who: WhoOption = None) -> None:
    """End the counsellor's wrap-up before its time."""
    _tell(ActKind.END_WRAP_UP, counsellor, who)


@app.command("acknowledge")
def acknowledge_command(
    call: Annotated[str, typer.Argument(help="A call's id, or its beginning.")],
    who: WhoOption = None,
) -> None:
    """Take up a call that was lost in danger; its alarm is over, and its record names you."""

    async def tell(store: Store, actor: Person, now: datetime) -> int:
        record = await find_call(store, call)
        return await FloorActStore(store).acknowledge(actor, record, now=now)

    asyncio.run(_told(tell, who))
    typer.echo(f"Taken up: {call}.")


def _tell(
    kind: ActKind,
    counsellor: str,
    who: str | None,
    *,
    reason: PauseReason = PauseReason.BREAK,
    more_s: float = MORE_S,
) -> None:
    async def tell(store: Store, actor: Person, now: datetime) -> int:
        acts = FloorActStore(store)
        return await acts.tell(actor, kind, counsellor, now=now, reason=reason, more_s=more_s)

    asyncio.run(_told(tell, who))
    typer.echo(f"Taken in by the line: {kind.replace('_', ' ')}, {counsellor}.")


async def _told(tell: Tell, who: str | None) -> None:
    """Raises LineError where no running line has taken it."""
    async with await Store.open(load_settings()) as store:
        actor = await sign_in(store, who)
        number = await tell(store, actor, _now())
        if not await FloorActStore(store).is_taken_in(number, by=actor.id, now=_now):
            raise LineError(
                "not taken: the line is not running. Nothing has changed, nor will it when the "
                "line starts. See `ivr floor`; start the line with `ivr run`."
            )


def _now() -> datetime:
    return datetime.now(UTC)
