"""Live calls whose plan no longer fits what duty says: planned again, and moved at once.

A call keeps the plan that it joined with until duty changes, and even then the version of the rules
that it joined with. Its place in line stays, and so does the time it has waited.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from ivr import effects as do
from ivr import events as ev
from ivr import matching, offers
from ivr.model import CallPhase, OfferResult
from ivr.model.plan import RoutePlan
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

_PLANNED = (CallPhase.WAITING, CallPhase.OFFERED)


def duty_changed(floor: "Floor", _event: ev.DutyChanged) -> None:
    """Ask for new plans; a call that joins from now on was planned by the new duty already."""
    asked = tuple(
        (call.id, call.record.facts, call.plan.rules_version)
        for call in floor.calls.values()
        if call.phase in _PLANNED and call.record.facts is not None and call.record.plan is not None
    )
    if asked:
        floor.act(do.PlanAgain(calls=asked))


def plans_changed(floor: "Floor", event: ev.PlansChanged) -> None:
    for call_id, plan in event.plans:
        call = floor.calls.get(call_id)
        if call is not None and call.phase in _PLANNED and _differs(call.plan, plan):
            _plan_again(floor, call, plan)


def _differs(old: RoutePlan, new: RoutePlan) -> bool:
    """Whether it matters to anybody; not where only the rules' version or the team is another."""
    return (old.steps, old.skilled) != (new.steps, new.skilled)


def _plan_again(floor: "Floor", call: FloorCall, plan: RoutePlan) -> None:
    """From the moment it joined: the steps whose time has passed open at once."""
    assert call.planned_from_at is not None, "a call in line has a plan since then"
    floor.line.leave(call)
    weight = call.plan.weight
    floor.change(call, plan=plan if plan.weight == weight else replace(plan, weight=weight))
    call.start_plan(call.planned_from_at)
    if call.phase is CallPhase.WAITING:
        matching.enter_line(floor, call)
    else:
        matching.widen(floor, call)
    for offer in list(call.offers.values()):
        if offer.counsellor not in (call.plan.circles[-1] if offer.back else call.eligible):
            offers.withdraw(floor, call, offer, OfferResult.WITHDRAWN)
