"""`ivr people`: accounts, roles, skills, devices, passwords and PINs; each change is audited."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ivr.accounts import BrokenGlass, account, provinces_of, shown
from ivr.calendar import plain_minute
from ivr.cli.acting import WhoOption, acting, grant_words, managing, secret_from
from ivr.cli.people_words import (
    DEVICE_HELP,
    GRANT_HELP,
    SKILL_HELP,
    device_values,
    grant_of,
    person_lines,
    person_row,
    skill_values,
    without,
)
from ivr.errors import BadInput, NotAllowed
from ivr.people import Person, demo_accounts, read_people
from ivr.rights import Action, in_force, may
from ivr.settings import load_settings
from ivr.store.people import PeopleStore
from ivr.store.store import Store

app = typer.Typer(no_args_is_help=True, help="Who works with the line, and what each may do.")

T = TypeVar("T")
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
IdArgument = Annotated[str, typer.Argument(help="The account's id, such as arak-1.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stays in the audit trail.")]
Texts = list[str]


@app.command("list")
def list_people(*, as_json: JsonOption = False) -> None:
    """Print every account: id, state, desks, roles, name. Telephones' numbers are cut short.

    With --json an array of objects with the keys id, name_fa, enabled, desks, skills (id, level),
    devices (id, kind, confirm, number), grants (role, province, desk, until_at).
    """
    people = _run(lambda store: PeopleStore(store).people())
    if as_json:
        _print_json([shown(person) for person in people])
        return
    for person in people:
        typer.echo(person_row(person))


@app.command()
def show(person_id: IdArgument, *, as_json: JsonOption = False) -> None:
    """Print one account; with --json an object as `ivr people list --json` has it."""
    person = _run(lambda store: _known(store, person_id))
    _print(person, as_json=as_json)


@app.command()
def add(
    person_id: Annotated[str, typer.Argument(help="A new id; it never changes.")],
    name: Annotated[str, typer.Option(help="The name as colleagues read it.")],
    *,
    desk: Annotated[Texts, typer.Option(help="A desk where the person takes calls.")] = [],  # noqa: B006 - typer copies it
    skill: Annotated[Texts, typer.Option(help=SKILL_HELP)] = [],  # noqa: B006
    device: Annotated[Texts, typer.Option(help=DEVICE_HELP)] = [],  # noqa: B006
    grant: Annotated[Texts, typer.Option(help=GRANT_HELP)] = [],  # noqa: B006
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an account; a password is given with `ivr people password`.

    While nobody can sign in who manages people, the machine's owner may do this.
    """
    person = account(
        {
            "id": person_id,
            "name_fa": name,
            "desks": desk,
            "skills": [skill_values(text) for text in skill],
            "devices": [device_values(text) for text in device],
            "grants": [grant_of(text) for text in grant],
        }
    )

    async def work(store: Store) -> None:
        by, guard = await managing(store, who)
        await PeopleStore(store).add(person, by=by, now=datetime.now(UTC), guard=guard)

    _run(work)
    _print(person, as_json=as_json)


@app.command()
def change(
    person_id: IdArgument,
    *,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    enable: Annotated[bool, typer.Option("--enable", help="Undo `disable`.")] = False,
    add_desk: Annotated[Texts, typer.Option(help="A desk more.")] = [],  # noqa: B006
    drop_desk: Annotated[Texts, typer.Option(help="A desk less.")] = [],  # noqa: B006
    add_skill: Annotated[Texts, typer.Option(help=f"{SKILL_HELP} Or another level.")] = [],  # noqa: B006
    drop_skill: Annotated[Texts, typer.Option(help="A skill less, by id.")] = [],  # noqa: B006
    add_device: Annotated[Texts, typer.Option(help=f"{DEVICE_HELP} Or as it is now.")] = [],  # noqa: B006
    drop_device: Annotated[Texts, typer.Option(help="A device less, by id.")] = [],  # noqa: B006
    add_grant: Annotated[Texts, typer.Option(help=GRANT_HELP)] = [],  # noqa: B006
    drop_grant: Annotated[Texts, typer.Option(help="A role less, written as it is shown.")] = [],  # noqa: B006
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an account: all of what is given, or nothing."""

    def edit(person: Person) -> Person:
        values = person.model_dump()
        skills = [skill_values(text) for text in add_skill]
        devices = [device_values(text) for text in add_device]
        grants = [grant_of(text) for text in add_grant]
        return account(
            {
                **values,
                "name_fa": name if name is not None else person.name_fa,
                "enabled": person.enabled or enable,
                "desks": _merged(without("desk", person.desks, drop_desk, str), add_desk, str),
                "skills": _merged(without("skill", values["skills"], drop_skill, _id), skills, _id),
                "devices": _merged(
                    without("device", values["devices"], drop_device, _id), devices, _id
                ),
                "grants": _merged(
                    without("grant", person.grants, drop_grant, _role), grants, grant_words
                ),
            }
        )

    async def work(store: Store) -> Person:
        by, guard = await managing(store, who)
        now = datetime.now(UTC)
        return await PeopleStore(store).change(person_id, edit, by=by, now=now, guard=guard)

    _print(_run(work), as_json=as_json)


@app.command()
def disable(
    person_id: IdArgument,
    *,
    reason: ReasonOption,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take away every right and every call, at once; the account stays, and can be enabled."""

    async def work(store: Store) -> Person:
        by, guard = await managing(store, who)
        now = datetime.now(UTC)
        people = PeopleStore(store)
        return await people.disable(person_id, reason=reason, by=by, now=now, guard=guard)

    _print(_run(work), as_json=as_json)


@app.command("break-glass")
def break_glass(
    person_id: IdArgument,
    *,
    reason: ReasonOption,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a supervisor admin of their province for four hours, because no admin is at hand.

    Supervisors do this for themselves. It raises an alarm until the role is over, and another admin
    reviews it then (`ivr people review`).
    """

    async def work(store: Store) -> Person:
        by, guard = await managing(store, who, own=person_id)
        now = datetime.now(UTC)
        people = PeopleStore(store)
        return await people.break_glass(person_id, reason=reason, by=by, now=now, guard=guard)

    _print(_run(work), as_json=as_json)


@app.command()
def review(
    person_id: Annotated[
        str | None, typer.Argument(help="The account; left out: list what awaits it.")
    ] = None,
    *,
    note: Annotated[str, typer.Option(help="What you found.")] = "",
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Review what somebody did as admin in need (break-glass); left out, list what awaits it.

    `ivr audit list --by ID` shows what they decided. Another admin does this when the role is over.
    With --json an array of objects with the keys entry, person, by, at, reason.
    """
    if person_id is None:
        awaiting = _run(lambda store: PeopleStore(store).broken_glass())
        _print_broken_glass(awaiting, as_json=as_json)
        return
    reviewed = _run(lambda store: _review(store, person_id, note.strip(), who))
    if as_json:
        _print_broken_glass(reviewed, as_json=True)
    else:
        typer.echo(f"Reviewed: {person_id}, made admin in need {len(reviewed)} time(s).")


async def _review(
    store: Store, person_id: str, note: str, who: str | None
) -> tuple[BrokenGlass, ...]:
    person = await _known(store, person_id)
    first, *others = provinces_of(person)
    actor = await acting(store, who, Action.PEOPLE_REVIEW, province=first)
    for place in (first, *others):
        if not may(actor, Action.PEOPLE_REVIEW, province=place):
            raise NotAllowed(
                f"{actor.id} may not review {person_id}: it takes an admin role without an end in "
                f"{place or 'all provinces'}. Nothing was changed; ask another admin."
            )
    now = datetime.now(UTC)
    return await PeopleStore(store).review(person_id, note=note, by=actor.id, now=now)


def _print_broken_glass(found: Iterable[BrokenGlass], *, as_json: bool) -> None:
    if as_json:
        _print_json(
            [
                {
                    "entry": one.seq,
                    "person": one.person,
                    "by": one.by,
                    "at": one.at.isoformat(),
                    "reason": one.reason,
                }
                for one in found
            ]
        )
        return
    lines = [f"{one.person}  {plain_minute(one.at)}  by {one.by}: {one.reason}" for one in found]
    typer.echo("\n".join(lines) or "None.")


@app.command()
def password(person_id: IdArgument, *, who: WhoOption = None) -> None:
    """Give a new password, asked for twice (or IVR_NEW_PASSWORD); everybody may for themselves.

    Where nobody who may can sign in any more, the owner of IVR_HOME writes --as local.
    """

    async def work(store: Store) -> None:
        by, guard = await managing(store, who, own=person_id)
        await _known(store, person_id)
        text = secret_from("IVR_NEW_PASSWORD", f"New password of {person_id}", twice=True)
        now = datetime.now(UTC)
        await PeopleStore(store).set_password(person_id, text, by=by, now=now, guard=guard)
        demo_accounts(store.home).forget(person_id)

    _run(work)
    typer.echo(f"Saved: a new password of {person_id}")


@app.command()
def pin(person_id: IdArgument, *, who: WhoOption = None) -> None:
    """Give a new PIN for the telephone, asked for twice (or IVR_NEW_PIN): 4 to 8 digits."""

    async def work(store: Store) -> None:
        by, guard = await managing(store, who, own=person_id)
        await _known(store, person_id)
        text = secret_from("IVR_NEW_PIN", f"New PIN of {person_id}", twice=True)
        now = datetime.now(UTC)
        await PeopleStore(store).set_pin(person_id, text, by=by, now=now, guard=guard)

    _run(work)
    typer.echo(f"Saved: a new PIN of {person_id}")


@app.command()
def passwords(*, as_json: JsonOption = False) -> None:
    """Print the demonstration's accounts with their passwords, as long as nobody chose another.

    With --json an array of objects with the keys id, name, roles, password.
    """
    settings = load_settings()
    file = demo_accounts(settings.home)
    known = file.known()
    if not known:
        raise BadInput(
            f"{file.path}: no passwords of a demonstration are kept there. They are made when a "
            "copy with the demonstration's people starts for the first time (`ivr run`)."
        )
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {
            "id": person.id,
            "name": person.name_fa,
            "roles": [grant_words(grant) for grant in person.grants if in_force(grant, now)],
            "password": known[person.id],
        }
        for person in _run(lambda store: PeopleStore(store).people())
        if person.id in known and person.enabled
    ]
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        typer.echo(
            f"{row['id']:<26} {row['password']}  {', '.join(row['roles']):<30} {row['name']}"
        )


@app.command("import")
def import_people(
    file: Annotated[Path, typer.Argument(help="A file such as those in deploy/demo.")],
    *,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in all people of a file or none; who is there already becomes as the file says.

    Nobody is enabled or disabled by it, and who is not in the file stays. With --json an object
    with the keys added, changed, unchanged (ids).
    """
    persons = read_people([file])

    async def work(store: Store) -> dict[str, list[str]]:
        by, guard = await managing(store, who)
        now = datetime.now(UTC)
        done = await PeopleStore(store).take_in(persons, by=by, now=now, guard=guard)
        return {"added": [*done.added], "changed": [*done.changed], "unchanged": [*done.unchanged]}

    done = _run(work)
    if as_json:
        _print_json(done)
        return
    for what, ids in done.items():
        typer.echo(f"{what:<10} {', '.join(ids) or '-'}")


def _run(work: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        async with await Store.open(load_settings()) as store:
            return await work(store)

    return asyncio.run(run())


async def _known(store: Store, person_id: str) -> Person:
    people = await PeopleStore(store).people()
    found = next((person for person in people if person.id == person_id), None)
    if found is None:
        raise BadInput(f"There is no {person_id!r}. `ivr people list` shows who there is.")
    return found


def _merged(kept: list[Any], more: list[Any], key: Callable[[Any], str]) -> list[Any]:
    """`more` after `kept`, in the place of what has the same key."""
    return list({key(item): item for item in (*kept, *more)}.values())


def _id(values: dict[str, Any]) -> str:
    return str(values["id"])


def _role(grant: Any) -> str:
    """A role as it is typed: without its end."""
    return grant_words(grant).split(" ")[0]


def _print(person: Person, *, as_json: bool) -> None:
    if as_json:
        _print_json(shown(person))
        return
    for line in person_lines(person):
        typer.echo(line)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
