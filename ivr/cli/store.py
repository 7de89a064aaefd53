"""`ivr store key`: what callers' numbers are sealed with, changed while the line goes on."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ivr.audit import AuditEntry
from ivr.cli.acting import WhoOption, acting
from ivr.cli.caller_holds import LOG_IN_USE
from ivr.cli.printing import print_json, print_rows
from ivr.people import Person
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.key_file import KeyFile
from ivr.store.key_needed import check_not_needed
from ivr.store.resealing import OTHERS, Resealing, Sealed
from ivr.store.store import Store
from ivr.store.traces import empty_log
from ivr.store.vault import Vault

app = typer.Typer(no_args_is_help=True, help="What the records are kept with.")
keys = typer.Typer(no_args_is_help=True, help="The keys that numbers are sealed with.")
app.add_typer(keys, name="key")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """`made`: whether the key is a new one; `left`: what is (in a dry run: still) where."""

    key: str
    made: bool
    again: Counter[str]
    left: Sealed
    log_is_empty: bool = True


@keys.command("list")
def list_keys(*, who: WhoOption = None, as_json: JsonOption = False) -> None:
    """Show how much is sealed with which key: numbers, headers, events, secrets of webhooks.

    With --json an array of objects with the keys key (? is none of ours), current, what, rows.
    """

    async def load() -> tuple[Vault, Sealed]:
        settings = load_settings()
        vault = Vault.read(KeyFile.of(settings).path)
        async with await Store.open(settings) as store:
            await acting(store, who, Action.KEYS_MANAGE)
            return vault, await Resealing(store).state(vault.keys)

    vault, found = asyncio.run(load())
    if as_json:
        print_json([one | {"current": one["key"] == vault.current} for one in _as_json(found)])
    else:
        _print_state(found, vault.current)


@keys.command("rotate")
def rotate(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Make the new key alone, to copy it to other machines."),
    ] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Although earlier keys still have something sealed.")
    ] = False,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new sealing key and seal every number with it again, while the line goes on.

    Killed at any moment, the same command goes on where it was: no second key is made as long as
    an earlier one has something sealed. Old keys stay in the file until `ivr store key forget`.
    Pseudonyms stay: callers are recognised as before. With --json an object with the keys key,
    made, again (rows sealed again, by what they are), left (an array of objects with key, what,
    rows).
    """
    found = asyncio.run(_rotate(who, dry_run=dry_run, prepare=prepare, new_key=new_key))
    if as_json:
        left = list(_as_json(found.left))
        again = {"made": found.made, "again": dict(found.again), "left": left}
        print_json({"key": found.key} | again)
    else:
        _print_rotated(found, dry_run=dry_run)


async def _rotate(who: str | None, *, dry_run: bool, prepare: bool, new_key: bool) -> Rotated:
    settings = load_settings()
    file = KeyFile.of(settings)
    with file.alone() as vault:
        async with await Store.open(settings) as store:
            person = await acting(store, who, Action.KEYS_MANAGE)
            work = Resealing(store)
            await work.check_fits(vault)
            before = await work.state(vault.keys)
            made = new_key or not _unfinished(before, vault)
            if dry_run:
                key = file.next_key() if made else vault.current
                return Rotated(key=key, made=made, again=Counter(), left=before)
            current = await _add(store, file, person) if made else vault
            if prepare:
                return Rotated(key=current.current, made=made, again=Counter(), left=before)
            return await _again(store, work, current, person, made=made)


def _unfinished(found: Sealed, vault: Vault) -> bool:
    return any(key not in {vault.current, OTHERS} for _, key in found)


async def _add(store: Store, file: KeyFile, person: Person) -> Vault:
    """On record before it is there: a key without an entry must not be."""
    name, now = file.next_key(), datetime.now(UTC)
    await _note(store, AuditEntry(at=now, by=person.id, action="keys.new", subject=name))
    return file.add(name, now)


async def _again(
    store: Store, work: Resealing, vault: Vault, person: Person, *, made: bool
) -> Rotated:
    done = await work.run(vault)
    left = await work.state(vault.keys)
    now = datetime.now(UTC)
    if done or made:
        action, detail = "keys.resealed", {"rows": dict(done)}
        entry = AuditEntry(
            at=now, by=person.id, action=action, subject=vault.current, detail=detail
        )
        await _note(store, entry)
    is_empty = await empty_log(store)
    return Rotated(key=vault.current, made=made, again=done, left=left, log_is_empty=is_empty)


@keys.command("forget")
def forget(
    name: Annotated[str, typer.Argument(help="An old key (`ivr store key list`).")],
    *,
    who: WhoOption = None,
) -> None:
    """Take an old key out of the file: what it sealed can never be opened again.

    Refused while anything is sealed with it here, calls go on that came before the key of now, or
    that key is younger than a day. Numbers in backups of before need it: keep it with those, or not
    at all.
    """

    async def do() -> None:
        settings, now = load_settings(), datetime.now(UTC)
        file = KeyFile.of(settings)
        with file.alone() as vault:
            async with await Store.open(settings) as store:
                person = await acting(store, who, Action.KEYS_MANAGE)
                file.check_old(name)
                await check_not_needed(store, name, since_at=file.made_at(vault.current), now=now)
                entry = AuditEntry(at=now, by=person.id, action="keys.forget", subject=name)
                await _note(store, entry)
            file.forget(name)

    asyncio.run(do())
    typer.echo(f"Forgotten: key {name}")


async def _note(store: Store, entry: AuditEntry) -> None:
    async with store.writing() as connection:
        await store.note_decision(connection, entry)


def _as_json(found: Sealed) -> Iterable[dict[str, Any]]:
    return ({"key": key, "what": what, "rows": rows} for (what, key), rows in sorted(found.items()))


def _print_state(found: Sealed, current: str) -> None:
    rows = (
        (one["key"], "sealed with now" if one["key"] == current else None, one["what"], one["rows"])
        for one in _as_json(found)
    )
    print_rows(("key", "is", "what", "rows"), rows, "Nothing is sealed.")


def _print_rotated(found: Rotated, *, dry_run: bool) -> None:
    _print_state(found.left, found.key)
    if dry_run:
        how = "a new key" if found.made else "the key of the run before, which goes on"
        typer.echo(f"Would be sealed again with key {found.key} ({how}). Nothing was changed.")
        return
    typer.echo(f"Sealed again with key {found.key}: {found.again.total()} rows.")
    if any(key != found.key for _, key in found.left):
        typer.echo("What is left is of calls under way, or no key opens it: run it again later.")
    if not found.log_is_empty:
        typer.echo(LOG_IN_USE)
