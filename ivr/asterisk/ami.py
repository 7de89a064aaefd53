"""The AMI link: one login that is always there or said to be down, over panoramisk's Manager.

Each connection has a Manager of its own that is thrown away with it: so nothing that was sent
before a loss is ever sent again, and nobody but `run` reconnects. panoramisk 1.4 otherwise sends
unanswered actions again, checks no ping, loses split characters and dies of a raising callback.
"""

import asyncio
import codecs
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from ivr.asterisk import wire
from ivr.asterisk.places import place_of
from ivr.errors import ActionFailed, AsteriskError, LinkDown

log = structlog.get_logger()

Message = Mapping[str, Any]  # header → text, or a list of texts where a header is repeated
Fields = Mapping[str, str | Sequence[str]]

NEVER_S = 10**8  # panoramisk's own pings, whose answers nobody checks
_SILENT = logging.getLogger("ivr.asterisk.panoramisk")  # its messages hold numbers and secrets
_SILENT.disabled = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiTiming:
    """A dead link is noticed within `heartbeat_s + answer_s`."""

    connect_s: float = 5.0
    answer_s: float = 3.0
    list_s: float = 10.0
    heartbeat_s: float = 2.0
    booted_s: float = 30.0
    first_retry_s: float = 0.2
    longest_retry_s: float = 5.0
    refused_retry_s: float = 30.0


class LoginRefused(AsteriskError):
    """Asterisk answered the AMI login with an error."""


class NoAnswer(ActionFailed):
    """No answer in time: the action may have been carried out."""


class AmiLink:
    """Keeps logged in to Asterisk while `run` runs; cancelling `run` closes it for good.

    `on_event` gets every event in order and must not block; `on_up` is awaited after each login
    while the link already serves actions, and a new try begins where it raises AsteriskError;
    `on_down` is called once for each login that was lost (not where `run` is cancelled).
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        secret: str,
        on_event: Callable[[Message], None],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[], None],
        timing: AmiTiming | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._secret = secret
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._timing = timing or AmiTiming()
        self._connection: _Connection | None = None

    async def run(self) -> None:
        """Connect and reconnect until cancelled.

        Raises LoginRefused if the very first login is refused; later refusals are logged and
        tried again slowly, because calls go on without us.
        """
        was_up = False
        retry_s = self._timing.first_retry_s
        while True:
            try:
                connection = await self._log_in()
                was_up, retry_s = True, self._timing.first_retry_s
                await self._stay_up(connection)
            except LoginRefused as error:
                if not was_up:
                    raise
                log.error("ami_login_refused", why=str(error))  # noqa: TRY400
                retry_s = self._timing.refused_retry_s
            except AsteriskError as error:
                log.warning("ami_not_connected", why=str(error))
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            retry_s = min(2 * retry_s, self._timing.longest_retry_s)

    async def action(self, fields: Fields, *, timeout_s: float | None = None) -> Message:
        """Send one action and return its response.

        Raises LinkDown (not sent, or the link broke before the answer), NoAnswer, ActionFailed
        (refused), UnsafeValue.
        """
        connection = self._up()
        return (await connection.ask(fields, timeout_s or self._timing.answer_s, a_list=False))[0]

    async def list_action(self, fields: Fields, *, timeout_s: float | None = None) -> list[Message]:
        """Send an action that answers with a list; returns its events. Raises like `action`."""
        connection = self._up()
        messages = await connection.ask(fields, timeout_s or self._timing.list_s, a_list=True)
        return messages[1:-1]  # between the response and the Complete event

    def _up(self) -> "_Connection":
        if self._connection is None:
            raise LinkDown(f"No AMI link to {self._host}:{self._port}; the action was not sent.")
        return self._connection

    async def _log_in(self) -> "_Connection":
        connection = _Connection(asyncio.get_running_loop(), self._on_event)
        try:
            await self._connect(connection)
            await self._authenticate(connection)
            await asyncio.wait(
                {connection.booted, connection.lost},
                timeout=self._timing.booted_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        except BaseException:
            connection.close()
            raise
        return connection

    async def _connect(self, connection: "_Connection") -> None:
        try:
            async with asyncio.timeout(self._timing.connect_s):
                await connection.open(self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise LinkDown(
                f"AMI at {self._host}:{self._port} cannot be reached "
                f"({error or type(error).__name__}). Is Asterisk running, and is IVR_AMI_PORT its "
                "port in manager.conf?"
            ) from error

    async def _authenticate(self, connection: "_Connection") -> None:
        login = {"Action": "Login", "Username": self._user, "Secret": self._secret, "Events": "on"}
        try:
            await connection.ask(login, self._timing.connect_s, a_list=False)
        except NoAnswer:
            raise
        except ActionFailed as error:
            raise LoginRefused(
                f"Asterisk at {self._host}:{self._port} refused the AMI login of "
                f"{self._user!r}: {error} Compare IVR_AMI_USER and IVR_AMI_SECRET with the section "
                f"[{self._user}] of manager.conf (secret, permit), then `manager reload`."
            ) from error

    async def _stay_up(self, connection: "_Connection") -> None:
        self._connection = connection
        log.info("ami_link_up")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._beat(connection), name="ami-heartbeat")
                group.create_task(_call(self._on_up), name="ami-on-up")
        except* AsteriskError as errors:
            log.warning("ami_link_lost", why=str(errors.exceptions[0]))
        finally:
            self._connection = None
            connection.close()
        self._on_down()

    async def _beat(self, connection: "_Connection") -> None:
        while True:
            await asyncio.wait({connection.lost}, timeout=self._timing.heartbeat_s)
            await connection.ask({"Action": "Ping"}, self._timing.answer_s, a_list=False)


async def _call(function: Callable[[], Awaitable[None]]) -> None:
    await function()


class _Connection(Manager):  # type: ignore[misc]
    """One TCP connection. `lost` and `booted` are done once that has happened."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_event: Callable[[Message], None]
    ) -> None:
        super().__init__(loop=loop, ping_delay=NEVER_S, ping_interval=NEVER_S, log=_SILENT)
        self.lost: asyncio.Future[None] = loop.create_future()
        self.booted: asyncio.Future[None] = loop.create_future()
        self._on_event = on_event
        self.register_event("*", self._take)

    async def open(self, host: str, port: int) -> None:
        made = await self.loop.create_connection(lambda: _Protocol(self), host, port)
        done = self.loop.create_future()
        done.set_result(made)
        self.connection_made(done)

    def connection_lost(self, _reason: object) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def close(self) -> None:
        super().close()
        self.connection_lost(None)

    async def ask(self, fields: Fields, timeout_s: float, *, a_list: bool) -> list[Message]:
        name = fields["Action"]
        if self.lost.done():
            raise LinkDown(f"The AMI link is lost; {name} was not sent.")
        action = Action({key: _safe(key, value) for key, value in fields.items()})
        # None: a list if the response says so. Never for others: panoramisk would hold back the
        # response of an asynchronous Originate, and its OriginateResponse event with it.
        future = self.send_action(action, as_list=None if a_list else False)
        try:
            await asyncio.wait(
                {future, self.lost}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self.protocol.responses.pop(action.id, None)
        if not future.done():
            if self.lost.done():
                raise LinkDown(f"The AMI link broke before Asterisk answered {name}.")
            raise NoAnswer(f"Asterisk did not answer {name} within {timeout_s} s.")
        answer = future.result()
        messages = answer if isinstance(answer, list) else [answer]
        if not messages[0].success:
            raise ActionFailed(f"{name}: {messages[0].message or 'refused'}.")
        return messages

    def _take(self, _manager: Manager, message: Any) -> None:
        if message.event == "FullyBooted" and not self.booted.done():
            self.booted.set_result(None)
        try:
            self._on_event(message)
        except Exception as error:  # noqa: BLE001 - raising here would end the connection
            log.error(  # noqa: TRY400
                "ami_event_failed",
                event_name=message.event,
                error=type(error).__name__,
                at=place_of(error),
            )


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """Decodes incrementally: a character may be split between two reads."""

    def __init__(self, connection: _Connection) -> None:
        self._owner = connection
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self._owner
        self.encoding = "utf-8"
        self.log = _SILENT

    def data_received(self, data: bytes) -> None:
        super().data_received(self._decoder.decode(data).encode())


def _safe(key: str, value: str | Sequence[str]) -> str | list[str]:
    where = f"AMI header {key}"
    if isinstance(value, str):
        return wire.header_value(value, where)
    return [wire.header_value(item, where) for item in value]
