"""What a FastAGI connection begins with: the channel's environment."""

import asyncio
from collections.abc import Callable

from ivr.asterisk.agi_lines import AgiLines

ENVIRONMENT_LINES = 128

Environment = dict[str, str]


class AgiRequest:
    """Hears `agi_name: value` lines up to the blank one, then tells `done` once.

    `done` gets the values by their names without the prefix; None for what is no request, did not
    come within `limit_s`, or broke off.
    """

    def __init__(
        self, lines: AgiLines, limit_s: float, done: Callable[[Environment | None], None]
    ) -> None:
        self._done: Callable[[Environment | None], None] | None = done
        self._found: Environment = {}
        self._heard = 0
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._end, None)
        lines.hear = self._hear
        lines.ended.add_done_callback(lambda _: self._end(None))

    def _hear(self, line: str) -> None:
        name, colon, value = line.partition(": ")
        self._heard += 1
        if not line:
            self._end(self._found)
        elif self._heard > ENVIRONMENT_LINES or not _is_named(name, colon):
            self._end(None)
        else:
            self._found[name.removeprefix("agi_").removesuffix(":")] = value

    def _end(self, found: Environment | None) -> None:
        self._timer.cancel()
        done, self._done = self._done, None
        if done is not None:
            done(found)


def _is_named(name: str, colon: str) -> bool:
    return name.startswith("agi_") and bool(colon or name.endswith(":"))
