"""What a real Asterisk says of each channel: which prompts were begun, which call came when."""

from collections import defaultdict

from ivr.asterisk.ami import AmiLink, Message
from ivr.simulator.watched import Watched

# An account beside the controller's: only here does Asterisk tell of AGI commands.
ACCOUNT = """
[watch]
secret = {{ ami_secret }}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,agi
writetimeout = 5000
"""
USER = "watch"


class Watcher(Watched):
    """`run` stays linked until cancelled. Channels are named by their unique ids."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        super().__init__()
        self.up = False
        self.calls: list[str] = []
        self._prompts: dict[str, list[str]] = defaultdict(list)
        self._heard: dict[str, int] = defaultdict(int)
        self._legs: dict[str, str] = {}
        self.run = AmiLink(
            host=host,
            port=port,
            user=USER,
            secret=secret,
            on_event=self._see,
            on_up=self._on_up,
            on_down=lambda: None,
        ).run

    async def new_call(self, count: int) -> str:
        """The id of the `count`-th call that Asterisk has taken."""
        await self.until(lambda: len(self.calls) >= count)
        return self.calls[count - 1]

    async def heard(self, channel: str, prompt: str) -> None:
        """Wait until the prompt is begun; each beginning counts for one wait only."""
        prompts = self._prompts[channel]
        await self.until(lambda: prompt in prompts[self._heard[channel] :])
        self._heard[channel] = prompts.index(prompt, self._heard[channel]) + 1

    def has_heard(self, channel: str, prompt: str) -> bool:
        return prompt in self._prompts[channel]

    async def device_heard(self, device: str, prompt: str) -> None:
        """A telephone is named as the trunk's endpoint is."""
        await self.until(lambda: device in self._legs)
        await self.heard(self._legs[device], prompt)

    async def _on_up(self) -> None:
        self.up = True
        self.changed()

    def _see(self, message: Message) -> None:
        unique_id = message.get("Uniqueid", "")
        match message.get("Event"):
            case "Newchannel" if message.get("Context") == "trunk" and not _is_leg(unique_id):
                self.calls.append(unique_id)
            case "Newchannel":
                device = message.get("Channel", "").removeprefix("PJSIP/").rpartition("-")[0]
                self._legs[device] = unique_id
            case "AGIExecStart":
                command = message.get("Command", "").split()
                if command[:2] == ["STREAM", "FILE"]:
                    self._prompts[unique_id].append(command[2].strip('"').removeprefix("ivr/"))
        self.changed()


def _is_leg(unique_id: str) -> bool:
    """A counsellor's leg, which may be a telephone's."""
    return unique_id.startswith("ivr-")
