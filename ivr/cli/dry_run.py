"""`ivr rules dry-run`: what other rules would have meant for past or simulated calls."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from ivr.calendar import day_began_at
from ivr.cli.dry_run_report import CallsUsed, Report, print_report, report_json
from ivr.cli.version_tables import print_json
from ivr.cli.versions import JsonOption, version_store
from ivr.coverage import desks_of
from ivr.current import current_in_force
from ivr.dry_run.calls import PastCall, recorded_calls, simulated_calls
from ivr.dry_run.compare import FEW_CALLS
from ivr.dry_run.run import Period, dry_run
from ivr.errors import BadInput, StoreError
from ivr.in_force import InForce
from ivr.model import ProvinceId
from ivr.rules.judging import did_you_mean
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings, load_settings
from ivr.simulator.day_people import LOADS
from ivr.store.past import Past, past_of
from ivr.store.store import Store
from ivr.text import to_ascii_digits

MOST_DAYS = 3 * 366
_VERSION = re.compile(r"(?:([a-z-]+):)?(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was typed. `load` None: simulate only where too few calls are recorded."""

    draft: str
    province: str | None
    period: Period
    simulated: bool
    seed: int
    load: float | None


def command(
    draft: Annotated[
        str,
        typer.Argument(help="A rules file, PROVINCE:NUMBER, or with --province the number alone."),
    ],
    *,
    province: Annotated[str | None, typer.Option(help="The province of a number.")] = None,
    days: Annotated[
        int, typer.Option(min=1, max=MOST_DAYS, help="The last days, today included.")
    ] = 28,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Simulated calls, whatever is recorded.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same chance.")] = 7,
    load: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=100, help="Simulate so many times the calls that the source counts."
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=0, help="How many of the calls that change most are shown.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Replay past calls by the rules in force and by a draft; nothing is changed.

    The calls are the recorded ones of the last days, or simulated ones where fewer than 100 are
    recorded. With --json an object: province, old, new, calls, people, assumptions, warnings,
    before, after, counties, changed, calls_that_change_most, worse, perhaps_worse.
    """
    began_at = day_began_at(datetime.now(UTC)) - timedelta(days=days - 1)
    asked = _Asked(
        draft=draft,
        province=province,
        period=Period(from_at=began_at, days=days),
        simulated=simulated or load is not None,
        seed=seed,
        load=load,
    )
    report = asyncio.run(_report(load_settings(), asked))
    if as_json:
        print_json(report_json(report, most))
    else:
        print_report(report, most)


async def _report(settings: Settings, asked: _Asked) -> Report:
    in_force = await current_in_force(settings, datetime.now(UTC))
    name, new = await _draft(settings, asked)
    old = _old(in_force, new.id)
    past = await _past(settings, in_force, (old, new), asked.period)
    calls, used = _calls(asked, (old, new), past)
    found = dry_run(
        old,
        new,
        calls=calls,
        people=in_force.counsellors,
        book=past.book,
        period=asked.period,
        seed=asked.seed,
    )
    return Report(
        old=old, new=new, new_name=name, period=asked.period, calls=used, book=past.book, run=found
    )


async def _draft(settings: Settings, asked: _Asked) -> tuple[str, ProvinceRules]:
    """What it is called, and its rules."""
    version = _VERSION.fullmatch(to_ascii_digits(asked.draft))
    if version is None:
        return asked.draft, _of_file(Path(asked.draft), asked.province)
    province, number = version[1] or asked.province, int(version[2])
    if province is None:
        raise BadInput(f"{asked.draft}: which province's? Write PROVINCE:{number}, or --province.")
    if asked.province not in {None, province}:
        raise BadInput(f"--province {asked.province}: {asked.draft} names {province}.")
    async with version_store(settings) as versions:
        stored = await versions.version(ProvinceId(province), number)
    return stored.name, stored.rules


def _of_file(file: Path, province: str | None) -> ProvinceRules:
    rules = load_rules(file)
    if province not in {None, rules.id}:
        raise BadInput(f"{file}: holds the rules of {rules.id}, not of {province}.")
    return rules


def _old(in_force: InForce, province: ProvinceId) -> ProvinceRules:
    by_id = {rules.id: rules for rules in in_force.rules}
    if province not in by_id:
        raise BadInput(
            f"{province}: no rules are in force that the draft could be compared with. "
            f"{did_you_mean(province, by_id)}"
        )
    return by_id[province]


async def _past(
    settings: Settings, in_force: InForce, rules: tuple[ProvinceRules, ...], period: Period
) -> Past:
    """Nothing where nothing was installed yet (no revision), or the database is away."""
    nothing = Past(records=(), book=in_force.book)
    if in_force.revision == 0:
        return nothing
    try:
        async with Store(settings) as store:
            desks = frozenset(chain.from_iterable(map(desks_of, rules)))
            return await past_of(store, rules[0].id, desks, period.from_at, period.until_at)
    except StoreError as error:
        typer.echo(f"The past cannot be read: {error}", err=True)
        return nothing


def _calls(
    asked: _Asked, rules: tuple[ProvinceRules, ...], past: Past
) -> tuple[tuple[PastCall, ...], CallsUsed]:
    recorded = recorded_calls(past.records, asked.seed)
    if len(recorded) >= FEW_CALLS and not asked.simulated:
        menu = len(past.records) - len(recorded)
        return recorded, CallsUsed(number=len(recorded), recorded=len(recorded), menu=menu)
    return _simulated(asked, rules, len(recorded))


def _simulated(
    asked: _Asked, rules: tuple[ProvinceRules, ...], recorded: int
) -> tuple[tuple[PastCall, ...], CallsUsed]:
    load = LOADS.get(rules[0].id)
    if load is None:
        raise BadInput(
            f"{rules[0].id}: no source says how many calls come there, so none can be simulated, "
            f"and {recorded} are recorded in {asked.period.days} days ({FEW_CALLS} are needed). "
            "Take more --days."
        )
    factor = asked.load or 1.0
    calls = simulated_calls(
        load,
        rules,
        from_at=asked.period.from_at,
        days=asked.period.days,
        seed=asked.seed,
        factor=factor,
    )
    used = CallsUsed(
        number=len(calls),
        recorded=recorded,
        simulated_from=load.source,
        factor=factor,
        seed=asked.seed,
        asked_for=asked.simulated,
    )
    return calls, used
