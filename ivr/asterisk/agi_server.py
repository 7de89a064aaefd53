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
from ivr.asterisk.agi_lines import AgiLines
from ivr.asterisk.agi_request import AgiRequest, Environment
from ivr.asterisk.places import place_of
from ivr.errors import AsteriskError, HungUp, SessionLost

log = structlog.get_logger()

Handler = Callable[[AgiSession], Awaitable[None]]

ENVIRONMENT_LIMIT_S = 5.0
BACKLOG = 512  # callers who come back together after a restart
AFTERWARDS_LIMIT_S = 10.0
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
        self._unasked: set[AgiLines] = set()  # connections whose request has not come yet
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
            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: AgiLines(self._accept), sock=sock, backlog=BACKLOG
            )
            try:
                await loop.create_future()
            finally:
                self._closing = True
                server.close()
                for lines in self._unasked:
                    lines.close()

    def _accept(self, lines: AgiLines) -> None:
        if lines.peer not in self._allowed:
            self._refuse(lines, "peer_not_allowed")
        elif self._closing:  # the group takes no more
            self._refuse(lines, "closing")
        elif self._sessions >= self._max_sessions:
            self._refuse(lines, "too_many_sessions")
        else:
            self._sessions += 1
            self._unasked.add(lines)
            lines.tune()
            lines.ended.add_done_callback(self._left)
            AgiRequest(lines, self._environment_limit_s, lambda env: self._serve(lines, env))

    def _left(self, _ended: object) -> None:
        self._sessions -= 1

    def _refuse(self, lines: AgiLines, why: str) -> None:
        self.refused += 1
        log.info("agi_connection_refused", why=why)
        lines.close()

    def _serve(self, lines: AgiLines, env: Environment | None) -> None:
        self._unasked.discard(lines)
        if env is None:
            self._refuse(lines, "no_agi_request")
        elif not _UNIQUE_ID.fullmatch(env.get("uniqueid", "")):
            self._refuse(lines, "no_channel")
        elif self._closing:
            self._refuse(lines, "closing")
        else:
            self._begin(lines, AgiSession(lines, env))

    def _begin(self, lines: AgiLines, session: AgiSession) -> None:
        if handler := self._handlers.get(session.path):
            task = self._group.create_task(_handle(session, handler), name="agi-session")
            task.add_done_callback(lambda _: lines.close())  # also of one cancelled before it began
        else:
            self._refuse(lines, "unknown_path")


async def _handle(session: AgiSession, handler: Handler) -> None:
    async with asyncio.TaskGroup() as group:
        work = group.create_task(_work(session, handler), name="agi-handler")
        group.create_task(_watch(session, work), name="agi-watch")


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


async def _watch(session: AgiSession, work: "asyncio.Task[None]") -> None:
    """A handler that stays after its channel has gone is ended."""
    await session.ended()
    await asyncio.wait([work], timeout=AFTERWARDS_LIMIT_S)
    if work.cancel():
        log.error("agi_handler_overstayed", call=session.uniqueid, path=session.path)
