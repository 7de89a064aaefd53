"""A call as a canonical list of facts: what is compared between two runs of one scenario.

The facts come from the journal alone, played again through a new floor: so each run also shows
that the journal rebuilds the records (design §2, promise 7). No instant and no id is among them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ivr import effects as do
from ivr.deployment import Deployment
from ivr.events import Event
from ivr.model import CallId, CallPhase, CountySource
from ivr.model.plan import RoutePlan
from ivr.model.record import CallRecord, OfferEntry
from ivr.queues import Floor


@dataclass(slots=True)
class Replayed:
    """A call as the journal has it."""

    record: CallRecord
    phases: list[CallPhase] = field(default_factory=list)


def new_floor(deployment: Deployment, epoch: int) -> Floor:
    """The floor that a writer of this epoch begins with."""
    return Floor(
        epoch=epoch,
        limits=deployment.limits,
        limits_by_province=deployment.limits_by_province,
    )


def replay(journal: Iterable[tuple[Event, datetime]], floor: Floor) -> dict[CallId, Replayed]:
    """All calls of one writer's journal, in the order in which they arrived."""
    calls: dict[CallId, Replayed] = {}
    for event, at in journal:
        for effect in floor.decide(event, at):
            if isinstance(effect, do.SaveCall):
                _note(calls, effect.record)
    return calls


def _note(calls: dict[CallId, Replayed], record: CallRecord) -> None:
    call = calls.setdefault(record.call, Replayed(record))
    call.record = record
    if not call.phases or call.phases[-1] is not record.phase:
        call.phases.append(record.phase)


def history_of(call: Replayed, *, teams: bool) -> list[str]:
    """The facts of one call, in the order in which they came about.

    `teams` says whether the time of day is known, on which it depends which mobile team could go.
    """
    record = call.record
    anonymous = "" if record.caller else ", anonymous"
    facts = [f"arrives at {record.province} by {record.line}{anonymous}"]
    facts.append(_joined(record))
    if record.plan:
        facts.append(f"route {_route(record.plan)}")
        facts += _teams(record.plan) if teams else ()
    facts += [f"rings {entry.counsellor}: {entry.result}{_why(entry)}" for entry in record.offers]
    facts.append("goes through " + ", ".join(call.phases))
    if record.counsellor:
        facts.append(f"served by {record.counsellor} of desk {record.desk}")
    if record.ended_at:
        facts.append(f"ends {record.end}, by {record.ended_by}")
    if record.lost_at:
        facts.append("lost in danger")
    return facts


def _why(entry: OfferEntry) -> str:
    """What was set aside for this call, or against this counsellor."""
    why = ""
    if entry.overtook:
        why += f", overtaking for {entry.overtook.reason}"
    if entry.relief:
        why += f", out of a {entry.relief}"
    if entry.sparing and entry.sparing.gave_way:
        why += f", in spite of {entry.sparing.why}"
    elif entry.sparing:
        why += f", sparing {entry.sparing.counsellor} for {entry.sparing.why}"
    return why


def _joined(record: CallRecord) -> str:
    facts = record.facts
    if facts is None:
        return "never joins the line"
    county = facts.county or "no county"
    known_by = "" if facts.county_source is CountySource.UNKNOWN else f" by {facts.county_source}"
    again = " again" if facts.returning_silence else ""
    return f"joins with {county}{known_by}, {facts.category}, {facts.lane.name.lower()}{again}"


def _route(plan: RoutePlan) -> str:
    steps = [" and ".join(reason.code for reason in step.reasons) for step in plan.steps]
    return ", then ".join(steps) + (", all at once" if plan.all_at_once else "")


def _teams(plan: RoutePlan) -> list[str]:
    return [f"{reason.code} {reason.subject}" for reason in plan.reasons if reason.subject]
