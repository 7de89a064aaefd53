"""`ivr webhook`: other programs that are told of outcomes and dispatches."""

import asyncio
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption, acting
from ivr.cli.printing import print_json, print_rows
from ivr.cli.token import known_province
from ivr.errors import BadInput
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.deliveries import DeliveryStore
from ivr.store.store import Store
from ivr.store.vault import Vault
from ivr.store.webhooks import WebhookStore
from ivr.webhooks import DeliveryState, HookEvent, Webhook, check_url, hook_events, new_secret

app = typer.Typer(no_args_is_help=True, help="Programs that are told of outcomes and dispatches.")


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="Where to, such as https://example.org/line123.")],
    *,
    event: Annotated[
        list[str], typer.Option("--event", help=f"Any of: {', '.join(HookEvent)}; repeatable.")
    ],
    province: Annotated[str | None, typer.Option(help="Only of this province.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="The address may be one of this house, without https.")
    ] = False,
    who: WhoOption = None,
) -> None:
    """Tell a program from now on; prints the secret of its signatures, once. For admins."""
    check_url(url, private=private)
    secret = new_secret()
    hook = Webhook(
        id=0,
        url=url,
        secret="",
        events=hook_events(event),
        province=known_province(province),
        private=private,
        by="",
        at=datetime.now(UTC),
    )
    saved = asyncio.run(_add(hook, secret, who))
    typer.echo(secret)
    typer.echo(f"Webhook {saved.id}; the secret is shown this once.", err=True)


async def _add(hook: Webhook, secret: str, who: str | None) -> Webhook:
    settings = load_settings()
    async with await Store.open(settings) as store:
        actor = await acting(store, who, Action.WEBHOOK_MANAGE, province=hook.province)
        sealed = Vault.open(settings).seal_secret(secret)
        return await WebhookStore(store).add(replace(hook, secret=sealed, by=actor.id))


@app.command("end")
def end(
    number: Annotated[int, typer.Argument(help="The webhook's number.")], who: WhoOption = None
) -> None:
    """Tell a program nothing any more. For admins."""
    ended = asyncio.run(_end(number, who))
    typer.echo(f"Ended: webhook {ended.id} to {ended.url}")


async def _end(number: int, who: str | None) -> Webhook:
    async with await Store.open(load_settings()) as store:
        found = await _known(store, number)
        actor = await acting(store, who, Action.WEBHOOK_MANAGE, province=found.province)
        return await WebhookStore(store).end(number, by=actor.id, at=datetime.now(UTC))


async def _known(store: Store, number: int) -> Webhook:
    found = next((hook for hook in await WebhookStore(store).all() if hook.id == number), None)
    if found is None:
        raise BadInput(f"There is no webhook {number}; `ivr webhook list` shows all.")
    return found


@app.command("list")
def list_(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False
) -> None:
    """List all webhooks and how much each still has to be told; never a secret."""
    found, waiting = asyncio.run(_all())
    if as_json:
        print_json([_plain(hook) | {"waiting": waiting.get(hook.id, 0)} for hook in found])
        return
    rows = (
        (
            *(hook.id, hook.url, ", ".join(sorted(hook.events)), hook.province or "all"),
            *(hook.by, waiting.get(hook.id, 0), hook.ended_at),
        )
        for hook in found
    )
    headings = ("no", "url", "events", "province", "made by", "waiting", "ended")
    print_rows(headings, rows, "There is no webhook.")


async def _all() -> tuple[tuple[Webhook, ...], dict[int, int]]:
    async with await Store.open(load_settings()) as store:
        hooks = WebhookStore(store)
        return await hooks.all(), await hooks.waiting()


def _plain(hook: Webhook) -> dict[str, object]:
    values = {name: getattr(hook, name) for name in Webhook.__slots__ if name != "secret"}
    return values | {"events": sorted(hook.events)}


@app.command("deliveries")
def list_deliveries(
    number: Annotated[int | None, typer.Argument(help="Of this webhook alone.")] = None,
    *,
    taken_too: Annotated[bool, typer.Option("--all", help="Also what waits or was taken.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """List what was tried in vain and what was given up, the oldest first; 1,000 at most.

    With --json an array of objects with the keys id, webhook, event, kind, at, tries, next_at
    (null: nothing more is tried), delivered_at, error.
    """

    async def load() -> tuple[DeliveryState, ...]:
        async with await Store.open(load_settings()) as store:
            return await DeliveryStore(store).deliveries(number, taken_too=taken_too)

    found = asyncio.run(load())
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = (
        (one.id, one.webhook, one.event, one.at, one.tries, _next_of(one), one.error)
        for one in found
    )
    headings = ("no", "webhook", "event", "of", "tries", "next try", "error")
    print_rows(headings, rows, "Everything that was tried was taken.")


def _next_of(delivery: DeliveryState) -> object:
    if delivery.delivered_at is not None:
        return "taken"
    return delivery.next_at or "given up"


@app.command("resend")
def resend(
    number: Annotated[int, typer.Argument(help="The webhook's number.")],
    delivery: Annotated[
        int | None, typer.Option(help="This delivery alone (default: all that was given up).")
    ] = None,
    who: WhoOption = None,
) -> None:
    """Try again what was given up. For admins."""
    again = asyncio.run(_resend(number, delivery, who))
    typer.echo(f"To be sent again: {again}")


async def _resend(number: int, delivery: int | None, who: str | None) -> int:
    async with await Store.open(load_settings()) as store:
        hook = await _known(store, number)
        actor = await acting(store, who, Action.WEBHOOK_MANAGE, province=hook.province)
        now = datetime.now(UTC)
        return await DeliveryStore(store).send_again(hook, delivery, by=actor.id, at=now)
