"""The FastAGI server: one task a channel, owned by one task group; strangers cost nothing.

FastAGI has no authentication: listen on loopback or a private network, and name the peers.
"""

import asyncio
import errno
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog

from ivr.asterisk.agi import AgiSession
from ivr.asterisk.places import place_of
from ivr.errors import AsteriskError, HungUp, SessionLost

log = structlog.get_logger()

Handler = Callable[[AgiSession], Awaitable[None]]

ENVIRONMENT_LIMIT_S = 5.0
ENVIRONMENT_LINES = 128
BACKLOG = 512  # callers who come back together after a restart
AFTERWARDS_LIMIT_S = 10.0
LINE_LIMIT = 8192  # bytes; AGI_BUF_LEN in res_agi.c
_UNIQUE_ID = re.compile(r"[A-Za-z0-9._-]{1,80}")  # of the channel: becomes the call's id
LOOPBACK = frozenset({"127.0.0.1", "::1"})


class AgiServer:
    """Serves `agi://HOST:PORT/<path>` by `handlers[path]`.

    A handler that returns or raises gives the channel back to the dialplan at once. `open` takes
    the port, `run` serves until cancelled. `refused` counts connections that were no AGI request,
    came from elsewhere, named no channel or an unknown path, or were too many.
    """

    def __init__(
        self,
        host: str,
        port: int,
        handlers: Mapping[str, Handler],
        *,
        allowed: Collection[str] = LOOPBACK,
        max_sessions: int = 2000,
        environment_limit_s: float = ENVIRONMENT_LIMIT_S,
    ) -> None:
        self.port = port
        self.refused = 0
        self._host = host
        self._handlers = handlers
        self._allowed = allowed
        self._max_sessions = max_sessions
        self._environment_limit_s = environment_limit_s
        self._sessions = 0
        self._socket: socket.socket | None = None
        self._closing = False
        self._group = asyncio.TaskGroup()

    def open(self) -> None:
        """Take the port (0 takes a free one, then `port` says which); raises AsteriskError."""
        self._socket = self._listen()
        self.port = self._socket.getsockname()[1]

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self.port), family=family, backlog=BACKLOG)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be used: {error.strerror}"
            raise AsteriskError(
                f"FastAGI port {self.port} on {self._host} {why}. Set IVR_AGI_PORT to a free port "
                "(Asterisk's dialplan follows it), or end that program."
            ) from error

    async def run(self) -> None:
        """Serve until cancelled; then stop accepting and cancel the handlers."""
        sock = self._socket or self._listen()
        async with self._group:
            server = await asyncio.start_server(
                self._accept, sock=sock, limit=LINE_LIMIT, backlog=BACKLOG
            )
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._closing = True
                server.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername") or ("?",)
        if peer[0] not in self._allowed:
            self._refuse(writer, "peer_not_allowed")
        elif self._closing:  # the group takes no more
            self._refuse(writer, "closing")
        elif self._sessions >= self._max_sessions:
            self._refuse(writer, "too_many_sessions")
        else:
            _tune(writer)
            self._sessions += 1
            task = self._group.create_task(self._serve(reader, writer), name="agi-session")
            task.add_done_callback(lambda _: self._done(writer))

    def _done(self, writer: asyncio.StreamWriter) -> None:
        """Also of a session that was cancelled before it began."""
        self._sessions -= 1
        writer.close()

    def _refuse(self, writer: asyncio.StreamWriter, why: str) -> None:
        self.refused += 1
        log.info("agi_connection_refused", why=why)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._environment_limit_s):
                env = await _read_environment(reader)
        except (OSError, ValueError, EOFError, TimeoutError):
            self._refuse(writer, "no_agi_request")
            return
        session = AgiSession(reader, writer, env)
        if not _UNIQUE_ID.fullmatch(session.uniqueid):
            self._refuse(writer, "no_channel")
        elif handler := self._handlers.get(session.path):
            await _handle(session, handler)
        else:
            self._refuse(writer, "unknown_path")


async def _handle(session: AgiSession, handler: Handler) -> None:
    async with asyncio.TaskGroup() as group:
        work = group.create_task(_work(session, handler), name="agi-handler")
        group.create_task(_feed(session, work), name="agi-replies")


async def _work(session: AgiSession, handler: Handler) -> None:
    try:
        await handler(session)
    except HungUp:
        pass
    except SessionLost as error:
        log.warning("agi_session_lost", call=session.uniqueid, path=session.path, why=str(error))
    except Exception as error:  # noqa: BLE001 - the fallback takes this caller, the line goes on
        log.error(  # noqa: TRY400
            "agi_handler_failed",
            call=session.uniqueid,
            path=session.path,
            error=type(error).__name__,
            at=place_of(error),
        )
    finally:
        session.close()


async def _feed(session: AgiSession, work: "asyncio.Task[None]") -> None:
    """Feed the session; a handler that stays after its channel has gone is ended."""
    await session.read_replies()
    await asyncio.wait([work], timeout=AFTERWARDS_LIMIT_S)
    if work.cancel():
        log.error("agi_handler_overstayed", call=session.uniqueid, path=session.path)


async def _read_environment(reader: asyncio.StreamReader) -> dict[str, str]:
    """The `agi_name: value` lines up to the blank line; raises ValueError or EOFError."""
    env: dict[str, str] = {}
    for _ in range(ENVIRONMENT_LINES):
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        text = line.decode(errors="replace").rstrip("\r\n")
        if not text:
            return env
        name, colon, value = text.partition(": ")
        if not name.startswith("agi_") or not (colon or name.endswith(":")):
            raise ValueError("not an AGI environment line")
        env[name.removeprefix("agi_").removesuffix(":")] = value
    raise ValueError("too many AGI environment lines")


def _tune(writer: asyncio.StreamWriter) -> None:
    """Commands go out at once; a peer that vanished without a word is noticed in any command.

    asyncio sets TCP_NODELAY only on sockets whose protocol was given by number.
    """
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
