"""One FastAGI conversation as Asterisk leads it: environment, commands, replies, HANGUP.

The behaviour is that of Asterisk 22's res_agi.c as measured: a next command ends WAIT FOR DIGIT
with `200 result=1` and STREAM FILE without any reply; EXEC cannot be ended; a hang-up ends the
running command, then a HANGUP line follows, and the channel lives until the socket closes.
"""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from ivr.simulator.bridges import Bridges
from ivr.simulator.channel import KEYS, Channel, EndedBy, Hangup
from ivr.simulator.timing import SAMPLE_RATE, Timing

AGI_PORT = 4573
CONNECT_LIMIT_S = 2.0  # MAX_AGI_CONNECT of res_agi.c
READ_SIZE = 4096  # of a C stream
LINE_LIMIT = 8191  # bytes of a command, AGI_BUF_LEN less the line's end
VALUE_LIMIT = 1023  # bytes that GET VARIABLE returns at most
VERSION = "22.10.1"
# commands that res_agi.c still obeys after the hang-up
ALLOWED_WHEN_DEAD = {"GET VARIABLE", "GET FULL VARIABLE", "SET VARIABLE", "EXEC", "NOOP", "HANGUP"}

Handler = Callable[[list[str]], Awaitable[str | None]]


class Wire(asyncio.Protocol):
    """The socket to the controller, with Asterisk's blind spot.

    Asterisk reads through a buffer but waits on the bare socket: of two lines that came together
    the second is not seen until more bytes, or the end, come.
    """

    def __init__(self, channel: Channel) -> None:
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._channel = channel
        self._unread = b""  # on the socket
        self._buffer = b""  # read, not yet taken

    @property
    def pending(self) -> bool:
        """Whether the socket is readable, which ends a pre-emptible command."""
        return bool(self._unread) or self.closed

    async def take_line(self) -> str | None:
        """The next line, waiting for its end; None where the controller has closed."""
        while b"\n" not in self._buffer:
            await self._channel.until(lambda: self.pending)
            if not self._unread:
                return None
            self._buffer += self._unread[:READ_SIZE]
            self._unread = self._unread[READ_SIZE:]
        line, _end, self._buffer = self._buffer.partition(b"\n")
        return line[:LINE_LIMIT].decode(errors="replace")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        self._channel.changed()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's name)
        self.closed = True
        self._channel.changed()

    def send(self, line: str) -> None:
        if self._transport and not self.closed:
            self._transport.write(line.encode() + b"\n")

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def cut(self) -> None:
        """Break the connection without a word."""
        if self._transport:
            self._transport.abort()


class AgiSession:
    """What `AGI(agi://…)` does on a channel, from connecting until the controller closes."""

    def __init__(self, *, channel: Channel, bridges: Bridges, timing: Timing) -> None:
        self.channel = channel
        self.wire = Wire(channel)
        self._bridges = bridges
        self._timing = timing
        self._dead = False
        self._commands: dict[str, Handler] = {
            "ANSWER": self._answer,
            "STREAM FILE": self._stream_file,
            "WAIT FOR DIGIT": self._wait_for_digit,
            "SET MUSIC": self._set_music,
            "SET VARIABLE": self._set_variable,
            "GET VARIABLE": self._get_variable,
            "GET FULL VARIABLE": self._get_full_variable,
            "EXEC": self._exec,
            "NOOP": self._noop,
            "HANGUP": self._hang_up,
        }
        self._applications: dict[str, Callable[[str], Awaitable[None]]] = {
            "confbridge": self._confbridge,
            "playback": self._playback,
            "wait": self._wait,
            "noop": self._nothing,
            "mset": self._set_variables,
        }

    async def run(self, url: str, arguments: Mapping[str, str]) -> str:
        """Lead the conversation; returns AGISTATUS, which says SUCCESS after a crash too."""
        address = urlsplit(url)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await loop.create_connection(
                    lambda: self.wire, address.hostname or "", address.port or AGI_PORT
                )
        except OSError:  # TimeoutError is one
            return "FAILURE"
        try:
            self._send_environment(url, address.path.lstrip("/"), arguments)
            await self._obey_until_closed()
        finally:
            self.wire.close()
        return "HANGUP" if self._dead else "SUCCESS"

    def _send_environment(self, url: str, script: str, arguments: Mapping[str, str]) -> None:
        channel = self.channel
        lines = {
            "network": "yes",
            "network_script": script,
            "request": url,
            "channel": channel.name,
            "language": "fa",
            "type": "PJSIP",
            "uniqueid": channel.unique_id,
            "version": VERSION,
            "callerid": channel.caller.number or "unknown",
            "calleridname": channel.caller.name or "unknown",
            "callingpres": "0",
            "callingani2": "0",
            "callington": "0",
            "callingtns": "0",
            "dnid": channel.get("IVR_LINE") or "unknown",
            "rdnis": "unknown",
            "context": channel.place.context,
            "extension": channel.place.exten,
            "priority": channel.place.priority,
            "enhanced": "0.0",
            "accountcode": "",
            "threadid": "0",
        }
        for position, (name, value) in enumerate(arguments.items(), start=1):
            lines[f"arg_{position}"] = f"{name}={value}"
        self.wire.send("".join(f"agi_{key}: {value}\n" for key, value in lines.items()))

    async def _obey_until_closed(self) -> None:
        while True:
            if self.channel.interrupted and not self._dead:
                self._dead = True
                self.wire.send("HANGUP")
            await self.channel.until(
                lambda: self.wire.pending or (self.channel.interrupted and not self._dead)
            )
            if self.wire.pending:
                line = await self.wire.take_line()
                if line is None:
                    return
                await self._obey(line)

    async def _obey(self, line: str) -> None:
        self.channel.feed.step(f"AGI {line}")
        reply = await self._reply(_words(line))
        if reply is not None:
            self.wire.send(reply)

    async def _reply(self, words: list[str]) -> str | None:
        for size in (3, 2, 1):
            name = " ".join(words[:size]).upper()
            if len(words) >= size and name in self._commands:
                if self._dead and name not in ALLOWED_WHEN_DEAD:
                    return "511 Command Not Permitted on a dead channel or intercept routine"
                try:
                    return await self._commands[name](words[size:])
                except (IndexError, ValueError):
                    return "520 Invalid command syntax.  Proper usage not available."
        return "510 Invalid or unknown command"

    async def _answer(self, _words: list[str]) -> str:
        self.channel.answer()
        return "200 result=0"

    async def _stream_file(self, words: list[str]) -> str | None:
        name, keys = words[0], words[1] if len(words) > 1 else ""
        length_s = self._timing.prompt_length_s(name)
        if length_s is None:
            self.channel.note("missing prompt", name)
            return "200 result=-1 endpos=0"
        if self.wire.pending:
            return None
        started_at = asyncio.get_running_loop().time()
        result = await self._play(name, length_s, keys)
        if result == 1:
            return None
        played_s = (asyncio.get_running_loop().time() - started_at) * self._timing.speed
        return f"200 result={result} endpos={int(min(played_s, length_s) * SAMPLE_RATE)}"

    async def _play(self, name: str, length_s: float, keys: str) -> int:
        """Play one prompt; the result as STREAM FILE has it, 1 where a next command ended it."""
        channel = self.channel
        channel.stop_music()
        channel.note("prompt", name.removeprefix("ivr/"))
        channel.listen(keys)
        await channel.until(
            lambda: channel.interrupted or channel.has_key() or self.wire.pending,
            self._timing.scaled(length_s),
        )
        return self._interruption()

    async def _wait_for_digit(self, words: list[str]) -> str:
        limit_ms = int(words[0])
        channel = self.channel
        channel.listen(KEYS)
        await channel.until(
            lambda: channel.interrupted or channel.has_key() or self.wire.pending,
            None if limit_ms < 0 else self._timing.scaled(limit_ms / 1000),
        )
        return f"200 result={self._interruption()}"

    def _interruption(self) -> int:
        """What ended a pre-emptible command: -1 hang-up, a key's code, 1 next command, 0 time."""
        key = ord(self.channel.take_key()) if self.channel.has_key() else 0
        self.channel.listen("")
        if self.channel.interrupted:
            return -1
        return key or int(self.wire.pending)

    async def _set_music(self, words: list[str]) -> str:
        if words[0].upper() == "ON":
            self.channel.start_music(words[1] if len(words) > 1 else "default")
        else:
            self.channel.stop_music()
        return "200 result=0"

    async def _set_variable(self, words: list[str]) -> str:
        name, value = words
        self.channel.variables[name] = value
        return "200 result=1"

    async def _get_variable(self, words: list[str]) -> str:
        value = self.channel.get(words[0]).encode()[:VALUE_LIMIT].decode(errors="ignore")
        return f"200 result=1 ({value})" if value else "200 result=0"

    async def _get_full_variable(self, words: list[str]) -> str:
        return f"200 result=1 ({self.channel.expand(words[0])})"

    async def _noop(self, _words: list[str]) -> str:
        return "200 result=0"

    async def _hang_up(self, _words: list[str]) -> str:
        self.channel.hang_up(Hangup(EndedBy.MACHINE))
        return "200 result=1"

    async def _exec(self, words: list[str]) -> str:
        application = self._applications.get(words[0].lower())
        if application is None:
            return "200 result=-2"
        if self.channel.interrupted:
            return "200 result=-1"
        argument = words[1] if len(words) > 1 else ""
        before, self.channel.application = self.channel.application, (words[0], argument)
        await application(argument)
        self.channel.application = before
        return "200 result=0"

    async def _confbridge(self, argument: str) -> None:
        room, _bridge_profile, user_profile, *_menu = [*argument.split(","), "", ""]
        await self._bridges.confbridge(self.channel, room, user_profile)

    async def _set_variables(self, argument: str) -> None:
        pairs = (pair.partition("=") for pair in argument.split(","))
        self.channel.variables |= {name: value for name, _, value in pairs}

    async def _playback(self, argument: str) -> None:
        channel = self.channel
        channel.note("prompt", argument.removeprefix("ivr/"))
        length_s = self._timing.prompt_length_s(argument) or 0.0
        await channel.until(lambda: channel.interrupted, self._timing.scaled(length_s))

    async def _wait(self, argument: str) -> None:
        channel = self.channel
        await channel.until(lambda: channel.interrupted, self._timing.scaled(float(argument or 0)))

    async def _nothing(self, argument: str) -> None:
        pass


def _words(line: str) -> list[str]:
    """A command line as res_agi.c splits it: only double quotes and backslashes are special."""
    lexer = shlex.shlex(line, posix=True)
    lexer.quotes, lexer.escapedquotes, lexer.commenters = '"', '"', ""
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quote without its end
        return line.split()
