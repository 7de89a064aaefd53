"""All counsellors on the floor: who is free, who may be rung, what an offer's end does to them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ivr.limits import Hold, Limits
from ivr.line import Seeker
from ivr.model import (
    CallId,
    Counsellor,
    CounsellorId,
    DeviceId,
    DeviceState,
    OfferId,
    OfferResult,
    Relief,
)
from ivr.presence import Presence
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

    def best(self, call: FloorCall) -> Presence | None:
        """The first by the plan's order of the free counsellors who may be rung for the call.

        Among equals the longest idle. Danger, when nobody is free, rings who is in a wrap-up or
        back-off that yields to it.
        """
        best = self._best_of(self._free, call)
        if best is None and call.in_danger:
            best = self._best_of(self._yielding, call)
        return best

    def _best_of(self, among: dict[CounsellorId, Presence], call: FloorCall) -> Presence | None:
        eligible = call.eligible
        names = among if len(among) < len(eligible) else eligible
        found = [
            presence
            for name in names
            if (presence := among.get(name)) is not None and self.may_ring(presence, call)
        ]
        if len(found) < 2:
            return found[0] if found else None
        ranks = call.plan.ranks
        return min(found, key=lambda one: (ranks[one.profile.id], _idle_order(one)))

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

    def start_talk(self, presence: Presence, now: datetime) -> None:
        presence.talking = True
        presence.wrap_up_until_at = None
        presence.missed_in_a_row = 0
        self._settle(presence, now)

    def release(
        self,
        presence: Presence,
        result: OfferResult,
        limits: Limits,
        now: datetime,
        *,
        danger: bool,
    ) -> bool:
        """End the counsellor's part in an offer or talk; True after too many missed in a row.

        `limits` are those of the call: a counsellor may serve several provinces.
        """
        talked = presence.talking
        presence.offer = None
        presence.talking = False
        if talked:
            self._start_wrap_up(presence, limits, now, danger=danger)
        else:
            self._hold_after(presence, result, limits, now, danger=danger)
        self._settle(presence, now)
        missed_now = result is OfferResult.RONA
        return missed_now and presence.missed_in_a_row >= limits.rona_alarm_after

    def _start_wrap_up(
        self, presence: Presence, limits: Limits, now: datetime, *, danger: bool
    ) -> None:
        """After danger nobody is called out of it: such a talk takes its time to get over."""
        until_at = now + timedelta(seconds=limits.wrap_up_s)
        yields_at: datetime | None = now + timedelta(seconds=limits.wrap_up_least_s)
        if danger or not limits.danger_ends_wrap_ups:
            yields_at = None
        presence.wrap_up_until_at = until_at
        presence.wrap_up_yields_at = yields_at
        presence.wrap_up_of = presence.call
        presence.idle_since_at = until_at
        self._timers.set(until_at, "counsellor", presence.profile.id)
        if yields_at is not None and yields_at < until_at:
            self._timers.set(yields_at, "counsellor", presence.profile.id)

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
            until_at = presence.put_on_hold(*back_off, now, yields=yields)
            self._timers.set(until_at, "counsellor", presence.profile.id)

    def hold_lost(self, counsellor: CounsellorId, limits: Limits, now: datetime) -> None:
        """The device went silent in a talk and looks idle meanwhile: nobody is rung there yet."""
        presence = self.get(counsellor)
        if presence is not None:
            until_at = presence.put_on_hold(Hold.DEVICE_LOST, limits.device_lost_s, now)
            self._timers.set(until_at, "counsellor", counsellor)
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
        self._settle(presence, now)

    def resume(self, counsellor: CounsellorId, now: datetime) -> None:
        presence = self.get(counsellor)
        if presence is not None:
            presence.pause_reason = None
            presence.missed_in_a_row = 0
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
        presence.note_state(now)
        if presence.leaving and presence.offer is None:
            self._presences.pop(counsellor, None)
        self._note_able(presence)
        free = presence.free
        _keep(self._free, presence, free)
        _keep(self._yielding, presence, not free and presence.relief(now) is not None)
        _keep(self._fresh, presence, counsellor in self._free or counsellor in self._yielding)

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


def _keep(index: dict[CounsellorId, Presence], presence: Presence, wanted: bool) -> None:
    if wanted:
        index[presence.profile.id] = presence
    else:
        index.pop(presence.profile.id, None)


def _idle_order(presence: Presence) -> tuple[datetime, str]:
    assert presence.idle_since_at is not None, "a reachable counsellor is idle since some time"
    return presence.idle_since_at, presence.profile.id
