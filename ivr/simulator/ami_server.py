"""AMI over TCP: banner, login, messages in and out, and the faults of the link."""

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import Callable, Coroutine

from ivr.simulator.faults import Faults
from ivr.simulator.feed import Feed, Headers, Message, encoded
from ivr.simulator.timing import Timing

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
LINE_LIMIT = 1024  # bytes of an input line; longer ones are refused (main/manager.c)
WRONG_PASSWORD_S = 1.0  # Asterisk sleeps before it refuses
FLUSH_S = 1.0
FALSE = {"off", "no", "false", "0"}

Handler = Callable[["Session", "Request"], None]


class Request:
    """One action as it came; names of headers are case-insensitive."""

    def __init__(self, lines: list[str]) -> None:
        pairs = (line.partition(":") for line in lines)
        self.headers = [(name.strip().lower(), value.strip()) for name, _colon, value in pairs]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header == name.lower()]


class Session:
    """One connection of a manager."""

    def __init__(self, writer: asyncio.StreamWriter, faults: Faults, challenge: str) -> None:
        self.writer = writer
        self.challenge = challenge
        self.authenticated = False
        self.wants_events = True
        self._faults = faults
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._outbox.put_nowait(BANNER)

    def send(self, message: Headers) -> None:
        self._outbox.put_nowait(encoded(message))

    def respond(self, request: Request, result: str, *headers: tuple[str, str]) -> None:
        """The response to an action, with its ActionID where it had one."""
        self.send([("Response", result), *_action_id(request), *headers])

    def succeed(self, request: Request, text: str) -> None:
        self.respond(request, "Success", ("Message", text))

    def fail(self, request: Request, text: str) -> None:
        self.respond(request, "Error", ("Message", text))

    def list(self, request: Request, text: str, complete: str, items: list[Message]) -> None:
        """A response that is a list of events, each with the ActionID, and its end."""
        self.respond(request, "Success", ("EventList", "start"), ("Message", text))
        for first, *rest in items:
            self.send([first, *_action_id(request), *rest])
        end = [("EventList", "Complete"), ("ListItems", str(len(items)))]
        self.send([("Event", complete), *_action_id(request), *end])

    def hear(self, message: Message) -> None:
        """An event of the exchange."""
        if self.authenticated and self.wants_events:
            for _copy in range(self._faults.copies(message)):
                self.send(message)

    async def write_outbox(self) -> None:
        """Carry messages to the socket, in order and with the link's faults, until it breaks."""
        try:
            while True:
                data = await self._outbox.get()
                await self._suffer()
                for piece in self._faults.pieces(data):
                    self.writer.write(piece)
                    await self.writer.drain()
                self._outbox.task_done()
        except ConnectionError:
            pass

    async def _suffer(self) -> None:
        if self._faults.delay_s:
            await asyncio.sleep(self._faults.delay_s)
        await self._faults.until(lambda: not self._faults.frozen)

    async def flush(self) -> None:
        """Let what was queued before leave, where the connection still takes it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._outbox.join()


class AmiServer:
    """Listens for managers; `actions` says what each action does once logged in."""

    def __init__(
        self,
        *,
        feed: Feed,
        faults: Faults,
        timing: Timing,
        account: tuple[str, str],
        actions: dict[str, Handler],
        forbidden: frozenset[str],
        spawn: Callable[[Coroutine[object, object, None], str], None],
    ) -> None:
        self._feed = feed
        self._faults = faults
        self._timing = timing
        self._account = account
        self._actions = actions
        self._forbidden = forbidden
        self._spawn = spawn
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None
        self._challenges = itertools.count(1_000_001)
        feed.listeners.append(self._hear)

    async def listen(self, host: str, port: int) -> int:
        """Accept connections; returns the port, chosen freely where `port` is 0."""
        self._server = await asyncio.start_server(self._connected, host, port)
        address: tuple[str, int] = self._server.sockets[0].getsockname()
        return address[1]

    def refuse(self) -> None:
        """Accept no further connections, as while Asterisk restarts; `listen` accepts again."""
        if self._server:
            self._server.close()
            self._server = None

    def kill(self) -> None:
        """Break every connection without a word."""
        for session in self._sessions:
            session.writer.transport.abort()

    def _hear(self, message: Message) -> None:
        for session in self._sessions:
            session.hear(message)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._spawn(self._serve(reader, writer), "ami session")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(writer, self._faults, str(next(self._challenges)))
        self._sessions.add(session)
        try:
            async with asyncio.TaskGroup() as tasks:
                outbox = tasks.create_task(session.write_outbox())
                await self._read(reader, session)
                outbox.cancel()
        finally:
            self._sessions.discard(session)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, session: Session) -> None:
        lines: list[str] = []
        try:
            while line := await reader.readline():
                text = line.decode(errors="replace").rstrip("\r\n")
                if text:
                    lines.append(text)
                elif lines:
                    request, lines = lines, []
                    if not await self._obey(session, request):
                        return
        except (ConnectionError, ValueError):  # ValueError: a line beyond the stream's own limit
            return

    async def _obey(self, session: Session, lines: list[str]) -> bool:
        """Carry one action out; False ends the connection."""
        request = Request(lines)
        action = request.get("Action").lower()
        if any(len(line.encode()) > LINE_LIMIT for line in lines):
            session.fail(request, "Failed to parse message: line too long")
        elif action == "logoff":
            session.respond(request, "Goodbye", ("Message", "Thanks for all the fish."))
            await session.flush()
            return False
        elif action == "login":
            return await self._login(session, request)
        elif action == "challenge":
            session.respond(request, "Success", ("Challenge", session.challenge))
        elif not session.authenticated or action in self._forbidden:
            session.fail(request, "Permission denied")
        elif action in self._actions:
            self._actions[action](session, request)
        else:
            session.fail(request, _unknown(request.get("Action")))
        return True

    async def _login(self, session: Session, request: Request) -> bool:
        if not self._is_known(session, request):
            await asyncio.sleep(self._timing.scaled(WRONG_PASSWORD_S))
            session.fail(request, "Authentication failed")
            await session.flush()
            return False
        session.succeed(request, "Authentication accepted")
        session.authenticated = True
        session.wants_events = request.get("Events").lower() not in FALSE
        if session.wants_events:
            session.send(
                [
                    ("Event", "FullyBooted"),
                    ("Privilege", "system,all"),
                    ("Uptime", "1"),
                    ("LastReload", "1"),
                    ("Status", "Fully Booted"),
                ]
            )
        return True

    def _is_known(self, session: Session, request: Request) -> bool:
        user, secret = self._account
        if request.get("Username") != user:
            return False
        if request.get("AuthType").lower() == "md5":
            # AMI's own challenge-response, not our choice
            digest = hashlib.md5((session.challenge + secret).encode(), usedforsecurity=False)
            return request.get("Key") == digest.hexdigest()
        return request.get("Secret") == secret


def _action_id(request: Request) -> list[tuple[str, str]]:
    action_id = request.get("ActionID")
    return [("ActionID", action_id)] if action_id else []


def _unknown(action: str) -> str:
    if not action:
        return "Missing action in request"
    return (
        f"Invalid/unknown command: {action}. Use Action: ListCommands to show available commands."
    )
