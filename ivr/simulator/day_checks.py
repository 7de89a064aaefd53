"""The promises of design §2, looked at after every event of a simulated day."""

from collections import Counter
from datetime import datetime

from ivr import effects as do
from ivr import events as ev
from ivr.deployment import Deployment
from ivr.model import CallPhase
from ivr.order import Place, micros
from ivr.presence import Presence
from ivr.queues import Floor
from ivr.waiting import FloorCall

EPOCH = 1
IN_OFFER = (CallPhase.OFFERED, CallPhase.CONNECTING, CallPhase.TALKING)


class CheckedFloor(Floor):
    """A floor that counts what breaks a promise; `broken` stays empty if all is well."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(
            epoch=EPOCH,
            limits=deployment.limits,
            limits_by_province=deployment.limits_by_province,
        )
        self.events = 0
        self.broken: Counter[str] = Counter()

    def decide(self, event: ev.Event, now: datetime) -> list[do.Effect]:
        self.events += 1
        effects = super().decide(event, now)
        self._nobody_waits_in_vain(now)
        self._everybody_is_in_one_place(now)
        self._in_order(effects)
        return effects

    def _nobody_waits_in_vain(self, now: datetime) -> None:
        """Promise 2. An ordinary telephone is rung only for whom duty expects."""
        free = [presence for presence in self.staff if presence.free]
        yielding = [presence for presence in self.staff if presence.relief(self.now)]
        for call in self.line:
            due_at = call.step_due_at
            if call.in_danger and any(_may_be_rung(presence, call) for presence in yielding):
                self.broken["danger waited while a wrap-up or back-off could be ended"] += 1
            if any(
                presence.is_last_resort(self.now) and _may_be_rung(presence, call)
                for presence in yielding
            ):
                self.broken["a call waited while a back-off could be ended"] += 1
            if any(_may_be_rung(presence, call) for presence in free):
                self.broken["a call waited while an eligible counsellor was free"] += 1
            if due_at is not None and due_at <= now:
                self.broken["a step was not opened in time"] += 1
            if due_at is not None and not any(
                self.staff.could_serve(name, name in call.expected) for name in call.eligible
            ):
                self.broken["a step that nobody could serve lasted"] += 1

    def _everybody_is_in_one_place(self, now: datetime) -> None:
        """Promise 3."""
        offered = [
            offer.counsellor for call in self.calls.values() for offer in call.offers.values()
        ]
        if len(set(offered)) != len(offered):
            self.broken["a counsellor had two offers"] += 1
        for call in self.calls.values():
            if not self._is_in_one_place(call):
                self.broken["a call was in two places or in none"] += 1
            talking = call.phase is CallPhase.TALKING
            if not talking and any(offer.deadline_at < now for offer in call.offers.values()):
                self.broken["an offer outlived its deadline"] += 1

    def _is_in_one_place(self, call: FloorCall) -> bool:
        in_line, in_offer = call.id in self.line, bool(call.offers)
        wanted = (call.phase is CallPhase.WAITING, call.phase in IN_OFFER)
        return (in_line, in_offer) == wanted

    def _in_order(self, effects: list[do.Effect]) -> None:
        """Promise 4: who is rung was not due to somebody before in line; the cap besides."""
        for effect in effects:
            call = self.calls.get(effect.offer.call) if isinstance(effect, do.OfferCall) else None
            if not isinstance(effect, do.OfferCall) or call is None or call.place is None:
                continue
            for other in self.line:
                if effect.offer.counsellor in other.eligible:
                    self._compare(call, other, call.place, other.place)

    def _compare(
        self, call: FloorCall, other: FloorCall, mine: Place, theirs: Place | None
    ) -> None:
        """`call` was served, `other` could have had the counsellor and still waits."""
        now_us = micros(self.now)
        if theirs is None or theirs.key(now_us) < mine.key(now_us):
            self.broken["a call was served before one that was before it in line"] += 1
        elif (
            theirs.joined_us < mine.joined_us
            and theirs.waited_s(now_us) >= other.plan.weight.cap_s
            and not call.in_danger
            and not other.stands_last
        ):
            self.broken["a call was served before one that had waited for the cap"] += 1


def _may_be_rung(presence: Presence, call: FloorCall) -> bool:
    name = presence.profile.id
    device = presence.idle_device(expected=name in call.expected)
    return name in call.eligible and device is not None
