"""AMI messages to events of the floor: every AMI event and field name stands here or in live_calls.

Asterisk sends `OriginateResponse` by another way than channel events, so the two may overtake each
other, even the channel's first (once in some 100 refusals, measured); a leg's end is therefore told
by its Hangup, whose cause says why, and by the response only where no channel comes after it. Each
leg ends in exactly one OfferFailed or LegEnded.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ivr.asterisk.live_calls import Message, live_call, room_of
from ivr.asterisk.telephones import TRUNK_ENDPOINT, Telephones
from ivr.events import (
    CallerEntered,
    CallHungUp,
    DeviceChanged,
    Event,
    LegEnded,
    OfferFailed,
    TalkStarted,
)
from ivr.model import CallId, DeviceId, DeviceState, EndedBy, OfferId, OfferResult
from ivr.model.exchange import ExchangeSnapshot

TRUNK_CONTEXT = "trunk"

_LEG = "ivr-"
_TECHNOLOGY = "PJSIP/"
_UP = "6"  # channel states: main/channel.c, ast_state2str
_RINGING = "5"
_DEVICE_STATES = {
    "NOT_INUSE": DeviceState.IDLE,
    "RINGING": DeviceState.RINGING,
    "INUSE": DeviceState.IN_USE,
    "BUSY": DeviceState.IN_USE,
    "ONHOLD": DeviceState.IN_USE,
    "RINGINUSE": DeviceState.IN_USE,
}
_LOST_CONTACT = {"Removed", "Unreachable"}
# Hang-up causes: ITU-T Q.850, as Asterisk maps SIP answers to them (res_pjsip.c).
_RESULT_OF_CAUSE = {
    "1": OfferResult.NO_SUCH_NUMBER,  # 404, 410, 604
    "28": OfferResult.NO_SUCH_NUMBER,  # 484
    "17": OfferResult.BUSY,  # 486, 600
    "21": OfferResult.REJECTED,  # 603, 403
    "3": OfferResult.UNREACHABLE,
    "20": OfferResult.UNREACHABLE,
    "27": OfferResult.UNREACHABLE,
    # of the trunk: it has no way to the number now
    "34": OfferResult.UNREACHABLE,  # 503
    "38": OfferResult.UNREACHABLE,  # 500
    "102": OfferResult.UNREACHABLE,  # 504
}
_NO_ANSWER_CAUSES = {"", "0", "18", "19"}  # 19: our own time limit, and 480
_MEDIA_LOST_CAUSE = "44"  # rtp_timeout
_RESULT_OF_REASON = {"3": OfferResult.RONA, "5": OfferResult.BUSY}  # of a leg without a channel


@dataclass(slots=True)
class _Leg:
    device: DeviceId
    has_channel: bool = False
    rang: bool = False
    picked_up: bool = False
    withdrawn: bool = False
    reported: bool = False
    hung_up_itself: bool = False
    device_lost: bool = False
    refused: OfferResult | None = None  # by the response, before any channel was seen


@dataclass(slots=True)
class _Room:
    present: set[bool] = field(default_factory=set)  # True: the counsellor's side
    started: bool = False


def leg_channel(offer: OfferId) -> str:
    """Unique id of the offer's leg; AMI actions take it in place of a channel's name."""
    return f"{_LEG}{offer}"


def device_channel(device: DeviceId) -> str:
    return f"{_TECHNOLOGY}{device}"


def refused_leg(message: Message) -> OfferId | None:
    """The offer whose Originate came to nothing, if that is what the message says."""
    failed = message.get("Event") == "OriginateResponse" and message.get("Response") != "Success"
    return _offer(message.get("Uniqueid")) or _offer(message.get("ActionID")) if failed else None


def created_leg(message: Message) -> OfferId | None:
    """The offer whose leg has just come to be, if that is what the message says."""
    return _offer(message.get("Uniqueid")) if message.get("Event") == "Newchannel" else None


class Translator:
    """Synchronous, without I/O; remembers the legs, callers and rooms of the moment.

    `ignored` counts the events that mean nothing here, by name.
    """

    def __init__(self) -> None:
        self.ignored: Counter[str] = Counter()
        self.telephones = Telephones()
        self._legs: dict[OfferId, _Leg] = {}
        self._callers: set[CallId] = set()
        self._rooms: dict[OfferId, _Room] = {}
        self._contacts: dict[DeviceId, str] = {}
        self._readers: dict[str, Callable[[Message], list[Event]]] = {
            "Newchannel": self._new_channel,
            "Newstate": self._new_state,
            "DialState": self._dial_state,
            "OriginateResponse": self._originate_response,
            "HangupRequest": self._hangup_request,
            "Hangup": self._hangup,
            "ConfbridgeJoin": self._confbridge_join,
            "ConfbridgeLeave": self._confbridge_leave,
            "ConfbridgeEnd": self._confbridge_end,
            "DeviceStateChange": self._device_state_change,
            "ContactStatus": self._contact_status,
        }

    @property
    def hears(self) -> tuple[str, ...]:
        """The events that mean something, and the one that says that Asterisk has started."""
        return ("FullyBooted", *self._readers)

    def expect_leg(self, offer: OfferId, device: DeviceId) -> None:
        """A leg is about to be originated; before this, nothing of it is believed."""
        self._legs[offer] = _Leg(device)

    def withdraw_leg(self, offer: OfferId) -> None:
        """We do not want the leg any more, whether or not it exists yet."""
        if leg := self._legs.get(offer):
            leg.withdrawn = True

    def is_withdrawn(self, offer: OfferId) -> bool:
        leg = self._legs.get(offer)
        return leg is not None and leg.withdrawn

    def leg_failed(self, offer: OfferId, *, may_exist: bool) -> list[Event]:
        """The Originate was refused, or not answered: then a channel may still come, unwanted."""
        leg = self._legs.get(offer)
        if leg is None or leg.reported:
            return []
        leg.withdrawn = leg.reported = True
        if not may_exist:
            del self._legs[offer]
        return [OfferFailed(offer=offer, result=OfferResult.FAILED)]

    def no_channel_came(self, offer: OfferId) -> list[Event]:
        """Some time after the refusal (`refused_leg`): nothing where one came, its Hangup tells."""
        leg = self._legs.get(offer)
        if leg is None or leg.has_channel or leg.refused is None:
            return []
        del self._legs[offer]
        return _failed(offer, leg, leg.refused)

    def feed(self, message: Message) -> list[Event]:
        """What the message means for the floor, in order; mostly nothing."""
        name = message.get("Event", "")
        reader = self._readers.get(name)
        if reader is None:
            self.ignored[name] += 1
            return []
        return reader(message)

    def snapshot(self, status: Iterable[Message], devices: Iterable[Message]) -> ExchangeSnapshot:
        """What is true now, from the lists of Status (with VARIABLES) and DeviceStateList.

        Everything remembered of channels is replaced.
        """
        self._legs, self._callers, self._rooms = {}, set(), {}
        calls = []
        for channel in status:
            if offer := _offer(channel.get("Uniqueid")):
                self._adopt_leg(offer, channel)
            elif call := live_call(channel):
                self._callers.add(call.call)
                calls.append(call)
            if room := room_of(channel):
                self._enter(room, channel)
        for found in self._rooms.values():
            found.started = len(found.present) == 2
        changes = []
        for device in devices:
            if _is_trunk(device):
                self.telephones.trunk_is(up=_state(device) is not DeviceState.UNREACHABLE)
            elif change := _device_changed(device):
                changes.append(change)
        changes += self.telephones.states()
        return ExchangeSnapshot(
            calls=tuple(calls),
            legs=frozenset(self._legs),
            devices=tuple((change.device, change.state) for change in changes),
        )

    def _adopt_leg(self, offer: OfferId, channel: Message) -> None:
        device = channel.get("Channel", "").removeprefix(_TECHNOLOGY).rpartition("-")[0]
        leg = _Leg(DeviceId(device), has_channel=True, rang=True)
        leg.picked_up = channel.get("ChannelState") == _UP
        self._legs[offer] = leg

    def _new_channel(self, message: Message) -> list[Event]:
        unique_id = message.get("Uniqueid", "")
        if leg := self._leg(unique_id):
            leg.has_channel = True
        elif message.get("Context") == TRUNK_CONTEXT and not _offer(unique_id):
            self._callers.add(CallId(unique_id))
        return []

    def _new_state(self, message: Message) -> list[Event]:
        if leg := self._leg(message.get("Uniqueid")):
            state = message.get("ChannelState")
            leg.rang |= state == _RINGING
            leg.picked_up |= state == _UP
        return []

    def _dial_state(self, message: Message) -> list[Event]:
        if leg := self._leg(message.get("DestUniqueid")):
            leg.rang |= message.get("DialStatus") in ("RINGING", "PROGRESS")
        return []

    def _originate_response(self, message: Message) -> list[Event]:
        offer = _offer(message.get("Uniqueid")) or _offer(message.get("ActionID"))
        leg = self._legs.get(offer) if offer else None
        if offer is None or leg is None:
            return []
        if message.get("Response") == "Success":
            leg.picked_up = True
        else:
            reason = message.get("Reason", "")
            leg.refused = _RESULT_OF_REASON.get(reason, OfferResult.UNREACHABLE)
        return []

    def _hangup_request(self, message: Message) -> list[Event]:
        """The party itself has hung up; the channel may linger until its AGI session ends."""
        if leg := self._leg(message.get("Uniqueid")):
            leg.hung_up_itself = True
        return self._caller_gone(message)

    def _hangup(self, message: Message) -> list[Event]:
        offer = _offer(message.get("Uniqueid"))
        if offer is None:
            return self._caller_gone(message)
        leg = self._legs.pop(offer, None)
        if leg is None:
            return []
        cause = message.get("Cause", "")
        if leg.picked_up and not leg.reported:
            return [LegEnded(offer=offer, ended_by=_ended_by(leg, cause))]
        return _failed(offer, leg, _failure(leg, cause))

    def _caller_gone(self, message: Message) -> list[Event]:
        call = CallId(message.get("Uniqueid", ""))
        if call not in self._callers:
            return []
        self._callers.discard(call)
        return [CallHungUp(call=call)]

    def _confbridge_join(self, message: Message) -> list[Event]:
        offer = OfferId(message.get("Conference", ""))
        room = self._enter(offer, message)
        if room.started:
            return []
        caller = CallId(message.get("Uniqueid", ""))
        told: list[Event] = []
        if caller in self._callers:
            told.append(CallerEntered(call=caller, offer=offer))
        if len(room.present) == 2:
            room.started = True
            told.append(TalkStarted(offer=offer))
        return told

    def _enter(self, offer: OfferId, channel: Message) -> _Room:
        room = self._rooms.setdefault(offer, _Room())
        room.present.add(_is_counsellor(offer, channel))
        return room

    def _confbridge_leave(self, message: Message) -> list[Event]:
        offer = OfferId(message.get("Conference", ""))
        if room := self._rooms.get(offer):
            room.present.discard(_is_counsellor(offer, message))
        return []

    def _confbridge_end(self, message: Message) -> list[Event]:
        self._rooms.pop(OfferId(message.get("Conference", "")), None)
        return []

    def _device_state_change(self, message: Message) -> list[Event]:
        change = _device_changed(message)
        return [change] if change else []

    def _contact_status(self, message: Message) -> list[Event]:
        """A device that registers from a new port gets its new contact before losing the old."""
        device, uri = DeviceId(message.get("AOR", "")), message.get("URI", "")
        lost = message.get("ContactStatus") in _LOST_CONTACT
        if lost and self._contacts.get(device, uri) != uri:
            return []
        if lost:
            self._contacts.pop(device, None)
        else:
            self._contacts[device] = uri
        for leg in self._legs.values():
            if leg.device == device:
                leg.device_lost = lost
        changes = self.telephones.trunk_is(up=not lost) if device == TRUNK_ENDPOINT else []
        return [*changes]

    def _leg(self, unique_id: str | None) -> _Leg | None:
        offer = _offer(unique_id)
        return self._legs.get(offer) if offer else None


def _offer(unique_id: str | None) -> OfferId | None:
    if unique_id is None or not unique_id.startswith(_LEG):
        return None
    return OfferId(unique_id.removeprefix(_LEG))


def _is_counsellor(offer: OfferId, channel: Message) -> bool:
    return bool(channel.get("Uniqueid") == leg_channel(offer))


def _failed(offer: OfferId, leg: _Leg, result: OfferResult) -> list[Event]:
    if leg.reported:
        return []
    return [OfferFailed(offer=offer, result=OfferResult.WITHDRAWN if leg.withdrawn else result)]


def _failure(leg: _Leg, cause: str) -> OfferResult:
    if cause in _NO_ANSWER_CAUSES:
        return OfferResult.RONA if leg.rang else OfferResult.UNREACHABLE
    return _RESULT_OF_CAUSE.get(cause, OfferResult.FAILED)


def _ended_by(leg: _Leg, cause: str) -> EndedBy:
    lost = cause == _MEDIA_LOST_CAUSE or (leg.device_lost and not leg.hung_up_itself)
    return EndedBy.DEVICE_LOST if lost else EndedBy.COUNSELLOR


def _device_changed(message: Message) -> DeviceChanged | None:
    technology, _, name = message.get("Device", "").partition("/")
    if technology + "/" != _TECHNOLOGY or _is_trunk(message):
        return None
    return DeviceChanged(device=DeviceId(name), state=_state(message))


def _is_trunk(message: Message) -> bool:
    return bool(message.get("Device") == _TECHNOLOGY + TRUNK_ENDPOINT)


def _state(message: Message) -> DeviceState:
    return _DEVICE_STATES.get(message.get("State", ""), DeviceState.UNREACHABLE)
