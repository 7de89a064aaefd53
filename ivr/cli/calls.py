"""`ivr calls`: the calls of a day, and everything that is kept of one. Never a caller's number."""

import asyncio
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated

import typer
from persiantools.jdatetime import JalaliDate
from rich.console import Console
from rich.table import Table

from ivr.calendar import TEHRAN, day_began_at
from ivr.callers import checked_reason
from ivr.cli.acting import WhoOption, sign_in
from ivr.cli.call_tables import call_tables, calls_table
from ivr.cli.calls_import import import_calls
from ivr.cli.calls_locate import locate_call
from ivr.cli.find_call import find_call
from ivr.cli.own_words import rules_for_words
from ivr.cli.recording import check_call
from ivr.errors import BadInput
from ivr.model import CallId
from ivr.model.record import CallRecord
from ivr.report_names import OutcomeLabels, outcome_label, outcome_labels
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.codec import Json, encode
from ivr.store.notes import notes_of
from ivr.store.records import (
    Correction,
    OutcomeEntry,
    is_misrouted,
    served_by,
    talk_s,
    wait_s,
)
from ivr.store.store import Store
from ivr.text import to_ascii_digits

PIPE_WIDTH = 200  # columns, where the output is no terminal: nothing is cut
_FIRST_GREGORIAN_YEAR = 1700  # a smaller year is one of the Jalali calendar
_SINCE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{1,2}):(\d{2}))?", re.ASCII)

_AS_EVERYWHERE: OutcomeLabels = {}

app = typer.Typer(no_args_is_help=True, help="Show calls and how they ended.")
app.command("import")(import_calls)
app.command("locate")(locate_call)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        help="From this day or minute in Tehran: 1405-09-01, 2026-11-22T08:30 (default: today)."
    ),
]


@app.command("list")
def list_calls(
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest ones.")] = 1000,
    as_json: JsonOption = False,
) -> None:
    """List the calls that arrived today (or since a day), newest first.

    With --json an array of objects with the keys call, province, line, county, county_source,
    category, lane (danger, silence, ordinary), arrived_at, joined_at, connected_at, ended_at (ISO
    8601, UTC), wait_s (in line), talk_s, phase, end, ended_by, counsellor, desk, served_by
    (controller, fallback), rules_version, outcomes, offers, plan, location (candidates, notes: what
    was known before anybody spoke), withheld (the caller's own wish), corrections (of the county),
    misrouted (the line went by another county). What is not known is null; of outcomes' notes
    `has_note` alone says that there is one (`ivr calls show --notes`).
    """
    since_at = parse_since(since) if since else day_began_at(datetime.now(UTC))
    calls, outcomes, corrections = asyncio.run(_load_since(since_at, limit))
    words = _words()
    if as_json:
        _print_json(
            [call_json(call, outcomes[call.call], corrections[call.call], words) for call in calls]
        )
    else:
        _print(calls_table(calls, outcomes, words))


def _words() -> OutcomeLabels:
    return outcome_labels(rules_for_words())


@app.command("show")
def show_call(
    call: Annotated[str, typer.Argument(help="A call's id, or its beginning.")],
    *,
    notes: Annotated[
        bool, typer.Option("--notes", help="Also what people wrote; needs --reason and a right.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why, in at least 10 letters; it stands in the audit trail.")
    ] = None,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one call: facts, plan with its reasons, offers, outcomes and times.

    Notes are left out. With --notes who you are is asked for, and first it is put on record who saw
    them, and why. With --json one object with the keys of `ivr calls list --json`.
    """
    if notes != bool(reason):
        raise BadInput("--notes and --reason go together: say why they are read. None was shown.")
    record, outcomes, corrections = asyncio.run(_load_one(call, reason, who))
    if as_json:
        _print_json(call_json(record, outcomes, corrections, _words(), notes=notes))
        return
    for table in call_tables(record, outcomes, corrections, _words(), notes=notes):
        _print(table)
    if not notes and any(entry.note for entry in outcomes):
        typer.echo(f'Its notes: ivr calls show {record.call} --notes --reason "…" --as YOU')


def parse_since(text: str) -> datetime:
    """An instant from a day (and minute) in Tehran, Jalali or Gregorian; raises BadInput."""
    match = _SINCE.fullmatch(to_ascii_digits(text.strip()))
    try:
        if match is None:
            raise ValueError  # noqa: TRY301 - the same answer as for a day that does not exist
        year, month, day, hour, minute = (int(part or 0) for part in match.groups())
        there = datetime.combine(_date(year, month, day), time(hour, minute), TEHRAN)
    except ValueError:
        raise BadInput(
            f"--since {text!r} is not a day; write 1405-09-01 or 2026-11-22, with T08:30 behind it "
            "for a minute (in Tehran)."
        ) from None
    return there.astimezone(UTC)


def _date(year: int, month: int, day: int) -> date:
    if year >= _FIRST_GREGORIAN_YEAR:
        return date(year, month, day)
    jalali = JalaliDate(year, month, day)  # type: ignore[no-untyped-call]
    return date.fromordinal(jalali.to_gregorian().toordinal())


def call_json(
    record: CallRecord,
    outcomes: Iterable[OutcomeEntry],
    corrections: Sequence[Correction] = (),
    words: OutcomeLabels = _AS_EVERYWHERE,
    *,
    notes: bool = False,
) -> dict[str, Json]:
    """What a script gets of a call; the keys are a promise, and no caller is among them."""
    facts = record.facts
    return {
        "call": record.call,
        "province": record.province,
        "line": record.line,
        "county": facts.county if facts else None,
        "county_source": facts.county_source.value if facts else None,
        "category": facts.category if facts else None,
        "lane": facts.lane.name.lower() if facts else None,
        "arrived_at": encode(record.arrived_at),
        "joined_at": encode(record.joined_at),
        "connected_at": encode(record.connected_at),
        "ended_at": encode(record.ended_at),
        "wait_s": wait_s(record),
        "talk_s": talk_s(record),
        "phase": record.phase.value,
        "end": encode(record.end),
        "ended_by": encode(record.ended_by),
        "counsellor": record.counsellor,
        "desk": record.desk,
        "served_by": served_by(record),
        "rules_version": record.plan.rules_version if record.plan else None,
        "outcomes": [
            _outcome_json(entry, outcome_label(words, record.province, entry.outcome), notes=notes)
            for entry in outcomes
        ],
        "offers": encode(record.offers),
        "plan": encode(record.plan),
        "location": encode(record.location),
        "withheld": record.caller.withheld if record.caller else None,
        "corrections": [_correction_json(entry) for entry in corrections],
        "misrouted": is_misrouted(corrections),
    }


def _correction_json(entry: Correction) -> dict[str, Json]:
    return {
        "county": entry.county,
        "previous_county": entry.previous_county,
        "previous_source": encode(entry.previous_source),
        "by": entry.by,
        "at": encode(entry.at),
    }


def _outcome_json(entry: OutcomeEntry, label: str, *, notes: bool) -> dict[str, Json]:
    return {
        "outcome": entry.outcome,
        "label_fa": label,
        "note": entry.note if notes else None,
        "has_note": bool(entry.note),
        "by": entry.by,
        "at": encode(entry.at),
    }


Outcomes = defaultdict[CallId, list[OutcomeEntry]]
Corrections = defaultdict[CallId, list[Correction]]


async def _load_since(
    since_at: datetime, limit: int
) -> tuple[Sequence[CallRecord], Outcomes, Corrections]:
    async with await Store.open(load_settings()) as store:
        calls = await store.calls(since_at, datetime.max.replace(tzinfo=UTC), limit)
        outcomes: Outcomes = defaultdict(list)
        for entry in await store.outcomes(*[call.call for call in calls]):
            outcomes[entry.call].append(entry)
        corrections: Corrections = defaultdict(list)
        for correction in await store.corrections(*[call.call for call in calls]):
            corrections[correction.call].append(correction)
    return calls, outcomes, corrections


async def _load_one(
    text: str, reason: str | None, who: str | None
) -> tuple[CallRecord, Sequence[OutcomeEntry], Sequence[Correction]]:
    async with await Store.open(load_settings()) as store:
        record = await find_call(store, text)
        corrections = await store.corrections(record.call)
        if reason is None:
            return record, await store.outcomes(record.call), corrections
        return record, await _with_notes(store, record, reason, who), corrections


async def _with_notes(
    store: Store, record: CallRecord, reason: str, who: str | None
) -> Sequence[OutcomeEntry]:
    checked_reason(reason)
    person = await sign_in(store, who)
    check_call(person, Action.OUTCOME_READ, record)
    return await notes_of(store, record, reason, by=person.id, at=datetime.now(UTC))


def _print(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table, "")


def _print_json(data: Json) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
