"""Callers and counsellors played by sipp, a SIP client that is not ours: scripts and load.

What is to be decided while the call runs is done by `ivr.simulator.sip_phone` instead.
"""

import asyncio
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from ivr.simulator import sipp_scenario, tone
from ivr.simulator.ports import free_port
from ivr.simulator.sip_message import Address, SipError

_POLL_S = 0.02
_LIMIT_S = 60.0  # of sipp itself, on a machine that has much to do


@dataclass(frozen=True, slots=True)
class Traced:
    """One SIP message that sipp sent or received: `what` is its first line."""

    at: datetime
    sent: bool
    call_id: str
    cseq: str
    what: str


def parse_short_trace(text: str) -> list[Traced]:
    """Read sipp's short message log: date, time, Unix time, S or R, Call-ID, CSeq, first line."""
    traced = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == 7:
            _, _, seconds, way, call_id, cseq, what = fields
            at = datetime.fromtimestamp(float(seconds), UTC)
            number = cseq.removeprefix("CSeq:").strip()
            traced.append(Traced(at, way == "S", call_id, number, what))
    return traced


class SippProcess:
    """One sipp with its files in a directory of its own; ended when left.

    `calls` is how many it makes or takes before it exits by itself. One that is `led` presses keys
    and hangs up when it is told to.
    """

    def __init__(
        self, scenario: str, server: Address, *options: str, port: int | None = None, calls: int = 1
    ) -> None:
        self._port = port
        self._scenario = scenario
        self._server = server
        self._options = options if port is None else ("-p", str(port), *options)
        self._calls = calls
        self._process: asyncio.subprocess.Process | None = None
        self.files = Path(tempfile.mkdtemp(prefix="line123-sipp-"))

    async def __aenter__(self) -> Self:
        if shutil.which("sipp") is None:
            raise SipError("sipp is missing: run deploy/system-packages test")
        scenario = self.files / "scenario.xml"
        scenario.write_text(self._scenario)
        with (self.files / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                "sipp",
                f"{self._server[0]}:{self._server[1]}",
                *("-sf", str(scenario), "-m", str(self._calls), "-nostdin", "-aa"),
                *("-i", "127.0.0.1", "-mi", "127.0.0.1", "-trace_err", "-trace_shortmsg"),
                *("-error_file", str(self.files / "errors")),
                *("-shortmessage_file", str(self.files / "messages")),
                *self._options,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.files,
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        shutil.rmtree(self.files, ignore_errors=True)

    async def exited(self, timeout_s: float) -> int:
        """Wait until all its calls are over: 0 where each went by the script, 1 where one did not.

        Raises TimeoutError.
        """
        assert self._process is not None
        async with asyncio.timeout(timeout_s):
            return await self._process.wait()

    def messages(self) -> list[Traced]:
        """Every message so far, oldest first."""
        path = self.files / "messages"
        return parse_short_trace(path.read_text(errors="replace")) if path.exists() else []

    def find(self, sent: bool, method: str, start: str) -> list[Traced]:
        return [
            message
            for message in self.messages()
            if message.sent == sent
            and message.cseq.endswith(method)
            and message.what.startswith(start)
        ]

    async def traced(
        self, sent: bool, method: str, start: str, timeout_s: float = _LIMIT_S
    ) -> Traced:
        """Wait for a message in the trace, already written ones included; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not (found := self.find(sent, method, start)):  # noqa: ASYNC110  another program's file
                await asyncio.sleep(_POLL_S)
        return found[0]

    def press(self, key: str) -> None:
        """Press the key in the newest call; it goes out 0.8 s later."""
        self._tell("MESSAGE", key)

    def hang_up(self) -> None:
        """End the newest call."""
        self._tell("PUBLISH")

    def _tell(self, method: str, body: str = "") -> None:
        """To sipp, which takes for a part of its call whatever has the call's id."""
        assert self._port is not None, "told things where it listens"
        call = self.find(sent=False, method="INVITE", start="")[-1].call_id
        at = f"127.0.0.1:{self._port}"
        lines = (
            f"{method} sip:{at} SIP/2.0",
            f"Via: SIP/2.0/UDP {at};branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: <sip:test@{at}>;tag={secrets.token_hex(4)}",
            f"To: <sip:test@{at}>",
            f"Call-ID: {call}",
            f"CSeq: 1 {method}",
            f"Content-Length: {len(body)}",
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            message = "\r\n".join([*lines, "", body])
            sender.sendto(message.encode(), ("127.0.0.1", self._port))

    def errors(self) -> str:
        path = self.files / "errors"
        return path.read_text(errors="replace") if path.exists() else ""


class SippCaller(SippProcess):
    """A scripted caller: dials `number`, presses `keys` (wait in seconds, key), talks, leaves.

    It leaves `hang_up_after_s` after the last key, or waits for the far end's BYE. With `tone_hz`
    it speaks, without it is silent on the wire; a caller who presses keys cannot speak as well.
    `calls` at `rate` a second make a load.
    """

    def __init__(
        self,
        server: Address,
        number: str = "123",
        *,
        caller: str = "09120000000",
        led: bool = False,
        keys: Sequence[tuple[float, str]] = (),
        tone_hz: float | None = None,
        hang_up_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        calls: int = 1,
        rate: float = 20,
    ) -> None:
        if keys and tone_hz:
            raise ValueError("sipp either presses keys or speaks")
        options = ("-s", number, "-r", f"{rate:g}", "-l", str(calls), *media_ports())
        super().__init__("", server, *options, port=free_udp_port(), calls=calls)
        self._scenario = sipp_scenario.caller_scenario(
            caller=caller,
            led=led,
            keys=keys,
            audio=_write_tone(self.files, tone_hz),
            hang_up_after_s=hang_up_after_s,
            headers=headers,
        )

    async def answered(self, timeout_s: float = 60.0) -> datetime:
        """Wait for the 200; its moment. Raises TimeoutError."""
        return (await self.traced(False, "INVITE", "SIP/2.0 200", timeout_s)).at

    async def ended(self, timeout_s: float = 60.0) -> bool:
        """Wait for the end; whether the far end hung up. Raises TimeoutError, and SipError where
        the call did not go by the script.
        """  # noqa: D205
        if await self.exited(timeout_s):
            raise SipError(f"sipp's call failed: {self.errors()[-500:] or self.messages()[-1:]}")
        return bool(self.find(False, "BYE", "BYE"))


class SippCounsellor(SippProcess):
    """A scripted counsellor's phone: registered while entered, takes `calls` calls."""

    def __init__(
        self,
        server: Address,
        user: str,
        password: str,
        *,
        led: bool = False,
        answer_after_s: float | None = 0.0,
        refuse: str | None = None,
        hang_up_after_s: float | None = None,
        tone_hz: float | None = None,
        calls: int = 1000,
    ) -> None:
        super().__init__("", server, *media_ports(), port=free_udp_port(), calls=calls)
        self._user = user
        self._password = password
        self._scenario = sipp_scenario.counsellor_scenario(
            user=user,
            led=led,
            answer_after_s=answer_after_s,
            refuse=refuse,
            audio=_write_tone(self.files, tone_hz),
            hang_up_after_s=hang_up_after_s,
        )

    async def __aenter__(self) -> Self:
        await self._register(3600)
        await super().__aenter__()
        await self._listening(_LIMIT_S)
        return self

    async def _listening(self, timeout_s: float) -> None:
        """Wait until its port is bound: what comes before is lost and sent again 0.5 s later."""
        wanted = f"0100007F:{self._port:04X}"
        async with asyncio.timeout(timeout_s):
            while wanted not in Path("/proc/net/udp").read_text():  # noqa: ASYNC110, ASYNC240
                await asyncio.sleep(_POLL_S)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, error, trace)
        with suppress(TimeoutError, SipError):  # the server may have gone first
            await self._register(0)

    def offered(self) -> list[Traced]:
        """Every INVITE that rang here so far."""
        return self.find(False, "INVITE", "INVITE")

    async def _register(self, expires_s: int) -> None:
        scenario = sipp_scenario.register_scenario(
            user=self._user, password=self._password, expires_s=expires_s
        )
        options = ("-s", self._user)
        async with SippProcess(scenario, self._server, *options, port=self._port) as registering:
            if await registering.exited(_LIMIT_S):
                raise SipError(
                    f"sipp could not register {self._user}: {registering.errors()[-500:]}; "
                    "compare its user name and password with the server's"
                )


def media_ports() -> tuple[str, ...]:
    """Options for sipp that give it a free media port of its own."""
    return ("-mp", str(free_udp_port() & ~1))


def free_udp_port() -> int:
    """A loopback port that nobody has at the moment."""
    return free_port(socket.SOCK_DGRAM)


def _write_tone(files: Path, tone_hz: float | None) -> Path | None:
    if tone_hz is None:
        return None
    path = files / "tone.alaw"
    path.write_bytes(tone.tone(tone_hz, 1))
    return path
