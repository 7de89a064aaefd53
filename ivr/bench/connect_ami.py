"""A bare AMI client for the connecting trial: every message with its moment, nothing filtered."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ivr.errors import ActionFailed

ANSWER_S = 60.0  # of an Asterisk that stands still a while


@dataclass(frozen=True, slots=True)
class Seen:
    """One AMI message; `at` is `time.monotonic()`, the same clock in every process."""

    at: float
    fields: dict[str, str]

    @property
    def event(self) -> str:
        return self.fields.get("Event", "")

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")


@dataclass(eq=False)
class Ami:
    """A logged-in manager connection; `seen` keeps all events, `on_event` gets each as it comes."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    seen: list[Seen] = field(default_factory=list)
    on_event: Callable[[Seen], None] | None = None
    _answers: dict[str, asyncio.Future[Seen]] = field(default_factory=dict)
    _wanted: list[tuple[Callable[[Seen], bool], asyncio.Future[Seen]]] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    @asynccontextmanager
    async def connected(cls, port: int, user: str, secret: str) -> "AsyncIterator[Ami]":
        """Connect and log in; raises OSError, EOFError or ActionFailed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        ami = cls(reader, writer)
        try:
            await reader.readline()
            task = asyncio.create_task(ami._read(), name="trial AMI")
            try:
                await ami.ask("Login", Username=user, Secret=secret)
                yield ami
            finally:
                task.cancel()
                await asyncio.wait([task])
        finally:
            writer.close()

    async def ask(self, action: str, **fields: str | list[str]) -> Seen:
        """Send an action and wait for its response; raises ActionFailed."""
        action_id = str(next(self._ids))
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        for name, value in fields.items():
            values = value if isinstance(value, list) else [value]
            lines += [f"{name}: {item}" for item in values]
        answer: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._answers[action_id] = answer
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(ANSWER_S):
            seen = await answer
        if seen["Response"] not in {"Success", "Follows"}:
            raise ActionFailed(f"AMI {action}: {seen['Message']}")
        return seen

    async def channels(self) -> list[str]:
        """Name every channel there is."""
        done = asyncio.create_task(self.wait(lambda seen: seen.event == "StatusComplete", 10))
        await asyncio.sleep(0)
        before = len(self.seen)
        await self.ask("Status")
        await done
        return [seen["Channel"] for seen in self.seen[before:] if seen.event == "Status"]

    async def wait_booted(self, timeout_s: float) -> None:
        await self.wait(lambda seen: seen.event == "FullyBooted", timeout_s, past=True)

    async def wait(
        self, wanted: Callable[[Seen], bool], timeout_s: float, *, past: bool = False
    ) -> Seen:
        """Wait for an event, one that has already come included where `past`."""
        for seen in self.seen if past else ():
            if wanted(seen):
                return seen
        found: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._wanted.append((wanted, found))
        async with asyncio.timeout(timeout_s):
            return await found

    async def _read(self) -> None:
        while True:
            block = await self._reader.readuntil(b"\r\n\r\n")
            now = time.monotonic()
            pairs = (
                line.partition(": ") for line in block.decode("utf-8", "replace").split("\r\n")
            )
            seen = Seen(now, {name: value for name, _, value in pairs if name})
            answer = self._answers.pop(seen["ActionID"], None) if seen["Response"] else None
            if answer and not answer.done():
                answer.set_result(seen)
            elif seen.event:
                self._deliver(seen)

    def _deliver(self, seen: Seen) -> None:
        self.seen.append(seen)
        if self.on_event:
            self.on_event(seen)
        for entry in [entry for entry in self._wanted if entry[0](seen)]:
            self._wanted.remove(entry)
            if not entry[1].done():
                entry[1].set_result(seen)
