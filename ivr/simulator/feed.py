"""The stream of AMI events: everything that happens in the exchange passes here once."""

from collections.abc import Callable, Iterable

Headers = Iterable[tuple[str, str]]
Message = list[tuple[str, str]]
READ = frozenset({"system", "call", "user", "dtmf"})  # the rights of our AMI account


def encoded(message: Headers) -> bytes:
    """A message on the wire; line ends inside a value are C-escaped, as AMI does."""
    lines = (f"{key}: {_escaped(value)}\r\n" for key, value in message)
    return ("".join(lines) + "\r\n").encode()


def _escaped(value: str) -> str:
    return value.replace("\r", "\\r").replace("\n", "\\n")


class Feed:
    """Hands each event to whoever listens; `steps` counts them, for hang-ups at every instant."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Message], None]] = []
        self.taps: list[Callable[[str], None]] = []
        self.steps = 0

    def send(self, event: str, headers: Headers, privilege: str = "call,all") -> None:
        message = [("Event", event), ("Privilege", privilege), *headers]
        if not READ.isdisjoint(privilege.split(",")):
            for listener in tuple(self.listeners):
                listener(message)
        self.step(event)

    def step(self, what: str) -> None:
        """Something observable happened: an event, or a line on an AGI connection."""
        self.steps += 1
        for tap in tuple(self.taps):
            tap(what)
