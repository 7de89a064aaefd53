"""Free loopback ports for what the simulator and the benchmarks start."""

import random
import socket
from contextlib import suppress

_PORTS = range(11000, 16000)  # below those that the kernel gives to clients by chance


def free_port(kind: socket.SocketKind) -> int:
    """A port that nobody has at the moment."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - no secret
        with socket.socket(socket.AF_INET, kind) as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port
