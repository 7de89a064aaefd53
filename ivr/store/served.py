"""Where a call was answered, and why nobody took an abandoned one: for counting, beside the plan.

From the row as it is saved, so that reports need not read plans of thousands of calls.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ivr.model import CallEnd
from ivr.model.plan import ReasonCode

COLUMNS = ("answered_where", "abandoned_why")
_CONNECTED = {CallEnd.CONNECTED.value, CallEnd.FALLBACK_CONNECTED.value}
_STANDS_IN = {ReasonCode.SUPPORTING_COUNTY.value, ReasonCode.TAKES_OVER.value}


def served(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Both columns, from the others of table `calls`."""
    return {"answered_where": _answered_where(row), "abandoned_why": _abandoned_why(row)}


def _answered_where(row: Mapping[str, Any]) -> str | None:
    """own, supporting, province, elsewhere or fallback; None where nobody answered, or no desk."""
    desk, province = row["desk"], row["province"]
    if row["connected_at"] is None and row["end"] not in _CONNECTED:
        return None
    if row["end"] == CallEnd.FALLBACK_CONNECTED:
        return "fallback"
    if desk is None:
        return None
    codes = set(_reasons(row["plan"], desk))
    if ReasonCode.OWN_DESK.value in codes or (row["plan"] is None and desk == row["county"]):
        return "own"
    if codes & _STANDS_IN:
        return "supporting"
    in_province = desk == province or desk.startswith(f"{province}-")
    return "province" if in_province else "elsewhere"


def _reasons(plan: Mapping[str, Any] | None, desk: str) -> Iterator[str]:
    """Why the plan has the desk: of the first step that does."""
    for step in (plan or {}).get("steps", ()):
        if desk in step["desks"]:
            yield from (reason["code"] for reason in step["reasons"])
            return


def _abandoned_why(row: Mapping[str, Any]) -> str | None:
    """nobody_on_duty, not_taken or too_busy; None where it was not abandoned, or no plan says so.

    Plans of before duty was kept in them say nothing of who was expected.
    """
    if row["end"] != CallEnd.ABANDONED or row["plan"] is None:
        return None
    steps = row["plan"].get("steps", ())
    if not steps or any("on_duty" not in step for step in steps):
        return None
    if not any(step["on_duty"] for step in steps):
        return "nobody_on_duty"
    return "not_taken" if row["offers"] else "too_busy"
