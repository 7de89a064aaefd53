"""An event loop whose time jumps to the next timer whenever nothing is left to do.

`asyncio.Runner(loop_factory=VirtualTimeLoop)` runs an hour of the exchange in moments, as long
as everything that talks to each other runs in this one loop.
"""

import asyncio
import selectors

SETTLE_S = 0.001  # real time for loopback sockets and worker threads to report before a jump


class _Jumping(selectors.DefaultSelector):
    """Waits for sockets only as long as SETTLE_S; then the time asked for has passed."""

    now = 0.0
    settle_s = SETTLE_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if ready or not timeout or timeout < 0:
            return ready
        ready = super().select(self.settle_s)
        if not ready:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's loop with jumping time; its clock starts at 0.

    `settle_s` may be 0 where nothing but the loop's own tasks does any work.
    """

    def __init__(self, settle_s: float = SETTLE_S) -> None:
        self._jumping = _Jumping()
        self._jumping.settle_s = settle_s
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now
