"""Two rows of one call as one: the newer one tells, the older fills what it lacks.

A controller that starts while the database is away adopts calls that it knows nothing of; what an
earlier one had written of them must outlive every later save of the blank record. Rows, not
records: reading a plan costs more than saving it, and a row of another version is no obstacle.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ivr.model import UNKNOWN_CATEGORY, CallEnd, CountySource, Lane
from ivr.store.records import Row, who_served
from ivr.store.served import served

_FILLED = (
    "plan",
    "rules_version",
    "talk_ended_at",
    "ended_at",
    "counsellor",
    "desk",
    "ended_by",
    "end",
    "lost_at",
    "acknowledged_at",
    "acknowledged_by",
)
_FIRST = ("joined_at", "first_offered_at", "connected_at")  # the floor sets each of them once
_CALLER = ("caller_pseudonym", "caller_ciphertext", "caller_raw_ciphertext", "caller_withheld")
_FACTS = ("facts_province", "county", "county_source", "category", "lane", "returning_silence")
_NOTHING_ASKED = {
    "county": None,
    "county_source": CountySource.UNKNOWN,
    "category": UNKNOWN_CATEGORY,
    "lane": Lane.ORDINARY,
}
_NOT_CONNECTED = {
    CallEnd.IN_MENU,
    CallEnd.SHORT_ABANDONMENT,
    CallEnd.ABANDONED,
    CallEnd.FALLBACK_ABANDONED,
}


def newest(rows: Iterable[Row]) -> dict[str, Row]:
    """One row a call, by its id, from rows in the order in which they were written."""
    found: dict[str, Row] = {}
    for row in rows:
        known = found.get(row["call"])
        found[row["call"]] = overlay(known, row) if known else row
    return found


def overlay(known: Row, new: Row) -> Row:
    """`new` with what only `known` has; doing it twice changes nothing.

    An ended call stays ended, and a talk that only Asterisk's own record knows of is not undone by
    a record without it. A county that a counsellor set right stays.
    """
    over, under = (known, new) if _outranks(known, new) else (new, known)
    merged = {
        **over,
        **{name: under[name] if over[name] is None else over[name] for name in _FILLED},
        **{name: _earlier(over[name], under[name]) for name in _FIRST},
        **_caller(over, under),
        **_facts(over, under),
        **_corrected(known),
        "location": over["location"] if _tells(over["location"]) else under["location"],
        "offers": _offers(over["offers"], under["offers"]),
        "fallback_s": max(over["fallback_s"], under["fallback_s"]),
    }
    end = _end(merged, under["end"])
    merged |= {"end": end, "served_by": who_served(end)}
    return {**merged, **served(merged)}


def _outranks(known: Row, new: Row) -> bool:
    if known["ended_at"] is not None and new["ended_at"] is None:
        return True
    return known["end"] == CallEnd.FALLBACK_CONNECTED and new["connected_at"] is None


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), key=datetime.timestamp, default=None)


def _caller(over: Row, under: Row) -> Row:
    if over["caller_pseudonym"] is None:
        return {name: under[name] for name in _CALLER}
    same = over["caller_pseudonym"] == under["caller_pseudonym"]
    raw = over["caller_raw_ciphertext"] or (same and under["caller_raw_ciphertext"]) or None
    return {"caller_raw_ciphertext": raw}


def _facts(over: Row, under: Row) -> Row:
    """The five columns; none of them is known before `lane` is."""
    if under["lane"] is None:
        return {}
    nothing_asked = all(over[name] == value for name, value in _NOTHING_ASKED.items())
    if over["lane"] is None or nothing_asked:
        return {name: under[name] for name in _FACTS}
    if over["facts_province"] != under["facts_province"]:
        return {}
    place = under if over["county"] is None else over
    return {
        "category": under["category"] if over["category"] == UNKNOWN_CATEGORY else over["category"],
        "county": place["county"],
        "county_source": place["county_source"],
    }


def _corrected(known: Row) -> Row:
    if known["county_source"] != CountySource.COUNSELLOR:
        return {}
    return {"county": known["county"], "county_source": known["county_source"]}


def _tells(location: Any) -> bool:
    return location is not None and any(location.values())


def _offers(over: list[Any], under: list[Any]) -> list[Any]:
    """By their ends: ISO times in UTC, which sort as text."""
    entries = {entry["offer"]: entry for entry in (*under, *over)}
    return sorted(entries.values(), key=lambda entry: str(entry["ended_at"]))


def _end(merged: Row, other: str | None) -> str | None:
    """What the call had come to, by all that is known: who wrote its end may have known less."""
    end: str | None = merged["end"]
    if merged["connected_at"] is not None and end in _NOT_CONNECTED:
        return CallEnd.CONNECTED.value if other is None or other in _NOT_CONNECTED else other
    if merged["joined_at"] is not None and end == CallEnd.IN_MENU:
        return CallEnd.ABANDONED.value
    return end
