"""Deadlines of the floor: set and forgotten; whoever is woken looks whether it still matters."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Timers:
    """A heap of (instant, kind, subject); stale entries are harmless and fall out in time."""

    _heap: list[tuple[datetime, int, str, str]] = field(default_factory=list)
    _count: int = 0

    def set(self, at: datetime | None, kind: str, subject: str) -> None:
        if at is not None:
            self._count += 1
            heapq.heappush(self._heap, (at, self._count, kind, subject))

    def due(self, now: datetime) -> Iterator[tuple[str, str]]:
        while self._heap and self._heap[0][0] <= now:
            _, _, kind, subject = heapq.heappop(self._heap)
            yield kind, subject

    def next_at(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None
