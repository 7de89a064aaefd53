"""An event loop whose time jumps to the next timer whenever nothing is left to do.

`asyncio.Runner(loop_factory=VirtualTimeLoop)` runs an hour of the exchange in moments, as long
as everything that talks to each other runs in this one loop.
"""

import asyncio
import selectors
import socket

SETTLE_S = 0.001  # real time for loopback sockets and worker threads to report before a jump


class _Probe:
    """A connection to ourselves: what was sent before is there once its byte has come.

    Loopback packets of one processor are delivered in order; under load not at once, but by
    the kernel's ksoftirqd, which waits for its turn like everybody else.
    """

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self._near = socket.create_connection(listening.getsockname())
            self._far, _ = listening.accept()
        self._near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def wait(self) -> None:
        self._near.sendall(b".")
        self._far.recv(1)

    def close(self) -> None:
        self._near.close()
        self._far.close()


class _Jumping(selectors.DefaultSelector):
    """Waits for sockets only as long as `settle_s`; then the time asked for has passed."""

    def __init__(self, settle_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self._settle_s = settle_s
        self._probe = _Probe() if settle_s else None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if ready or not timeout or timeout < 0:
            return ready
        if self._probe is not None:
            self._probe.wait()
        ready = super().select(self._settle_s)
        if not ready:
            self.now += timeout
        return ready

    def close(self) -> None:
        if self._probe is not None:
            self._probe.close()
        super().close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's loop with jumping time; its clock starts at 0.

    `settle_s` may be 0 where nothing but the loop's own tasks does any work.
    """

    def __init__(self, settle_s: float = SETTLE_S) -> None:
        self._jumping = _Jumping(settle_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now
