"""Calls as tables for a terminal: times in Tehran, Jalali days, Persian in the last column only.

Right-to-left text at the end of a line cannot disturb the columns before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from persiantools.jdatetime import JalaliDate
from rich.table import Table
from rich.text import Text

from ivr.calendar import TEHRAN
from ivr.cli.location import candidates_table
from ivr.model import CallId
from ivr.model.plan import Reason, RoutePlan
from ivr.model.record import CallRecord, OfferEntry
from ivr.report_names import OutcomeLabels, outcome_label
from ivr.store.records import (
    Correction,
    OutcomeEntry,
    is_misrouted,
    served_by,
    talk_s,
    wait_s,
)

Outcomes = Mapping[CallId, Sequence[OutcomeEntry]]


def calls_table(calls: Iterable[CallRecord], outcomes: Outcomes, words: OutcomeLabels) -> Table:
    table = _table(
        "arrived", "call", "county", "category", "lane", "end", "wait", "talk", "by", "outcome"
    )
    for call in calls:
        facts = call.facts
        entries = outcomes.get(call.call, ())
        labels = [outcome_label(words, call.province, entry.outcome) for entry in entries]
        _row(
            table,
            _jalali(call.arrived_at),
            call.call,
            (facts and facts.county) or call.province,
            facts and facts.category,
            facts and facts.lane.name.lower(),
            call.end or call.phase,
            _whole(wait_s(call)),
            _whole(talk_s(call)),
            call.counsellor or ("fallback" if served_by(call) == "fallback" else None),
            "، ".join(labels),
        )
    return table


def call_tables(
    record: CallRecord,
    outcomes: Sequence[OutcomeEntry],
    corrections: Sequence[Correction],
    words: OutcomeLabels,
    *,
    notes: bool = False,
) -> Iterable[Table]:
    """`notes`: also what people wrote beside outcomes."""
    yield _facts_table(record)
    yield _timeline(record, outcomes)
    if record.location:
        yield candidates_table(record.location)
    if corrections:
        yield _corrections_table(corrections)
    if record.plan:
        yield _plan_table(record.plan)
    if record.offers:
        yield _offers_table(record.offers)
    if outcomes:
        labels = [outcome_label(words, record.province, it.outcome) for it in outcomes]
        yield _outcomes_table(outcomes, labels, notes=notes)


def _facts_table(record: CallRecord) -> Table:
    table = _table("call", record.call)
    facts = record.facts
    _row(table, "province", record.province)
    _row(table, "line", record.line)
    _row(table, "county", facts and facts.county)
    _row(table, "county from", facts and facts.county_source)
    _row(table, "category", facts and facts.category)
    _row(table, "lane", facts and facts.lane.name.lower())
    _row(table, "phase", record.phase)
    _row(table, "end", record.end)
    _row(table, "ended by", record.ended_by)
    _row(table, "counsellor", record.counsellor)
    _row(table, "desk", record.desk)
    _row(table, "served by", served_by(record))
    _row(table, "wait, seconds", _whole(wait_s(record)))
    _row(table, "talk, seconds", _whole(talk_s(record)))
    return table


def _timeline(record: CallRecord, outcomes: Sequence[OutcomeEntry]) -> Table:
    table = _table("at", "what")
    happened: list[tuple[datetime | None, str]] = [
        (record.arrived_at, "arrived"),
        (record.joined_at, "joined the line"),
        *((offer.offered_at, f"offered to {offer.counsellor}") for offer in record.offers),
        *((offer.ended_at, f"offer ended: {offer.result}") for offer in record.offers),
        (record.connected_at, "connected"),
        (record.talk_ended_at, "talk ended"),
        (record.ended_at, "ended"),
        *((entry.at, f"outcome {entry.outcome}") for entry in outcomes),
    ]
    known = [(at, what) for at, what in happened if at is not None]
    for at, what in sorted(known, key=lambda item: item[0]):
        _row(table, _jalali(at), what)
    return table


def _plan_table(plan: RoutePlan) -> Table:
    table = _table(f"plan of {plan.rules_version}", "lasts", "desks", "counsellors", "reasons")
    _row(table, "all at once" if plan.all_at_once else "", None, None, None, _reasons(plan.reasons))
    for step in plan.steps:
        _row(
            table,
            f"after {step.after_s:.0f} s",
            _whole(step.lasts_s),
            " ".join(step.desks),
            " ".join(step.counsellors),
            _reasons(step.reasons),
        )
    return table


def _offers_table(offers: Iterable[OfferEntry]) -> Table:
    table = _table("offer", "counsellor", "offered", "seconds", "result")
    for offer in offers:
        lasted_s = _whole((offer.ended_at - offer.offered_at).total_seconds())
        _row(
            table, offer.offer, offer.counsellor, _jalali(offer.offered_at), lasted_s, offer.result
        )
    return table


def _corrections_table(corrections: Sequence[Correction]) -> Table:
    verdict = "misrouted" if is_misrouted(corrections) else "county set right"
    table = _table(verdict, "by", "county", "before", "before known from")
    for entry in corrections:
        before = entry.previous_county
        _row(table, _jalali(entry.at), entry.by, entry.county, before, entry.previous_source)
    return table


def _outcomes_table(
    outcomes: Sequence[OutcomeEntry], labels: Sequence[str], *, notes: bool
) -> Table:
    table = _table("recorded", "by", "outcome", "note", "label and note" if notes else "label")
    for entry, label in zip(outcomes, labels, strict=True):
        there = "yes" if entry.note else None
        note = f": {entry.note}" if notes and entry.note else ""
        _row(table, _jalali(entry.at), entry.by, entry.outcome, there, f"{label}{note}")
    return table


def _reasons(reasons: Iterable[Reason]) -> str:
    return ", ".join(f"{reason.code}({reason.subject})".replace("()", "") for reason in reasons)


def _jalali(at: datetime) -> str:
    """In Tehran, with ASCII digits, so that columns stay in line: 1405/09/01 03:48:09."""
    there = at.astimezone(TEHRAN)
    day = JalaliDate(there.date())  # type: ignore[no-untyped-call]
    return f"{day.year}/{day.month:02}/{day.day:02} {there:%H:%M:%S}"


def _whole(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.0f}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def _row(table: Table, *cells: object) -> None:
    """Cells are text as it is: square brackets in a note are no markup."""
    table.add_row(*[Text("-" if cell is None else str(cell)) for cell in cells])
