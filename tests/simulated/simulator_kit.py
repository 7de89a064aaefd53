"""A bare AMI client and a bare FastAGI controller: the simulated Asterisk seen from outside."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.timing import Timing
from ivr.simulator.watched import Watched
from tests.patience import PATIENCE_S
from tests.ports import free_port

FAST = Timing(speed=100)
Message = dict[str, str]


class Ami(Watched):
    """A logged-in manager that keeps everything it hears."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.closed = False
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)

    async def read(self) -> None:
        try:
            while block := await self._reader.readuntil(b"\r\n\r\n"):
                self.messages.append(_parsed(block))
                self.changed()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True
            self.changed()

    async def act(self, action: str, *variables: str, **headers: str) -> Message:
        """Send an action; its response."""
        action_id = str(next(self._ids))
        pairs = [("Action", action), ("ActionID", action_id), *headers.items()]
        pairs += [("Variable", variable) for variable in variables]
        self._writer.write("".join(f"{k}: {v}\r\n" for k, v in pairs).encode() + b"\r\n")
        return await self.message(ActionID=action_id, kind="Response")

    async def message(self, kind: str = "Event", **wanted: str) -> Message:
        """The first message that has these headers, now or later."""
        found = lambda: next(self.matching(kind, **wanted), None)  # noqa: E731
        assert await self.until(lambda: found() or self.closed, PATIENCE_S), (wanted, self.names())
        message = found()
        assert message is not None, (wanted, self.names())
        return message

    async def event(self, name: str, **wanted: str) -> Message:
        return await self.message(Event=name, **wanted)

    def matching(self, kind: str, **wanted: str):
        return (
            message
            for message in self.messages
            if kind in message and all(message.get(k) == v for k, v in wanted.items())
        )

    def names(self) -> list[str]:
        return [message["Event"] for message in self.messages if "Event" in message]

    def about(self, unique_id: str) -> list[str]:
        """The events about one channel, in order."""
        return [
            message["Event"]
            for message in self.messages
            if unique_id in {message.get("Uniqueid"), message.get("DestUniqueid")}
            and "Event" in message
        ]


def _parsed(block: bytes) -> Message:
    lines = block.decode().rstrip("\r\n").split("\r\n")
    return {k: v.strip() for k, _, v in (line.partition(":") for line in lines)}


class Agi:
    """The controller's side of one FastAGI connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.env: Message = {}
        self._reader = reader
        self._writer = writer

    async def read_environment(self) -> None:
        while line := await self.line():
            key, _, value = line.partition(": ")
            self.env[key.removeprefix("agi_").rstrip(":")] = value

    @property
    def arguments(self) -> Message:
        values = [value for key, value in self.env.items() if key.startswith("arg_")]
        return {name: value for name, _, value in (text.partition("=") for text in values)}

    async def line(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return (await self._reader.readline()).decode().rstrip("\n")

    def send(self, *commands: str) -> None:
        self._writer.write("".join(f"{command}\n" for command in commands).encode())

    async def ask(self, command: str) -> str:
        self.send(command)
        return await self.line()

    def close(self) -> None:
        self._writer.close()

    def die(self) -> None:
        """As with kill -9."""
        self._writer.transport.abort()


async def begin(exchange: SimulatedAsterisk, agi: Agi, command: str) -> None:
    """Send a command and wait until the exchange is at it."""
    begun = asyncio.Event()

    def look(what: str) -> None:
        if what == f"AGI {command}":
            begun.set()

    exchange.feed.taps.append(look)
    agi.send(command)
    async with asyncio.timeout(PATIENCE_S):
        await begun.wait()
    exchange.feed.taps.remove(look)


class Controller:
    """Takes FastAGI connections; can die and return on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._arrived: asyncio.Queue[Agi] = asyncio.Queue()
        self._open: list[Agi] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def session(self) -> Agi:
        async with asyncio.timeout(PATIENCE_S):
            return await self._arrived.get()

    async def die(self) -> None:
        for agi in self._open:
            agi.die()
        self._server.close()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agi = Agi(reader, writer)
        await agi.read_environment()
        self._open.append(agi)
        self._arrived.put_nowait(agi)


@asynccontextmanager
async def controlled() -> AsyncIterator[Controller]:
    controller = Controller()
    await controller.start()
    try:
        yield controller
    finally:
        await controller.die()


@asynccontextmanager
async def manager(exchange: SimulatedAsterisk, **login: str) -> AsyncIterator[Ami]:
    """A manager connected and, unless `login` says otherwise, logged in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.ami_port)
    assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
    ami = Ami(reader, writer)
    task = asyncio.create_task(ami.read())
    try:
        if not login:
            login = {"Username": "ivr", "Secret": "secret"}
            response = await ami.act("Login", **login)
            assert response["Response"] == "Success"
        yield ami
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()


@asynccontextmanager
async def line(
    *devices: str, **options: object
) -> AsyncIterator[tuple[SimulatedAsterisk, Ami, Controller]]:
    """The exchange, a manager who listens, and a controller who answers FastAGI."""
    async with (
        controlled() as controller,
        SimulatedAsterisk(
            agi_port=controller.port, devices=devices, **{"timing": FAST, **options}
        ) as exchange,
        manager(exchange) as ami,
    ):
        yield exchange, ami, controller
