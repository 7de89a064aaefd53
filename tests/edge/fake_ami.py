"""An AMI server that says what the test wants: answers by action, raw bytes, faults."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ivr.asterisk.ami import AmiTiming
from tests.patience import PATIENCE_S

# A new try comes at once; nothing is given up because this process stood still.
FAST = AmiTiming(
    connect_s=PATIENCE_S,
    answer_s=PATIENCE_S,
    list_s=PATIENCE_S,
    heartbeat_s=PATIENCE_S,
    booted_s=PATIENCE_S,
    first_retry_s=0.01,
    longest_retry_s=0.02,
    refused_retry_s=0.01,
)

Fields = dict[str, str | list[str]]
Answer = Callable[[Fields], str | bytes | None]


def block(**headers: object) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"


def success(fields: Fields, **headers: object) -> str:
    return block(Response="Success", ActionID=fields["ActionID"], **headers)


def error(fields: Fields, message: str) -> str:
    return block(Response="Error", ActionID=fields["ActionID"], Message=message)


def a_list(fields: Fields, complete: str, *events: str) -> str:
    action_id = f"ActionID: {fields['ActionID']}\r\n"
    return (
        success(fields, EventList="start", Message="will follow")
        + "".join(event[:-2] + action_id + "\r\n" for event in events)
        + block(Event=complete, ActionID=fields["ActionID"], EventList="Complete")
    )


def booted(fields: Fields) -> str:
    return success(fields, Message="Authentication accepted") + block(
        Event="FullyBooted", Status="Fully Booted"
    )


class FakeAmi:
    """`received` has every action in order; `answers` may be changed (None: silence)."""

    def __init__(self) -> None:
        self.received: list[Fields] = []
        self.answers: dict[str, Answer] = {
            "Login": booted,
            "Ping": lambda fields: success(fields, Ping="Pong"),
            "Status": lambda fields: a_list(fields, "StatusComplete"),
            "DeviceStateList": lambda fields: a_list(fields, "DeviceStateListComplete"),
            "Originate": lambda f: success(f, Message="Originate successfully queued"),
        }
        self.connections = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._changed = asyncio.Condition()

    def send(self, data: str | bytes) -> None:
        self._writers[-1].write(data.encode() if isinstance(data, str) else data)

    def drop(self) -> None:
        """Break the newest connection without a word."""
        self._writers[-1].transport.abort()

    def named(self, action: str) -> list[Fields]:
        return [fields for fields in self.received if fields["Action"] == action]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(condition)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await self._note(connections=1)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        try:
            while data := await reader.readuntil(b"\r\n\r\n"):
                fields = _parse(data.decode())
                answer = self.answers.get(str(fields["Action"]), success)
                reply = answer(fields)
                await self._note(fields)
                if reply is not None:
                    writer.write(reply.encode() if isinstance(reply, str) else reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _note(self, fields: Fields | None = None, connections: int = 0) -> None:
        async with self._changed:
            self.connections += connections
            if fields is not None:
                self.received.append(fields)
            self._changed.notify_all()


def _parse(text: str) -> Fields:
    fields: Fields = {}
    for line in text.strip().split("\r\n"):
        name, _, value = line.partition(": ")
        known = fields.get(name)
        if known is None:
            fields[name] = value
        else:
            fields[name] = [*([known] if isinstance(known, str) else known), value]
    return fields


@asynccontextmanager
async def fake_ami() -> AsyncIterator[FakeAmi]:
    fake = FakeAmi()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for writer in fake._writers:
            writer.close()
