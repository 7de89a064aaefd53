"""A few hundred random calls and what came of them, many of them at the borders of a month.

Rows, not records: what reports count is what stands in the tables, whoever wrote it.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from sqlalchemy import Table, insert

from ivr.dispatching import CoverKind
from ivr.model import CallEnd, CallId, CallPhase, Lane, ProvinceId
from ivr.outcomes import AgeBand, OutcomeId, OutsideBody, Relation, ServiceKind, Sex
from ivr.reports.period import Period
from ivr.store.outcome_tables import dispatches, forms, persons, visits
from ivr.store.records import call_to_row
from ivr.store.store import Store
from ivr.store.tables import calls, corrections, outcomes
from tests.edge.store_examples import call

PROVINCES = ("qazvin", "markazi")
COUNTIES = ("saveh", "arak", "gone")
CATEGORIES = ("child_abuse", "family_dispute", "unknown")
PEOPLE = ("maryam", "reza")
_ENDS = [*CallEnd, None]
_MICROSECOND = timedelta(microseconds=1)
_IN_ORDER = (calls, corrections, forms, outcomes, dispatches, visits, persons)


class World:
    """Draws rows and writes them; the same seed draws the same."""

    def __init__(self, seed: int, period: Period, first: int = 1) -> None:
        self._draw = Random(seed)
        self._period = period
        self._numbers = count(first)
        self._rows: defaultdict[Table, list[dict[str, Any]]] = defaultdict(list)

    async def write(self, store: Store, many: int) -> None:
        for _ in range(many):
            self._call()
        for _ in range(many // 4):
            self._dispatch(None)
            self._visit(None)
        async with store.writing() as connection:
            for table in _IN_ORDER:
                if self._rows[table]:
                    await connection.execute(insert(table), self._rows.pop(table))

    def _at(self) -> datetime:
        """Within the period, before or after it, or at its very edges."""
        period, draw = self._period, self._draw
        edges = (
            *(period.from_at, period.from_at - _MICROSECOND),
            *(period.until_at - _MICROSECOND, period.until_at),
        )
        if draw.random() < 0.2:
            return draw.choice(edges)
        days = draw.uniform(-3, period.days + 3)
        return period.from_at + timedelta(days=days)

    def _place(self) -> dict[str, str]:
        province = self._draw.choice(PROVINCES)
        return {"province": province, "county": f"{province}-{self._draw.choice(COUNTIES)}"}

    def _call(self) -> None:
        row = self._call_row()
        self._rows[calls].append(row)
        for _ in range(self._draw.choice((0, 0, 0, 1, 2))):
            self._correction(row)
        replaced = None
        for _ in range(self._draw.choice((0, 1, 1, 2))):  # the last one written counts
            replaced = self._form(row, replaced)
        for made in (self._dispatch, self._visit):
            if self._draw.random() < 0.2:
                made(row["call"])

    def _call_row(self) -> dict[str, Any]:
        draw, at, place = self._draw, self._at(), self._place()
        end = draw.choice(_ENDS)
        joined = None if end is CallEnd.IN_MENU else self._after(at, 60)
        talked = end in {CallEnd.CONNECTED, CallEnd.FALLBACK_CONNECTED}
        connected = self._after(joined, 40) if talked and joined else None
        ended = self._after(connected or joined or at, 900) if end else None
        known = draw.random() < 0.9
        row = call_to_row(
            call(
                f"{next(self._numbers)}.0",
                province=ProvinceId(place["province"]),
                arrived_at=at,
                phase=CallPhase.ENDED if end else CallPhase.WAITING,
            )
        )
        return {
            **row,
            "end": end and end.value,
            "joined_at": joined,
            "connected_at": connected,
            "talk_ended_at": ended if connected else None,
            "ended_at": ended,
            "county": place["county"] if known else None,
            "category": draw.choice(CATEGORIES) if known else None,
            "lane": Lane.ORDINARY.value,
            "desk": draw.choice((place["county"], place["province"])) if connected else None,
            "counsellor": draw.choice(PEOPLE) if connected else None,
            "entered": draw.choice((None, None, None, "paper", "imported")),
            "lost_at": at if draw.random() < 0.05 else None,
            "answered_where": draw.choice((None, "own", "supporting", "fallback"))
            if talked
            else None,
            "abandoned_why": draw.choice((None, "too_busy", "nobody_on_duty"))
            if end is CallEnd.ABANDONED
            else None,
        }

    def _after(self, at: datetime, seconds: float) -> datetime:
        """Often at whole seconds: the thresholds are."""
        draw = self._draw
        if draw.random() < 0.3:
            return at + timedelta(seconds=draw.choice((0, 15, 20, 30)))
        return at + timedelta(seconds=draw.uniform(0, seconds))

    def _correction(self, row: Mapping[str, Any]) -> None:
        values = {
            "call": row["call"],
            "county": f"{row['province']}-{self._draw.choice(COUNTIES)}",
            "previous_county": self._draw.choice((row["county"], None)),
            "previous_source": "keypad",
            "by": "reza",
            "at": row["arrived_at"],
        }
        self._rows[corrections].append(values)

    def _form(self, row: Mapping[str, Any], replaced: int | None) -> int:
        draw = self._draw
        at = self._after(row["ended_at"] or row["arrived_at"], 4000)
        relation = draw.choice([*Relation])
        values = {
            "key": f"form-{next(self._numbers)}",
            "call": row["call"],
            "form": {},
            "note": "",
            "relation": relation.value,
            "province": row["province"],
            "source": "live",
            "county": draw.choice((None, f"{row['province']}-saveh")),
            "category": draw.choice((None, *CATEGORIES)),
            "wrong_county": draw.random() < 0.2,
            "wrong_category": draw.random() < 0.2,
            "by": "reza",
            "at": at,
            "replaced_by": None,
        }
        number = self._add(forms, values)
        if replaced is not None:
            self._rows[forms][-2]["replaced_by"] = number
        for outcome in draw.sample([*OutcomeId], draw.choice((0, 1, 1, 2, 3))):
            self._outcome(row["call"], number, outcome, at)
        self._persons("form", number)
        return number

    def _outcome(self, of: str, form: int, outcome: OutcomeId, at: datetime) -> None:
        draw = self._draw
        for _ in range(2 if outcome is OutcomeId.EXTERNAL and draw.random() < 0.5 else 1):
            kind = (
                draw.choice([*ServiceKind, None]) if outcome is OutcomeId.PHONE_RESOLVED else None
            )
            body = draw.choice([*OutsideBody, None]) if outcome is OutcomeId.EXTERNAL else None
            values = {
                "call": of,
                "form": form,
                "outcome": outcome.value,
                "note": "",
                "kind": kind and kind.value,
                "body": body and body.value,
                "by": "reza",
                "at": at,
            }
            self._rows[outcomes].append(values)

    def _persons(self, of: str, number: int) -> None:
        draw = self._draw
        for _ in range(draw.choice((0, 0, 1, 2))):
            age, sex = draw.choice([*AgeBand, None]), draw.choice([*Sex, None])
            values = {
                **dict.fromkeys(("form", "dispatch", "visit")),
                of: number,
                "count": draw.randint(1, 3),
                "age_band": age and age.value,
                "sex": sex and sex.value,
            }
            self._rows[persons].append(values)

    def _dispatch(self, of: CallId | None) -> None:
        draw, at, place = self._draw, self._at(), self._place()
        values = {
            "key": f"dispatch-{next(self._numbers)}",
            "call": of,
            **place,
            "team": "team",
            "team_county": place["county"],
            "asked_by": "call",
            "note": "",
            "by": "reza",
            "cover": draw.choice([*CoverKind]).value,
            "requested_at": at,
            "at": at,
            "sent_at": at if draw.random() < 0.8 else None,
        }
        self._persons("dispatch", self._add(dispatches, values))

    def _visit(self, of: CallId | None) -> None:
        at, place = self._at(), self._place()
        values = {
            "key": f"visit-{next(self._numbers)}",
            "call": of,
            **place,
            "centre": "centre",
            "services": [],
            "from_at": at,
            "note": "",
            "by": "reza",
            "at": at,
            "kind": self._draw.choice(("outpatient", "admission")),
        }
        self._persons("visit", self._add(visits, values))

    def _add(self, table: Table, values: dict[str, Any]) -> int:
        number = next(self._numbers)
        self._rows[table].append({"id": number, **values})
        return number
