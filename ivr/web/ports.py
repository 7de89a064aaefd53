"""What the console needs from the rest of the program, given by argument."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ivr.view import CallRow, FloorView, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseHealth:
    """Whether records reach the disk, and how many still wait for it."""

    healthy: bool
    backlog: int = 0


class ConsolePorts(Protocol):
    """The floor, the day and the health of the parts, all to be read only."""

    def floor_view(self) -> FloorView:
        """The floor as it is now."""

    def subscribe(self) -> AsyncIterator[object]:
        """Yields once or more after each change of the floor, for as long as it is iterated."""

    async def todays_calls(self, limit: int) -> Sequence[CallRow]:
        """The newest calls since midnight in Tehran, newest first, at most `limit`.

        Raises StoreError where the database cannot be read.
        """

    def names(self) -> Names:
        """Persian names of places and categories."""

    def database(self) -> DatabaseHealth:
        """How the database is."""
