"""What went over the wire: tcpdump on the loopback, and its file read back (pcap, UDP over IPv4).

The moments are the kernel's, taken when a packet passes: however busy a phone or this process is,
they stay true.
"""

import asyncio
import re
import secrets
import shutil
import signal
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ivr.bench.running_copy import BenchError

# https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap: magic number → fractions of a second.
_FRACTIONS = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}
_ETHERNET = 1  # link type; the loopback device has it too
_IPV4 = 0x0800
_UDP = 17
_START_S = 10.0
_BUFFER_KB = "8192"
_POLL_S = 0.05
_TAIL_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram; `at` is Unix time in seconds, the ends are ports."""

    at: float
    source: int
    target: int
    payload: bytes


class Capture:
    """tcpdump of one UDP port on the loopback into `path`, while entered.

    At the end a mark is sent through the same filter: the capture is whole up to it.
    """

    def __init__(self, port: int, path: Path) -> None:
        self.path = path
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self._marker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def __aenter__(self) -> Self:
        if shutil.which("tcpdump") is None:
            raise BenchError("tcpdump is missing: run deploy/system-packages test")
        self._marker.bind(("127.0.0.1", 0))
        ports = f"udp port {self._port} or udp port {self._marker.getsockname()[1]}"
        self._process = await asyncio.create_subprocess_exec(
            *("tcpdump", "-i", "lo", "-n", "-s", "0", "-B", _BUFFER_KB, "-Z", "root", "-U"),
            *("--immediate-mode", "--time-stamp-precision=nano", "-w", str(self.path), ports),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        await self._listening()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                await self._mark()
        finally:
            words = await self._end()
            self._marker.close()
        lost = dropped(words)
        if error is None and lost:
            raise BenchError(f"The kernel dropped {lost} packets of the capture: measure again.")

    async def _listening(self) -> None:
        """Raises BenchError with tcpdump's own words where it ends instead."""
        assert self._process is not None
        assert self._process.stderr is not None
        words = b""
        async with asyncio.timeout(_START_S):
            while b"listening on" not in words:
                line = await self._process.stderr.readline()
                if not line:
                    raise BenchError(f"tcpdump did not start: {words.decode().strip()}")
                words += line

    async def _mark(self) -> None:
        """Wait until what is sent now stands in the file; raises TimeoutError."""
        mark = secrets.token_bytes(16)
        self._marker.sendto(mark, self._marker.getsockname())
        async with asyncio.timeout(_START_S):
            while mark not in await asyncio.to_thread(self._newest):  # noqa: ASYNC110 - a file's end
                await asyncio.sleep(_POLL_S)

    def _newest(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(max(self.path.stat().st_size - _TAIL_BYTES, 0))
            return file.read()

    async def _end(self) -> str:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        _, words = await self._process.communicate()
        return words.decode()


def dropped(words: str) -> int:
    """How many packets tcpdump says at its end that it never saw."""
    match = re.search(r"(\d+) packets? dropped by kernel", words)
    return int(match[1]) if match else 0


def datagrams(pcap: bytes) -> Iterator[Datagram]:
    """The UDP datagrams of a pcap file, in its order; a packet that is cut off ends it.

    Raises BenchError where it is no pcap file of Ethernet frames.
    """
    order, fraction_s = _byte_order(pcap)
    place = 24
    while place + 16 <= len(pcap):
        seconds, fraction, kept, _ = struct.unpack_from(f"{order}IIII", pcap, place)
        frame = pcap[place + 16 : place + 16 + kept]
        if len(frame) < kept:
            return
        place += 16 + kept
        datagram = _datagram(seconds + fraction * fraction_s, frame)
        if datagram is not None:
            yield datagram


def _byte_order(pcap: bytes) -> tuple[str, float]:
    for order in "<>":
        magic, link_type = struct.unpack_from(f"{order}I16xI", pcap) if len(pcap) >= 24 else (0, 0)
        if magic in _FRACTIONS and link_type == _ETHERNET:
            return order, _FRACTIONS[magic]
    raise BenchError("The capture is no pcap file of Ethernet frames.")


def _datagram(at: float, frame: bytes) -> Datagram | None:
    """RFC 791 and RFC 768; None for anything else, fragments included."""
    if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != _IPV4:
        return None
    packet = frame[14:]
    header = (packet[0] & 0x0F) * 4
    fragment = struct.unpack_from("!H", packet, 6)[0] & 0x3FFF
    if packet[9] != _UDP or fragment or len(packet) < header + 8:
        return None
    source, target, length = struct.unpack_from("!HHH", packet, header)
    return Datagram(at, source, target, packet[header + 8 : header + length])
