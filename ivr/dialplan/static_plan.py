"""The queues of a line's static fallback, from the same rules and duty as the live plans. Pure.

Asterisk cannot plan; it gets what `router.plan` says for each county, lane by lane. As nobody may
be there to say so when a closure begins or ends, the queues from then on are given as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from ivr import router
from ivr.dialplan.static_lines import (
    WEIGHTS,
    Stage,
    StaticLine,
    StaticMember,
    StaticQueue,
    fallback_queue,
)
from ivr.duty import Duty, DutyBook, duty_at
from ivr.model import (
    CallFacts,
    Counsellor,
    CounsellorId,
    CountyId,
    Device,
    DeviceId,
    DeviceKind,
    Lane,
)
from ivr.model.plan import ReasonCode, RoutePlan, Step
from ivr.rules.schema import ProvinceRules

MOST_STAGES = 4  # after the last one no closure counts: too many are safer than none

Interfaces = Mapping[DeviceId, str]
Members = tuple[StaticMember, ...]


@dataclass(frozen=True)
class StaticPlanner:
    """Makes the lines of all provinces.

    `interfaces`: what Asterisk dials for a device that is no SIP account (a telephone); one that
    is not in it is not rung.
    """

    people: Sequence[Counsellor]
    book: DutyBook
    at: datetime
    interfaces: Interfaces = field(default_factory=dict)

    def line(self, rules: ProvinceRules, numbers: tuple[str, ...]) -> StaticLine:
        """The province's line as Asterisk alone is to serve it from `at` on."""
        return StaticLine(rules.id, numbers, tuple(self._stages(rules)))

    def _stages(self, rules: ProvinceRules) -> Iterator[Stage]:
        """The present, then each change; one that changes nothing for this province is no stage."""
        before: Mapping[tuple[Lane, str], Members] = {}
        number = 0
        for from_at, duty in self._pages():
            members = dict(self._members(rules, duty, from_at or self.at))
            if members != before:
                yield Stage(_queues(members, number), from_at)
                before, number = members, number + 1

    def _pages(self) -> Iterator[tuple[datetime | None, Duty]]:
        """The duty now (None) and at each edge of a closure; after too many, without closures."""
        edges = (edge for item in self.book.closures for edge in (item.from_at, item.until_at))
        changes = sorted({edge for edge in edges if edge > self.at})
        yield None, duty_at(self.people, self.at, self.book)
        for number, edge in enumerate(changes[: MOST_STAGES - 1], start=2):
            is_last_of_many = number == MOST_STAGES and len(changes) >= MOST_STAGES
            book = replace(self.book, closures=()) if is_last_of_many else self.book
            yield edge, duty_at(self.people, edge, book)

    def _members(
        self, rules: ProvinceRules, duty: Duty, at: datetime
    ) -> Iterator[tuple[tuple[Lane, str], Members]]:
        """Who is in which queue. A county whose plan is the province's shares its queue.

        In danger everybody is equal, so that one queue is enough.
        """

        def members(lane: Lane, county: CountyId | None) -> Members:
            facts = CallFacts(province=rules.id, county=county, lane=lane)
            return self._of_plan(router.plan(rules, duty, facts, at))

        for lane in Lane:
            whole = members(lane, None)
            yield (lane, rules.id), whole
            if lane is not Lane.DANGER:
                for county in rules.counties:
                    own = members(lane, county.id)
                    if own != whole:
                        yield (lane, county.id), own

    def _of_plan(self, plan: RoutePlan) -> Members:
        """Each device once, with the number of the first step that rings it as its penalty.

        A step that adds nobody counts for nothing.
        """
        found: dict[DeviceId, StaticMember] = {}
        penalty = -1
        for step in plan.steps:
            at_home = _rings_at_home(step)
            new = [device for device in self._rung(step) if device not in found]
            if new and (penalty < 0 or at_home or not plan.all_at_once):
                penalty += 1
            for device in new:
                found[device] = StaticMember(device, penalty, self.interfaces.get(device, ""))
        return tuple(found.values())

    def _rung(self, step: Step) -> Iterator[DeviceId]:
        for name in step.counsellors:
            if person := self._by_id.get(name):
                device = self._device(person, at_home=_rings_at_home(step))
                if device is not None:
                    yield device

    @cached_property
    def _by_id(self) -> Mapping[CounsellorId, Counsellor]:
        return {person.id: person for person in self.people}

    def _device(self, person: Counsellor, *, at_home: bool) -> DeviceId | None:
        """The first that Asterisk can ring; of somebody on call, a telephone before others."""
        known = [device for device in person.devices if self._can_ring(device)]
        known.sort(key=lambda device: (device.kind is DeviceKind.TELEPHONE) is not at_home)
        return known[0].id if known else None

    def _can_ring(self, device: Device) -> bool:
        return device.kind is DeviceKind.SIP or device.id in self.interfaces


def _rings_at_home(step: Step) -> bool:
    return any(reason.code is ReasonCode.ON_CALL for reason in step.reasons)


def _queues(members: Mapping[tuple[Lane, str], Members], stage: int) -> tuple[StaticQueue, ...]:
    return tuple(
        StaticQueue(fallback_queue(place, lane, stage), rung, WEIGHTS[lane])
        for (lane, place), rung in members.items()
    )
