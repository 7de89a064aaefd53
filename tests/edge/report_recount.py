"""The figures of a report counted anew: plain SQL, and Python's own arithmetic for times.

Written apart from what it checks; it shares no statement and no condition with the program.
"""

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, text

from ivr.reports.figures import Scope
from ivr.reports.period import Period
from ivr.store.store import Store
from ivr.store.tables import UtcDateTime

_CALLS = """
SELECT c.call, c.county AS line_county, c.category AS heard, c.desk, c.counsellor, c.end, c.entered,
       c.arrived_at, c.joined_at, c.connected_at, c.talk_ended_at, c.ended_at, c.lost_at,
       c.answered_where, c.abandoned_why,
       f.id AS form, f.relation, f.county AS event_county, f.category AS found,
       f.wrong_county, f.wrong_category
FROM calls c LEFT JOIN forms f ON f.call = c.call AND f.replaced_by IS NULL
WHERE (c.province = :province OR :province = '') AND c.arrived_at >= :from_at
  AND c.arrived_at < :until_at
"""
_SENT = """
SELECT id, call, cover, county FROM dispatches
WHERE (province = :province OR :province = '') AND sent_at >= :from_at AND sent_at < :until_at
"""
_BEGAN = """
SELECT id, call, kind, county FROM visits
WHERE (province = :province OR :province = '') AND from_at >= :from_at AND from_at < :until_at
"""
_TIMES = ("arrived_at", "joined_at", "connected_at", "talk_ended_at", "ended_at", "at")
Rows = list[Mapping[str, Any]]


async def recount(store: Store, scope: Scope, period: Period) -> dict[str, float | None]:
    """Every figure by its id; counts of nothing are left out."""
    found: Counter[str] = Counter()
    recounting = _Recount(store, scope, period)
    calls = [row for row in await recounting.read(_CALLS) if recounting.holds(row)]
    for row in calls:
        found.update(_of_call(row))
    await recounting.outcomes_and_corrections(calls, found)
    await recounting.others(calls, found)
    times = await recounting.times(calls)
    return {**found, **times}


class _Recount:
    def __init__(self, store: Store, scope: Scope, period: Period) -> None:
        self._store, self._scope, self._period = store, scope, period

    async def read(self, statement: str, **values: Any) -> Rows:
        limits = {
            "province": self._scope.province or "",
            "from_at": self._period.from_at,
            "until_at": self._period.until_at,
        }
        used = {
            name: value for name, value in {**limits, **values}.items() if f":{name}" in statement
        }
        kinds = [
            bindparam(name, value, type_=UtcDateTime() if isinstance(value, datetime) else None)
            for name, value in used.items()
        ]
        columns = {name: UtcDateTime() for name in _TIMES if _selects(statement, name)}
        asked = text(statement).bindparams(*kinds).columns(**columns)
        async with self._store.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(asked)).mappings()]

    def holds(self, row: Mapping[str, Any]) -> bool:
        scope = self._scope
        wanted = (
            (scope.county, row["event_county"] or row["line_county"]),
            (scope.category, row["found"] or row["heard"] or "unknown"),
            (scope.desk, row["desk"]),
            (scope.counsellor, row["counsellor"]),
        )
        return all(want is None or want == has for want, has in wanted)

    async def outcomes_and_corrections(self, calls: Rows, found: Counter[str]) -> None:
        forms = {row["form"]: row["call"] for row in calls if row["form"] is not None}
        having: dict[str, set[str]] = {}
        for row in await self.read("SELECT form, outcome, kind, body FROM outcomes"):
            if row["form"] not in forms:
                continue
            for figure in _of_outcome(row):
                having.setdefault(figure, set()).add(forms[row["form"]])
        found.update({figure: len(having[figure]) for figure in having})
        words: dict[str, list[Any]] = {}
        for row in await self.read(
            "SELECT call, county, previous_county FROM corrections ORDER BY id"
        ):
            words.setdefault(row["call"], []).append(row)
        mine = {row["call"] for row in calls}
        found["misrouted"] = sum(
            said[0]["previous_county"] not in {None, said[-1]["county"]}
            for call, said in words.items()
            if call in mine
        )

    async def others(self, calls: Rows, found: Counter[str]) -> None:
        sent = await self._held(_SENT)
        began = await self._held(_BEGAN)
        for row in sent:
            found.update(["dispatches", f"dispatches.{row['cover']}"])
            found["dispatches.without_call"] += row["call"] is None
        for row in began:
            found["admissions" if row["kind"] == "admission" else "outpatient_visits"] += 1
        served = {
            "line": ("form", {row["form"] for row in calls} - {None}),
            "mobile_team": ("dispatch", {row["id"] for row in sent}),
            "crisis_centre": ("visit", {row["id"] for row in began}),
        }
        people = await self.read(
            'SELECT form, dispatch, visit, "count" AS many, age_band, sex FROM persons'
        )
        for who, (of, numbers) in served.items():
            for row in (row for row in people if row[of] in numbers):
                whole = f"persons.{who}"
                found[whole] += row["many"]
                found[f"{whole}.age.{row['age_band'] or 'unknown'}"] += row["many"]
                found[f"{whole}.sex.{row['sex'] or 'unknown'}"] += row["many"]

    async def _held(self, statement: str) -> Rows:
        scope, found = self._scope, await self.read(statement)
        if scope.county:
            found = [row for row in found if row["county"] == scope.county]
        if scope.category or scope.desk or scope.counsellor:
            every = await self.read(_CALLS.split("WHERE", maxsplit=1)[0])
            mine = {
                row["call"]
                for row in every
                if self.holds({**row, "event_county": scope.county, "line_county": None})
            }
            found = [row for row in found if row["call"] in mine]
        return found

    async def times(self, calls: Rows) -> dict[str, float | None]:
        joined = [row for row in calls if row["joined_at"] and _left_line(row)]
        waits = [_s(row["joined_at"], row["connected_at"]) for row in joined if row["connected_at"]]
        gave_up = [
            row
            for row in joined
            if not row["connected_at"] and row["end"] in {"abandoned", "fallback_abandoned"}
        ]
        talks = [
            _s(row["connected_at"], row["talk_ended_at"])
            for row in calls
            if row["connected_at"] and row["talk_ended_at"]
        ]
        menus = [_s(row["arrived_at"], row["joined_at"]) for row in calls if row["joined_at"]]
        level = len(waits) + len(gave_up)
        wrap_ups = await self._wrap_ups(calls)
        return {
            "service_level_15": _part(sum(wait <= 15 for wait in waits), level),
            "service_level_20": _part(sum(wait <= 20 for wait in waits), level),
            "asa": _mean(waits),
            "wait_p95": _p95(waits),
            "wait_longest": max(
                (_s(row["joined_at"], _left_line(row)) for row in joined), default=None
            ),
            "talk_mean": _mean(talks),
            "wrap_up_mean": _mean(wrap_ups),
            "menu_mean": _mean(menus),
            "menu_p95": _p95(menus),
        }

    async def _wrap_ups(self, calls: Rows) -> list[float]:
        first: dict[str, datetime] = {}
        for row in await self.read("SELECT call, at FROM outcomes"):
            first[row["call"]] = min(row["at"], first.get(row["call"], row["at"]))
        found = []
        for row in calls:
            if row["call"] in first and row["talk_ended_at"] and row["entered"] is None:
                took = _s(row["talk_ended_at"], first[row["call"]])
                found += [took] if row["connected_at"] and 0 <= took <= 1800 else []
        return found


def _selects(statement: str, name: str) -> bool:
    head = statement.split("FROM", maxsplit=1)[0]
    return any(word.strip().split(".")[-1].split()[-1] == name for word in head.split(","))


def _of_call(row: Mapping[str, Any]) -> list[str]:
    hour = row["arrived_at"].astimezone(ZoneInfo("Asia/Tehran")).hour
    found = ["calls", f"hour.{hour:02}", f"calls_{row['relation'] or 'pending'}"]
    found.append(f"county.{row['event_county'] or row['line_county'] or 'unknown'}")
    if row["relation"] in {None, "related"}:
        found.append(f"category.{row['found'] or row['heard'] or 'unknown'}")
    if row["entered"]:
        found.append(f"calls_{row['entered']}")
    if row["lost_at"]:
        found.append("lost_in_danger")
    found += [name for name in ("wrong_county", "wrong_category") if row[name]]
    return found + _of_end(row)


def _of_end(row: Mapping[str, Any]) -> list[str]:
    end, why = row["end"], row["abandoned_why"]
    if row["connected_at"] or end in {"connected", "fallback_connected"}:
        return ["connected", f"where.{row['answered_where'] or 'unknown'}"]
    if end == "abandoned":
        return ["abandoned", f"abandoned.{why or 'unknown'}"]
    if end == "fallback_abandoned":
        return ["abandoned", "abandoned.in_fallback"]
    return [
        {"in_menu": "left_in_menu", "short_abandonment": "abandoned_short"}.get(end, "end_unknown")
    ]


def _of_outcome(row: Mapping[str, Any]) -> list[str]:
    outcome = row["outcome"]
    found = [f"outcome.{outcome}"]
    if outcome == "phone_resolved" and row["kind"]:
        found.append(f"outcome.phone_resolved.{row['kind']}")
    if outcome == "external" and row["body"]:
        found.append(f"outcome.external.{row['body']}")
    if outcome.startswith("crisis_centre_"):
        found.append("outcome.crisis_centre")
    if outcome in {"service_base", "internal_other", "external"}:
        found.append("outcome.other_centres")
    return found


def _left_line(row: Mapping[str, Any]) -> datetime | None:
    return row["connected_at"] or row["ended_at"]


def _s(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def _mean(times: list[float]) -> float | None:
    return sum(times) / len(times) if times else None


def _p95(times: list[float]) -> float | None:
    return sorted(times)[math.ceil(95 * len(times) / 100) - 1] if times else None


def _part(some: int, whole: int) -> float | None:
    return some / whole if whole else None
