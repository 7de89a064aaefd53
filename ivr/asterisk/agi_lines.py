"""One FastAGI connection as lines, handed on the moment they come."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

LINE_LIMIT = 8192  # bytes; AGI_BUF_LEN in res_agi.c

Hear = Callable[[str], None]


def _nobody(_line: str) -> None:
    """Hears what comes once nobody is to hear it any more."""


class AgiLines(asyncio.Protocol):
    """`hear` gets each line without its end; `ended` is done once the connection is gone.

    A line over LINE_LIMIT ends it. What comes after `close` is dropped.
    """

    def __init__(self, accept: Callable[["AgiLines"], None]) -> None:
        self.hear: Hear = _nobody
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._accept = accept
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    @property
    def peer(self) -> str:
        """The other side's address."""
        name = self._transport and self._transport.get_extra_info("peername")
        return str(name[0]) if name else "?"

    def write(self, line: bytes) -> None:
        assert self._transport is not None, "a connection was made"
        self._transport.write(line)

    def close(self) -> None:
        self.hear = _nobody
        if self._transport is not None:
            self._transport.close()

    def tune(self) -> None:
        """Commands go out at once; a peer that vanished without a word is noticed in any command.

        asyncio sets TCP_NODELAY only on sockets whose protocol was given by number.
        """
        self._set(socket.IPPROTO_TCP, "TCP_NODELAY", 1)
        self._set(socket.SOL_SOCKET, "SO_KEEPALIVE", 1)
        for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            self._set(socket.IPPROTO_TCP, option, value)

    def _set(self, level: int, option: str, value: int) -> None:
        if hasattr(socket, option) and self._transport is not None:
            self._transport.get_extra_info("socket").setsockopt(
                level, getattr(socket, option), value
            )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._accept(self)

    def data_received(self, data: bytes) -> None:
        """Acknowledged at once: Asterisk holds back its second reply until the first is (Nagle).

        Linux delays that by 40 ms unless told otherwise, and forgets that it was told.
        """
        self._set(socket.IPPROTO_TCP, "TCP_QUICKACK", 1)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.hear(line.decode(errors="replace").rstrip("\r"))
        if len(self._rest) > LINE_LIMIT or any(len(line) > LINE_LIMIT for line in lines):
            self.close()

    def connection_lost(self, _reason: Exception | None) -> None:
        self.hear = _nobody
        if not self.ended.done():
            self.ended.set_result(None)
