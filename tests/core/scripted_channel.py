"""A telephone channel in a test's hands."""

import asyncio
from collections.abc import Mapping, Sequence

from ivr.dialplan.channel import RoomRole
from ivr.errors import HungUp


class ScriptedChannel:
    """Presses `keys[prompt]` while that prompt plays; a list gives one key for each time.

    `heard` is what was played, `variables` what was kept. Timed waits for a key run out at once.
    A prompt in `long` lasts until it may `go_on` or is cut short, and stands in `cut` then; the
    others last no time. `playing` is set as soon as a long one plays.
    """

    def __init__(
        self, keys: Mapping[str, Sequence[str]] | None = None, *, long: Sequence[str] = ()
    ) -> None:
        self.heard: list[str] = []
        self.cut: list[str] = []
        self.playing = asyncio.Event()
        self._long = frozenset(long)
        self._go_on = asyncio.Event()
        self.variables: dict[str, str] = {}
        self.rooms: list[tuple[str, RoomRole]] = []
        self.music = asyncio.Event()
        self.in_room = asyncio.Event()
        self._keys = {prompt: list(presses) for prompt, presses in (keys or {}).items()}
        self._hung_up = asyncio.Event()
        self._room_over = asyncio.Event()

    def hang_up(self) -> None:
        self._hung_up.set()

    def go_on(self) -> None:
        self._go_on.set()

    def leave_room(self) -> None:
        self._room_over.set()

    async def play(self, prompts: Sequence[str], keys: str = "") -> str | None:
        for prompt in prompts:
            self._check()
            self.heard.append(prompt)
            presses = self._keys.get(prompt, [])
            if presses and presses[0] in keys:
                return presses.pop(0)
            if prompt in self._long:
                await self._play_on(prompt)
        await asyncio.sleep(0)
        return None

    async def _play_on(self, prompt: str) -> None:
        self.music.clear()
        self.playing.set()
        try:
            await self._either(self._hung_up, self._go_on)
            self._check()
        except asyncio.CancelledError:
            self.cut.append(prompt)
            raise
        finally:
            self.playing.clear()
            self._go_on.clear()

    async def _either(self, *events: asyncio.Event) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def wait_key(self, timeout_s: float | None) -> str | None:
        self._check()
        if timeout_s is None:
            await self._hung_up.wait()
            self._check()
        return None

    async def start_music(self) -> None:
        self._check()
        self.music.set()

    async def set_variables(self, values: Mapping[str, str]) -> None:
        self._check()
        self.variables |= values

    async def enter_room(self, room: str, role: RoomRole) -> None:
        self._check()
        self.rooms.append((room, role))
        self._room_over.clear()
        self.in_room.set()
        await self._either(self._hung_up, self._room_over)
        self.in_room.clear()
        self._check()

    def _check(self) -> None:
        if self._hung_up.is_set():
            raise HungUp("test")
