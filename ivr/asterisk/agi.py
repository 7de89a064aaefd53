"""One FastAGI session: commands to a living channel, hang-ups out of band, pre-emption.

Asterisk (res/res_agi.c) reads its socket through a buffer but waits on the bare socket: of two
command lines that arrive together the second is not seen until more bytes come. So a command is
only written when everything before it was answered; what was pre-empted is settled first with
NOOPs, which end STREAM FILE and WAIT FOR DIGIT at once and are repeated until answered.
"""

import asyncio
import math
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from ivr.asterisk import wire
from ivr.asterisk.agi_lines import AgiLines
from ivr.dialplan.channel import RoomRole
from ivr.errors import HungUp, SessionLost

log = structlog.get_logger()

COMMAND_LIMIT_S = 5.0  # for commands that Asterisk answers at once
PROMPT_LIMIT_S = 600.0  # longer than any prompt
IDLE_LIMIT_S = 30.0  # a caller hears nothing meanwhile: then rather the static fallback
FIRST_NUDGE_S = 0.05
ROOM_PROFILE = "ivr_room"
MUSIC_CLASS = "ivr"
USER_PROFILES = {RoomRole.CALLER: "ivr_caller", RoomRole.COUNSELLOR: "ivr_counsellor"}

_REPLY = re.compile(r"(\d{3})(?: result=(-?\d+))?(.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply line: status (200, 510, 511, 520) and result; STREAM FILE's have `endpos=`.

    `value` is what stands in brackets behind the result; it may be what a caller sent.
    """

    status: int
    result: int
    has_endpos: bool
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Expected:
    """A command that was written. A pre-empted STREAM FILE answers only if it had just ended."""

    may_stay_silent: bool
    future: "asyncio.Future[Reply | None]" = field(compare=False)


class AgiSession:
    """The commands of one channel; used by one task at a time.

    `env` holds the `agi_*` variables without the prefix, `path` the script of the address,
    `arguments` the `name=value` arguments. `env` has the caller's number: never log it.

    Every command raises HungUp once Asterisk has taken the channel away (the party has gone, or
    was redirected: only AMI's Hangup is the end of a call), SessionLost once the connection broke
    or a reply did not come in time. A cancelled command is pre-empted by the next one, except in
    `execute`, which ends the session.
    """

    def __init__(
        self,
        lines: AgiLines,
        env: Mapping[str, str],
        *,
        idle_limit_s: float = IDLE_LIMIT_S,
    ) -> None:
        self.env = env
        self.path = env.get("network_script", "").lstrip("/").partition("?")[0]
        self.arguments = _arguments(env)
        self.uniqueid = env.get("uniqueid", "")
        self._lines = lines
        self._expected: deque[_Expected] = deque()
        self._over: HungUp | SessionLost | None = None
        self._idle_limit_s = idle_limit_s
        self._idle_timer: asyncio.TimerHandle | None = None
        lines.hear = self._take
        lines.ended.add_done_callback(self._broke_off)
        self._watch_idleness()

    async def ended(self) -> None:
        """Wait until the connection is gone, whoever closed it."""
        await asyncio.wait({self._lines.ended})

    def _broke_off(self, _ended: object) -> None:
        self._end(SessionLost("The FastAGI connection of a living channel ended."))

    def close(self) -> None:
        """Close the socket at once: the dialplan goes on with its next priority."""
        self._end(SessionLost("The FastAGI session was closed by us."))

    async def stream_file(self, file: str, keys: str) -> Reply:
        command = wire.agi_line("STREAM FILE", wire.agi_word(file), wire.agi_word(keys))
        return await self._command(command, PROMPT_LIMIT_S, may_stay_silent=True)

    async def wait_for_digit(self, timeout_ms: int) -> Reply:
        """`timeout_ms` -1 waits as long as the call lasts."""
        limit_s = None if timeout_ms < 0 else timeout_ms / 1000 + COMMAND_LIMIT_S
        return await self._command(wire.agi_line("WAIT FOR DIGIT", str(timeout_ms)), limit_s)

    async def set_music(self, music_class: str) -> None:
        await self._command(
            wire.agi_line("SET MUSIC ON", wire.identifier(music_class)), COMMAND_LIMIT_S
        )

    async def stop_music(self) -> None:
        await self._command(wire.agi_line("SET MUSIC OFF"), COMMAND_LIMIT_S)

    async def set_variables(self, values: Mapping[str, str]) -> None:
        """All at once: each command costs Asterisk and us as much as any other.

        The values are identifiers or empty; MSet would take other text apart.
        """
        pairs = [_assignment(name, value) for name, value in values.items()]
        line = wire.agi_line("EXEC", "MSet", wire.agi_word(",".join(pairs)))
        await self._command(line, COMMAND_LIMIT_S)

    async def get_variable(self, name: str) -> str:
        """A variable or function of the channel, at most 1023 bytes; "" where there is none.

        `name` is ours, never a caller's: Asterisk evaluates it. The value it does not look at.
        """
        word = wire.agi_word(name, "a variable's name")
        return (await self._command(wire.agi_line("GET VARIABLE", word), COMMAND_LIMIT_S)).value

    async def execute(self, application: str, *arguments: str) -> Reply:
        """Run a dialplan application; the arguments must be identifiers.

        Asterisk does not look at the socket meanwhile. Where our task is cancelled, nothing can be
        known of the channel any more: the session is over and the dialplan goes on by itself when
        the application ends.
        """
        joined = ",".join(wire.identifier(argument) for argument in arguments)
        command = wire.agi_line("EXEC", wire.identifier(application), wire.agi_word(joined))
        try:
            return await self._command(command, None)
        except asyncio.CancelledError:
            self._end(SessionLost(f"Cancelled during EXEC {application}."))
            raise

    async def check_alive(self) -> None:
        """Raise HungUp if the channel is gone.

        A result does not tell: a missing file gives -1 like a hang-up, ConfBridge gives 0 for a
        party that hung up in it. After a hang-up HANGUP comes before the next command's reply.
        """
        await self._command(wire.agi_line("NOOP"), COMMAND_LIMIT_S)

    async def _command(
        self, line: bytes, limit_s: float | None, *, may_stay_silent: bool = False
    ) -> Reply:
        self._rest()
        try:
            await self._settle()
            future = self._write(line, may_stay_silent=may_stay_silent)
            async with asyncio.timeout(limit_s):
                reply = await future
        except TimeoutError:
            self._end(SessionLost(f"No reply to {_name(line)} within {limit_s} s."))
            reply = None
        finally:
            self._watch_idleness()
        if reply is None or reply.status == 511:  # 511: not permitted on a dead channel
            raise _anew(self._over or HungUp(f"{_name(line)} on a dead channel."))
        if reply.status != 200:
            raise SessionLost(f"Asterisk refused {_name(line)} with {reply.status}.")
        return reply

    async def _settle(self) -> None:
        """Have everything that was cancelled answered for, so that the socket holds no line."""
        patience_s = FIRST_NUDGE_S
        async with asyncio.timeout(COMMAND_LIMIT_S):
            while self._expected:
                await asyncio.wait([self._write(b"NOOP\n")], timeout=patience_s)
                patience_s *= 2  # else a slow Asterisk would for ever have one more to answer

    def _write(
        self, line: bytes, *, may_stay_silent: bool = False
    ) -> "asyncio.Future[Reply | None]":
        if self._over is not None:
            raise _anew(self._over)
        future: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._expected.append(_Expected(may_stay_silent, future))
        self._lines.write(line)
        return future

    def _take(self, line: str) -> None:
        if line == "HANGUP":
            self._end(HungUp("Asterisk took the channel away: hung up or redirected."))
        elif (match := _REPLY.fullmatch(line)) and line[3:4] != "-":  # 520- opens a usage text
            rest = match[3]
            value = rest[2:-1] if rest.startswith(" (") and rest.endswith(")") else ""
            self._deliver(Reply(int(match[1]), int(match[2] or 0), " endpos=" in rest, value))

    def _deliver(self, reply: Reply) -> None:
        while self._expected:
            expected = self._expected.popleft()
            pre_empted = expected.may_stay_silent and expected.future.cancelled()
            if pre_empted and not reply.has_endpos:
                continue
            if not expected.future.done():
                expected.future.set_result(reply)
            return
        log.warning("agi_reply_unasked", call=self.uniqueid, status=reply.status)

    def _end(self, reason: HungUp | SessionLost) -> None:
        self._over = self._over or reason
        while self._expected:
            expected = self._expected.popleft()
            if not expected.future.done():
                expected.future.set_result(None)
        self._rest()
        self._lines.close()  # a hung-up channel lives until its AGI socket closes

    def _watch_idleness(self) -> None:
        self._rest()
        if self._over is None:
            self._idle_timer = asyncio.get_running_loop().call_later(
                self._idle_limit_s, self._idle_too_long
            )

    def _rest(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _idle_too_long(self) -> None:
        log.error("agi_session_idle", call=self.uniqueid, path=self.path)
        self._end(SessionLost(f"No command for {self._idle_limit_s} s."))


class AgiChannel:
    """A session as the Channel that conversations use (`ivr.dialplan.channel`)."""

    def __init__(self, session: AgiSession) -> None:
        self._session = session

    async def play(self, prompts: Sequence[str], keys: str = "") -> str | None:
        for prompt in prompts:
            name = wire.identifier(prompt, "a prompt's id")
            reply = await self._session.stream_file(f"ivr/{name}", keys)
            if reply.result > 0:
                return chr(reply.result)
            if reply.result < 0:
                await self._session.check_alive()
                log.error("prompt_not_playable", prompt=name)
        return None

    async def wait_key(self, timeout_s: float | None) -> str | None:
        timeout_ms = -1 if timeout_s is None else math.ceil(timeout_s * 1000)
        reply = await self._session.wait_for_digit(timeout_ms)
        if reply.result < 0:
            raise HungUp("The party hung up while a key was awaited.")
        return chr(reply.result) if reply.result else None

    async def start_music(self) -> None:
        await self._session.set_music(MUSIC_CLASS)

    async def set_variables(self, values: Mapping[str, str]) -> None:
        if values:
            await self._session.set_variables(values)

    async def enter_room(self, room: str, role: RoomRole) -> None:
        arguments = (wire.identifier(room, "a room's name"), ROOM_PROFILE, USER_PROFILES[role])
        if role is RoomRole.CALLER:  # ConfBridge ends only its own music: the line's would go on
            await self._session.stop_music()
        reply = await self._session.execute("ConfBridge", *arguments)
        if reply.result == -2:  # handle_exec: no such application
            raise SessionLost("Asterisk has no ConfBridge: load app_confbridge.so.")
        await self._session.check_alive()  # result=0 also where the party left by hanging up


def _anew(over: HungUp | SessionLost) -> HungUp | SessionLost:
    """To be raised: one that is kept would keep the frames it comes through, the whole call's."""
    return type(over)(*over.args)


def _assignment(name: str, value: str) -> str:
    wire.identifier(name, "a variable's name")
    if value:
        wire.identifier(value, f"variable {name}")
    return f"{name}={value}"


def _arguments(env: Mapping[str, str]) -> Mapping[str, str]:
    pairs = (value.partition("=") for name, value in env.items() if name.startswith("arg_"))
    return {name: value for name, equals, value in pairs if equals}


def _name(line: bytes) -> str:
    """The command's words without arguments: those may hold a caller's data."""
    return " ".join(word.decode() for word in line.split()[:3] if word.isalpha())
