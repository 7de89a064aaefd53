"""What a conversation may do with a telephone channel; AGI sessions and test doubles offer it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol


class RoomRole(StrEnum):
    CALLER = "caller"
    COUNSELLOR = "counsellor"


class Channel(Protocol):
    """One party's channel.

    Every method raises HungUp when the party has gone and SessionLost when our connection to a
    living channel broke. Cancelling `play` or `wait_key` pre-empts it: the next call takes effect
    at once. `enter_room` cannot be pre-empted.
    """

    async def play(self, prompts: Sequence[str], keys: str = "") -> str | None:
        """Play prompts one after the other; returns the key of `keys` that cut them short."""

    async def wait_key(self, timeout_s: float | None) -> str | None:
        """Wait for any key; None after `timeout_s`. With None it waits as long as the call."""

    async def start_music(self) -> None:
        """Hold music from now on; it goes on under `wait_key`, a prompt or a room ends it."""

    async def set_variables(self, values: Mapping[str, str]) -> None:
        """Keep facts on the channel, where a controller after us finds them."""

    async def enter_room(self, room: str, role: RoomRole) -> None:
        """Talk in the room; returns when this channel has left it and lives on."""
