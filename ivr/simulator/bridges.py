"""Where channels talk: the ConfBridge room and the two-party bridge of the fallback queue."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from ivr.simulator.channel import Bridged, Channel, EndedBy
from ivr.simulator.feed import Feed

ANNOUNCER = 1  # Asterisk counts the announcer it adds to each ConfBridge


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A ConfBridge user profile, as far as the line uses it."""

    marked: bool = False
    wait_marked: bool = False
    end_marked: bool = False


PROFILES = {
    "ivr_caller": Profile(wait_marked=True, end_marked=True),
    "ivr_counsellor": Profile(marked=True),
}


@dataclass(slots=True, kw_only=True)
class Member:
    channel: Channel
    profile: Profile = field(default_factory=Profile)
    kicked: bool = False
    hears: tuple[str, ...] = ()  # labels of whom this member talks with


class Bridge:
    """Channels that hear each other; tells AMI and the parties who comes and goes."""

    kind = ("basic", "simple_bridge", "<unknown>")
    extra_channels = 0

    def __init__(self, feed: Feed, name: str = "<unknown>") -> None:
        self.feed = feed
        self.name = name
        self.members: list[Member] = []
        self.unique_id = str(uuid.uuid4())
        self._tell("BridgeCreate", count=0)

    def enter(self, member: Member) -> None:
        self.members.append(member)
        member.channel.bridge = Bridged(unique_id=self.unique_id)
        self._tell("BridgeEnter", member.channel)
        self._tell_talks()

    def leave(self, member: Member) -> None:
        self.members.remove(member)
        member.channel.bridge = None
        self._tell("BridgeLeave", member.channel)
        hung_up = member.channel.hung_up
        self._tell_talks(left=member, by=hung_up.by if hung_up else EndedBy.MACHINE)
        member.channel.changed()

    def destroy(self) -> None:
        self._tell("BridgeDestroy", count=0)

    def headers(self, count: int | None = None) -> Iterator[tuple[str, str]]:
        """The bridge as Asterisk describes it."""
        kind, technology, creator = self.kind
        count = len(self.members) + self.extra_channels if count is None else count
        yield "BridgeUniqueid", self.unique_id
        yield "BridgeType", kind
        yield "BridgeTechnology", technology
        yield "BridgeCreator", creator
        yield "BridgeName", self.name
        yield "BridgeNumChannels", str(count)
        yield "BridgeVideoSourceMode", "none"

    def _tell(self, event: str, channel: Channel | None = None, count: int | None = None) -> None:
        about = channel.headers() if channel else ()
        self.feed.send(event, [*self.headers(count), *about])

    def _tell_talks(self, left: Member | None = None, by: str = EndedBy.MACHINE) -> None:
        for member in (*self.members, *([left] if left else ())):
            before, member.hears = member.hears, self._heard_by(member)
            if member.hears and member.hears != before:
                member.channel.note("talk", ",".join(member.hears))
            elif before and not member.hears:
                member.channel.note("talk ended", by)

    def _heard_by(self, member: Member) -> tuple[str, ...]:
        if member not in self.members or member.channel.music:
            return ()  # music that AGI set on goes on in a room, over everybody in it
        return tuple(other.channel.label for other in self.members if other is not member)


class Room(Bridge):
    """A ConfBridge: callers wait for a marked member and are let go when the last one leaves.

    As measured on Asterisk 22: a caller who comes after the marked member has left waits alone,
    and a hang-up inside ends EXEC with result 0.
    """

    kind = ("base", "softmix", "ConfBridge")
    extra_channels = ANNOUNCER

    def __init__(self, feed: Feed, name: str) -> None:
        super().__init__(feed, name)
        self._tell_room("ConfbridgeStart", count=ANNOUNCER)
        self._tell_state("INUSE")

    async def stay(self, channel: Channel, profile: Profile) -> None:
        """Be in the room until the channel is interrupted or the last marked member leaves."""
        member = Member(channel=channel, profile=profile)
        self.enter(member)
        self._tell_room("ConfbridgeJoin", channel, [("Admin", "No"), ("Muted", "No")])
        if profile.wait_marked and not self._has_marked():
            channel.stop_music()  # the room's own music takes its place until somebody comes
            channel.note("room", "alone")
        await channel.until(lambda: channel.interrupted or member.kicked)
        self.leave(member)
        self._tell_room("ConfbridgeLeave", channel, [("Admin", "No")])
        if member.profile.marked:
            self._let_callers_go()

    def end(self) -> None:
        """The last member has left."""
        self._tell_room("ConfbridgeEnd", count=ANNOUNCER)
        self._tell_state("NOT_INUSE")
        self.destroy()

    def kick_all(self) -> None:
        for member in self.members:
            if not member.kicked:
                member.kicked = True
                member.channel.variables["CONFBRIDGE_RESULT"] = "KICKED"
                member.channel.changed()

    def _let_callers_go(self) -> None:
        if self._has_marked():
            return
        for member in self.members:
            if member.profile.end_marked:
                member.kicked = True
                member.channel.variables["CONFBRIDGE_RESULT"] = "ENDMARKED"
                member.channel.changed()

    def _has_marked(self) -> bool:
        return any(member.profile.marked for member in self.members)

    def _tell_room(
        self,
        event: str,
        channel: Channel | None = None,
        extra: list[tuple[str, str]] | None = None,
        count: int | None = None,
    ) -> None:
        about = channel.headers() if channel else ()
        conference = ("Conference", self.name)
        self.feed.send(event, [conference, *self.headers(count), *about, *(extra or ())])

    def _tell_state(self, state: str) -> None:
        device = [("Device", f"confbridge:{self.name}"), ("State", state)]
        self.feed.send("DeviceStateChange", device)


class Bridges:
    """All bridges of the exchange; a room lives from its first member to its last."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.rooms: dict[str, Room] = {}
        self.talks: list[Bridge] = []

    def all(self) -> list[Bridge]:
        return [*self.rooms.values(), *self.talks]

    async def confbridge(self, channel: Channel, room_name: str, profile_name: str) -> None:
        """EXEC ConfBridge: returns when the channel has left the room."""
        room = self.rooms.get(room_name)
        if room is None:
            room = self.rooms[room_name] = Room(self.feed, room_name)
        try:
            await room.stay(channel, PROFILES.get(profile_name, Profile()))
        finally:
            if not room.members:
                del self.rooms[room_name]
                room.end()

    def kick_all(self, room_name: str) -> None:
        """ConfKick(room,all), where there is such a room."""
        room = self.rooms.get(room_name)
        if room is not None:
            room.kick_all()

    async def talk(self, caller: Channel, leg: Channel) -> None:
        """The talk of the fallback queue: until one of the two is interrupted."""
        bridge = Bridge(self.feed)
        self.talks.append(bridge)
        members = [Member(channel=leg), Member(channel=caller)]
        for member in members:
            bridge.enter(member)
        await caller.until(lambda: caller.interrupted or leg.interrupted)
        first = members if leg.interrupted else members[::-1]
        for member in first:
            bridge.leave(member)
        self.talks.remove(bridge)
        bridge.destroy()
