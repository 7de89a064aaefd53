"""Telephones for tests: a caller and a counsellor that do what they are told, and listen.

Real SIP over UDP and real audio; what a person would hear is told from tones. For scripted
callers and for load there is real sipp in `ivr.simulator.sipp`.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from ivr.simulator import tone
from ivr.simulator.rtp import RtpStream
from ivr.simulator.sip_agent import Registration, SipAgent
from ivr.simulator.sip_call import Ended, SipCall
from ivr.simulator.sip_message import Address, SipError, SipMessage

_TONE_LENGTH_S = 1.0  # any whole number of hertz comes out even


def _audio(tone_hz: float | None) -> bytes | None:
    return tone.tone(tone_hz, _TONE_LENGTH_S) if tone_hz else None


class CallerPhone:
    """A caller on the trunk: dials when entered, hangs up when left.

    `tone_hz` None sends no audio packet at all (a trunk that suppresses silence).
    """

    def __init__(
        self,
        server: Address,
        number: str = "123",
        *,
        caller: str = "09120000000",
        name: str = "",
        tone_hz: float | None = tone.CALLER_HZ,
        headers: Mapping[str, str] | None = None,
        wrap: Callable[[str], str] | None = None,
    ) -> None:
        self._agent = SipAgent(server)
        self._number = number
        self._name = name
        self._headers = headers
        self._wrap = wrap
        self.stream = RtpStream(_audio(tone_hz))
        self.call = SipCall(self._agent, caller, self.stream)

    async def __aenter__(self) -> Self:
        await self._agent.open()
        await self.call.place(self._number, name=self._name, headers=self._headers, wrap=self._wrap)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call.hang_up()
        self.stream.close()
        self._agent.close()

    async def answered(self, timeout_s: float = 60.0) -> float:
        """Wait for the answer; its moment. Raises SipError where refused, TimeoutError."""
        return await self.call.answered(timeout_s)

    async def ended(self, timeout_s: float = 60.0) -> Ended:
        """Wait for the end; who ended it. Raises TimeoutError."""
        return await self.call.ended(timeout_s)

    async def hears_tone(self, frequency_hz: float, timeout_s: float = 60.0) -> float:
        """Wait for a frame of the tone from now on; its moment. Raises TimeoutError."""
        return await self.stream.hears_tone(frequency_hz, timeout_s)

    def press(self, key: str) -> None:
        self.call.press(key)

    def hang_up(self) -> None:
        self.call.hang_up()


class CounsellorPhone:
    """A counsellor's SIP phone: registered while entered.

    It answers each call `answer_after_s` after the INVITE, or refuses it with `refuse` (486, 603),
    or leaves it ringing for the test to `answer()`; `offered` gives the calls as they come, `calls`
    has them all. `hang_up_after_s` is the length of the talk.
    """

    def __init__(
        self,
        server: Address,
        user: str,
        password: str,
        *,
        answer_after_s: float | None = None,
        refuse: int | None = None,
        hang_up_after_s: float | None = None,
        tone_hz: float | None = tone.COUNSELLOR_HZ,
        expires_s: int = 300,
    ) -> None:
        self._agent = SipAgent(server, on_call=self._on_call)
        self._registration = Registration(self._agent, user, password, expires_s)
        self.user = user
        self.answer_after_s = answer_after_s
        self.refuse = refuse
        self.hang_up_after_s = hang_up_after_s
        self._audio = _audio(tone_hz)
        self.calls: list[SipCall] = []
        self._placed: list[SipCall] = []
        self._offered: asyncio.Queue[SipCall] = asyncio.Queue()
        self._habits: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._agent.open()
        try:
            await self.register()
        except BaseException:
            self._agent.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop_habits()
        for call in (*self.calls, *self._placed):
            call.hang_up()
        with suppress(TimeoutError, SipError):  # the server may have gone first
            await self.unregister()
        self._agent.close()

    async def register(self) -> None:
        """Register and keep it up; raises SipError where refused, TimeoutError."""
        await self._registration.begin()

    async def unregister(self) -> None:
        """Log the device out properly; nothing where it is not registered."""
        await self._registration.end()

    async def vanish(self) -> None:
        """Lose power: no BYE, no unregistering, no answer to anything."""
        await self._stop_habits()
        await self._registration.end(unregister=False)
        for call in (*self.calls, *self._placed):
            call.drop()
        self._agent.close()

    async def offered(self, timeout_s: float = 60.0) -> SipCall:
        """Wait for the next call that rings here; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            return await self._offered.get()

    async def dial(self, number: str) -> SipCall:
        """Place a call from this phone; returns once it is answered."""
        call = SipCall(self._agent, self.user, RtpStream(self._audio))
        self._placed.append(call)
        await call.place(number, password=self._registration.password)
        await call.answered()
        return call

    def _on_call(self, invite: SipMessage) -> None:
        call = SipCall.offered(self._agent, self.user, invite, RtpStream(self._audio))
        self.calls.append(call)
        self._offered.put_nowait(call)
        if self.refuse is not None:
            call.refuse(self.refuse)
        elif self.answer_after_s is not None:
            task = asyncio.create_task(self._take(call, self.answer_after_s))
            self._habits.add(task)
            task.add_done_callback(self._habits.discard)

    async def _take(self, call: SipCall, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await call.answer()
        if self.hang_up_after_s is not None:
            await asyncio.sleep(self.hang_up_after_s)
            call.hang_up()

    async def _stop_habits(self) -> None:
        for task in self._habits:
            task.cancel()
        if self._habits:
            await asyncio.wait(self._habits)
