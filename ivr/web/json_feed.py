"""The floor for other programs: a whole view, then what changes, then a beat every two seconds.

docs/floor.md describes the messages.
"""

from dataclasses import replace
from datetime import datetime

from ivr.floor_delta import delta
from ivr.view import FloorView
from ivr.web.api import beat_json, delta_json, snapshot_json
from ivr.web.ports import ConsolePorts


class JsonFeed:
    """Writes each message once, however many programs follow."""

    def __init__(self, console: ConsolePorts) -> None:
        self._console = console
        self._newest = console.floor_view()
        self._snapshot = ""
        self._deltas: list[tuple[FloorView, str]] = []  # to the newest view, from others

    def news(self, held: FloorView | None, now: datetime) -> tuple[FloorView, list[str]]:
        """The newest view, and the messages that lead to it from the view that somebody holds.

        Time alone changes no view but the order of the line, under the same sequence number.
        """
        self._look()
        messages = [] if held is self._newest else [self._message(held)]
        return self._newest, [*messages, beat_json(self._newest.sequence, now)]

    def _look(self) -> None:
        view = self._console.floor_view()
        if replace(view, at=self._newest.at) != self._newest:
            self._newest, self._snapshot, self._deltas = view, "", []

    def _message(self, held: FloorView | None) -> str:
        if held is None:
            self._snapshot = self._snapshot or snapshot_json(self._newest)
            return self._snapshot
        for known, text in self._deltas:
            if known is held:
                return text
        text = delta_json(delta(held, self._newest))
        self._deltas.append((held, text))
        return text
