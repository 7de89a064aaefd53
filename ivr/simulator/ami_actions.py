"""What each AMI action does; rights are those of `write=call,originate,agent`."""

import re
from collections.abc import Coroutine
from typing import Protocol

from ivr.simulator.ami_server import FALSE, Handler, Request, Session
from ivr.simulator.bridges import Bridges
from ivr.simulator.channel import Channel, EndedBy, Hangup, Identity, Place
from ivr.simulator.devices import Device, Devices, Leg
from ivr.simulator.dialplan import Dialplan
from ivr.simulator.feed import Feed, Message
from ivr.simulator.static_queues import StaticQueues

# measured as refused with our rights
FORBIDDEN = frozenset(
    {
        "command",
        "getconfig",
        "updateconfig",
        "dbget",
        "dbput",
        "coreshowchannels",
        "confbridgelist",
        "confbridgekick",
        "confbridgemute",
        "muteaudio",
        "mixmonitor",
        "reload",
        "modulereload",
    }
)
ORIGINATE_MS = 30_000  # Asterisk's default
ANSWERED, NOT_ANSWERED, FAILED = "4", "3", "0"  # Reason of OriginateResponse, as measured


class Exchange(Protocol):
    """What the actions need of the exchange."""

    feed: Feed
    bridges: Bridges
    devices: Devices
    dialplan: Dialplan
    channels: dict[str, Channel]
    variables: dict[str, str]
    static: StaticQueues

    def wall_time(self) -> float: ...

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None: ...

    def new_leg(self, device: Device, *, unique_id: str | None = None) -> Leg: ...

    def finish(self, channel: Channel) -> None: ...


class Actions:
    """The table of actions over one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.table: dict[str, Handler] = {
            "ping": self._ping,
            "events": self._events,
            "originate": self._originate,
            "hangup": self._hang_up,
            "setvar": self._set_variable,
            "getvar": self._get_variable,
            "status": self._status,
            "devicestatelist": self._device_states,
            "bridgelist": self._bridge_list,
            "redirect": self._redirect,
            "queuepause": self._pause,
        }

    def _ping(self, session: Session, request: Request) -> None:
        stamp = f"{self._exchange.wall_time():.6f}"
        session.respond(request, "Success", ("Ping", "Pong"), ("Timestamp", stamp))

    def _events(self, session: Session, request: Request) -> None:
        session.wants_events = request.get("EventMask").lower() not in FALSE
        session.respond(request, "Success", ("Events", "On" if session.wants_events else "Off"))

    def _hang_up(self, session: Session, request: Request) -> None:
        channel = self._channel(session, request)
        if channel:
            session.succeed(request, "Channel Hungup")
            cause = request.get("Cause")
            cause_code = int(cause) if cause.isdigit() and int(cause) <= 127 else 0
            channel.hang_up(Hangup(EndedBy.MACHINE, cause_code))

    def _set_variable(self, session: Session, request: Request) -> None:
        name = request.get("Variable")
        variables: dict[str, str] | None = self._exchange.variables
        if not name:
            session.fail(request, "No variable specified")
            return
        if request.get("Channel"):
            channel = self._channel(session, request)
            variables = channel.variables if channel else None
        if variables is not None:
            variables[name] = request.get("Value")
            session.succeed(request, "Variable Set")

    def _get_variable(self, session: Session, request: Request) -> None:
        name = request.get("Variable")
        if not name:
            session.fail(request, "No variable specified")
            return
        value = self._exchange.variables.get(name, "")
        if request.get("Channel"):
            channel = self._channel(session, request)
            if channel is None:
                return
            value = channel.get(name)
        session.respond(request, "Success", ("Variable", name), ("Value", value))

    def _pause(self, session: Session, request: Request) -> None:
        interface, word = request.get("Interface"), request.get("Paused")
        if not interface or not word:
            session.fail(request, "Need 'Interface' and 'Paused' parameters.")
            return
        paused = word.lower() not in FALSE
        if self._exchange.static.pause(interface, paused=paused):
            done = "paused" if paused else "unpaused"
            session.succeed(request, f"Interface {done} successfully")
        else:
            session.fail(request, "Interface not found")

    def _status(self, session: Session, request: Request) -> None:
        channels = list(self._exchange.channels.values())
        if request.get("Channel"):
            channel = self._channel(session, request)
            if channel is None:
                return
            channels = [channel]
        names = [name for name in request.get("Variables").split(",") if name]
        items = [self._status_of(channel, names) for channel in channels]
        text = "Channel status will follow"
        session.list(request, text, "StatusComplete", items)

    def _status_of(self, channel: Channel, names: list[str]) -> Message:
        seconds = self._exchange.wall_time() - channel.created_at
        application, data = channel.application
        return [
            ("Event", "Status"),
            ("Privilege", "Call"),
            *channel.headers(),
            ("Type", "PJSIP"),
            ("DNID", channel.get("IVR_LINE")),
            ("TimeToHangup", "0"),
            ("BridgeID", channel.bridge.unique_id if channel.bridge else ""),
            ("Application", application),
            ("Data", data),
            ("Seconds", f"{seconds:.0f}"),
            *(("Variable", f"{name}={channel.get(name) or '(null)'}") for name in names),
        ]

    def _device_states(self, session: Session, request: Request) -> None:
        items: list[Message] = [
            [
                ("Event", "DeviceStateChange"),
                ("Device", f"PJSIP/{device.name}"),
                ("State", device.state),
            ]
            for device in self._exchange.devices
        ]
        text = "Device State Changes will follow"
        session.list(request, text, "DeviceStateListComplete", items)

    def _bridge_list(self, session: Session, request: Request) -> None:
        items: list[Message] = [
            [("Event", "BridgeListItem"), *bridge.headers()]
            for bridge in self._exchange.bridges.all()
        ]
        session.list(request, "Bridge listing will follow", "BridgeListComplete", items)

    def _redirect(self, session: Session, request: Request) -> None:
        name = request.get("Channel")
        place = Place(request.get("Context"), request.get("Exten"), request.get("Priority"))
        channel = self._find(name)
        required = ("Channel", "Context", "Exten", "Priority")
        missing = next((header for header in required if not request.get(header)), None)
        if missing:
            session.fail(request, f"{missing} not specified")
        elif channel is None:
            session.fail(request, f"Channel does not exist: {name}")
        elif channel.hung_up:
            session.fail(request, "Redirect failed, channel not up.")
        elif place.context not in self._exchange.dialplan.contexts:
            session.fail(request, "Redirect failed")
        else:
            channel.redirect(place)
            session.succeed(request, "Redirect successful")

    def _originate(self, session: Session, request: Request) -> None:
        place = Place(request.get("Context"), request.get("Exten"), request.get("Priority"))
        technology, _slash, device = request.get("Channel").partition("/")
        timeout = request.get("Timeout") or str(ORIGINATE_MS)
        if not request.get("Channel"):
            session.fail(request, "Channel not specified")
        elif not re.fullmatch(r"-?\d+", timeout):
            session.fail(request, "Invalid timeout")
        elif not device:
            session.fail(request, "Invalid channel")
        elif place.context not in self._exchange.dialplan.contexts or place.exten != "s":
            session.fail(request, "Extension does not exist.")
        else:
            session.succeed(request, "Originate successfully queued")
            known = self._exchange.devices.dialled(device) if technology == "PJSIP" else None
            work = self._lead_leg(request, known, place, int(timeout) / 1000)
            self._exchange.spawn(work, f"originate {request.get('ChannelId')}")

    async def _lead_leg(
        self, request: Request, device: Device | None, place: Place, limit_s: float
    ) -> None:
        """The counsellor's leg from ringing to its end."""
        exchange = self._exchange
        if device is None or not device.registered:
            self._tell_originated(request, place, None, FAILED)
            return
        leg = exchange.new_leg(device, unique_id=request.get("ChannelId") or None)
        leg.variables.update(_variables(request))
        self._set_caller(leg, request.get("CallerID"))
        answered = await exchange.devices.ring(leg, limit_s)
        if answered:
            # measured: with Context the response comes before Newstate and DialEnd
            self._tell_originated(request, place, leg, ANSWERED)
            exchange.devices.connect(leg)
            leg.place = place
            await exchange.dialplan.run(leg)
            return
        in_time = leg.hung_up is None or leg.hung_up.cause != 19
        self._tell_originated(request, place, None, FAILED if in_time else NOT_ANSWERED)
        exchange.finish(leg)

    def _set_caller(self, leg: Leg, caller_id: str) -> None:
        caller = _identity(caller_id)
        if caller.number or caller.name:
            leg.caller = caller
            leg.tell("NewCallerid", [("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")])
            leg.connected = caller
            leg.tell("NewConnectedLine")

    def _tell_originated(
        self, request: Request, place: Place, leg: Leg | None, reason: str
    ) -> None:
        caller = _identity(request.get("CallerID"))
        action_id = request.get("ActionID")
        headers = [
            *([("ActionID", action_id)] if action_id else []),
            ("Response", "Success" if leg else "Failure"),
            ("Channel", leg.name if leg else request.get("Channel")),
            ("Context", place.context),
            ("Exten", place.exten),
            ("Reason", reason),
            ("Uniqueid", leg.unique_id if leg else request.get("ChannelId") or "<unknown>"),
            ("CallerIDNum", caller.number or "<unknown>"),
            ("CallerIDName", caller.name or "<unknown>"),
        ]
        self._exchange.feed.send("OriginateResponse", headers)

    def _channel(self, session: Session, request: Request) -> Channel | None:
        channel = self._find(request.get("Channel"))
        if channel is None:
            session.fail(request, "No such channel")
        return channel

    def _find(self, name: str) -> Channel | None:
        """By name or unique id, as ast_channel_get_by_name does."""
        channels = self._exchange.channels
        by_id = channels.get(name)
        return by_id or next((one for one in channels.values() if one.name == name), None)


def _variables(request: Request) -> dict[str, str]:
    """The `Variable` headers; each may hold several assignments, separated by commas."""
    assignments = ",".join(request.all("Variable")).split(",")
    pairs = (assignment.partition("=") for assignment in assignments if assignment)
    return {name.lstrip("_"): value for name, _equals, value in pairs}


def _identity(caller_id: str) -> Identity:
    """A caller id written `name <number>` or `number`."""
    match = re.fullmatch(r'\s*"?([^"<]*?)"?\s*<([^>]*)>\s*', caller_id)
    if match:
        return Identity(number=match[2], name=match[1])
    return Identity(number=caller_id)
