"""The parity table: scenario x simulated / real x same history.

`python -m tests.scenarios.parity` plays every scenario on both and writes docs/scenario-parity.md.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ivr.settings import PROJECT, Settings
from ivr.simulator.scenario import Scenario, load_scenarios
from ivr.simulator.scenario_differences import DIFFERENCES, as_simulated
from ivr.simulator.scenario_play import StoryStuck
from ivr.simulator.scenario_stage import simulated_theatre
from tests.scenarios.real_stage import real_theatre

DIRECTORY = Path(__file__).parent
TABLE = PROJECT / "docs" / "scenario-parity.md"
SIMULATED, REAL = "simulated", "real"
THEATRES = 3
_PROPERTY = "scenario"

Verdicts = Mapping[str, Mapping[str, str]]  # scenario → stage → verdict

_HEAD = """# Scenario parity

The stories of `tests/scenarios/*.yaml`, played on the simulated Asterisk (the whole product in
one process, in virtual time) and on a private Asterisk 22 (`ivr serve`, SIP phones, a database).
«same»: every fact of the history that the file states came of it, and no other. Where the time of
day matters, a story is played on the simulated one alone: a real clock cannot be set.

Written by `python -m tests.scenarios.parity` (also part of `make long`) on {day}, after commit
{commit}.

| scenario | what it shows | simulated | real | same history |
| --- | --- | --- | --- | --- |
"""


def mark(item: pytest.Item, scenario: str, stage: str) -> None:
    """Let the table at the end of the run have the test's verdict."""
    item.user_properties.append((_PROPERTY, f"{scenario}/{stage}"))


def print_parity(reporter: pytest.TerminalReporter) -> None:
    """The table of the scenarios of this run, where there were any."""
    verdicts = _verdicts(reporter)
    if verdicts:
        reporter.section("scenarios: the same history on both Asterisks")
        for name in sorted(verdicts):
            on = verdicts[name]
            row = f"{name:28} {on.get(SIMULATED, '-'):10} {on.get(REAL, '-'):10} {_same(on)}"
            reporter.line(row)


def _verdicts(reporter: pytest.TerminalReporter) -> Verdicts:
    verdicts: dict[str, dict[str, str]] = {}
    for outcome, verdict in (("passed", "same"), ("failed", "differs")):
        for report in reporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", ()):
                if name == _PROPERTY and getattr(report, "when", "") == "call":
                    scenario, _, stage = value.partition("/")
                    verdicts.setdefault(scenario, {})[stage] = verdict
    return verdicts


def _same(on: Mapping[str, str]) -> str:
    if {"differs", "stuck"} & set(on.values()):
        return "no"
    return "yes" if len(on) == 2 else "-"


async def _on_real(scenarios: Iterable[Scenario]) -> dict[str, str]:
    """On several exchanges side by side: a story is mostly waiting."""
    left = iter([one for one in scenarios if one.at is None])
    verdicts: dict[str, str] = {}
    with TemporaryDirectory() as home:
        async with asyncio.TaskGroup() as tasks:
            for number in range(THEATRES):
                tasks.create_task(_play(Path(home) / str(number), left, verdicts))
    return verdicts


async def _play(home: Path, left: Iterator[Scenario], verdicts: dict[str, str]) -> None:
    """One after the other what is left, on an exchange of our own."""
    async with real_theatre(home, DIRECTORY) as theatre:
        for scenario in left:
            try:
                histories = as_simulated(scenario.name, await theatre.play(scenario))
            except StoryStuck as stuck:
                sys.stderr.write(f"{stuck}\n")
                verdicts[scenario.name] = "stuck"
            else:
                verdicts[scenario.name] = _verdict(scenario, histories)


def _on_simulated(scenarios: Iterable[Scenario]) -> dict[str, str]:
    with simulated_theatre(Settings(), DIRECTORY) as theatre:
        return {one.name: _verdict(one, theatre.play(one)) for one in scenarios}


def _verdict(scenario: Scenario, histories: Mapping[str, list[str]]) -> str:
    wanted = {caller: list(facts) for caller, facts in scenario.history.items()}
    return "same" if histories == wanted else "differs"


def write_table() -> bool:
    """Play everything and keep the table; whether all histories were the same."""
    scenarios = load_scenarios(DIRECTORY)
    simulated, real = _on_simulated(scenarios), asyncio.run(_on_real(scenarios))
    git = ["git", "-C", str(PROJECT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    text = _HEAD.format(day=datetime.now(UTC).date(), commit=commit or "unknown")
    good = True
    for one in scenarios:
        on = {SIMULATED: simulated[one.name]}
        on |= {REAL: real[one.name]} if one.name in real else {}
        good &= set(on.values()) == {"same"}
        told = on.get(REAL, f"not played: begins at {one.at:%H:%M}" if one.at else "-")
        text += f"| `{one.name}` | {one.title} | {on[SIMULATED]} | {told} | {_same(on)} |\n"
    TABLE.write_text(text + _allowed(), encoding="utf-8")
    return good


def _allowed() -> str:
    rows = [
        f"- `{one.scenario}`, {one.caller}: «{one.real}» on the real one for «{one.simulated}»: "
        f"{one.reason}\n"
        for one in DIFFERENCES
    ]
    return "\n## Allowed differences\n\n" + ("".join(rows) or "None.\n")


if __name__ == "__main__":
    sys.exit(0 if write_table() else 1)
