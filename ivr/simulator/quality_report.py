"""The trial of routing as tables for people and as JSON."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from ivr.simulator.quality import LANES, URGENCIES, Sample, Trial, Verdict, p95s
from ivr.simulator.quality_causes import Beyond
from ivr.simulator.quality_statistics import Interval, interval

_HEAD = ("province", "load", "budgets", "calls")
_WAITS = (*_HEAD, "ours", "app_queue", "pooled", "ours ÷ pooled", "bar", "above the bar", "")
_BESIDE = (*_HEAD, "p95", "mean", "abandoned", "")
_BY_LANE = (*_HEAD, *LANES, "")
_MORE = (
    *_HEAD,
    "mean wait",
    "p95 to the first ring",
    *(f"p95 of {lane}" for lane in LANES),
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


def lanes_table(trials: Iterable[Trial]) -> str:
    """Our p95 less app_queue's in each lane."""
    return _table(_BY_LANE, map(_by_lane, trials))


def urgencies_table(found: Iterable[tuple[Trial, Mapping[str, Beyond]]]) -> str:
    """Our mean waits less app_queue's of ordinary calls by urgency, with each change."""
    rows = (
        (*_first(trial)[:3], name, *_cells(beyond.urgencies, URGENCIES))
        for trial, by in found
        for name, beyond in by.items()
    )
    return _table((*_HEAD[:3], "rules", *URGENCIES), rows)


def idle_table(found: Iterable[tuple[Trial, Mapping[str, float]]]) -> str:
    """Who could be rung and is not while somebody waits, by way of queueing."""
    rows = (
        (*_first(trial)[:3], *(f"{shares[name]:.3%}" for name in ("ours", "app_queue")))
        for trial, shares in found
    )
    return _table((*_HEAD[:3], "ours", "app_queue"), rows)


def causes_table(found: Iterable[tuple[Trial, Mapping[str, Beyond]]]) -> str:
    """Our p95 less app_queue's, as it is and with each change: of all calls and in each lane."""
    rows = (
        (*_first(trial)[:3], name, _apart(beyond.total), *_cells(beyond.lanes, LANES))
        for trial, by in found
        for name, beyond in by.items()
    )
    return _table((*_HEAD[:3], "rules", "all", *LANES), rows)


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
    for lane in LANES:
        found = [one for one in trials if lane in one.worse_lanes]
        lines.append(f"- the same of {lane} alone: {len(found)} of {len(trials)} rows")
        lines += [
            f"  - {_name(one)}: {_apart(one.lanes_beyond_app_queue[lane])} s" for one in found
        ]
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


def _by_lane(trial: Trial) -> tuple[str, ...]:
    lanes = trial.lanes_beyond_app_queue
    above = [f"{lane} worse" for lane in trial.worse_lanes]
    return (*_first(trial), *_cells(lanes, LANES), ", ".join(above) or "not worse")


def _cells(found: Mapping[str, Interval], of: Sequence[str]) -> tuple[str, ...]:
    return tuple(_apart(found[name]) if name in found else "–" for name in of)


def _more(trial: Trial) -> tuple[str, ...]:
    """Ours, app_queue's and the pooled queue's in each cell."""
    return (
        *_first(trial),
        _three(trial, lambda one: one.mean_s, "{:.1f}", " s"),
        _three(trial, lambda one: one.first_ring_p95_s, "{:.1f}", " s"),
        *(_three(trial, partial(_p95_of, lane), "{:.1f}", " s") for lane in LANES),
        _three(trial, lambda one: 100 * one.abandoned, "{:.1f}", " %"),
        _three(trial, lambda one: None if one.near is None else 100 * one.near, "{:.0f}", " %"),
    )


def _three(trial: Trial, of: Callable[[Sample], float | None], form: str, unit: str) -> str:
    means = [_mean(way, of) for way in (trial.ours, trial.app_queue, trial.pooled)]
    known = [form.format(value) for value in means if value is not None]
    return f"{' / '.join(known)}{unit}" if known else "–"


def _p95_of(lane: str, sample: Sample) -> float | None:
    return sample.lane_p95s.get(lane)


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
