"""What a real Asterisk says of each channel: prompts begun, calls come, keys asked for and taken.

Keys go by it, for a person's pace is no measure: Asterisk throws away what is pressed between two
commands of a conversation, and on a busy machine seconds may lie between them.
"""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from ivr.asterisk.ami import AmiLink, AmiTiming, Message
from ivr.asterisk.instance import ami_secret
from ivr.asterisk.telephones import TRUNK_ENDPOINT
from ivr.settings import PROJECT, Settings
from ivr.simulator.watched import Watched

# An account beside the controller's: only here does Asterisk tell of AGI commands.
ACCOUNT = """
[watch]
secret = {{ ami_secret }}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,agi,dtmf,dialplan
writetimeout = 60000
"""
USER = "watch"
# What a test's telephone may be late with while its process waits for the processor, in seconds.
RTP_TIMEOUT_S = 12
QUALIFY_TIMEOUT_S = 10
_NEVER_S = 3600
_PATIENT = {
    "rtp_timeout = 30": f"rtp_timeout = {RTP_TIMEOUT_S}",
    # Asked when a test says so: by itself Asterisk asks at any moment.
    "qualify_frequency = 10": f"qualify_frequency = {_NEVER_S}",
    "qualify_frequency = 20": f"qualify_frequency = {_NEVER_S}",
    "qualify_timeout = 2": f"qualify_timeout = {QUALIFY_TIMEOUT_S}",
    "qualify_timeout = 3": f"qualify_timeout = {QUALIFY_TIMEOUT_S}",
}
# A link that was lost would have missed what happened meanwhile.
_PATIENCE = AmiTiming(connect_s=60, answer_s=300)
UP_S = LIMIT_S = 120.0

Command = list[str]  # of AGI, in words


def watched_templates(directory: Path) -> Path:
    """Asterisk's configuration with the watcher's account, patient with a test's telephones."""
    shutil.copytree(PROJECT / "deploy" / "asterisk", directory)
    path = directory / "line" / "pjsip.conf.j2"
    text = path.read_text(encoding="utf-8")
    for usual, patient in _PATIENT.items():
        assert f"{usual}\n" in text, usual
        text = text.replace(f"{usual}\n", f"{patient}\n")
    path.write_text(text, encoding="utf-8")
    with (directory / "line" / "manager.conf.j2").open("a") as file:
        file.write(ACCOUNT)
    return directory


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator["Watcher"]:
    """A watcher of the running Asterisk of `settings`, linked from now on."""
    watcher = Watcher(settings.host, settings.ami_port, ami_secret(settings))
    task = asyncio.create_task(watcher.run(), name="watcher")
    try:
        await watcher.sees("a link", lambda: watcher.up, UP_S)
        yield watcher
    finally:
        task.cancel()
        await asyncio.wait([task])


class Watcher(Watched):
    """`run` stays linked until cancelled. Channels are named by their unique ids.

    A party is whoever presses keys: a caller by the unique id, a counsellor's telephone by the
    device, however many channels it has.
    """

    def __init__(self, host: str, port: int, secret: str) -> None:
        super().__init__()
        self.up = False
        self._ups = 0
        self.calls: list[str] = []
        self.commands: dict[str, list[Command]] = defaultdict(list)  # of each party, as begun
        self.applications: dict[str, list[str]] = defaultdict(list)  # by a channel's name
        self._prompts: dict[str, list[str]] = defaultdict(list)
        self._heard: dict[str, int] = defaultdict(int)
        self._asked: dict[str, dict[str, str]] = defaultdict(dict)  # party → channel → keys
        self._pressed: dict[str, list[bool]] = defaultdict(list)  # party → whether each was taken
        self._at_key: dict[str, int] = {}
        self._gone: set[str] = set()
        self.run = AmiLink(
            host=host,
            port=port,
            user=USER,
            secret=secret,
            on_event=self._see,
            on_up=self._on_up,
            on_down=lambda: None,
            timing=_PATIENCE,
        ).run

    async def sees(self, what: str, ready: Callable[[], object], limit_s: float = LIMIT_S) -> None:
        """Wait for it; raises TimeoutError that says for what."""
        if not await self.until(ready, limit_s):
            raise TimeoutError(f"Asterisk did not tell of {what} within {limit_s} s")

    async def new_call(self, count: int) -> str:
        """The id of the `count`-th call that Asterisk has taken."""
        await self.sees("the call", lambda: len(self.calls) >= count)
        return self.calls[count - 1]

    async def gone(self, channel: str) -> None:
        """Wait until Asterisk knows that the party has hung up."""
        await self.sees("the end of the call", lambda: channel in self._gone)

    async def heard(self, party: str, prompt: str) -> None:
        """Wait until the prompt is begun; each beginning counts for one wait only."""
        prompts = self._prompts[party]
        await self.sees(prompt, lambda: prompt in prompts[self._heard[party] :])
        self._heard[party] = prompts.index(prompt, self._heard[party]) + 1

    def listens_from_now(self, device: str) -> None:
        """What a telephone heard in earlier calls counts no more."""
        self._heard[device] = len(self._prompts[device])

    def has_heard(self, party: str, prompt: str) -> bool:
        return prompt in self._prompts[party]

    async def pressed(self, party: str, key: str, press: Callable[[str], None]) -> None:
        """Press the key when it is asked for, and again where the moment had passed."""
        while not await self._taken(party, key, press):
            pass

    async def _taken(self, party: str, key: str, press: Callable[[str], None]) -> bool:
        await self.sees(f"a question for {key}", lambda: self._asks(party, key))
        keys = self._pressed[party]
        count = len(keys)
        press(key)
        await self.sees(f"key {key}", lambda: len(keys) > count)
        return keys[count]

    def since_key(self, party: str) -> list[Command]:
        """The commands after the one that took the party's last key."""
        return self.commands[party][self._at_key[party] :]

    def _asks(self, party: str, key: str) -> bool:
        return any(key in keys for keys in self._asked[party].values())

    async def up_again(self) -> None:
        """Wait for the link to an Asterisk that was started anew."""
        await self.sees("another link", lambda: self._ups >= 2)

    async def _on_up(self) -> None:
        self.up = True
        self._ups += 1
        self.changed()

    def _see(self, message: Message) -> None:
        unique_id = message.get("Uniqueid", "")
        party = _party(message)
        match message.get("Event"):
            case "Newchannel" if party == unique_id:
                self.calls.append(unique_id)
            case "Newexten":
                self.applications[message.get("Channel", "")].append(message.get("Application", ""))
            case "AGIExecStart":
                self._begins(party, unique_id, message.get("Command", "").split())
            case "AGIExecEnd":
                self._asked[party].pop(unique_id, None)
            case "HangupRequest" | "Hangup":
                self._asked[party].pop(unique_id, None)
                self._gone.add(unique_id)
            case "DTMFEnd" if message.get("Direction") == "Received":
                asked = self._asked[party].get(unique_id, "")
                self._pressed[party].append(message.get("Digit", "") in asked)
                self._at_key[party] = len(self.commands[party])
        self.changed()

    def _begins(self, party: str, channel: str, command: Command) -> None:
        self.commands[party].append(command)
        keys = ""
        if command[:2] == ["STREAM", "FILE"]:
            self._prompts[party].append(command[2].strip('"').removeprefix("ivr/"))
            keys = command[3].strip('"')
        elif command[:3] == ["WAIT", "FOR", "DIGIT"]:
            keys = "0123456789*#"
        self._asked[party][channel] = keys


def _party(message: Message) -> str:
    """A counsellor's leg may be an ordinary telephone's, which rings beyond the trunk."""
    unique_id = str(message.get("Uniqueid", ""))
    device = str(message.get("Channel", "")).removeprefix("PJSIP/").rpartition("-")[0]
    is_call = device == TRUNK_ENDPOINT and not unique_id.startswith("ivr-")
    return unique_id if is_call else device
