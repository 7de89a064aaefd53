"""All counsellors on the floor: what offers, talks, devices and their own wishes do to them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ivr.limits import Hold, Limits
from ivr.model import (
    CallId,
    Counsellor,
    CounsellorId,
    CounsellorState,
    DeskId,
    DeviceId,
    DeviceState,
    OfferId,
    OfferResult,
    Relief,
)
from ivr.model.record import EndedTalk, ended_talk
from ivr.pool import Pool, keep
from ivr.presence import NOT_ANSWERING, Presence
from ivr.recent_times import RecentTimes
from ivr.timers import Timers
from ivr.waiting import FloorCall


class Staff:
    """The counsellors' side of the floor; keeps the pool of those who may be rung true."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.recent = RecentTimes()
        self.pool = Pool()
        self._presences: dict[CounsellorId, Presence] = {}
        self._unable: list[CounsellorId] = []
        self._changed: dict[CounsellorId, None] = {}  # in that order
        self._by_device: dict[DeviceId, Presence] = {}
        self._not_answering: dict[CounsellorId, Presence] = {}
        self._asking: dict[CounsellorId, Presence] = {}  # for a break
        self._at_rest: dict[CounsellorId, Presence] = {}  # there, and in nothing; held or not
        self._more_able = False  # since breaks were last looked at

    def __iter__(self) -> Iterator[Presence]:
        return iter(self._presences.values())

    def get(self, counsellor: CounsellorId | None) -> Presence | None:
        return self._presences.get(counsellor) if counsellor is not None else None

    def at_device(self, device: DeviceId) -> Presence | None:
        return self._by_device.get(device)

    def could_serve(self, counsellor: CounsellorId, expected: bool) -> bool:
        presence = self._presences.get(counsellor)
        return presence is not None and presence.able[not expected]

    def take_unable(self) -> list[CounsellorId]:
        """Who could serve the last time and cannot any more: a step may be left to nobody."""
        unable, self._unable = self._unable, []
        return unable

    def take_changed(self) -> list[CounsellorId]:
        """Of whom anything has changed since the last time, in that order; some have gone."""
        changed, self._changed = list(self._changed), {}
        return changed

    # ------------------------------------------------------- offers and talks

    def take(self, presence: Presence, offer: OfferId, call: CallId, now: datetime) -> None:
        presence.offer = offer
        presence.call = call
        self._settle(presence, now)

    def start_talk(
        self,
        presence: Presence,
        limits: Limits,
        now: datetime,
        *,
        began_at: datetime | None = None,
    ) -> None:
        """`began_at`: of a talk that an earlier controller began; None: it begins now."""
        presence.talking = True
        presence.wrap_up_until_at = None
        presence.missed_in_a_row = 0
        self._wake(presence, presence.load.talk_begins(limits, began_at or now))
        self._settle(presence, now)
        presence.state_since_at = began_at or now

    def remember(self, presence: Presence, talk: EndedTalk, limits: Limits, now: datetime) -> None:
        """A talk that this floor did not see; what followed on it may go on."""
        self._wake(presence, presence.load.talk_begins(limits, talk.began_at))
        self._start_wrap_up(presence, talk, limits)
        if presence.wrap_up_until_at is not None and presence.wrap_up_until_at <= now:
            presence.wrap_up_until_at = None
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
            name = presence.profile.id
            talk = ended_talk(call.record, name, now, danger=call.in_danger)
            self._start_wrap_up(presence, talk, limits)
        else:
            self._hold_after(presence, result, limits, now, danger=call.in_danger)
        self._settle(presence, now)

    def _wake(self, presence: Presence, at: datetime) -> None:
        self._timers.set(at, "counsellor", presence.profile.id)

    def _start_wrap_up(self, presence: Presence, talk: EndedTalk, limits: Limits) -> None:
        """After danger nobody is called out of it: such a talk takes its time to get over."""
        seconds = limits.wrap_up_s if talk.wrap_up_s is None else talk.wrap_up_s
        until_at = talk.ended_at + timedelta(seconds=seconds)
        yields_at: datetime | None = talk.ended_at + timedelta(seconds=limits.wrap_up_least_s)
        if talk.danger or not limits.danger_ends_wrap_ups:
            yields_at = None
        presence.wrap_up_yields_at = yields_at
        presence.wrap_up_of = talk.call
        presence.wrap_up_latest_at = until_at + timedelta(seconds=limits.wrap_up_more_most_s)
        presence.wrap_up_lengthened = 0
        presence.load.talk_ends(limits, talk.ended_at, heavy=talk.heavy)
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
            hold, seconds = back_off
            presence.put_on_hold(
                hold,
                seconds,
                now,
                yields=limits.yields_to_danger(hold) and not danger,
                yields_after_s=limits.yields_after_s(hold),
            )
            self._wake_held(presence)

    def _wake_held(self, presence: Presence) -> None:
        for at in (presence.hold_yields_at, presence.held_until_at):
            self._timers.set(at, "counsellor", presence.profile.id)

    def hold_lost(
        self, counsellor: CounsellorId, device: DeviceId, limits: Limits, now: datetime
    ) -> None:
        """The device went silent in a talk and looks idle meanwhile: nobody is rung there yet."""
        presence = self.get(counsellor)
        if presence is not None and presence.devices.get(device) is not DeviceState.UNREACHABLE:
            presence.put_on_hold(Hold.DEVICE_LOST, limits.device_lost_s, now)
            self._wake_held(presence)
            self._settle(presence, now)

    def relieve(self, presence: Presence, now: datetime) -> Relief | None:
        """They are about to be rung: a back-off is over, a wrap-up goes on if nothing comes."""
        relief = presence.relief(now)
        if relief in {Relief.BACK_OFF, Relief.NOBODY_ELSE}:
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

    def at_rest(self, among: frozenset[CounsellorId]) -> Iterator[Presence]:
        """Who of them is there, rings nowhere, talks with nobody and has nothing to write."""
        names = self._at_rest.keys() & among
        return (self._at_rest[name] for name in names)

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
        """Keep every index true after any change of a counsellor."""
        counsellor = presence.profile.id
        self._changed[counsellor] = None
        self.recent.observe(presence, now)
        presence.pause_as_wished()
        presence.note_state(now)
        if presence.leaving and presence.offer is None:
            self._presences.pop(counsellor, None)
        self._note_able(presence)
        there = counsellor in self._presences
        self.pool.note(presence, now, there=there)
        keep(self._not_answering, presence, there and presence.pause_reason == NOT_ANSWERING)
        keep(self._asking, presence, there and presence.load.break_asked_at is not None)
        at_rest = presence.noted_state is CounsellorState.AVAILABLE
        keep(self._at_rest, presence, at_rest and presence.able[0])

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


def _asked_order(presence: Presence) -> tuple[datetime, str]:
    assert presence.load.break_asked_at is not None, "they ask for a break"
    return presence.load.break_asked_at, presence.profile.id
