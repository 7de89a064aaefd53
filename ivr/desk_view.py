"""Each desk as it is seen: who is there, who waits for it, what its newest caller would hear."""

from collections.abc import Sequence
from dataclasses import replace

from ivr import announcing
from ivr.expected_wait import Withheld, minutes_for
from ivr.model import CounsellorState, DeskId, Lane
from ivr.queues import Floor
from ivr.view import DeskView
from ivr.waiting import FloorCall

FORESEEN = 8  # desks of one view, most callers first: each costs about a millisecond


def desk_of(call: FloorCall) -> DeskId | None:
    """The first that its plan names."""
    plan = call.record.plan
    steps = plan.steps if plan is not None else ()
    return next((desk for step in steps for desk in step.desks), None)


def desks_of(floor: Floor, in_line: Sequence[FloorCall]) -> tuple[DeskView, ...]:
    """Those at which somebody is there or for which somebody waits, by id."""
    waiting = _by_desk(in_line)
    rows = {desk: _row(desk, calls) for desk, calls in waiting.items()}
    for presence in floor.staff:
        if presence.noted_state is CounsellorState.OFF_DUTY:
            continue
        for desk in presence.profile.desks:
            row = rows.get(desk) or _row(desk, ())
            rows[desk] = replace(row, there=row.there + 1, free=row.free + presence.free)
    for desk in sorted(waiting, key=lambda one: (-len(waiting[one]), one))[:FORESEEN]:
        rows[desk] = _foreseen(floor, rows[desk], waiting[desk])
    return tuple(rows[desk] for desk in sorted(rows))


def _by_desk(in_line: Sequence[FloorCall]) -> dict[DeskId, list[FloorCall]]:
    found: dict[DeskId, list[FloorCall]] = {}
    for call in in_line:
        if (desk := desk_of(call)) is not None:
            found.setdefault(desk, []).append(call)
    return found


def _row(desk: DeskId, calls: Sequence[FloorCall]) -> DeskView:
    joined_at = (call.record.joined_at for call in calls if call.record.joined_at is not None)
    return DeskView(
        desk=desk,
        there=0,
        free=0,
        waiting=len(calls),
        waiting_since_at=min(joined_at, default=None),
    )


def _foreseen(floor: Floor, row: DeskView, calls: Sequence[FloorCall]) -> DeskView:
    """By the last in line who would hear a number at all."""
    for call in reversed(calls):
        facts = call.record.facts
        if facts is not None and facts.lane is Lane.ORDINARY and call.heard is not None:
            forecast = announcing.outlook(floor, call).forecast
            if isinstance(forecast, Withheld):
                return replace(row, withheld=forecast)
            return replace(row, expected_min=minutes_for(forecast.safe_s))
    return row
