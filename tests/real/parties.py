"""Telephones whose keys are pressed when they are asked for, however slow the machine is."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from tests.real.watcher import Watcher

Json = dict[str, Any]


class Line(Protocol):
    """The copy that is called."""

    @property
    def watcher(self) -> Watcher: ...

    def floor(self) -> Json: ...

    async def until(self, condition: Callable[[], Any]) -> Any: ...


class Caller(CallerPhone):
    """A caller whose channel Asterisk has made when it is entered, and knows gone when it is left.

    So callers come in the order in which they are entered, and whoever is left first hung up first.
    """

    def __init__(self, line: Line, *party: Any, **options: Any) -> None:
        super().__init__(*party, **options)
        self._line = line
        self.channel = ""

    async def __aenter__(self) -> Self:
        count = len(self._line.watcher.calls) + 1
        await super().__aenter__()
        try:
            self.channel = await self._line.watcher.new_call(count)
        except BaseException as error:
            await super().__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.hang_up()
            if kind is None:
                await self._line.watcher.gone(self.channel)
        finally:
            await super().__aexit__(kind, error, trace)

    async def presses(self, keys: str) -> None:
        """Returns when the line has taken the last one."""
        for key in keys:
            await self._line.watcher.pressed(self.channel, key, self.press)

    async def talks(self) -> None:
        """Wait until the line knows that the caller talks: Asterisk tells it a moment later."""
        await self._line.until(
            lambda: any(talk["call"] == self.channel for talk in self._line.floor()["talks"])
        )


class Counsellor(CounsellorPhone):
    """A counsellor's phone whose keys are pressed when they are asked for."""

    def __init__(self, line: Line, *party: Any, **options: Any) -> None:
        super().__init__(*party, **options)
        self._line = line

    async def presses(self, call: SipCall, keys: str) -> None:
        """Returns when the line has taken the last one."""
        for key in keys:
            await self._line.watcher.pressed(self.user, key, call.press)
