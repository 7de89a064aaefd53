"""Who may be rung now, and who of them is rung first for a call."""

from datetime import datetime

from ivr.line import Seeker
from ivr.model import CounsellorId, Protection, Sparing
from ivr.presence import Presence
from ivr.waiting import FloorCall

Index = dict[CounsellorId, Presence]


class Pool:
    """Counsellors by what may ring them: everything, what has nobody else, danger alone."""

    def __init__(self) -> None:
        self._free: Index = {}
        self._last_resort: Index = {}  # held, but a call for which nobody is free may ring them
        self._yielding: Index = {}  # these and others: not free, but danger may ring them
        self._fresh: Index = {}
        self._spared: Index = {}  # or might be: by a rule of `ivr.load`

    def note(self, presence: Presence, now: datetime, *, there: bool) -> None:
        """After any change of a counsellor; `there`: still on the staff list, or in a call."""
        free, yielding = presence.free, presence.relief(now) is not None
        keep(self._free, presence, free)
        keep(self._last_resort, presence, presence.is_last_resort(now))
        keep(self._yielding, presence, not free and yielding)
        keep(self._fresh, presence, free or yielding)
        keep(self._spared, presence, there and presence.load.marked)

    def take_fresh(self) -> list[Presence]:
        """Who became free since the last time, or might be: somebody may have waited for them."""
        fresh = list(self._fresh.values())
        self._fresh.clear()
        return fresh

    def best(self, call: FloorCall, now: datetime) -> Presence | None:
        """The first by the plan's order of the free counsellors who may be rung for the call.

        Whoever is to be spared comes after those who are not; among equals the longest idle goes
        first. Where nobody is free, whoever did not take a call a moment ago is rung; danger rings
        who is in a wrap-up that yields to it as well.
        """
        best = self.best_free(call, now)
        if best is None:
            others = self._yielding if call.in_danger else self._last_resort
            best = self._first(self._found(others, call), call, now)
        return best

    def best_free(self, call: FloorCall, now: datetime) -> Presence | None:
        return self._first(self._found(self._free, call), call, now)

    def _found(self, among: Index, call: FloorCall) -> list[Presence]:
        eligible = call.eligible
        names = among if len(among) < len(eligible) else eligible
        return [
            presence
            for name in names
            if (presence := among.get(name)) is not None and self.may_ring(presence, call)
        ]

    def _first(self, found: list[Presence], call: FloorCall, now: datetime) -> Presence | None:
        """Whose talk it was that broke off, then by the plan.

        Skill is the caller's need and goes before a counsellor's; nearness does not.
        """
        if len(found) < 2:
            return found[0] if found else None
        back = next((one for one in found if one.profile.id == call.back_to), None)
        if back is not None:
            return back
        ranks = call.plan.ranks
        if not any(one.profile.id in self._spared for one in found):
            return min(found, key=lambda one: (ranks[one.profile.id], _idle_order(one)))

        def order(one: Presence) -> tuple[int, bool, tuple[int, ...], tuple[datetime, str]]:
            skill, *others = ranks[one.profile.id]
            spared = self._spared_from(one, call, now) is not None
            return skill, spared, tuple(others), _idle_order(one)

        return min(found, key=order)

    def _spared_from(self, presence: Presence, call: FloorCall, now: datetime) -> Protection | None:
        if presence.profile.id not in self._spared:
            return None
        return presence.load.spared_from(now, heavy=call.plan.heavy)

    def sparing(self, call: FloorCall, presence: Presence, now: datetime) -> Sparing | None:
        """What protections do to ringing `presence` for the call."""
        if not self._spared:
            return None
        if why := self._spared_from(presence, call, now):
            return Sparing(counsellor=presence.profile.id, why=why, gave_way=True)
        ranks = call.plan.ranks

        def rank(one: Presence) -> tuple[tuple[int, int, int], tuple[datetime, str]]:
            return ranks[one.profile.id], _idle_order(one)

        found = self._found(self._free, call)
        for other in sorted((one for one in found if one.profile.id in self._spared), key=rank):
            why = self._spared_from(other, call, now)
            if why and rank(other) < rank(presence):
                return Sparing(counsellor=other.profile.id, why=why, gave_way=False)
        return None

    def may_ring(self, presence: Presence, call: FloorCall) -> bool:
        """Whether the counsellor may be rung for the call now; nothing else decides it."""
        name = presence.profile.id
        if (
            name not in call.eligible
            or presence.idle_device(expected=name in call.expected) is None
        ):
            return False
        if name in self._free or name in self._last_resort:
            return True
        return call.in_danger and name in self._yielding

    def seeker(self, presence: Presence) -> Seeker | None:
        """What calls to look for for the counsellor; None where they may not be rung now."""
        name = presence.profile.id
        if name not in self._free and name not in self._yielding:
            return None
        return Seeker(
            counsellor=name,
            only_expected=presence.idle_device(expected=False) is None,
            only_danger=name not in self._free and name not in self._last_resort,
        )


def keep(index: Index, presence: Presence, wanted: bool) -> None:
    """In the index, or not in it."""
    if wanted:
        index[presence.profile.id] = presence
    else:
        index.pop(presence.profile.id, None)


def _idle_order(one: Presence) -> tuple[datetime, str]:
    assert one.idle_since_at is not None, "a reachable counsellor is idle since some time"
    return one.idle_since_at, one.profile.id
