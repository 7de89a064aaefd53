"""How long reports take: a year of the largest province, and ten million calls on PostgreSQL."""

import resource
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from ivr.bench.machine import machine
from ivr.bench.reports_million import write_millions
from ivr.bench.reports_year import PROVINCE, write_year
from ivr.errors import BadInput
from ivr.model import CategoryId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.reports.figures import Scope
from ivr.reports.period import Period, before, parse_period
from ivr.settings import Settings
from ivr.store.reports import ReportStore
from ivr.store.store import Store
from ivr.store.tables import calls

YEAR = parse_period("1403/01/01", "1403/12/30")
YEAR_BAR_S, MILLIONS_BAR_S = 1.0, 5.0
MILLIONS = 10_000_000
_P3 = ProvinceId("p03")
_ALL = "all provinces, PostgreSQL"
# What managers open, each once for the first time. Limits that no other case has.
_ASKED: dict[str, tuple[Scope, Period]] = {
    _ALL: (Scope(), YEAR),
    "one province": (Scope(province=_P3), YEAR),
    "odd days of one province": (Scope(province=_P3), parse_period("1403/01/10", "1403/03/20")),
    "one county": (Scope(province=_P3, county=CountyId("p03-8")), YEAR),
    "odd days of one county": (
        Scope(province=_P3, county=CountyId("p03-16")),
        parse_period("1403/07/20", "1403/09/10"),
    ),
    "one desk": (Scope(province=_P3, desk=DeskId("p03-12")), YEAR),
    "one counsellor": (Scope(province=_P3, counsellor=CounsellorId("p03-counsellor-48")), YEAR),
    "one category": (Scope(province=_P3, category=CategoryId("divorce")), YEAR),
    "a month of one category": (
        Scope(province=_P3, category=CategoryId("child_abuse")),
        parse_period("1403/05/01", "1403/05/31"),
    ),
    "one category, all provinces": (Scope(category=CategoryId("family_dispute")), YEAR),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds for reports of so many calls, with the period before; `first_s` is the first one.

    `kept_s` is what counting beforehand took, as the running line does it (PostgreSQL).
    """

    subject: str
    calls: int
    bar_s: float
    written_s: float
    kept_s: float
    first_s: float
    samples_s: tuple[float, ...]
    peak_mb: float  # of this process, whatever it did before

    @property
    def slowest_s(self) -> float:
        return max(self.first_s, *self.samples_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    began_at: datetime
    machine: dict[str, object]
    measured: tuple[Measured, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "began_at": self.began_at.isoformat(),
            "machine": self.machine,
            "measured": [
                {name: getattr(one, name) for name in Measured.__slots__}
                | {"slowest_s": one.slowest_s}
                for one in self.measured
            ],
        }


def table(result: Result) -> str:
    titles = ("calls", "kept in, s", "first, s", "slowest, s", "bar, s", "peak, MB")
    lines = ["{:>10} {:>11} {:>9} {:>11} {:>7} {:>9}  of".format(*titles)]
    lines += [
        f"{one.calls:>10,} {one.kept_s:>11.1f} {one.first_s:>9.2f} {one.slowest_s:>11.2f} "
        f"{one.bar_s:>7.1f} {one.peak_mb:>9.0f}  {one.subject}"
        for one in result.measured
    ]
    return "\n".join(lines)


async def measure(*, times: int, database: str | None, millions: int = MILLIONS) -> Result:
    """A year on SQLite; with a database, `millions` calls in it. Raises BadInput if it has any."""
    began_at = datetime.now(UTC)
    measured = [await _year(times)]
    if database is not None:
        measured += await _millions(database, millions, times)
    return Result(began_at=began_at, machine=machine(), measured=tuple(measured))


async def _year(times: int) -> Measured:
    async with _new_store(None) as store:
        began_s = time.perf_counter()
        count = await write_year(store, YEAR)
        await write_year(store, before(YEAR), first=count)
        written_s = time.perf_counter() - began_s
        return await _reports(
            store,
            "a year of Khuzestan, SQLite",
            (Scope(province=PROVINCE), YEAR),
            expected=count,
            bar_s=YEAR_BAR_S,
            took_s=(written_s, 0.0),
            times=times,
        )


async def _millions(database: str, count: int, times: int) -> list[Measured]:
    async with _new_store(database) as store:
        (row,) = await store.rows(select(func.count().label("calls")).select_from(calls))
        if row["calls"]:
            raise BadInput(
                "--database has calls already, and the benchmark would add its own to them; give "
                "it a new database (createdb)."
            )
        began_s = time.perf_counter()
        await write_millions(store.engine.url, YEAR, count)
        written_s = time.perf_counter() - began_s
        began_s = time.perf_counter()
        await ReportStore(store).keep()
        kept_s = time.perf_counter() - began_s
        return [
            await _reports(
                store,
                subject,
                asked,
                expected=count if subject == _ALL else None,
                bar_s=MILLIONS_BAR_S,
                took_s=(written_s, kept_s),
                times=times,
            )
            for subject, asked in _ASKED.items()
        ]


async def _reports(
    store: Store,
    subject: str,
    asked: tuple[Scope, Period],
    *,
    expected: int | None,
    bar_s: float,
    took_s: tuple[float, float],
    times: int,
) -> Measured:
    samples = []
    for _ in range(times + 1):
        began_s = time.perf_counter()
        report = await ReportStore(store).report(*asked)
        samples.append(time.perf_counter() - began_s)
        found = int(report.figure("calls").now.number or 0)
        assert found > 0, subject
        assert expected in {None, found}, "every call is counted"
    return Measured(
        subject=subject,
        calls=found,
        bar_s=bar_s,
        written_s=took_s[0],
        kept_s=took_s[1],
        first_s=samples[0],
        samples_s=tuple(samples[1:]),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


@asynccontextmanager
async def _new_store(database: str | None) -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory(prefix="line123-reports-") as home:
        async with await Store.open(Settings(home=Path(home), database_url=database)) as store:
            yield store
