"""Loopback ports for what tests start: each test process of a run has a range of its own."""

import itertools
import os
import random
import socket

from ivr.asterisk.process import port_is_free

# Below the range from which the kernel gives ports to clients, above the well-known ones.
_FIRST_PORT, _LAST_PORT = 16000, 31999
_RANGES = 8


def _own() -> range:
    """Found free and taken are two moments: between them no other process may find the same."""
    size = (_LAST_PORT + 1 - _FIRST_PORT) // _RANGES
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _RANGES
    return range(_FIRST_PORT + worker * size, _FIRST_PORT + (worker + 1) * size)


# Each once before any again; another run on this machine begins elsewhere.
_ports = itertools.cycle(random.sample(_own(), len(_own())))


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, *, in_a_row: int = 1) -> int:
    """A port that nobody has, and that no client's socket gets by chance; the first of several."""
    return next(
        first
        for first in _ports
        if all(port_is_free("127.0.0.1", first + more, kind) for more in range(in_a_row))
    )
