"""The floor as JSON: the fields of `FloorView` by their names, instants in ISO 8601."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ivr.view import FloorView


def floor_json(view: FloorView) -> str:
    """The whole view; a lane is a word, as on the channel (`danger`, `silence`, `ordinary`)."""
    body: dict[str, Any] = asdict(view)
    for row, call in zip(body["waiting"], view.waiting, strict=True):
        row["lane"] = call.lane.name.lower()
    return json.dumps(body, ensure_ascii=False, default=datetime.isoformat)
