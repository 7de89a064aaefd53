"""The floor as JSON: the fields of `FloorView` by their names, instants in ISO 8601.

Each row also has its `key`, by which deltas name it. docs/floor.md describes all messages.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ivr.floor_delta import Changes, FloorDelta, Keyed
from ivr.notices import Alarm
from ivr.view import FloorView, WaitingCall

ROWS = ("lost", "waiting", "talks", "counsellors", "desks", "alarms", "closed_desks")
_FIGURES = ("sequence", "at", "in_menu", "in_fallback", "exchange_up")


def floor_json(view: FloorView) -> str:
    """The whole view."""
    return _text(_floor(view))


def snapshot_json(view: FloorView) -> str:
    return _text({"type": "floor", **_floor(view)})


def delta_json(delta: FloorDelta) -> str:
    changes = {name: _changes(getattr(delta, name)) for name in ROWS}
    return _text({"type": "delta", "after": delta.after, **_figures(delta), **changes})


def beat_json(sequence: int, now: datetime) -> str:
    return _text({"type": "beat", "sequence": sequence, "now": now})


def _floor(view: FloorView) -> dict[str, Any]:
    return {**_figures(view), **{name: _rows(getattr(view, name)) for name in ROWS}}


def _figures(source: FloorView | FloorDelta) -> dict[str, Any]:
    return {name: getattr(source, name) for name in _FIGURES}


def _rows(rows: Sequence[Keyed]) -> list[dict[str, Any]]:
    return [_row(row) for row in rows]


def _changes(changes: Changes[Any]) -> dict[str, Any]:
    return {"gone": changes.gone, "put": [[place, _row(row)] for place, row in changes.put]}


def _row(row: Any) -> dict[str, Any]:
    """A lane is a word, as on the channel (`danger`, `silence`, `ordinary`)."""
    body: dict[str, Any] = {"key": row.key, **asdict(row)}
    if isinstance(row, WaitingCall):
        body["lane"] = row.lane.name.lower()
    if isinstance(row, Alarm):
        body["severity"] = row.severity
    return body


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, default=datetime.isoformat)
