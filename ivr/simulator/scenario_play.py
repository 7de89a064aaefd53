"""Plays a scenario's story on a stage: the simulated Asterisk or a real one."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from ivr.errors import LineError
from ivr.simulator.devices import BUSY, DECLINE, UNAVAILABLE
from ivr.simulator.scenario import Scenario, Step
from ivr.simulator.scenario_history import Replayed, history_of

ANSWER_AFTER_S = 0.5  # of counsellors who answer by themselves
KEY_PAUSE_S = 0.4  # people do not press keys in the same instant
PATIENCE_S = 120.0  # for what a sentence waits for; a lost phone is noticed after 30 s


class StoryStuck(LineError):
    """A sentence of a story could not be done, or what it waits for did not come."""


class Stage(Protocol):
    """Where a story is played. Everybody is named as in the story; every wait may last long."""

    async def dial(self, caller: str, *, called: str, number: str | None) -> None:
        """Place a call, without `number` from any; returns once it is answered."""

    async def press(self, caller: str, keys: str) -> None: ...
    async def heard(self, caller: str, prompt: str) -> None: ...

    def has_heard(self, caller: str, prompt: str) -> bool:
        """Whether the prompt was begun since the caller dialled."""

    async def hang_up(self, caller: str) -> None: ...
    async def call_ended(self, caller: str) -> None: ...

    async def talking(self, caller: str, device: str) -> None:
        """Both hear each other."""

    async def ringing(self, device: str) -> None:
        """The device begins to ring; each ringing counts once."""

    async def stopped_ringing(self, device: str) -> None: ...
    async def answer(self, device: str) -> None: ...
    async def refuse(self, device: str, sip_code: int) -> None: ...
    async def device_heard(self, device: str, prompt: str) -> None: ...
    async def press_device(self, device: str, key: str) -> None: ...
    async def dial_desk(self, device: str, number: str) -> None:
        """Dial a number of the desk's own from the device; over when the line hangs up."""

    async def lay_down(self, device: str) -> None: ...
    async def log_in(self, device: str) -> None: ...
    async def log_out(self, device: str) -> None: ...
    async def lose_power(self, device: str) -> None: ...

    async def look(self, device: str) -> None:
        """Let Asterisk look now whether the device answers; by itself it does within seconds."""

    async def save_outcome(self, caller: str) -> None:
        """An outcome of the caller's call is on disk."""

    async def evacuate(self, desk: str) -> None:
        """Close the desk; returns when the line goes by it."""

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition on what can be seen of the floor."""

    def place(self, caller: str) -> int | None:
        """The caller's number in line, from 1, also while somebody is rung for them."""

    def waits(self, caller: str) -> bool:
        """Whether the caller stands in line and nobody is rung for them."""

    def goes_before(self, caller: str) -> tuple[str, str] | None:
        """Why the caller stands before an earlier one, and before whom; None where they do not."""

    def heads_the_list(self, caller: str) -> bool:
        """Whether the call stands on the list of alarms, with nothing but lost calls before it."""

    def state(self, device: str) -> str:
        """The state of the counsellor at the device."""

    async def calls(self) -> Mapping[str, Replayed]:
        """What has become of each caller's call, once all have ended."""


class Player:
    """Does the sentences of a story; the names of its methods are those of `SENTENCES`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def play(self, scenario: Scenario) -> dict[str, list[str]]:
        """The history of each caller's call. Raises StoryStuck with file, line and sentence."""
        for step in scenario.story:
            await self._do(scenario, step)
        calls = await self._stage.calls()
        timed = scenario.at is not None
        return {caller: history_of(call, teams=timed) for caller, call in calls.items()}

    async def _do(self, scenario: Scenario, step: Step) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await getattr(self, step.verb)(**step.words)
        except (TimeoutError, LineError) as error:
            why = f"not within {PATIENCE_S:.0f} s" if isinstance(error, TimeoutError) else error
            raise StoryStuck(f"{scenario.file}:{step.line}: «{step.text}»: {why}") from error

    async def dials(self, caller: str, called: str, number: str | None = None) -> None:
        await self._stage.dial(caller, called=called, number=number)

    async def presses(self, caller: str, keys: str) -> None:
        await self._stage.press(caller, keys.replace(" ", ""))

    async def hears(self, caller: str, prompt: str) -> None:
        await self._stage.heard(caller, prompt)

    async def has_not_heard(self, caller: str, prompt: str) -> None:
        if self._stage.has_heard(caller, prompt):
            raise StoryStuck(f"{caller} has heard {prompt}")

    async def is_in_line(self, caller: str, place: str) -> None:
        await self._stage.until(lambda: self._stage.place(caller) == int(place))

    async def goes_before(self, caller: str, other: str, reason: str) -> None:
        wanted = (reason.replace(" ", "_"), other)
        await self._stage.until(lambda: self._stage.goes_before(caller) == wanted)

    async def is_lost(self, caller: str) -> None:
        await self._stage.until(lambda: self._stage.heads_the_list(caller))

    async def outcome(self, caller: str) -> None:
        await self._stage.save_outcome(caller)

    async def waits(self, caller: str) -> None:
        await self._stage.until(lambda: self._stage.waits(caller))

    async def talks(self, caller: str, device: str) -> None:
        await self._stage.talking(caller, device)

    async def hangs_up(self, caller: str) -> None:
        await self._stage.hang_up(caller)

    async def call_ends(self, caller: str) -> None:
        await self._stage.call_ended(caller)

    async def rings(self, device: str) -> None:
        await self._stage.ringing(device)

    async def stops_ringing(self, device: str) -> None:
        await self._stage.stopped_ringing(device)

    async def answers(self, device: str) -> None:
        await self._stage.answer(device)

    async def rejects(self, device: str) -> None:
        await self._stage.refuse(device, DECLINE)

    async def refuses_as_busy(self, device: str) -> None:
        await self._stage.refuse(device, BUSY)

    async def refuses_as_unreachable(self, device: str) -> None:
        await self._stage.refuse(device, UNAVAILABLE)

    async def device_hears(self, device: str, prompt: str) -> None:
        await self._stage.device_heard(device, prompt)

    async def device_presses(self, device: str, keys: str) -> None:
        await self._stage.press_device(device, keys)

    async def device_dials(self, device: str, number: str) -> None:
        await self._stage.dial_desk(device, number)

    async def lays_down(self, device: str) -> None:
        await self._stage.lay_down(device)

    async def logs_in(self, device: str) -> None:
        await self._stage.log_in(device)

    async def logs_out(self, device: str) -> None:
        await self._stage.log_out(device)

    async def loses_power(self, device: str) -> None:
        await self._stage.lose_power(device)

    async def has_state(self, device: str, state: str) -> None:
        wanted = state.removeprefix("in ").replace(" ", "_")
        if wanted == "off_duty":
            await self._stage.look(device)
        await self._stage.until(lambda: self._stage.state(device) == wanted)

    async def is_evacuated(self, desk: str) -> None:
        await self._stage.evacuate(desk)

    async def passes(self, seconds: str) -> None:
        await asyncio.sleep(float(seconds))
