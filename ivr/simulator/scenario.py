"""Scenarios as people write them: who is there, what happens, and the history that must come of it.

A story is a list of sentences. Callers are capitalised names, counsellors the ids of their devices;
a sentence either does something or waits until something is so. `SENTENCES` has them all.
"""

import re
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ivr.errors import BadInput
from ivr.rules.document import parse, read_text
from ivr.rules.fields import Hour, Record
from ivr.rules.findings import FieldPath, Finding, Problem, locate
from ivr.rules.validation import validate
from ivr.simulator.scenario_decisions import DutyEntry

_CALLER = r"(?P<caller>[A-Z][a-z]+)"
_DEVICE = r"(?P<device>[a-z][a-z0-9-]*)"
ANONYMOUS = "anonymous"
_PROMPT = r"(?P<prompt>[a-z0-9][a-z0-9-]*)"

# The name of what is done (a method of ivr.simulator.scenario_play.Player) and how it is said.
SENTENCES: dict[str, tuple[str, str]] = {
    "dials": (
        "Mina dials 086123 (as 09121234567)",
        rf"{_CALLER} dials (?P<called>\d+)(?: as (?P<number>[+\d]+|anonymous))?",
    ),
    "presses": ("Mina presses 2 2 4", rf"{_CALLER} presses (?P<keys>[0-9*#](?: [0-9*#])*)"),
    "hears": ("Mina hears county-question", rf"{_CALLER} hears {_PROMPT}"),
    "has_not_heard": ("Mina has not heard danger", rf"{_CALLER} has not heard {_PROMPT}"),
    "goes_before": (
        "Mina goes before Sara for danger",
        rf"{_CALLER} goes before (?P<other>[A-Z][a-z]+) for (?P<reason>[a-z]+(?: [a-z]+)*)",
    ),
    "is_in_line": ("Mina is number 1 in line", rf"{_CALLER} is number (?P<place>\d+) in line"),
    "waits": ("Mina waits in line", rf"{_CALLER} waits in line"),
    "talks": ("Mina talks with saveh-1", rf"{_CALLER} talks with {_DEVICE}"),
    "hangs_up": ("Mina hangs up", rf"{_CALLER} hangs up"),
    "call_ends": ("Mina's call ends", rf"{_CALLER}'s call ends"),
    "is_lost": (
        "Mina's call heads the supervisor's list",
        rf"{_CALLER}'s call heads the supervisor's list",
    ),
    "outcome": ("Mina's outcome is saved", rf"{_CALLER}'s outcome is saved"),
    "rings": ("saveh-1 rings", rf"{_DEVICE} rings"),
    "stops_ringing": ("saveh-1 stops ringing", rf"{_DEVICE} stops ringing"),
    "answers": ("saveh-1 answers", rf"{_DEVICE} answers"),
    "rejects": ("saveh-1 rejects", rf"{_DEVICE} rejects"),
    "refuses_as_busy": ("saveh-1 is busy", rf"{_DEVICE} is busy"),
    "refuses_as_unreachable": ("saveh-1 is unreachable", rf"{_DEVICE} is unreachable"),
    "device_hears": ("saveh-1 hears whisper-danger", rf"{_DEVICE} hears {_PROMPT}"),
    "device_presses": ("saveh-1 presses 1", rf"{_DEVICE} presses (?P<keys>[0-9*#])"),
    "device_dials": ("saveh-1 dials *3", rf"{_DEVICE} dials (?P<number>\*[0-9])"),
    "lays_down": ("saveh-1 hangs up", rf"{_DEVICE} hangs up"),
    "logs_in": ("saveh-1 logs in", rf"{_DEVICE} logs in"),
    "logs_out": ("saveh-1 logs out", rf"{_DEVICE} logs out"),
    "loses_power": ("saveh-1 loses power", rf"{_DEVICE} loses power"),
    "has_state": (
        "saveh-1 is available",
        rf"{_DEVICE} is (?P<state>available|off duty|paused|in wrap up)",
    ),
    "is_evacuated": (
        "desk markazi-saveh is evacuated",
        r"desk (?P<desk>[a-z][a-z0-9-]*) is evacuated",
    ),
    "passes": ("3 seconds pass", r"(?P<seconds>\d+(?:\.\d+)?) seconds? pass(?:es)?"),
}
_PATTERNS = {verb: re.compile(pattern) for verb, (_, pattern) in SENTENCES.items()}


class Manner(StrEnum):
    """How a counsellor treats a ringing phone, unless the story says otherwise."""

    LETS_RING = "lets it ring"
    ANSWERS = "answers"
    REJECTS = "rejects"
    BUSY = "is busy"
    AWAY = "is away"  # not logged in


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence of a story, understood."""

    line: int
    text: str
    verb: str
    words: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario; `history` has the facts of each caller's call, in order."""

    name: str
    file: Path
    title: str
    at: time | None  # Tehran time at which it begins, which no real clock can be set to; or any
    counsellors: dict[str, Manner]
    duty: DutyEntry
    rules: dict[str, dict[str, str]]  # other fields of the default province's rules, by section
    story: tuple[Step, ...]
    history: dict[str, tuple[str, ...]]

    @property
    def callers(self) -> tuple[str, ...]:
        """In the order in which they dial."""
        return tuple(step.words["caller"] for step in self.story if step.verb == "dials")


class ScenarioFile(Record):
    title: Annotated[str, Field(min_length=1, max_length=120)] = Field(
        description="what the scenario shows, as one sentence"
    )
    at: Hour | None = Field(None, description="the time of day in Tehran, such as 03:00")
    counsellors: dict[str, Manner] = Field(
        default_factory=dict, description="who is there, by device, and how they treat a call"
    )
    duty: DutyEntry = Field(
        default_factory=DutyEntry, description="rosters, closures and who is on call"
    )
    rules: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="what is different in the default province's rules, by section and field",
    )
    story: tuple[str, ...] = Field(min_length=1, description="what happens, sentence by sentence")
    history: dict[str, tuple[str, ...]] = Field(
        description="the facts of each caller's call, as `ivr simulate scenarios` prints them"
    )


@dataclass
class _Reading:
    """What the sentences so far have made known, to judge the next one."""

    counsellors: dict[str, Manner]
    callers: set[str] = field(default_factory=set)

    def wrong_with(self, verb: str, words: dict[str, str]) -> str | None:
        caller, device = words.get("caller"), words.get("device")
        if device and device not in self.counsellors:
            return f"'{device}' is not among the counsellors of this file. Add it there."
        if verb == "dials" and caller in self.callers:
            return f"{caller} has dialled before. Give each call a caller of its own."
        if verb != "dials" and caller and caller not in self.callers:
            return f"{caller} has not dialled yet. Write «{caller} dials 086123» before."
        if caller:
            self.callers.add(caller)
        return None


def load_scenarios(directory: Path) -> tuple[Scenario, ...]:
    """The scenarios of every `*.yaml` in `directory`, by file name.

    Raises BadInput that lists all mistakes with file, line and field.
    """
    scenarios: list[Scenario] = []
    findings: list[Finding] = []
    for file in sorted(directory.glob("*.yaml")):
        found = _load(file)
        if isinstance(found, Scenario):
            scenarios.append(found)
        else:
            findings += found
    if findings:
        lines = "\n  ".join(str(finding) for finding in findings)
        raise BadInput(f"these scenarios cannot be played:\n  {lines}")
    if not scenarios:
        raise BadInput(f"{directory}: no *.yaml file, so there is nothing to play.")
    return tuple(scenarios)


def _load(file: Path) -> Scenario | list[Finding]:
    document = parse(read_text(file))
    problems = list(document.problems)
    entry = None
    if not problems:
        reading = validate(document, ScenarioFile, {})
        entry, problems = reading.model, reading.problems
    steps: list[Step] = []
    if entry and not problems:
        steps, problems = _understand(entry, document.lines)
    if entry is None or problems:
        found = {locate(problem, file, document.lines) for problem in problems}
        return sorted(found, key=lambda finding: finding.line)
    return Scenario(
        name=file.stem,
        file=file,
        title=entry.title,
        at=time.fromisoformat(entry.at) if entry.at else None,
        counsellors=entry.counsellors,
        duty=entry.duty,
        rules=entry.rules,
        story=tuple(steps),
        history=entry.history,
    )


def _understand(
    entry: ScenarioFile, lines: dict[FieldPath, int]
) -> tuple[list[Step], list[Problem]]:
    steps: list[Step] = []
    problems: list[Problem] = []
    known = _Reading(entry.counsellors)
    for index, text in enumerate(entry.story):
        path: FieldPath = ("story", index)
        understood = _sentence(text)
        wrong = _NOT_UNDERSTOOD if understood is None else known.wrong_with(*understood)
        if wrong:
            problems.append(Problem(path=path, message=f"«{text}»: {wrong}"))
        elif understood:
            steps.append(Step(lines.get(path, 1), text, *understood))
    unlike = known.callers ^ set(entry.history)
    problems += [
        Problem(path=("history",), message=f"{name} must be both in the story and here.")
        for name in sorted(unlike)
    ]
    return steps, problems


def _sentence(text: str) -> tuple[str, dict[str, str]] | None:
    for verb, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(text):
            return verb, {name: word for name, word in match.groupdict().items() if word}
    return None


_NOT_UNDERSTOOD = "not understood. Write it like one of: " + "; ".join(
    example for example, _ in SENTENCES.values()
)
