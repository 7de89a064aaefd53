"""What can go wrong between the exchange and the controller, on purpose."""

import random
from itertools import pairwise

from ivr.simulator.feed import Message
from ivr.simulator.watched import Watched


class Faults(Watched):
    """Faults of the AMI link; set a field at any time, it counts from the next message.

    `drop` and `duplicate` name events and are used up one by one; `chunks` cuts the stream at
    arbitrary bytes; while frozen the server accepts connections and stays silent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.delay_s = 0.0
        self.chunks: random.Random | None = None
        self.drop: list[str] = []
        self.duplicate: list[str] = []
        self.frozen = False

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False
        self.changed()

    def copies(self, message: Message) -> int:
        """How often this event is sent: 0, 1 or 2."""
        name = dict(message)["Event"]
        if _take(self.drop, name):
            return 0
        return 2 if _take(self.duplicate, name) else 1

    def pieces(self, data: bytes) -> list[bytes]:
        """The bytes as separate writes."""
        if self.chunks is None or len(data) < 2:
            return [data]
        cuts = sorted({self.chunks.randrange(1, len(data)) for _ in range(3)})
        return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


def _take(names: list[str], name: str) -> bool:
    if name in names:
        names.remove(name)
        return True
    return False
