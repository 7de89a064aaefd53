"""All counsellors on the floor: who is free, who may be rung, what an offer's end does to them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ivr.limits import Hold, Limits
from ivr.line import Seeker
from ivr.model import (
    CallId,
    Counsellor,
    CounsellorId,
    DeskId,
    DeviceId,
    DeviceState,
    OfferId,
    OfferResult,
    Protection,
    Relief,
    Sparing,
)
from ivr.presence import NOT_ANSWERING, Presence
from ivr.recent_times import RecentTimes
from ivr.timers import Timers
from ivr.waiting import FloorCall


class Staff:
    """The counsellors' side of the floor; keeps an index of the free ones."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.recent = RecentTimes()
        self._presences: dict[CounsellorId, Presence] = {}
        self._free: dict[CounsellorId, Presence] = {}
        self._yielding: dict[CounsellorId, Presence] = {}  # not free, but danger may ring them
        self._fresh: dict[CounsellorId, Presence] = {}
        self._unable: list[CounsellorId] = []
        self._by_device: dict[DeviceId, Presence] = {}
        self._spared: dict[CounsellorId, Presence] = {}  # or might be: by a rule of `ivr.load`
        self._not_answering: dict[CounsellorId, Presence] = {}
        self._asking: dict[CounsellorId, Presence] = {}  # for a break
        self._more_able = False  # since breaks were last looked at

    def __iter__(self) -> Iterator[Presence]:
        return iter(self._presences.values())

    def get(self, counsellor: CounsellorId | None) -> Presence | None:
        return self._presences.get(counsellor) if counsellor is not None else None

    def at_device(self, device: DeviceId) -> Presence | None:
        return self._by_device.get(device)

    def could_serve(self, counsellor: CounsellorId, expected: bool) -> bool:
        presence = self._presences.get(counsellor)
        return presence is not None and presence.could_serve(expected=expected)

    def take_fresh(self) -> list[Presence]:
        """Who became free since the last time, or might be: somebody may have waited for them."""
        fresh = list(self._fresh.values())
        self._fresh.clear()
        return fresh

    def take_unable(self) -> list[CounsellorId]:
        """Who could serve the last time and cannot any more: a step may be left to nobody."""
        unable, self._unable = self._unable, []
        return unable

    def best(self, call: FloorCall, now: datetime) -> Presence | None:
        """The first by the plan's order of the free counsellors who may be rung for the call.

        Whoever is to be spared comes after those who are not; among equals the longest idle goes
        first. Danger, when nobody is free, rings who is in a wrap-up or back-off that yields to it.
        """
        best = self.best_free(call, now)
        if best is None and call.in_danger:
            best = self._first(self._found(self._yielding, call), call, now)
        return best

    def best_free(self, call: FloorCall, now: datetime) -> Presence | None:
        return self._first(self._found(self._free, call), call, now)

    def _found(self, among: dict[CounsellorId, Presence], call: FloorCall) -> list[Presence]:
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

        some = min(self._free, self._spared, key=len)
        passed = {name: self._free[name] for name in some if name in self._free}
        passed = {name: one for name, one in passed.items() if name in self._spared}
        for other in sorted(self._found(passed, call), key=rank):
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
        return name in self._free or (call.in_danger and name in self._yielding)

    def seeker(self, presence: Presence) -> Seeker | None:
        """What calls to look for for the counsellor; None where they may not be rung now."""
        name = presence.profile.id
        if name not in self._free and name not in self._yielding:
            return None
        return Seeker(
            counsellor=name,
            only_expected=presence.idle_device(expected=False) is None,
            only_danger=name not in self._free,
        )

    # ------------------------------------------------------- offers and talks

    def take(self, presence: Presence, offer: OfferId, call: CallId, now: datetime) -> None:
        presence.offer = offer
        presence.call = call
        self._settle(presence, now)

    def start_talk(self, presence: Presence, limits: Limits, now: datetime) -> None:
        presence.talking = True
        presence.wrap_up_until_at = None
        presence.missed_in_a_row = 0
        self._wake(presence, presence.load.talk_begins(limits, now))
        self._settle(presence, now)

    def release(
        self,
        presence: Presence,
        result: OfferResult,
        call: FloorCall,
        limits: Limits,
        now: datetime,
    ) -> None:
        """End the counsellor's part in an offer or talk.

        `limits` are those of the call: a counsellor may serve several provinces.
        """
        talked = presence.talking
        presence.offer = None
        presence.talking = False
        if talked:
            self._start_wrap_up(presence, call, limits, now)
        else:
            self._hold_after(presence, result, limits, now, danger=call.in_danger)
        self._settle(presence, now)

    def _wake(self, presence: Presence, at: datetime) -> None:
        self._timers.set(at, "counsellor", presence.profile.id)

    def _start_wrap_up(
        self, presence: Presence, call: FloorCall, limits: Limits, now: datetime
    ) -> None:
        """After danger nobody is called out of it: such a talk takes its time to get over."""
        plan = call.record.plan
        own_s = plan.wrap_up_s if plan is not None else None
        until_at = now + timedelta(seconds=limits.wrap_up_s if own_s is None else own_s)
        yields_at: datetime | None = now + timedelta(seconds=limits.wrap_up_least_s)
        if call.in_danger or not limits.danger_ends_wrap_ups:
            yields_at = None
        presence.wrap_up_yields_at = yields_at
        presence.wrap_up_of = call.id
        presence.wrap_up_latest_at = until_at + timedelta(seconds=limits.wrap_up_more_most_s)
        presence.wrap_up_lengthened = 0
        presence.load.talk_ends(limits, now, heavy=plan is not None and plan.heavy)
        self._wrap_up_until(presence, until_at)
        if yields_at is not None and yields_at < until_at:
            self._wake(presence, yields_at)

    def _wrap_up_until(self, presence: Presence, until_at: datetime) -> None:
        presence.wrap_up_until_at = until_at
        presence.idle_since_at = until_at
        self._wake(presence, until_at)
        self._wake(presence, presence.load.work_ends(until_at))

    def _hold_after(
        self,
        presence: Presence,
        result: OfferResult,
        limits: Limits,
        now: datetime,
        *,
        danger: bool,
    ) -> None:
        """A back-off that danger itself brought about yields to none: it would be rung in turns."""
        if result is OfferResult.RONA:
            presence.missed_in_a_row += 1
        back_off = limits.back_off(result, presence.missed_in_a_row)
        if back_off is not None:
            yields = limits.yields_to_danger(back_off[0]) and not danger
            self._wake(presence, presence.put_on_hold(*back_off, now, yields=yields))

    def hold_lost(
        self, counsellor: CounsellorId, device: DeviceId, limits: Limits, now: datetime
    ) -> None:
        """The device went silent in a talk and looks idle meanwhile: nobody is rung there yet."""
        presence = self.get(counsellor)
        if presence is not None and presence.devices.get(device) is not DeviceState.UNREACHABLE:
            self._wake(presence, presence.put_on_hold(Hold.DEVICE_LOST, limits.device_lost_s, now))
            self._settle(presence, now)

    def relieve(self, presence: Presence, now: datetime) -> Relief | None:
        """Danger is about to ring them: a back-off is over, a wrap-up goes on if nothing comes."""
        relief = presence.relief(now)
        if relief is Relief.BACK_OFF:
            presence.lift_hold()
        return relief

    # ----------------------------------------------------- what people decide

    def pause(self, presence: Presence, reason: str, now: datetime) -> None:
        presence.pause_reason = reason
        presence.will_pause = presence.load.break_asked_at = None
        self._settle(presence, now)

    def pause_after(self, presence: Presence, reason: str, now: datetime) -> None:
        """After the present call and its wrap-up; at once where there is neither."""
        presence.will_pause = reason
        presence.load.break_asked_at = None
        self._settle(presence, now)

    def ask_for_break(self, presence: Presence, now: datetime) -> None:
        if presence.pause_reason is None and presence.load.break_asked_at is None:
            presence.load.break_asked_at = now
            self._more_able = True
            self._settle(presence, now)

    def take_asking(self) -> list[Presence]:
        """Who waits for a break, the first to ask first; nobody while nobody has come back."""
        if not self._more_able:
            return []
        self._more_able = False
        return sorted(self._asking.values(), key=_asked_order)

    def others_at(self, desk: DeskId, presence: Presence) -> int:
        """How many others of the desk are there and mean to stay."""
        return sum(
            desk in other.profile.desks
            and other is not presence
            and other.will_pause is None
            and other.could_serve(expected=False)
            for other in self._presences.values()
        )

    def not_answering(self) -> list[Presence]:
        """Whom the floor has paused because they did not answer."""
        return list(self._not_answering.values())

    def call_back(self, presence: Presence, now: datetime) -> None:
        """Out of that pause: nobody else is there. Their back-off and the alarm stand."""
        presence.pause_reason = None
        self._settle(presence, now)

    def resume(self, counsellor: CounsellorId, now: datetime) -> None:
        presence = self.get(counsellor)
        if presence is not None:
            presence.pause_reason = presence.will_pause = None
            presence.load.break_asked_at = None
            presence.missed_in_a_row = 0
            self._more_able = True
            presence.lift_hold()
            presence.idle_since_at = now
            self._settle(presence, now)

    def sign_in(self, counsellor: CounsellorId, now: datetime) -> None:
        presence = self.get(counsellor)
        if presence is not None:
            presence.signed_in = True
            self.resume(counsellor, now)

    def sign_out(self, presence: Presence, now: datetime) -> None:
        presence.signed_in = False
        self._settle(presence, now)

    def end_wrap_up(self, counsellor: CounsellorId, now: datetime) -> None:
        presence = self.get(counsellor)
        if presence is not None and presence.wrap_up_until_at is not None:
            presence.wrap_up_until_at = None
            presence.idle_since_at = now
            self._wake(presence, presence.load.work_ends(now))
            self._settle(presence, now)

    def outcome_saved(self, call: CallId, now: datetime) -> None:
        """Whoever wraps up that call is done with it; an earlier call's outcome ends nothing."""
        for presence in self._presences.values():
            if presence.wrap_up_of == call and presence.wrap_up_until_at is not None:
                self.end_wrap_up(presence.profile.id, now)
                return

    def extend_wrap_up(self, counsellor: CounsellorId, by_s: float, now: datetime) -> None:
        """Up to the bound that the call's province sets."""
        presence = self.get(counsellor)
        if presence is None or presence.wrap_up_until_at is None:
            return
        latest_at = presence.wrap_up_latest_at
        assert latest_at is not None, "it is set where a wrap-up begins"
        wished_at = presence.wrap_up_until_at + timedelta(seconds=max(by_s, 0.0))
        until_at = min(wished_at, latest_at)
        presence.wrap_up_lengthened += until_at > presence.wrap_up_until_at
        self._wrap_up_until(presence, until_at)
        self._settle(presence, now)

    def keep_wrap_up(self, counsellor: CounsellorId, now: datetime) -> None:
        """To its end, whatever comes."""
        presence = self.get(counsellor)
        if presence is not None:
            presence.wrap_up_yields_at = None
            self._settle(presence, now)

    def replace_all(self, counsellors: Iterable[Counsellor], now: datetime) -> None:
        """The staff list from now on; who is missing in it leaves when their call is over."""
        wanted = {profile.id: profile for profile in counsellors}
        for counsellor, presence in list(self._presences.items()):
            presence.leaving = counsellor not in wanted
            self._settle(presence, now)
        for profile in wanted.values():
            self._take_on(profile, now)
        self._by_device = {
            device.id: presence
            for presence in self._presences.values()
            for device in presence.profile.devices
        }

    def _take_on(self, profile: Counsellor, now: datetime) -> None:
        presence = self._presences.setdefault(profile.id, Presence(profile))
        presence.profile = profile
        presence.devices = {
            device.id: presence.devices.get(device.id, DeviceState.UNREACHABLE)
            for device in profile.devices
        }
        self._settle(presence, now)

    # ------------------------------------------------------ devices and timers

    def device_changed(self, device: DeviceId, state: DeviceState, now: datetime) -> None:
        presence = self._by_device.get(device)
        if presence is None:
            return
        was_reachable = presence.reachable
        presence.devices[device] = state
        if presence.hold is Hold.DEVICE_LOST and not presence.reachable:
            presence.lift_hold()  # Asterisk's check has spoken: from now on its word counts
        if presence.reachable and not was_reachable:
            presence.idle_since_at = now
        self._settle(presence, now)

    def all_devices(self, states: dict[DeviceId, DeviceState], now: datetime) -> None:
        """A complete list: a device that is not in it cannot be reached."""
        for device in self._by_device:
            self.device_changed(device, states.get(device, DeviceState.UNREACHABLE), now)

    def time_is_up(self, counsellor: CounsellorId, now: datetime) -> None:
        """A hold or a wrap-up may have run out."""
        presence = self.get(counsellor)
        if presence is None:
            return
        if presence.held_until_at is not None and presence.held_until_at <= now:
            presence.lift_hold()
        if presence.wrap_up_until_at is not None and presence.wrap_up_until_at <= now:
            presence.wrap_up_until_at = None
        self._settle(presence, now)

    def _settle(self, presence: Presence, now: datetime) -> None:
        """Keep the index of free counsellors true after any change of one of them."""
        counsellor = presence.profile.id
        self.recent.observe(presence, now)
        presence.pause_as_wished()
        presence.note_state(now)
        if presence.leaving and presence.offer is None:
            self._presences.pop(counsellor, None)
        self._note_able(presence)
        free = presence.free
        _keep(self._free, presence, free)
        _keep(self._yielding, presence, not free and presence.relief(now) is not None)
        _keep(self._fresh, presence, counsellor in self._free or counsellor in self._yielding)
        there = counsellor in self._presences
        _keep(self._spared, presence, there and presence.load.marked)
        _keep(self._not_answering, presence, there and presence.pause_reason == NOT_ANSWERING)
        _keep(self._asking, presence, there and presence.load.break_asked_at is not None)

    def _note_able(self, presence: Presence) -> None:
        gone = presence.profile.id not in self._presences
        before, presence.able = (
            presence.able,
            (
                not gone and presence.could_serve(expected=True),
                not gone and presence.could_serve(expected=False),
            ),
        )
        if before > presence.able:
            self._unable.append(presence.profile.id)
        self._more_able |= before < presence.able


def _keep(index: dict[CounsellorId, Presence], presence: Presence, wanted: bool) -> None:
    if wanted:
        index[presence.profile.id] = presence
    else:
        index.pop(presence.profile.id, None)


def _asked_order(presence: Presence) -> tuple[datetime, str]:
    assert presence.load.break_asked_at is not None, "they ask for a break"
    return presence.load.break_asked_at, presence.profile.id


def _idle_order(presence: Presence) -> tuple[datetime, str]:
    assert presence.idle_since_at is not None, "a reachable counsellor is idle since some time"
    return presence.idle_since_at, presence.profile.id
