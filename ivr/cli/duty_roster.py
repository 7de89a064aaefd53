"""`ivr duty roster`: rosters by Jalali week."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ivr.calendar import plain_day, plain_minute
from ivr.cli.acting import WhoOption
from ivr.cli.duty_room import INSTANT_HELP, AsJson, DutyRoom, allowed, duty_room, end_of
from ivr.cli.duty_tables import (
    entry_json,
    print_decision,
    print_json,
    print_table,
    week_table,
)
from ivr.duty import DutyBook, DutyKind
from ivr.errors import BadInput
from ivr.jalali import JalaliWeek, parse_instant, parse_week, week_at
from ivr.rights import Action
from ivr.roster_files import FORMAT, DeskWeek, read_roster
from ivr.rosters import NewEntry

app = typer.Typer(no_args_is_help=True, help="Rosters by Jalali week; weeks begin on Saturday.")

Desk = Annotated[str, typer.Option(help="The desk's id, such as markazi-saveh.")]
Entry = Annotated[int, typer.Argument(help="The entry's number, as `roster show` has it.")]
Add = Annotated[bool, typer.Option("--add", help="Add to a week that already has entries.")]

_SHOWN_FORMAT = FORMAT.replace("[", "\\[")  # brackets are markup in a help text
_IMPORT_HELP = f"""Take in rosters from YAML files, one desk's week in each; all of them or none.

Every mistake is named with file, line and field. A week that has entries needs --add.

The form of a file:

\b
{_SHOWN_FORMAT}"""


@app.command("show")
def show(
    desk: Desk,
    week: Annotated[
        str | None, typer.Option(help="1405/36, or a day in the week; else the present one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a desk's week: day, hours, who, and the number of each entry.

    With --json: desk, week, first_day, entries (id, desk, counsellor, kind, from_at, until_at) and
    gaps (from_at, until_at), when the desk has a roster and nobody is on it.
    """
    asyncio.run(_show(desk, week, as_json=as_json))


@app.command("import", help=_IMPORT_HELP)
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Roster files.")],
    add: Add = False,
    who: WhoOption = None,
    as_json: AsJson = False,
) -> None:
    asyncio.run(_import(files, who, add=add, as_json=as_json))


@app.command("add")
def add_entry(
    person: Annotated[str, typer.Argument(help="The person's id, such as saveh-1.")],
    *,
    desk: Desk,
    from_: Annotated[str, typer.Option("--from", help=f"When it begins, {INSTANT_HELP}.")],
    until: Annotated[str | None, typer.Option(help=f"When it ends, {INSTANT_HELP}.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="How long instead: 7h.")] = None,
    kind: Annotated[DutyKind, typer.Option(help="At the desk, or on call.")] = DutyKind.DESK,
    who: WhoOption = None,
    as_json: AsJson = False,
) -> None:
    """Write one person's duty."""
    begins_at = parse_instant(from_)
    ends_at = end_of(begins_at, until, for_)
    asyncio.run(_add(person, desk, kind, begins_at, ends_at, who=who, as_json=as_json))


@app.command("take-out")
def take_out(entry: Entry, who: WhoOption = None, as_json: AsJson = False) -> None:
    """Take an entry out of the roster; what of it has passed stays."""
    asyncio.run(_take_out(entry, who, as_json=as_json))


@app.command("copy")
def copy_week(
    *,
    from_: Annotated[str, typer.Option("--from", help="The week to copy: 1405/36, or a day.")],
    to: Annotated[str, typer.Option(help="The week to write: 1405/37, or a day.")],
    desk: Annotated[str | None, typer.Option(help="Of this desk.")] = None,
    province: Annotated[str | None, typer.Option(help="Of all desks of this province.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave out this person; may be given several times.")
    ] = None,
    add: Add = False,
    who: WhoOption = None,
    as_json: AsJson = False,
) -> None:
    """Write a week's roster again in another week: the same people, days and hours.

    Refused where the other week already has entries, unless --add; then what is there stays.
    """
    if (desk is None) == (province is None):
        raise BadInput("name what to copy, in one way: --desk D, or --province P.")
    weeks = parse_week(from_), parse_week(to)
    asyncio.run(_copy(weeks, desk, province, without or [], add=add, who=who, as_json=as_json))


@app.command("swap")
def swap(
    entry: Entry,
    with_: Annotated[
        int | None, typer.Option("--with", help="The entry whose person takes this one over.")
    ] = None,
    give_to: Annotated[
        str | None, typer.Option(help="The person who takes it over, with nothing in return.")
    ] = None,
    who: WhoOption = None,
    as_json: AsJson = False,
) -> None:
    """Let two people swap their entries, or one take over another's; what has passed stays."""
    if (with_ is None) == (give_to is None):
        raise BadInput("say who takes it over, in one way: --with ENTRY, or --give-to PERSON.")
    asyncio.run(_swap(entry, with_, give_to, who=who, as_json=as_json))


async def _show(desk: str, week_text: str | None, *, as_json: bool) -> None:
    async with duty_room() as room:
        week = parse_week(week_text) if week_text else week_at(room.now)
        where = room.desk(desk)
        entries = await room.duty.entries([where], week.begins_at, week.ends_at)
        gaps = DutyBook(entries).gaps(where, week.begins_at, week.ends_at)
        if as_json:
            print_json(
                {
                    "desk": where,
                    "week": str(week),
                    "first_day": week.first_day.isoformat(),
                    "entries": [entry_json(entry) for entry in entries],
                    "gaps": [
                        {"from_at": begin.isoformat(), "until_at": end.isoformat()}
                        for begin, end in gaps
                    ],
                }
            )
            return
        typer.echo(f"{where}, week {week}, from Saturday {plain_day(week.first_day)}")
        if not entries:
            typer.echo("No entries: all who sit there are expected.")
            return
        print_table(week_table(room, entries))
        for begin, end in gaps:
            typer.echo(f"Nobody is on the roster: {plain_minute(begin)} to {plain_minute(end)}")


async def _import(files: list[Path], who: str | None, *, add: bool, as_json: bool) -> None:
    async with duty_room() as room:
        weeks = _read_all(room, files)
        desks = tuple(dict.fromkeys(week.desk for week in weeks))
        by = await allowed(room, who, Action.DUTY_ROSTER, desks)
        decision = await room.duty.add(
            [entry for week in weeks for entry in week.entries],
            by=by,
            at=room.now,
            empty=[] if add else [(week.desk, week.week) for week in weeks],
        )
    print_decision(decision, as_json=as_json)


def _read_all(room: DutyRoom, files: list[Path]) -> list[DeskWeek]:
    """Every file, or every mistake of all of them."""
    weeks, wrong = [], []
    for file in files:
        try:
            weeks.append(read_roster(file, room.desks, room.enabled()))
        except BadInput as error:
            wrong.append(str(error))
    if wrong:
        raise BadInput("\n".join(wrong))
    return weeks


async def _add(
    person: str,
    desk: str,
    kind: DutyKind,
    begins_at: datetime,
    ends_at: datetime,
    *,
    who: str | None,
    as_json: bool,
) -> None:
    async with duty_room() as room:
        entry = NewEntry(
            desk=room.desk(desk),
            counsellor=room.person(person),
            kind=kind,
            from_at=begins_at,
            until_at=ends_at,
        )
        by = await allowed(room, who, Action.DUTY_ROSTER, [entry.desk])
        decision = await room.duty.add([entry], by=by, at=room.now)
    print_decision(decision, as_json=as_json)


async def _take_out(number: int, who: str | None, *, as_json: bool) -> None:
    async with duty_room() as room:
        entry = await room.duty.entry(number)
        by = await allowed(room, who, Action.DUTY_ROSTER, [entry.desk])
        decision = await room.duty.take_out(number, by=by, at=room.now)
    print_decision(decision, as_json=as_json)


async def _copy(
    weeks: tuple[JalaliWeek, JalaliWeek],
    desk: str | None,
    province: str | None,
    without: list[str],
    *,
    add: bool,
    who: str | None,
    as_json: bool,
) -> None:
    async with duty_room() as room:
        desks = (room.desk(desk),) if desk else room.desks_of(province)
        left_out = {room.person(name) for name in without}
        by = await allowed(room, who, Action.DUTY_ROSTER, desks)
        decision = await room.duty.copy(
            *weeks, desks, by=by, at=room.now, add=add, without=left_out
        )
    print_decision(decision, as_json=as_json)


async def _swap(
    number: int, with_: int | None, give_to: str | None, *, who: str | None, as_json: bool
) -> None:
    async with duty_room() as room:
        numbers = [number] if with_ is None else [number, with_]
        desks = dict.fromkeys([(await room.duty.entry(one)).desk for one in numbers])
        to = room.person(give_to) if give_to else None
        by = await allowed(room, who, Action.DUTY_ROSTER, tuple(desks))
        if to:
            decision = await room.duty.give(number, to, by=by, at=room.now)
        else:
            decision = await room.duty.swap(numbers[0], numbers[1], by=by, at=room.now)
    print_decision(decision, as_json=as_json)
