"""`ivr outcome`: record how a call ended, with one word or with a whole form."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ivr.cli.acting import WhoOption
from ivr.cli.find_call import find_call
from ivr.cli.outcome_input import outcome_form, outcome_item
from ivr.cli.outcome_lists import paper, pending, spool
from ivr.cli.outcome_words import form_rows
from ivr.cli.own_words import rules_for_words
from ivr.cli.printing import print_rows
from ivr.cli.recording import call_meant, check_call, keep, signed_in, told
from ivr.errors import BadInput
from ivr.form_check import check_form
from ivr.form_setting import form_setting
from ivr.model import ProvinceId
from ivr.model.record import CallRecord
from ivr.outcome_form import OutcomeForm, OutcomeItem, with_outcome
from ivr.outcomes import OUTCOME_LABELS, OutsideBody, ServiceKind, outcome_id
from ivr.report_names import OutcomeLabels, outcome_label, outcome_labels
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.forms import FormStore, SavedForm
from ivr.store.saving import Kept

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
    who: WhoOption = None,
) -> None:
    """Add an outcome to a call's form. A call may have several.

    One that is none for the service (unrelated, silent, prank, test) replaces all others. "Saved"
    is printed once it is on disk.
    """
    item = outcome_item(outcome_id(outcome), kind, unit, body, note)
    kept, province = asyncio.run(_keep(call, who, None, item=item))
    label = outcome_label(_words(kept), province or ProvinceId(""), item.outcome)
    typer.echo(told(kept, f"{kept.save.call} {item.outcome} {label}"))


def _words(kept: Kept) -> OutcomeLabels:
    """Nothing is said in words of what waits in the spool."""
    return outcome_labels(rules_for_words()) if kept.done else {}


@app.command("save")
def save(
    call: CallArgument, file: FileArgument, key: KeyOption = None, who: WhoOption = None
) -> None:
    """Save a call's whole form, in place of an earlier one; see `ivr outcome form`.

    "Saved" is printed once it is on disk; what is wrong with the form is said field by field, and
    nothing is saved.
    """
    form = _read_form(file)
    kept, _ = asyncio.run(_keep(call, who, key, form=form))
    number = f" (form {kept.done.id})" if isinstance(kept.done, SavedForm) else ""
    typer.echo(told(kept, f"{kept.save.call} {form.relation}{number}"))


@app.command("form")
def form(call: CallArgument, who: WhoOption = None) -> None:
    """Print the form of a call that counts, as JSON; a new one where there is none yet."""
    saved, _ = asyncio.run(_counting(call, who))
    found = saved.form if saved else OutcomeForm()
    typer.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=2))


@app.command("show")
def show(call: CallArgument, who: WhoOption = None) -> None:
    """Show the form of a call that counts, in its province's own words. Notes are left out.

    `ivr outcome form` prints the whole as JSON, to be changed and saved again.
    """
    saved, province = asyncio.run(_counting(call, who))
    if saved is None:
        typer.echo(f"Nobody has saved a form of {call}.")
        return
    rows = form_rows(saved.form, rules_for_words(), province)
    ended = [("saved by", saved.by, None), ("at", saved.at, None)]
    print_rows(("field", "is", "in words"), [*rows, *ended], "")


def _read_form(file: str) -> OutcomeForm:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read ({error}); nothing was saved.") from None
    try:
        return outcome_form(text)
    except BadInput as error:
        raise BadInput(f"{file} is not right; nothing was saved:\n{error}") from None


async def _keep(
    text: str,
    who: str | None,
    key: str | None,
    *,
    form: OutcomeForm | None = None,
    item: OutcomeItem | None = None,
) -> tuple[Kept, ProvinceId | None]:
    """In the database, or in the spool where that is away; then nobody can check it.

    With the call's province, where that is known.
    """
    async with signed_in(who, Action.OUTCOME_WRITE) as (store, person):
        call, record = await call_meant(store, text)
        if record is not None:
            check_call(person, Action.OUTCOME_WRITE, record)
            if not (key and await FormStore(store).with_key(key, call)):  # else it was right once
                whole = form if item is None else with_outcome(OutcomeForm(), item)
                await _check(record, whole or OutcomeForm(), datetime.now(UTC))
        kept = await keep(store, person, key, call=call, form=form, item=item)
        return kept, record.province if record else None


async def _counting(text: str, who: str | None) -> tuple[SavedForm | None, ProvinceId]:
    async with signed_in(who, Action.OUTCOME_READ) as (store, person):
        record = await find_call(store, text)
        check_call(person, Action.OUTCOME_READ, record)
        found = await FormStore(store).counting(record.call)
        return found.get(record.call), record.province


async def _check(record: CallRecord, form: OutcomeForm, now: datetime) -> None:
    """Raises BadInput with all that is wrong, field by field."""
    setting = await form_setting(load_settings(), record, now)
    if setting is None:
        return
    problems = check_form(form, setting)
    if problems:
        said = "\n".join(f"  {problem.field}: {problem.what}" for problem in problems)
        raise BadInput(f"The form of {record.call} is not right; nothing was saved:\n{said}")
