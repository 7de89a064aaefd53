"""`ivr outcome`: record how a call ended, with one word or with a whole form."""

import asyncio
import getpass
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from ivr.cli.calls import find_call
from ivr.cli.outcome_input import first_mistake, outcome_item
from ivr.cli.outcome_lists import paper, pending, spool
from ivr.errors import BadInput, StoreError
from ivr.form_check import check_form
from ivr.form_setting import form_setting
from ivr.model import CallId, CallRecord
from ivr.outcome_form import OutcomeForm, OutcomeItem, with_outcome
from ivr.outcomes import OUTCOME_LABELS, OutsideBody, ServiceKind, outcome_id
from ivr.settings import load_settings
from ivr.store.forms import FormStore, SavedForm
from ivr.store.saving import Kept, Saving
from ivr.store.spool import Save
from ivr.store.store import Store

_ALLOWED = ", ".join(OUTCOME_LABELS)


class _AddFirst(TyperGroup):
    """`ivr outcome CALL OUTCOME` is what people type at night: `add` may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["add", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    no_args_is_help=True,
    cls=_AddFirst,
    help="Record how a call ended. `ivr outcome CALL OUTCOME` adds one outcome.",
)

app.command("pending")(pending)
app.command("paper")(paper)
app.command("spool")(spool)

CallArgument = Annotated[str, typer.Argument(help="A call's id, or its beginning.")]
ByOption = Annotated[
    str | None, typer.Option(help="Who says so (default: the user of this machine).")
]
KeyOption = Annotated[
    str | None,
    typer.Option(help="The save's own key: the same save again is not a second one."),
]
FileArgument = Annotated[
    str, typer.Argument(help="A file with the form as JSON, or - for standard input.")
]


@app.command("add")
def add(  # noqa: PLR0917 - the command line names them
    call: CallArgument,
    outcome: Annotated[str, typer.Argument(help=f"One of: {_ALLOWED}.")],
    kind: Annotated[
        ServiceKind | None, typer.Option(help="With which help it was solved by phone.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="To which centre, base or team.")] = None,
    body: Annotated[OutsideBody | None, typer.Option(help="To which body outside.")] = None,
    note: Annotated[str, typer.Option(help="A remark; no names or numbers of callers.")] = "",
    by: ByOption = None,
) -> None:
    """Add an outcome to a call's form. A call may have several.

    One that is none for the service (unrelated, silent, prank, test) replaces all others. "Saved"
    is printed once it is on disk.
    """
    item = outcome_item(outcome_id(outcome), kind, unit, body, note)
    kept = asyncio.run(_keep(call, by or getpass.getuser(), uuid.uuid4().hex, item=item))
    typer.echo(f"{_where(kept)}: {kept.call} {item.outcome} {OUTCOME_LABELS[item.outcome]}")


@app.command("save")
def save(
    call: CallArgument, file: FileArgument, by: ByOption = None, key: KeyOption = None
) -> None:
    """Save a call's whole form, in place of an earlier one; see `ivr outcome form`.

    "Saved" is printed once it is on disk; what is wrong with the form is said field by field, and
    nothing is saved.
    """
    form = _read_form(file)
    kept = asyncio.run(_keep(call, by or getpass.getuser(), key or uuid.uuid4().hex, form=form))
    number = f" (form {kept.saved.id})" if kept.saved else ""
    typer.echo(f"{_where(kept)}: {kept.call} {form.relation}{number}")


@app.command("form")
def form(call: CallArgument) -> None:
    """Print the form of a call that counts, as JSON; a new one where there is none yet."""
    saved = asyncio.run(_counting(call))
    found = saved.form if saved else OutcomeForm()
    typer.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=2))


def _read_form(file: str) -> OutcomeForm:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read ({error}); nothing was saved.") from None
    try:
        return OutcomeForm.model_validate_json(text)
    except ValidationError as error:
        raise BadInput(f"{file}: {first_mistake(error)}; nothing was saved.") from None


async def _keep(
    text: str,
    by: str,
    key: str,
    *,
    form: OutcomeForm | None = None,
    item: OutcomeItem | None = None,
) -> Kept:
    """In the database, or in the spool where that is away; then the call's whole id is needed."""
    settings, now = load_settings(), datetime.now(UTC)
    async with Store(settings) as store:
        try:
            record = await find_call(store, text)
        except StoreError:
            call = CallId(text)
        else:
            call = record.call
            whole = form if item is None else with_outcome(OutcomeForm(), item)
            await _check(record, whole or OutcomeForm(), now)
        save = Save(key=key, call=call, by=by, at=now, form=form, item=item)
        return await Saving(store, settings.home).save(save)


def _where(kept: Kept) -> str:
    if kept.saved is not None:
        return "Saved"
    return "Saved in the spool on this disk (the database is away; it follows by itself)"


async def _counting(text: str) -> SavedForm | None:
    async with await Store.open(load_settings()) as store:
        record = await find_call(store, text)
        return (await FormStore(store).counting(record.call)).get(record.call)


async def _check(record: CallRecord, form: OutcomeForm, now: datetime) -> None:
    """Raises BadInput with all that is wrong, field by field."""
    setting = await form_setting(load_settings(), record, now)
    if setting is None:
        return
    problems = check_form(form, setting)
    if problems:
        said = "\n".join(f"  {problem.field}: {problem.what}" for problem in problems)
        raise BadInput(f"The form of {record.call} is not right; nothing was saved:\n{said}")
