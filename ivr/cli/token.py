"""`ivr token`: tokens with which programs use the API."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ivr.bearers import bearer, check_maker
from ivr.cli.acting import WhoOption, acting
from ivr.cli.printing import print_json, print_rows
from ivr.errors import BadInput
from ivr.model import CounsellorId, ProvinceId
from ivr.rights import Action
from ivr.rules.counties import gazetteer
from ivr.settings import load_settings
from ivr.store.known_tokens import KnownTokens
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tokens import TokenStore
from ivr.text import clean
from ivr.tokens import NAME_LENGTH, Scope, Token, hash_of, new_secret, scopes_of

app = typer.Typer(no_args_is_help=True, help="Tokens with which programs use the API.")

ScopeOption = Annotated[
    list[str], typer.Option("--scope", help=f"Any of: {', '.join(Scope)}; may be repeated.")
]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as ambulance-desk.")],
    *,
    scope: ScopeOption,
    province: Annotated[str | None, typer.Option(help="Only this province's records.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it opens anything.")
    ] = None,
    who: WhoOption = None,
) -> None:
    """Make a token and print its secret, once: only a hash of it is kept.

    For supervisors and admins: a token may nothing that its maker may not, now and later. Who loses
    a role, or leaves, takes it from their tokens.
    """
    at = datetime.now(UTC)
    identity, secret = new_secret()
    token = Token(
        id=identity,
        name=_name(name),
        hash=hash_of(secret),
        scopes=scopes_of(scope),
        province=known_province(province),
        by="",
        at=at,
        expires_at=at + timedelta(days=days) if days else None,
    )
    asyncio.run(_create(token, who))
    typer.echo(secret)
    typer.echo("Shown this once; keep it as a password.", err=True)


def _name(text: str) -> str:
    name = clean(text)
    if not 0 < len(name) <= NAME_LENGTH:
        raise BadInput(f"A token's name has 1 to {NAME_LENGTH} characters; nothing was saved.")
    return name


def known_province(text: str | None) -> ProvinceId | None:
    known = gazetteer().provinces
    if text is not None and text not in known:
        raise BadInput(f"--province: there is no {text!r}; there are: {', '.join(known)}.")
    return ProvinceId(text) if text else None


async def _create(token: Token, who: str | None) -> None:
    async with await Store.open(load_settings()) as store:
        actor = await acting(store, who, Action.TOKEN_MANAGE, province=token.province)
        check_maker(token, actor, token.at)
        values = {name: getattr(token, name) for name in Token.__slots__}
        await TokenStore(store).create(Token(**{**values, "by": actor.id}))


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="The token's id, as `ivr token list` shows it.")],
    who: WhoOption = None,
) -> None:
    """Let a token open nothing any more, at once. For supervisors and admins."""
    revoked = asyncio.run(_revoke(token, who))
    typer.echo(f"Revoked: {revoked.id} {revoked.name}")


async def _revoke(name: str, who: str | None) -> Token:
    async with await Store.open(load_settings()) as store:
        found = await TokenStore(store).token(name)
        if found is None:
            raise BadInput(f"There is no token {name!r}; `ivr token list` shows all.")
        actor = await acting(store, who, Action.TOKEN_MANAGE, province=found.province)
        now = datetime.now(UTC)
        revoked = await TokenStore(store).revoke(name, by=actor.id, at=now)
        KnownTokens(store.home).forget(name, now)
        return revoked


@app.command("list")
def list_(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False
) -> None:
    """List all tokens, also those that are over; never a secret."""
    now = datetime.now(UTC)
    found = asyncio.run(_all(now))
    if as_json:
        print_json([_plain(token, opens, now) for token, opens in found])
        return
    rows = (
        (
            *(token.id, token.name, token.province or "all", ", ".join(sorted(token.scopes))),
            *(token.by, token.expires_at, _opens(token, opens)),
        )
        for token, opens in found
    )
    headings = ("id", "name", "province", "scopes", "made by", "until", "opens")
    print_rows(headings, rows, "There is no token.")


def _opens(token: Token, opens: frozenset[Scope]) -> str:
    if not opens:
        return "no"
    return "yes" if opens == token.scopes else f"only {', '.join(sorted(opens))}"


async def _all(now: datetime) -> list[tuple[Token, frozenset[Scope]]]:
    """Each with what it opens now, which is never more than its maker may."""
    async with await Store.open(load_settings()) as store:
        people = {one.id: one for one in await PeopleStore(store).people()}
        found = []
        for token in await TokenStore(store).all():
            maker = people.get(CounsellorId(token.by))
            held = bearer(token, maker, now) if token.is_valid(now) else None
            found.append((token, held.scopes if held else frozenset()))
        return found


def _plain(token: Token, opens: frozenset[Scope], now: datetime) -> dict[str, object]:
    values = {name: getattr(token, name) for name in Token.__slots__ if name != "hash"}
    opened = {"scopes": sorted(token.scopes), "opens": sorted(opens)}
    return values | opened | {"valid": token.is_valid(now) and bool(opens)}
