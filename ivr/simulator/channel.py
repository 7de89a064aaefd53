"""A channel of the simulated exchange: its identity, state, variables and what interrupts it."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ivr.simulator.feed import Feed, Headers
from ivr.simulator.watched import Watched

UNKNOWN = "<unknown>"
KEYS = "0123456789*#ABCD"
KEY_MS = 160  # length of a key press as Asterisk reports it

# Q.850 causes with the texts of Asterisk's main/channel.c
CAUSE_TEXTS = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
    44: "Requested channel not available",
}


class State(IntEnum):
    DOWN = 0
    RING = 4
    RINGING = 5
    UP = 6


class EndedBy:
    """Who ended a call or a talk, as parties' histories name it."""

    CALLER = "caller"
    COUNSELLOR = "counsellor"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Hangup:
    by: str
    cause: int = 16
    sip_code: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the dialplan a channel is or is sent."""

    context: str
    exten: str = "s"
    priority: str = "1"


@dataclass(slots=True)
class Identity:
    number: str = ""
    name: str = ""


class Gone(Exception):
    """The channel was hung up: its dialplan ends here."""


class Redirected(Exception):
    """AMI Redirect took the channel to another place of the dialplan."""


class Ear(Protocol):
    """Who is at the far end of a channel and what they notice."""

    def note(self, what: str, detail: str = "") -> None: ...


@dataclass(slots=True, kw_only=True)
class Bridged:
    """The bridge a channel is in, as Status names it."""

    unique_id: str


class Channel(Watched):
    """One party's channel, driven by one task that obeys the dialplan.

    Whoever acts on it from outside (a party, AMI) only sets `hung_up`, `goto` or a digit; the
    channel's own task notices at its next wait.
    """

    def __init__(
        self,
        *,
        feed: Feed,
        name: str,
        unique_id: str,
        linked_id: str,
        place: Place,
        state: State,
        label: str,
        created_at: float,
        caller: Identity | None = None,
    ) -> None:
        super().__init__()
        self.feed = feed
        self.name = name
        self.unique_id = unique_id
        self.linked_id = linked_id
        self.place = place
        self.state = state
        self.label = label  # "caller" or the device's id, for histories
        self.created_at = created_at
        self.caller = caller or Identity()
        self.connected = Identity()
        self.presentation = "allowed_not_screened"  # the caller's own wish, CALLERID(num-pres)
        self.variables: dict[str, str] = {}
        self.application = ("", "")
        self.bridge: Bridged | None = None
        self.music: str | None = None
        self.hung_up: Hangup | None = None
        self.goto: Place | None = None
        self.ended = False
        self.ears: Ear | None = None
        self._accepted = ""
        self._digits: deque[str] = deque()

    @property
    def interrupted(self) -> bool:
        """Whether its task must leave what it is doing."""
        return self.hung_up is not None or self.goto is not None

    def check(self) -> None:
        """Raises Gone or Redirected where the channel was interrupted."""
        if self.hung_up:
            raise Gone
        if self.goto:
            raise Redirected

    def note(self, what: str, detail: str = "") -> None:
        if self.ears:
            self.ears.note(what, detail)

    def hang_up(self, hangup: Hangup) -> None:
        """End it; the first end counts. A party's own end (BYE) shows as HangupRequest."""
        if self.hung_up or self.ended:
            return
        self.hung_up = hangup
        if hangup.by != EndedBy.MACHINE:
            # measured: a BYE shows without a cause, a refusal with both
            self.tell("HangupRequest", self._cause_headers(hangup) if hangup.sip_code else ())
        self.changed()

    def redirect(self, place: Place) -> None:
        self.goto = place
        self.changed()

    def arrive(self) -> None:
        """Take the place it was redirected to."""
        self.place, self.goto = self.goto or self.place, None

    def press(self, key: str) -> None:
        """A key from the party; lost where no running command asks for it, as in Asterisk."""
        extra = [("Digit", key), ("DurationMs", str(KEY_MS)), ("Direction", "Received")]
        self.tell("DTMFEnd", extra, privilege="dtmf,all")
        self.note("key", key)
        if key in self._accepted:
            self._digits.append(key)
            self.changed()

    def listen(self, keys: str) -> None:
        """From now on only `keys` are taken; the empty string stops listening."""
        self._accepted = keys
        self._digits.clear()
        self.changed()

    def accepts(self, key: str) -> bool:
        """Whether a running command asks for this key now."""
        return key in self._accepted

    def has_key(self) -> bool:
        return bool(self._digits)

    def take_key(self) -> str:
        return self._digits.popleft()

    def set_state(self, state: State) -> None:
        self.state = state
        self.tell("Newstate")

    def answer(self) -> None:
        """Pick up, once."""
        if self.state is not State.UP:
            self.set_state(State.UP)
            self.note("answered")

    def start_music(self, name: str) -> None:
        self.music = name
        self.tell("MusicOnHoldStart", [("Class", name)])
        self.note("music", name)

    def stop_music(self) -> None:
        if self.music is not None:
            self.music = None
            self.tell("MusicOnHoldStop")

    def tell(self, event: str, extra: Headers = (), privilege: str = "call,all") -> None:
        """Send an AMI event about this channel."""
        self.feed.send(event, [*self.headers(), *extra], privilege)

    def headers(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """The channel as Asterisk describes it in every event about it."""
        values = {
            "Channel": self.name,
            "ChannelState": str(int(self.state)),
            "ChannelStateDesc": self.state.name.capitalize(),
            "CallerIDNum": self.caller.number or UNKNOWN,
            "CallerIDName": self.caller.name or UNKNOWN,
            "ConnectedLineNum": self.connected.number or UNKNOWN,
            "ConnectedLineName": self.connected.name or UNKNOWN,
            "Language": "fa",
            "AccountCode": "",
            "Context": self.place.context,
            "Exten": self.place.exten,
            "Priority": self.place.priority,
            "Uniqueid": self.unique_id,
            "Linkedid": self.linked_id,
        }
        return ((prefix + key, value) for key, value in values.items())

    def close(self) -> None:
        """The last event of a channel."""
        self.ended = True
        self.stop_music()
        hangup = self.hung_up or Hangup(EndedBy.MACHINE)
        text = CAUSE_TEXTS.get(hangup.cause, "Unknown")
        cause, *tech = self._cause_headers(hangup)
        self.tell("Hangup", [cause, ("Cause-txt", text), *tech])
        self.changed()

    def get(self, name: str) -> str:
        """A channel variable or one of the few functions the dialplan and AGI use."""
        functions = {
            "CALLERID(num)": self.caller.number,
            "CALLERID(name)": self.caller.name,
            "CHANNEL(linkedid)": self.linked_id,
            "CHANNEL(name)": self.name,
            "CHANNEL(endpoint)": self.name.removeprefix("PJSIP/").rpartition("-")[0],
            "CHANNEL": self.name,
            "UNIQUEID": self.unique_id,
            "EXTEN": self.place.exten,
            "CONTEXT": self.place.context,
        }
        return functions.get(name, self.variables.get(name, ""))

    def expand(self, text: str) -> str:
        """The text with its `${…}` replaced."""
        return re.sub(r"\$\{([^{}]*)\}", lambda match: self.get(match[1]), text)

    @staticmethod
    def _cause_headers(hangup: Hangup) -> list[tuple[str, str]]:
        headers = [("Cause", str(hangup.cause))]
        if hangup.sip_code:
            headers.append(("TechCause", str(hangup.sip_code)))
        return headers
