"""The trial of routing as tables for people and as JSON."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ivr.simulator.quality import Sample, Trial, Verdict, p95s
from ivr.simulator.quality_causes import CHANGES
from ivr.simulator.quality_statistics import Interval, interval

_HEAD = ("province", "load", "budgets", "calls")
_WAITS = (*_HEAD, "ours", "app_queue", "pooled", "ours ÷ pooled", "bar", "above the bar", "")
_BESIDE = (*_HEAD, "p95", "mean", "abandoned", "")
_MORE = (
    *_HEAD,
    "mean wait",
    "p95 to the first ring",
    "p95 in danger",
    "abandoned",
    "own or supporting",
)


def as_json(trial: Trial) -> dict[str, Any]:
    """All samples, and what is made of them; intervals as their two ends."""
    return asdict(trial) | {
        "bar_s": trial.bar_s,
        "ratio": trial.ratio,
        "above_bar_s": _pair(trial.above_bar),
        "verdict": trial.verdict,
        "beyond_app_queue": {name: _pair(by) for name, by in trial.beyond_app_queue.items()},
        "wholly_worse": trial.wholly_worse,
    }


def waits_table(trials: Iterable[Trial]) -> str:
    """p95 of the wait by all ways, and the bar of the pooled queue."""
    return _table(_WAITS, map(_waits, trials))


def beside_table(trials: Iterable[Trial]) -> str:
    """Ours less app_queue's, seed by seed."""
    return _table(_BESIDE, map(_beside, trials))


def more_table(trials: Iterable[Trial]) -> str:
    """Ours / app_queue's / the pooled queue's: waits, danger, abandoned calls, who answered."""
    return _table(_MORE, map(_more, trials))


def causes_table(found: Iterable[tuple[Trial, Mapping[str, Interval]]]) -> str:
    """Our p95 less app_queue's, as it is and with each change."""
    rows = (
        (*_first(trial), *map(_apart, (trial.beyond_app_queue["p95"], *by.values())))
        for trial, by in found
    )
    return _table((*_HEAD, "as it is", *CHANGES), rows)


def summary(trials: Sequence[Trial]) -> str:
    """How many rows meet the bars, and by how much the others do not."""
    lines = [
        f"- p95 and its bar: {verdict} in {_count(trials, verdict)} of {len(trials)} rows"
        for verdict in Verdict
    ]
    missed = (one for one in trials if one.above_bar.mean > 0)
    lines += [f"  - {_name(one)}: {_apart(one.above_bar)} s above the bar" for one in missed]
    worse = [one for one in trials if one.is_worse]
    lines.append(f"- p95 wholly worse than app_queue's: {len(worse)} of {len(trials)} rows")
    lines += [f"  - {_name(one)}: {_apart(one.beyond_app_queue['p95'])} s" for one in worse]
    return "".join(f"{line}\n" for line in lines)


def _name(trial: Trial) -> str:
    return f"{trial.province}, {trial.traffic}, budgets {trial.budgets}"


def _count(trials: Iterable[Trial], verdict: Verdict) -> int:
    return sum(one.verdict is verdict for one in trials)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _pair(of: Interval) -> tuple[float, float]:
    return of.low, of.high


def _first(trial: Trial) -> tuple[str, ...]:
    return trial.province, trial.traffic, trial.budgets, f"{trial.calls:,}"


def _waits(trial: Trial) -> tuple[str, ...]:
    ways = (trial.ours, trial.app_queue, trial.pooled)
    above = trial.above_bar
    return (
        *_first(trial),
        *(_seconds(interval(p95s(way))) for way in ways),
        f"{trial.ratio:.2f}",
        f"{trial.bar_s:.1f} s",
        _apart(above),
        trial.verdict,
    )


def _beside(trial: Trial) -> tuple[str, ...]:
    by = trial.beyond_app_queue
    above = [name for name in trial.wholly_worse if name != "p95"]
    words = ["worse" if trial.is_worse else "not worse", *(f"{name} above" for name in above)]
    return (
        *_first(trial),
        _apart(by["p95"]),
        _apart(by["mean"]),
        _between(by["abandoned"], "{:+.1%}"),
        ", ".join(words),
    )


def _more(trial: Trial) -> tuple[str, ...]:
    """Ours, app_queue's and the pooled queue's in each cell."""
    return (
        *_first(trial),
        _three(trial, lambda one: one.mean_s, "{:.1f}", " s"),
        _three(trial, lambda one: one.first_ring_p95_s, "{:.1f}", " s"),
        _three(trial, lambda one: one.danger_p95_s, "{:.1f}", " s"),
        _three(trial, lambda one: 100 * one.abandoned, "{:.1f}", " %"),
        _three(trial, lambda one: None if one.near is None else 100 * one.near, "{:.0f}", " %"),
    )


def _three(trial: Trial, of: Callable[[Sample], float | None], form: str, unit: str) -> str:
    means = [_mean(way, of) for way in (trial.ours, trial.app_queue, trial.pooled)]
    known = [form.format(value) for value in means if value is not None]
    return f"{' / '.join(known)}{unit}" if known else "–"


def _mean(way: Iterable[Sample], of: Callable[[Sample], float | None]) -> float | None:
    """Of the seeds that have such calls."""
    found = [value for one in way if (value := of(one)) is not None]
    return statistics.fmean(found) if found else None


def _seconds(of: Interval) -> str:
    return f"{of.mean:.1f} ± {of.half:.1f} s"


def _apart(of: Interval) -> str:
    return _between(of, "{:+.1f}")


def _between(of: Interval, form: str) -> str:
    return f"{form.format(of.low)} to {form.format(of.high)}"
