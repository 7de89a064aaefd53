"""How fast plans, the check before publishing and dry runs are, beside their bars."""

import statistics
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

from ivr.bench.dry_run import years
from ivr.bench.full_province import FullProvince, full_province
from ivr.bench.machine import machine
from ivr.duty import DutyBook, duty_at
from ivr.model import UNKNOWN_CATEGORY, CallFacts, Counsellor, Lane, ProvinceId
from ivr.people import load_people
from ivr.prompts.catalogue import load_catalogue
from ivr.publishing import publish_findings
from ivr.router import plan
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings

LARGEST = ProvinceId("khuzestan")
PLAN_US = "router.plan, µs"
CHECK_S = "check before publishing, s"
DRY_RUN_S = "dry run of a year, s"
BARS = {PLAN_US: 100.0, CHECK_S: 2.0, DRY_RUN_S: 30.0}  # of medians
_HOURS = (0, 5, 14, 31)  # after the present one
_CHECKS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Samples of one measure on one subject, in the unit of the measure."""

    measure: str
    subject: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        return sorted(self.samples)[int(0.99 * (len(self.samples) - 1))]

    @property
    def keeps_its_bar(self) -> bool:
        return self.median <= BARS[self.measure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    began_at: datetime
    machine: dict[str, object]
    measured: tuple[Measured, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "machine": self.machine,
            "bars": BARS,
            "measured": [
                {
                    "measure": one.measure,
                    "subject": one.subject,
                    "median": one.median,
                    "p99": one.p99,
                    "samples": one.samples,
                }
                for one in self.measured
            ],
        }


def measure(settings: Settings, *, quick: bool) -> Result:
    """All measures; raises RulesError or BadInput where the files of rules and people are wrong."""
    began_at = datetime.now(UTC)
    provinces = load_all(settings.rules_dir)
    people = load_people(settings.demo_dir)
    delivered = next(one for one in provinces if one.id == LARGEST)
    largest = full_province(delivered, began_at)
    rounds = 1 if quick else 4
    measured = [plans(one, people, DutyBook(), began_at, rounds=rounds) for one in provinces]
    measured += [
        plans(largest.rules, largest.people, largest.book, began_at, rounds=rounds, note="in full"),
        checks(largest, load_catalogue(settings.prompts_dir).prompts.keys(), began_at, quick=quick),
        Measured(
            measure=DRY_RUN_S,
            subject=f"{LARGEST}, as delivered and in full",
            samples=years(delivered, largest.rules, people, began_at, times=1 if quick else 3),
        ),
    ]
    return Result(began_at=began_at, machine=machine(), measured=tuple(measured))


def plans(
    rules: ProvinceRules,
    people: Sequence[Counsellor],
    book: DutyBook,
    at: datetime,
    *,
    rounds: int,
    note: str = "",
) -> Measured:
    """One plan after the other for every county, category and lane; duty's page is made before."""
    samples = []
    for _, hours in product(range(rounds), _HOURS):
        now = at + timedelta(hours=hours)
        duty = duty_at(people, now, book)
        for facts in _calls(rules):
            began_ns = time.perf_counter_ns()
            plan(rules, duty, facts, now)
            samples.append((time.perf_counter_ns() - began_ns) / 1000)
    subject = f"{rules.id} {note}".strip()
    return Measured(measure=PLAN_US, subject=subject, samples=tuple(samples))


def _calls(rules: ProvinceRules) -> Iterator[CallFacts]:
    counties = (None, *(county.id for county in rules.counties))
    categories = (UNKNOWN_CATEGORY, *(category.id for category in rules.categories))
    for county, category, lane in product(counties, categories, (Lane.DANGER, Lane.ORDINARY)):
        yield CallFacts(province=rules.id, county=county, category=category, lane=lane)


def checks(world: FullProvince, prompts: Collection[str], at: datetime, *, quick: bool) -> Measured:
    """Everything that is looked at before publishing, each time on rules read anew."""
    document = world.rules.model_dump_json()
    samples = []
    for _ in range(3 if quick else _CHECKS):
        rules = ProvinceRules.model_validate_json(document)
        began_s = time.perf_counter()
        publish_findings(rules, world.people, world.book, at, prompts)
        samples.append(time.perf_counter() - began_s)
    return Measured(measure=CHECK_S, subject=f"{world.rules.id} in full", samples=tuple(samples))


def table(result: Result) -> str:
    """The numbers as Markdown."""
    lines = ["| measure | subject | median | p99 | samples | bar |", "| --- |" + " --- |" * 5]
    for one in result.measured:
        bar = f"{BARS[one.measure]:g}{'' if one.keeps_its_bar else ' (missed)'}"
        numbers = f"{one.median:.3g} | {one.p99:.3g} | {len(one.samples)}"
        lines.append(f"| {one.measure} | {one.subject} | {numbers} | {bar} |")
    return "\n".join(lines)
