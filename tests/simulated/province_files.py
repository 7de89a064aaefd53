"""Files of earlier records that hold what the provinces' articles report, among much else.

The same every time. What must not count stands beside what must: a second before and after the
period, unrelated calls, several outcomes of one call, trips without calls, trips called off.
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, count, cycle, repeat
from pathlib import Path

from ivr.calendar import TEHRAN
from ivr.import_columns import COLUMNS
from ivr.reports.period import Period, parse_period
from ivr.rules.counties import gazetteer

Record = dict[str, str]
SECOND = timedelta(seconds=1)
NOT_FOR_US = ("unrelated", "silent", "prank", "test", "unrelated", "unrelated")

SOUTH_KHORASAN = parse_period("1400/01/01", "1400/03/31")
# «چهار ماه گذشته» of 7 Shahrivar 1403: which four months is not printed; these are taken.
QAZVIN = parse_period("1403/02/01", "1403/05/31")
# «سال گذشته»; the article's year is not printed, 1394 is likely (see 18 Shahrivar, a Wednesday).
ILAM = parse_period("1393/01/01", "1393/12/29")
KHUZESTAN = parse_period("1403/01/01", "1403/12/30")  # a leap year
MARKAZI = parse_period("1403/01/01", "1403/12/30")  # the article has no figures of calls


class Province:
    """Makes records of one province, numbered as they are made."""

    def __init__(self, province: str, period: Period) -> None:
        self.id, self.period = province, period
        self._numbers = count(1)
        self._counties = cycle([one.id for one in gazetteer().counties_of(province)])

    def record(self, at: datetime, **values: str) -> Record:
        there = at.astimezone(TEHRAN).isoformat(timespec="seconds")
        key = str(next(self._numbers))
        return {"key": key, "county": next(self._counties), "at": there, **values}

    def calls(self, how_many: int, *outcomes: str, **values: str) -> Iterator[Record]:
        """Related calls over the whole period, the outcomes by turns."""
        for at, said in zip(self._moments(how_many), cycle(outcomes), strict=False):
            yield self.record(at, outcomes=said, **values)

    def not_for_us(self, how_many: int) -> Iterator[Record]:
        for at, relation in zip(self._moments(how_many), cycle(NOT_FOR_US), strict=False):
            yield self.record(at, relation=relation)

    def trips(self, how_many: int, persons: Sequence[int] = (), **values: str) -> Iterator[Record]:
        for at, people in zip(self._moments(how_many), chain(persons, repeat(0)), strict=False):
            more = {"persons": str(people)} if people else {}
            yield self.record(at, record="dispatch", team=self._team(), **more, **values)

    def stays(
        self, how_many: int, kind: str, persons: Sequence[int] = (), **values: str
    ) -> Iterator[Record]:
        centre = "crisis-qazvin" if self.id == "qazvin" else "crisis-1"
        for at, people in zip(self._moments(how_many), chain(persons, repeat(0)), strict=False):
            more = {"persons": str(people)} if people else {}
            yield self.record(at, record="visit", centre=centre, kind=kind, **more, **values)

    def outside(self, outcomes: str) -> Iterator[Record]:
        """One of each kind in the last second before the period, and in the first one after it."""
        for at in (self.period.from_at - SECOND, self.period.until_at):
            yield self.record(at, outcomes=outcomes, persons="9")
            yield self.record(at, record="dispatch", team=self._team(), persons="9")
            centre = "crisis-qazvin" if self.id == "qazvin" else "crisis-1"
            for kind in ("admission", "outpatient"):
                yield self.record(at, record="visit", centre=centre, kind=kind, persons="9")

    def _team(self) -> str:
        return "team-qazvin" if self.id == "qazvin" else "team-1"

    def _moments(self, how_many: int) -> Iterator[datetime]:
        """From the first second of the period to its last."""
        whole = self.period.until_at - SECOND - self.period.from_at
        for number in range(how_many):
            at = self.period.from_at + whole * number / max(how_many - 1, 1)
            yield at.replace(microsecond=0)


def written(path: Path, records: Iterator[Record]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in COLUMNS])
        writer.writeheader()
        writer.writerows(records)
    return path


def shared_out(total: int, among: int) -> list[int]:
    """Whole numbers, as even as may be, that add up to `total`."""
    return [total // among + (number < total % among) for number in range(among)]


OTHERS = (
    "internal_other",
    "external:police;internal_other",
    "service_base",
    "external;external:judiciary",
)


def south_khorasan(live: dict[str, int]) -> Iterator[Record]:
    """1,588 = 363 + 317 + 194 + 714 without those that came through the line (`live`).

    25 of the mobile teams' are written as solved by phone: later forms set that right.
    """
    place = Province("south-khorasan", SOUTH_KHORASAN)
    yield from place.calls(25, "phone_resolved", note="wrong at first")
    yield from place.calls(
        363 - live["phone_resolved"], "phone_resolved:psychology", "phone_resolved;call_back_due"
    )
    yield from place.calls(317 - 25 - live["mobile_team"], "mobile_team")
    centre = "crisis_centre_outpatient;crisis_centre_admission"
    yield from place.calls(
        194 - live["crisis_centre_outpatient"], "crisis_centre_outpatient", centre, persons="2"
    )
    yield from place.calls(714 - live["external"], *OTHERS)
    yield from place.not_for_us(700)
    yield from place.trips(260, shared_out(500, 260), asked_by="police")
    yield from place.trips(40, shared_out(83, 40), call="1")  # several trips of one call
    yield from place.trips(30, shared_out(60, 30), cancelled_at=_after(SOUTH_KHORASAN))
    yield from place.stays(200, "outpatient", shared_out(400, 200), services="psychology;legal")
    yield from place.stays(30, "admission", shared_out(55, 30), services="keeping")
    yield from place.outside("mobile_team;phone_resolved")


def _after(period: Period) -> str:
    return period.until_at.astimezone(TEHRAN).isoformat()


def qazvin() -> Iterator[Record]:
    """1,883 calls, 1,717 trips, 546 admissions."""
    place = Province("qazvin", QAZVIN)
    yield from place.calls(1183, "phone_resolved", "mobile_team", "phone_resolved;mobile_team")
    yield from place.not_for_us(700)
    yield from place.trips(1000, asked_by="hospital")
    yield from place.trips(717, call="1")
    yield from place.trips(80, cancelled_at=_after(QAZVIN))
    yield from place.stays(546, "admission", repeat_ones(546))
    yield from place.stays(90, "outpatient", repeat_ones(90))
    yield from place.outside("mobile_team")


def repeat_ones(how_many: int) -> list[int]:
    return [1] * how_many


def ilam() -> Iterator[Record]:
    """8,000 calls, in 1,700 of which the specialists went there themselves."""
    place = Province("ilam", ILAM)
    yield from place.calls(1700, "mobile_team", "mobile_team;phone_resolved:social_work")
    yield from place.calls(3300, "phone_resolved")
    yield from place.not_for_us(3000)
    yield from place.outside("mobile_team")


def khuzestan() -> Iterator[Record]:
    """15,700 calls; 9,000 trips, a third of them without a call."""
    place = Province("khuzestan", KHUZESTAN)
    yield from place.calls(7700, "mobile_team", "phone_resolved")
    yield from place.not_for_us(8000)
    yield from place.trips(6000, call="1")
    yield from place.trips(3000, asked_by="judiciary")
    yield from place.outside("mobile_team")


def markazi() -> Iterator[Record]:
    yield from Province("markazi", MARKAZI).outside("mobile_team")
