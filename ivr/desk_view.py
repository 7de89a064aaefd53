"""Each desk as it is seen: who is there, who waits for it, what its newest caller would hear."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ivr import announcing
from ivr.expected_wait import Withheld, minutes_for
from ivr.model import CounsellorState, DeskId, Lane
from ivr.presence import Presence
from ivr.queues import Floor
from ivr.view import DeskView
from ivr.waiting import FloorCall

FORESEEN = 8  # desks of one view, most callers first: each costs about a millisecond


def desk_of(call: FloorCall) -> DeskId | None:
    """The first that its plan names; the province's where nobody knows the county.

    Such a call waits for whoever of the province is free, for no desk more than for another.
    """
    desks = _first_desks(call)
    if _waits_for_anybody(call):
        return DeskId(call.record.province)
    return desks[0] if desks else None


def _waits_for_anybody(call: FloorCall) -> bool:
    facts = call.record.facts
    return facts is not None and facts.county is None and len(_first_desks(call)) > 1


def _first_desks(call: FloorCall) -> tuple[DeskId, ...]:
    plan = call.record.plan
    steps = plan.steps if plan is not None else ()
    return next((step.desks for step in steps if step.desks), ())


def desks_of(floor: Floor, in_line: Sequence[FloorCall]) -> tuple[DeskView, ...]:
    """Those at which somebody is there or for which somebody waits, by id."""
    waiting = _by_desk(in_line)
    rows = {desk: _row(desk, calls) for desk, calls in waiting.items()}
    provinces = {DeskId(call.record.province) for call in in_line if _waits_for_anybody(call)}
    for presence in floor.staff:
        if presence.noted_state is CounsellorState.OFF_DUTY:
            continue
        for desk in _seen_at(presence, provinces):
            row = rows.get(desk) or _row(desk, ())
            rows[desk] = replace(row, there=row.there + 1, free=row.free + presence.free)
    for desk in sorted(waiting, key=lambda one: (-len(waiting[one]), one))[:FORESEEN]:
        rows[desk] = _foreseen(floor, rows[desk], waiting[desk])
    return tuple(rows[desk] for desk in sorted(rows))


def _seen_at(presence: Presence, provinces: Collection[DeskId]) -> set[DeskId]:
    """Their own desks, and their province where its callers wait for anybody (`model.DeskId`)."""
    own = set(presence.profile.desks)
    return own | {one for one in provinces if any(desk.startswith(f"{one}-") for desk in own)}


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
