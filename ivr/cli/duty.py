"""`ivr duty`: who should be at each desk, now and next; closing a desk and reopening it."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated

import typer

from ivr.calendar import plain_minute
from ivr.cli.acting import WhoOption
from ivr.cli.duty_room import INSTANT_HELP, AsJson, DutyRoom, allowed, duty_room, end_of
from ivr.cli.duty_roster import app as roster_app
from ivr.cli.duty_tables import (
    MEANING,
    closure_json,
    closures_table,
    page_json,
    pages_table,
    print_json,
    print_table,
    record_json,
)
from ivr.closures import NewClosure
from ivr.duty import Closure, ClosureKind, Duty, DutyBook, duty_at
from ivr.duty_page import DeskPage, desk_pages
from ivr.jalali import parse_instant
from ivr.model import DeskId
from ivr.people import counsellor_of
from ivr.rights import Action
from ivr.text import clean

app = typer.Typer(no_args_is_help=True, help="Who should be there: rosters, on-call and closures.")
app.add_typer(roster_app, name="roster")

Province = Annotated[str | None, typer.Option(help="Only the desks of this province.")]
Until = Annotated[str | None, typer.Option(help=f"When it ends, {INSTANT_HELP}.")]
For = Annotated[str | None, typer.Option("--for", help="How long instead: 2h, 90m, 1d.")]


@app.command("now")
def now_command(
    province: Province = None,
    at: Annotated[str | None, typer.Option(help=f"Another instant, {INSTANT_HELP}.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show who should be at each desk, who is on call, what is closed, and when that changes.

    With --json: at, next_change_at, desks (desk, province, expected, on_call, has_roster, gap,
    closure, roster_until_at, warning: null, roster_runs_out or roster_ran_out).
    """
    asyncio.run(_show_now(province, parse_instant(at) if at else None, as_json=as_json))


@app.command("next")
def next_command(province: Province = None, as_json: AsJson = False) -> None:
    """Show the desks at which something changes next, as they will be then.

    With --json the keys of `ivr duty now --json`; at is null where no change is known.
    """
    asyncio.run(_show_next(province, as_json=as_json))


@app.command("close")
def close_command(
    desk: Annotated[str, typer.Argument(help="The desk's id, such as markazi-saveh.")],
    *,
    kind: Annotated[ClosureKind, typer.Option(help="What has happened.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever comes later; no callers' names.")],
    until: Until = None,
    for_: For = None,
    from_: Annotated[
        str | None, typer.Option("--from", help=f"When it begins, {INSTANT_HELP}; else at once.")
    ] = None,
    who: WhoOption = None,
    as_json: AsJson = False,
) -> None:
    """Close a desk, at once and until an end that must be named; waiting calls are planned again.

    One authorised person is enough. It ends by itself; `ivr duty reopen` ends it earlier. With
    --json the closure as in `ivr duty closures --json`, and warnings (texts).
    """
    begins_at = parse_instant(from_) if from_ else None

    def asked(room: DutyRoom) -> NewClosure:
        now = room.now
        from_at = max(begins_at or now, now)
        return NewClosure(
            desk=room.desk(desk),
            kind=kind,
            reason=clean(reason),
            from_at=from_at,
            until_at=end_of(from_at, until, for_),
        )

    asyncio.run(_close(asked, who, as_json=as_json))


@app.command("reopen")
def reopen_command(
    which: Annotated[str, typer.Argument(help="A desk's id, or the number of one closure.")],
    who: WhoOption = None,
    as_json: AsJson = False,
) -> None:
    """End a closure before its time: one by its number, or all in force at a desk."""
    asyncio.run(_reopen(which, who, as_json=as_json))


@app.command("closures")
def closures_command(
    province: Province = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are over or were ended.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List closures in force and to come, newest first, with those that count."""
    asyncio.run(_list_closures(province, everything=everything, as_json=as_json))


async def _show_now(province: str | None, at: datetime | None, *, as_json: bool) -> None:
    async with duty_room() as room:
        at = at or room.now
        desks = room.desks_of(province)
        book = (await room.duty.book(at)).of_desks(set(desks))
        pages = desk_pages(book, _duty(room, book, at), desks, at)
        _print_pages(room, pages, at, book.next_change_at(at), as_json=as_json)


async def _show_next(province: str | None, *, as_json: bool) -> None:
    async with duty_room() as room:
        desks, now = room.desks_of(province), room.now
        book = (await room.duty.book(now)).of_desks(set(desks))
        at = book.next_change_at(now)
        if at is None:
            _print_pages(room, (), None, None, as_json=as_json)
            return
        before = set(desk_pages(book, _duty(room, book, now), desks, now))
        pages = desk_pages(book, _duty(room, book, at), desks, at)
        changed = tuple(page for page in pages if page not in before)
        _print_pages(room, changed, at, book.next_change_at(at), as_json=as_json)


def _duty(room: DutyRoom, book: DutyBook, at: datetime) -> Duty:
    people = [counsellor_of(person) for person in room.people.values() if person.takes_calls]
    return duty_at(people, at, book)


def _print_pages(
    room: DutyRoom,
    pages: tuple[DeskPage, ...],
    at: datetime | None,
    next_at: datetime | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            {
                "at": at.isoformat() if at else None,
                "next_change_at": next_at.isoformat() if next_at else None,
                "desks": [page_json(room, page) for page in pages],
            }
        )
        return
    if at is None:
        typer.echo("No change is known: no shift and no closure begins or ends from now on.")
        return
    typer.echo(f"Duty at {plain_minute(at)} in Tehran")
    print_table(pages_table(room, pages))
    typer.echo(f"Next change: {plain_minute(next_at) if next_at else 'none is known'}")


async def _close(
    asked: Callable[[DutyRoom], NewClosure], who: str | None, *, as_json: bool
) -> None:
    async with duty_room() as room:
        new = asked(room)
        by = await allowed(room, who, Action.DUTY_CLOSE, [new.desk])
        closure = await room.duty.close(new, by=by, at=room.now)
        book = await room.duty.book(closure.from_at)
    warnings = list(_doubts(room, closure, book))
    if as_json:
        print_json(closure_json(closure) | {"warnings": [*warnings]})
        return
    _tell_closed(closure, room.now)
    for warning in warnings:
        typer.echo(f"Warning: {warning}")


def _doubts(room: DutyRoom, closure: Closure, book: DutyBook) -> Iterator[str]:
    """Why the closure may not be what was meant."""
    desk = closure.desk
    if not any(person.takes_calls and desk in person.desks for person in room.people.values()):
        yield f"nobody takes calls at {desk}, so closing it keeps no call from anybody."
    counting = book.closed(closure.from_at).get(desk)
    for other in book.closures:
        if _overlap(other, closure):
            counts = counting.id if counting else closure.id
            yield (
                f"{desk} is closed already: closure {other.id}, {other.kind} until "
                f"{plain_minute(other.until_at)}. While both are in force, closure {counts} counts."
            )


def _overlap(one: Closure, other: Closure) -> bool:
    same_time = one.from_at < other.until_at and other.from_at < one.until_at
    return one.desk == other.desk and one.id != other.id and same_time


def _tell_closed(closure: Closure, now: datetime) -> None:
    begins = "at once" if closure.from_at <= now else f"from {plain_minute(closure.from_at)}"
    typer.echo(
        f"Saved: closure {closure.id}, {closure.desk} {closure.kind} {begins} until "
        f"{plain_minute(closure.until_at)} in Tehran; it ends by itself."
    )
    typer.echo(
        f"For callers: {MEANING[closure.kind]}; live calls are planned again, new ones follow."
    )


async def _reopen(which: str, who: str | None, *, as_json: bool) -> None:
    async with duty_room() as room:
        found: int | DeskId = int(which) if which.isdecimal() else room.desk(which)
        desk = (await room.duty.closure(found)).closure.desk if isinstance(found, int) else found
        by = await allowed(room, who, Action.DUTY_CLOSE, [desk])
        ended = await room.duty.reopen(found, by=by, at=room.now)
        now = room.now
        still = (await room.duty.book(now)).closed(now).get(desk)
    if as_json:
        print_json([closure_json(closure) for closure in ended])
        return
    for closure in ended:
        typer.echo(f"Saved: closure {closure.id} of {closure.desk} ({closure.kind}) is ended.")
    if still:
        typer.echo(
            f"{desk} is still closed: closure {still.id}, {still.kind} until "
            f"{plain_minute(still.until_at)}."
        )
    else:
        typer.echo(f"{desk} answers again as the rules say; live calls are planned again.")


async def _list_closures(province: str | None, *, everything: bool, as_json: bool) -> None:
    async with duty_room() as room:
        now = room.now
        records = await room.duty.closure_history(room.desks_of(province))
        counting = (await room.duty.book(now)).closed(now).values()
    if not everything:
        records = tuple(one for one in records if one.is_open(now))
    if as_json:
        print_json([record_json(record, counting) for record in records])
    elif records:
        print_table(closures_table(records, counting, now))
    else:
        typer.echo("No desk is closed, and no closure is to come.")
