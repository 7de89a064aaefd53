"""One audio stream of a test phone: sends a tone or silence and keys, listens to what comes.

RTP by RFC 3550 with G.711 frames of 20 ms (RFC 3551), keys by RFC 4733. Every packet that comes
is kept with its moment (`time.monotonic()`), the newest 20 s of them.
"""

import asyncio
import secrets
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ivr.simulator import tone
from ivr.simulator.sip_message import Address, Session
from ivr.simulator.tone import FRAME_S, FRAME_SAMPLES, Codec

_KEPT_PACKETS = 1000
_KEY_EVENTS = {key: number for number, key in enumerate("0123456789*#")}
_KEY_FRAMES = 5  # 100 ms of key, then three end packets as RFC 4733 §2.5.1.4 asks
_KEY_END_PACKETS = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet of audio that came in; `at` is monotonic."""

    at: float
    payload: bytes
    codec: Codec


@dataclass(slots=True)
class _Key:
    event: int
    timestamp: int
    frames: int = 0
    ends: int = 0


@dataclass(eq=False)
class RtpStream(asyncio.DatagramProtocol):
    """Audio both ways on a UDP port of its own; `close` ends it.

    `audio` is what is sent, over and over (whole frames of A-law); None sends nothing at all,
    as a caller on a trunk that suppresses silence does.
    """

    audio: bytes | None
    heard: deque[Heard] = field(default_factory=lambda: deque(maxlen=_KEPT_PACKETS))
    received: int = 0
    sent: int = 0
    address: Address = ("", 0)
    _transport: asyncio.DatagramTransport | None = None
    _session: Session | None = None
    _keys: deque[_Key] = field(default_factory=deque)
    _waiting: list[tuple[Callable[[Heard], bool], asyncio.Future[float]]] = field(
        default_factory=list
    )
    last_onset_at: float | None = None  # when the first frame of what `say` was given went out
    _timer: asyncio.TimerHandle | None = None
    _ssrc: int = field(default_factory=lambda: secrets.randbelow(2**32))
    _sequence: int = field(default_factory=lambda: secrets.randbelow(2**16))
    _timestamp: int = field(default_factory=lambda: secrets.randbelow(2**31))
    _position: int = 0
    _next_at: float = 0.0

    async def open(self, host: str) -> Address:
        """Bind a free port and return its address."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self.address = self._transport.get_extra_info("sockname")[:2]
        return self.address

    def start(self, session: Session) -> None:
        """Send to the far end from now on; a later session only moves the stream."""
        running = self._session is not None
        self._session = session
        if not running:
            self._next_at = asyncio.get_running_loop().time()
            self._frame()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._transport:
            self._transport.close()
        for _, found in self._waiting:
            found.cancel()
        self._waiting.clear()

    def say(self, audio: bytes | None) -> None:
        """Send other audio from the next frame on."""
        self.audio = audio
        self._position = 0
        self.last_onset_at = None

    def press(self, key: str) -> None:
        """Send a key; several are sent one after the other."""
        self._keys.append(_Key(_KEY_EVENTS[key], 0))

    async def hears(self, wanted: Callable[[Heard], bool], timeout_s: float) -> float:
        """Wait for a packet that is `wanted`, from now on; returns its moment.

        Raises TimeoutError.
        """
        found: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        entry = (wanted, found)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout_s):
                return await found
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    async def hears_tone(self, frequency_hz: float, timeout_s: float) -> float:
        """Wait for a frame with the tone; returns the moment it came. Raises TimeoutError."""
        return await self.hears(
            lambda packet: tone.hears_tone(packet.payload, packet.codec, frequency_hz), timeout_s
        )

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002
        now = time.monotonic()
        payload_type = data[1] & 0x7F if len(data) > 12 else None
        if payload_type not in tuple(Codec):
            return
        packet = Heard(now, data[12:], Codec(payload_type))
        self.received += 1
        self.heard.append(packet)
        for entry in [entry for entry in self._waiting if entry[0](packet)]:
            self._waiting.remove(entry)
            if not entry[1].done():
                entry[1].set_result(now)

    def _frame(self) -> None:
        loop = asyncio.get_running_loop()
        while self._next_at <= loop.time():
            self._send_frame()
            self._next_at += FRAME_S
        self._timer = loop.call_at(self._next_at, self._frame)

    def _send_frame(self) -> None:
        assert self._session is not None
        if self._keys and self._session.event_payload is not None:
            self._send_key(self._keys[0], self._session.event_payload)
        elif self.audio is not None:
            frame = self.audio[self._position : self._position + FRAME_SAMPLES]
            if self._position == 0:
                self.last_onset_at = self.last_onset_at or time.monotonic()
            self._position = (self._position + FRAME_SAMPLES) % len(self.audio)
            self._send(int(Codec.PCMA), frame, self._timestamp)
        self._timestamp += FRAME_SAMPLES

    def _send_key(self, key: _Key, payload_type: int) -> None:
        first = key.frames == 0
        if first:
            key.timestamp = self._timestamp
        if key.frames < _KEY_FRAMES:
            key.frames += 1
            ending = 0
        else:
            key.ends += 1
            ending = 0x80
        body = struct.pack("!BBH", key.event, ending | 10, key.frames * FRAME_SAMPLES)
        self._send(payload_type, body, key.timestamp, marker=first)
        if key.ends == _KEY_END_PACKETS:
            self._keys.popleft()

    def _send(
        self, payload_type: int, body: bytes, timestamp: int, *, marker: bool = False
    ) -> None:
        if self._transport is None or self._session is None or self._transport.is_closing():
            return
        header = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self._sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            self._ssrc,
        )
        self._transport.sendto(header + body, self._session.address)
        self._sequence += 1
        self.sent += 1
