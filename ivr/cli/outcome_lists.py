"""`ivr outcome pending` and `ivr outcome paper`: what is owed, calls of no line of ours."""

import asyncio
import getpass
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ivr.cli.outcome_input import outcome_item
from ivr.cli.places import province_of_county
from ivr.cli.printing import print_json, print_rows
from ivr.current import current_in_force
from ivr.errors import BadInput
from ivr.jalali import parse_instant
from ivr.model import CallId, CounsellorId, CountyId, DeskId
from ivr.outcome_form import OutcomeForm, with_outcome
from ivr.outcomes import OutcomeId, outcome_id
from ivr.settings import load_settings
from ivr.store.entered import EnteredCall, EnteredStore
from ivr.store.forms import Source
from ivr.store.pending import PendingCall, PendingStore
from ivr.store.spool import Spool
from ivr.store.store import Store

_DEFAULT_TALK = timedelta(minutes=5)  # 80 to 85 % of talks are shorter (ISNA, about 1391)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
InstantOption = Annotated[
    str | None, typer.Option(help="In Tehran: 1405-09-01 07:00, or 2026-11-22T07:00+03:30.")
]


def pending(
    counsellor: Annotated[
        str | None, typer.Argument(help="Whose list; left out for the supervisor's.")
    ] = None,
    province: Annotated[
        str | None, typer.Option(help="Of the supervisor's list, this province alone.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the calls that are owed an outcome, the oldest first.

    A call stands on its counsellor's list from the end of its talk, and after the hours that the
    province's rules set (keeping.outcome_overdue_h) on the supervisor's. With --json an array of
    objects with the keys call, province, desk, counsellor, county, category, connected_at,
    talk_ended_at, has_draft.
    """
    found = asyncio.run(_pending(counsellor, province))
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        headings = ("talk ended", "call", "counsellor", "county", "category", "draft")
        rows = (
            (
                one.talk_ended_at,
                one.call,
                one.counsellor or "nobody known",
                one.county or one.province,
                one.category,
                "yes" if one.has_draft else None,
            )
            for one in found
        )
        print_rows(headings, rows, "Nothing is owed: every call of this list has an outcome.")


async def _pending(counsellor: str | None, province: str | None) -> tuple[PendingCall, ...]:
    settings = load_settings()
    now = datetime.now(UTC)
    rules = (await current_in_force(settings, now)).rules
    if province is not None and province not in {one.id for one in rules}:
        raise BadInput(
            f"{province!r} is no province of this line; write one of: "
            f"{', '.join(one.id for one in rules)}."
        )
    async with await Store.open(settings) as store:
        lists = PendingStore(store)
        if counsellor is not None:
            return await lists.of_counsellor(CounsellorId(counsellor))
        found: list[PendingCall] = []
        for one in rules:
            if province in {None, one.id}:
                overdue = timedelta(hours=one.keeping.outcome_overdue_h)
                found += await lists.of_supervisor([one.id], now, overdue)
        return tuple(sorted(found, key=lambda pending: pending.talk_ended_at))


def paper(
    county: Annotated[str, typer.Argument(help="Whence the call came, such as markazi-saveh.")],
    outcome: Annotated[str, typer.Argument(help="What came of it, such as phone_resolved.")],
    *,
    at: Annotated[str, typer.Option(help="When it came: 1405-09-01 07:00 in Tehran.")],
    ended: InstantOption = None,
    desk: Annotated[str | None, typer.Option(help="Which desk took it.")] = None,
    counsellor: Annotated[str | None, typer.Option(help="Who took it.")] = None,
    note: Annotated[str, typer.Option(help="A remark; no names or numbers of callers.")] = "",
    by: Annotated[
        str | None, typer.Option(help="Who enters it (default: the user of this machine).")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The slip's own number: entered again it is the same call.")
    ] = None,
) -> None:
    """Enter a call that was taken on paper, during an outage; it is marked so.

    Without --ended the talk counts as five minutes. "Saved" is printed once it is on disk; a whole
    form may follow (`ivr outcome save`).
    """
    arrived_at, province = parse_instant(at), province_of_county(county)
    entered = EnteredCall(
        key=f"{province}-{key or uuid.uuid4().hex}",
        province=province,
        county=CountyId(county),
        desk=DeskId(desk) if desk else None,
        counsellor=CounsellorId(counsellor) if counsellor else None,
        arrived_at=arrived_at,
        connected_at=arrived_at,
        ended_at=parse_instant(ended) if ended else arrived_at + _DEFAULT_TALK,
    )
    if entered.ended_at > datetime.now(UTC):
        raise BadInput(f"--at {at!r}: the call would end in the future; nothing was saved.")
    call = asyncio.run(_enter(entered, outcome_id(outcome), note, by or getpass.getuser()))
    typer.echo(f"Saved: {call}")


async def _enter(entered: EnteredCall, outcome: OutcomeId, note: str, by: str) -> CallId:
    form = with_outcome(OutcomeForm(), outcome_item(outcome, note=note))
    now = datetime.now(UTC)
    async with await Store.open(load_settings()) as store:
        entering = EnteredStore(store)
        return await entering.enter(entered, form, source=Source.PAPER, by=by, at=now)


def spool(*, as_json: JsonOption = False) -> None:
    """List the saves that wait for the database, the oldest first: call, when, by whom.

    They follow by themselves. One that stays while the database is there names a call that is not.
    """
    waiting = Spool(load_settings().home).saves()
    if as_json:
        print_json(
            [{"key": one.key, "call": one.call, "at": one.at, "by": one.by} for one in waiting]
        )
        return
    rows = ((one.at, one.call, one.by) for one in waiting)
    print_rows(("saved", "call", "by"), rows, "Nothing waits: every save is in the database.")
