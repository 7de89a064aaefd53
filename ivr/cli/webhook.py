"""`ivr webhook`: other programs that are told of outcomes and dispatches."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption, acting
from ivr.cli.printing import print_json, print_rows
from ivr.cli.token import known_province
from ivr.errors import BadInput
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.store import Store
from ivr.store.vault import Vault
from ivr.store.webhooks import WebhookStore
from ivr.webhooks import HookEvent, Webhook, check_url, hook_events, new_secret

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
        hooks = WebhookStore(store)
        found = next((hook for hook in await hooks.all() if hook.id == number), None)
        if found is None:
            raise BadInput(f"There is no webhook {number}; `ivr webhook list` shows all.")
        actor = await acting(store, who, Action.WEBHOOK_MANAGE, province=found.province)
        return await hooks.end(number, by=actor.id, at=datetime.now(UTC))


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
