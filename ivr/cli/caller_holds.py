"""`ivr callers hold`, `release`, `holds` and `erase`: what is kept, and what is erased for ever."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.callers import checked_reason
from ivr.cli.acting import WhoOption, sign_in
from ivr.cli.caller_rights import (
    CallerArgument,
    CallOption,
    JsonOption,
    ReasonOption,
    allowed_on,
    meant,
    not_allowed,
    where_allowed,
)
from ivr.cli.printing import print_json, print_rows
from ivr.rights import Action, may
from ivr.settings import load_settings
from ivr.store.forgetting import Erasure, ErasureStore
from ivr.store.holds import Hold, HoldStore
from ivr.store.store import Store
from ivr.store.traces import empty_log


def hold(
    pseudonym: CallerArgument = None,
    *,
    call: CallOption = None,
    reason: ReasonOption,
    who: WhoOption = None,
) -> None:
    """Keep a call, or all calls of a caller, from being erased, until the hold is released."""
    checked_reason(reason)

    async def save() -> Hold:
        async with await Store.open(load_settings()) as store:
            person = await sign_in(store, who)
            kind, subject = await meant(store, pseudonym, call)
            place = await allowed_on(store, person, Action.HOLD_WRITE, kind, subject)
            now = datetime.now(UTC)
            national = may(person, Action.HOLD_WRITE, now=now)
            return await HoldStore(store).hold(
                kind, subject, reason, by=person.id, at=now, province=place, national=national
            )

    saved = asyncio.run(save())
    typer.echo(f"Saved: hold {saved.id} on {saved.kind} {saved.subject}; nothing of it is erased")


def release(
    number: Annotated[int, typer.Argument(help="The hold's number (`ivr callers holds`).")],
    *,
    who: WhoOption = None,
) -> None:
    """Lift a hold; what was kept long enough is erased by the next run.

    It takes an admin of the province in which it was placed, and of all provinces for one that
    was placed by such an admin.
    """

    async def save() -> Hold:
        async with await Store.open(load_settings()) as store:
            person = await sign_in(store, who)
            known, now = await HoldStore(store).one(number), datetime.now(UTC)
            if not may(person, Action.HOLD_WRITE, province=known.province, now=now):
                raise not_allowed(person, Action.HOLD_WRITE, [known.province])
            return await HoldStore(store).release(
                number, by=person.id, at=now, province=known.province
            )

    saved = asyncio.run(save())
    typer.echo(f"Saved: hold {saved.id} on {saved.kind} {saved.subject} is released")


def holds(*, who: WhoOption = None, as_json: JsonOption = False) -> None:
    """List the holds that stand in your provinces."""

    async def load() -> list[Hold]:
        async with await Store.open(load_settings()) as store:
            person = await sign_in(store, who)
            return [
                one
                for one in await HoldStore(store).standing()
                if await where_allowed(store, person, Action.HOLD_WRITE, one.kind, one.subject)
            ]

    found = asyncio.run(load())
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = (
        (one.id, one.kind, one.subject, one.reason, one.by, one.at, one.province or "all")
        for one in found
    )
    print_rows(("no", "of", "which", "why", "by", "at", "province"), rows, "No hold stands.")


def erase(
    pseudonym: CallerArgument = None,
    *,
    call: CallOption = None,
    reason: ReasonOption,
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase; without it, it is only said what would be.")
    ] = False,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase for ever what is known of a caller, or of one call; figures of reports stay.

    What is held, open, or has a trip, a stay or a follow-up under way stays, and is counted. With
    --json an object with the keys kind, subject, provinces, calls, held, not_over, erased.
    """
    checked_reason(reason)
    wanted, log_is_empty = asyncio.run(_erase(pseudonym, call, reason, who, yes=yes))
    if as_json:
        print_json({**asdict(wanted), "erased": yes})
        return
    typer.echo(_told(wanted, yes=yes))
    if not log_is_empty:
        typer.echo(LOG_IN_USE)


LOG_IN_USE = (
    "Others use the database just now, so its write-ahead log still has pages of before; it is "
    "emptied as they go on, or by the next `ivr retention run`."
)


def _told(wanted: Erasure, *, yes: bool) -> str:
    done = "Erased" if yes else "Would be erased (say --yes)"
    held = f"; {wanted.held} under a hold stay (`ivr callers holds`)" if wanted.held else ""
    work = f"; {wanted.not_over} not over yet stay: ask again later" if wanted.not_over else ""
    return f"{done}: {wanted.calls} calls of {wanted.kind} {wanted.subject}{held}{work}."


async def _erase(
    pseudonym: str | None, call: str | None, reason: str, who: str | None, *, yes: bool
) -> tuple[Erasure, bool]:
    async with await Store.open(load_settings()) as store:
        person = await sign_in(store, who)
        wanted = await ErasureStore(store).plan(*await meant(store, pseudonym, call))
        for place in wanted.provinces or (None,):  # it takes the right wherever they have called
            if not may(person, Action.CALLER_ERASE, province=place, now=datetime.now(UTC)):
                raise not_allowed(person, Action.CALLER_ERASE, [place])
        if not yes:
            return wanted, True
        await ErasureStore(store).erase(wanted, reason, by=person.id, at=datetime.now(UTC))
        return wanted, await empty_log(store)
