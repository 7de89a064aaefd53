"""`ivr outcome pending` and `ivr outcome paper`: what is owed, calls of no line of ours."""

import asyncio
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption
from ivr.cli.outcome_input import outcome_item
from ivr.cli.outcome_words import category_names
from ivr.cli.own_words import rules_for_words
from ivr.cli.places import province_of_county
from ivr.cli.printing import print_json, print_rows
from ivr.cli.recording import do, readable, signed_in, told
from ivr.current import current_in_force
from ivr.errors import BadInput
from ivr.jalali import parse_instant
from ivr.model import CounsellorId, CountyId, DeskId, ProvinceId
from ivr.outcome_form import OutcomeForm, with_outcome
from ivr.outcomes import outcome_id
from ivr.people import Person
from ivr.rights import Action, not_allowed, reach
from ivr.settings import load_settings
from ivr.store.deeds import EnterCall, Save
from ivr.store.entered import EnteredCall
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
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the calls that are owed an outcome, the oldest first, as far as they are yours to see.

    A call stands on its counsellor's list from the end of its talk, and after the hours that the
    province's rules set (keeping.outcome_overdue_h) on the supervisor's. With --json an array of
    objects with the keys call, province, desk, counsellor, county, category, connected_at,
    talk_ended_at, has_draft.
    """
    found = asyncio.run(_pending(counsellor, province, who))
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        names = category_names(rules_for_words()) if found else {}
        headings = ("talk ended", "call", "counsellor", "county", "category", "draft", "in words")
        rows = (
            (
                one.talk_ended_at,
                one.call,
                one.counsellor or "nobody known",
                one.county or one.province,
                one.category,
                "yes" if one.has_draft else None,
                names.get(one.province, {}).get(one.category or ""),
            )
            for one in found
        )
        print_rows(headings, rows, "Nothing is owed: every call of this list has an outcome.")


async def _pending(
    counsellor: str | None, province: str | None, who: str | None
) -> list[PendingCall]:
    async with signed_in(who, Action.OUTCOME_READ) as (store, person):
        if counsellor is None:
            return await _of_supervisor(store, person, province)
        found = await PendingStore(store).of_counsellor(CounsellorId(counsellor))
        if person.id == counsellor:
            return list(found)
        seen = readable(person, Action.OUTCOME_READ, map(_placed, found))
        if found and not seen:
            raise not_allowed(person, Action.OUTCOME_READ, counsellor)
        return seen


async def _of_supervisor(store: Store, person: Person, province: str | None) -> list[PendingCall]:
    now = datetime.now(UTC)
    rules = (await current_in_force(load_settings(), now)).rules
    if province is not None and province not in {one.id for one in rules}:
        raise BadInput(
            f"{province!r} is no province of this line; write one of: "
            f"{', '.join(one.id for one in rules)}."
        )
    found: list[PendingCall] = []
    for one in rules:
        if province in {None, one.id}:
            overdue = timedelta(hours=one.keeping.outcome_overdue_h)
            found += await PendingStore(store).of_supervisor([one.id], now, overdue)
    seen = readable(person, Action.OUTCOME_READ, map(_placed, found), province)
    return sorted(seen, key=lambda pending: pending.talk_ended_at)


def _placed(one: PendingCall) -> tuple[PendingCall, ProvinceId, DeskId | None]:
    return one, one.province, one.desk or (DeskId(one.county) if one.county else None)


def paper(
    county: Annotated[str, typer.Argument(help="Whence the call came, such as markazi-saveh.")],
    outcome: Annotated[str, typer.Argument(help="What came of it, such as phone_resolved.")],
    *,
    at: Annotated[str, typer.Option(help="When it came: 1405-09-01 07:00 in Tehran.")],
    ended: InstantOption = None,
    desk: Annotated[str | None, typer.Option(help="Which desk took it.")] = None,
    counsellor: Annotated[str | None, typer.Option(help="Who took it.")] = None,
    note: Annotated[str, typer.Option(help="A remark; no names or numbers of callers.")] = "",
    key: Annotated[
        str | None, typer.Option(help="The slip's own number: entered again it is the same call.")
    ] = None,
    who: WhoOption = None,
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
    form = with_outcome(OutcomeForm(), outcome_item(outcome_id(outcome), note=note))
    kept = asyncio.run(do(who, EnterCall(entered=entered, form=form)))
    typer.echo(told(kept, str(kept.done)))


def spool(*, who: WhoOption = None, as_json: JsonOption = False) -> None:
    """List the saves that wait for the database, the oldest first: what, of which call, by whom.

    Who writes for single desks sees their own. Saves follow by themselves; one that stays while the
    database is there names a call, trip or stay that is not. "set aside" are those that were not
    done, because whoever asked may not, or they cannot be: the line's log says why. With --json an
    array of objects with the keys key, what, call, at, by, set_aside.
    """
    found = asyncio.run(_spooled(who))
    if as_json:
        print_json(
            [
                {
                    **{name: getattr(one, name) for name in ("key", "what", "call", "at", "by")},
                    "set_aside": aside,
                }
                for one, aside in found
            ]
        )
        return
    rows = (
        (one.at, one.what, one.call, one.by, "set aside" if aside else "waits")
        for one, aside in found
    )
    headings = ("saved", "what", "call", "by", "is")
    print_rows(headings, rows, "Nothing waits: every save is in the database.")


async def _spooled(who: str | None) -> list[tuple[Save, bool]]:
    async with signed_in(who, Action.OUTCOME_READ) as (store, person):
        files = Spool(store.home)
        found = [(one, True) for one in files.set_aside()]
        found += [(one, False) for one in files.saves()]
        everywhere = reach(person, Action.OUTCOME_READ, datetime.now(UTC))
        all_of_them = everywhere.provinces is None or bool(everywhere.provinces)
        return [(one, aside) for one, aside in found if all_of_them or one.by == person.id]
