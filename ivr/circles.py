"""Which desks each circle of a call's plan is: the rules' steps, seen from one county now.

The county's own desk; its supporting counties; its neighbours; the provincial desk; the province;
desks that are named; who is on call. A desk that duty has closed is left out and others take over
(contingency); one that is merely busy is left behind when its time is up (overflow).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ivr.duty import ClosureKind, Duty
from ivr.model import CallFacts, CounsellorId, CountyId, DeskId
from ivr.model.plan import Reason, ReasonCode
from ivr.rules.routing import Ring, StepRule
from ivr.rules.schema import Answering, Category, CentreState, County, ProvinceRules

_WHY_NO_OWN_DESK = {
    CentreState.NONE: ReasonCode.NO_OWN_CENTRE,
    CentreState.PLANNED: ReasonCode.OPENING_NOT_CONFIRMED,
    CentreState.UNKNOWN: ReasonCode.CENTRE_UNKNOWN,
}
_CLOSED = {
    ClosureKind.EVACUATED: ReasonCode.EVACUATED,
    ClosureKind.LINK_LOST: ReasonCode.LINK_LOST,
    ClosureKind.NO_STAFF: ReasonCode.NO_STAFF,
}


@dataclass(frozen=True, slots=True)
class Circle:
    """Desks that are added together, how long they have the call to themselves, and why.

    `people` are added besides, whatever their desk: those on call.
    """

    desks: tuple[DeskId, ...]
    rule: StepRule
    reasons: tuple[Reason, ...]
    people: tuple[CounsellorId, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """All that decides the circles of one call. `open_desks`: those whose hours it is now."""

    rules: ProvinceRules
    duty: Duty
    call: CallFacts
    county: County | None
    category: Category | None
    out_of_hours: frozenset[DeskId]

    def why_not(self, desk: DeskId) -> Reason | None:
        """Why the desk is not rung as a centre of its own; None where it is."""
        closure = self.duty.closures.get(desk)
        if closure is not None and closure.kind in _CLOSED:
            return Reason(_CLOSED[closure.kind], desk)
        if desk in self.out_of_hours:
            return Reason(ReasonCode.OUT_OF_HOURS, desk)
        if self._level_too_low(desk):
            return Reason(ReasonCode.LEVEL_TOO_LOW, desk)
        return None

    def is_gone(self, desk: DeskId) -> bool:
        """Closed by duty, so that its phones ring for nobody, in whichever circle."""
        closure = self.duty.closures.get(desk)
        return closure is not None and closure.kind in _CLOSED

    def _level_too_low(self, desk: DeskId) -> bool:
        """A centre whose levels nobody knows is taken to give what is needed."""
        needed = self.category.centre_level if self.category else None
        county = self.rules.county(CountyId(desk))
        levels = county.centre.levels if county else ()
        return needed is not None and bool(levels) and needed not in levels


def circles(seen: Seen) -> Iterator[Circle]:
    """The circles in the order of the rules' steps; none is empty, no desk comes twice."""
    rung: set[DeskId] = set()
    why: tuple[Reason, ...] = why_not_own(seen)
    for rule in seen.rules.steps:
        for circle in _MAKERS[rule.ring](seen, rule):
            new = tuple(desk for desk in circle.desks if desk not in rung)
            if new or circle.people:
                rung.update(new)
                # Everybody means everybody: those of earlier circles are named once more.
                desks = circle.desks if rule.ring is Ring.PROVINCE else new
                yield Circle(desks, circle.rule, (*why, *circle.reasons), circle.people)
                why = ()


def why_not_own(seen: Seen) -> tuple[Reason, ...]:
    """Why the first circle is not the county's own desk; nothing where it is."""
    if seen.rules.answering is Answering.CENTRAL:
        gone = seen.why_not(seen.rules.provincial_desk)
        return (gone,) if gone else ()
    county = seen.county
    if county is None:
        return (Reason(ReasonCode.COUNTY_UNKNOWN),)
    if not county.is_open:
        return (Reason(_WHY_NO_OWN_DESK[county.centre.state], county.id),)
    gone = seen.why_not(county.desk)
    return (gone,) if gone else ()


def _own(seen: Seen, rule: StepRule) -> Iterator[Circle]:
    if seen.rules.answering is Answering.CENTRAL:
        yield from _desk(
            seen, seen.rules.provincial_desk, rule, ReasonCode.CENTRAL_ANSWERING, seen.rules.id
        )
    elif seen.county is not None and seen.county.is_open:
        own = seen.county.desk
        yield from _desk(seen, own, rule, ReasonCode.OWN_DESK, own)
        if seen.is_gone(own):  # the circles' own reasons already say why
            yield from _takes_over(seen, rule, own)


def _supporting(seen: Seen, rule: StepRule) -> Iterator[Circle]:
    """One after the other; who is gone is replaced by whoever takes over for the county."""
    if seen.county is None or seen.rules.answering is Answering.CENTRAL:
        return
    for item in seen.county.supporting:
        if _is_open(seen.rules, item.county):
            desk = DeskId(item.county)
            yield from _desk(seen, desk, rule, ReasonCode.SUPPORTING_COUNTY, desk)
            why = seen.why_not(desk)
            if why is not None and seen.is_gone(desk):
                yield from _takes_over(seen, rule, desk, why)


def _takes_over(seen: Seen, rule: StepRule, gone: DeskId, *why: Reason) -> Iterator[Circle]:
    """The first open desk of the contingency list, at once and in place of the one that is gone."""
    county = seen.county
    assert county is not None, "a desk that serves a county is gone"
    helpers = [item.county for item in county.supporting]
    for other in county.contingency or (*helpers, *county.neighbours):
        desk = DeskId(other)
        if desk != gone and _is_open(seen.rules, other) and seen.why_not(desk) is None:
            yield Circle((desk,), rule, (*why, Reason(ReasonCode.TAKES_OVER, gone)))
            return


def _neighbours(seen: Seen, rule: StepRule) -> Iterator[Circle]:
    """All at once: whichever of them is free first."""
    if seen.county is None or seen.rules.answering is Answering.CENTRAL:
        return
    near = [DeskId(item) for item in seen.county.neighbours if _is_open(seen.rules, item)]
    desks = tuple(desk for desk in near if seen.why_not(desk) is None)
    if desks:
        yield Circle(desks, rule, tuple(Reason(ReasonCode.NEIGHBOUR, desk) for desk in desks))


def _provincial(seen: Seen, rule: StepRule) -> Iterator[Circle]:
    desk = seen.rules.provincial_desk
    if seen.duty.of_desk(desk):
        yield from _desk(seen, desk, rule, ReasonCode.PROVINCIAL_CENTRE, desk)


def _province(seen: Seen, rule: StepRule) -> Iterator[Circle]:
    """The desks that answer by the rules, and every other one at which somebody may be.

    Hours and levels count no more: whoever is there is better than nobody. A desk that is gone
    stays out.
    """
    rules, duty = seen.rules, seen.duty
    gone = frozenset(desk for desk in duty.closures if seen.is_gone(desk))
    others = (desk for desk in rules.all_desks[len(rules.desks) :] if duty.of_desk(desk))
    desks = tuple(desk for desk in (*rules.desks, *others) if desk not in gone)
    why = (seen.why_not(desk) for desk in rules.all_desks if desk in gone)
    reasons = tuple(reason for reason in why if reason is not None)
    yield Circle(desks, rule, (Reason(ReasonCode.WHOLE_PROVINCE, rules.id), *reasons))


def _named(seen: Seen, rule: StepRule) -> Iterator[Circle]:
    desks = tuple(desk for desk in rule.desks if not seen.is_gone(desk))
    if desks:
        yield Circle(desks, rule, tuple(Reason(ReasonCode.OTHER_DESK, desk) for desk in desks))


def _on_call(seen: Seen, rule: StepRule) -> Iterator[Circle]:
    """Whom duty has on call for the county's desk or any other of the province."""
    own = (seen.county.desk,) if seen.county else ()
    desks = dict.fromkeys((*own, *seen.rules.all_desks))
    people = dict.fromkeys(name for desk in desks for name in seen.duty.on_call.get(desk, ()))
    if people:
        yield Circle((), rule, (Reason(ReasonCode.ON_CALL, seen.rules.id),), tuple(people))


def _desk(
    seen: Seen, desk: DeskId, rule: StepRule, code: ReasonCode, subject: str
) -> Iterator[Circle]:
    """One desk by itself; nobody waits for it alone while it is short of people."""
    if seen.why_not(desk) is not None:
        return
    closure = seen.duty.closures.get(desk)
    if closure is not None and closure.kind is ClosureKind.SHORT_STAFFED:
        short = Reason(ReasonCode.SHORT_STAFFED, desk)
        at_once = rule.model_copy(update={"lasts_s": 0.0})
        yield Circle((desk,), at_once, (Reason(code, subject), short))
    else:
        yield Circle((desk,), rule, (Reason(code, subject),))


def _is_open(rules: ProvinceRules, county: CountyId) -> bool:
    known = rules.county(county)
    return known is not None and known.is_open


_MAKERS: Mapping[Ring, Callable[[Seen, StepRule], Iterable[Circle]]] = {
    Ring.OWN: _own,
    Ring.SUPPORTING: _supporting,
    Ring.NEIGHBOURS: _neighbours,
    Ring.PROVINCIAL: _provincial,
    Ring.PROVINCE: _province,
    Ring.DESKS: _named,
    Ring.ON_CALL: _on_call,
}
