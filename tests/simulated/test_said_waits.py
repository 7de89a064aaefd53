"""What callers of simulated days are told of their wait, beside how long they then waited."""

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from ivr.deployment import Deployment, load_deployment
from ivr.model import CallId
from ivr.settings import PROJECT, Settings
from ivr.simulator.day import play_day
from ivr.simulator.day_checks import EPOCH
from ivr.simulator.day_people import LOADS
from ivr.simulator.scenario_history import new_floor
from ivr.simulator.wait_trial import Said, WaitTrial, judged, rises, share_enough, trial_of
from tests.core.floor_kit import START

STATED = 0.9  # of all waits that were said, so many were enough: a little less than measured
RESULTS = PROJECT / "docs" / "expected-wait.md"


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return load_deployment(Settings())


def trial(
    deployment: Deployment,
    province: str,
    *,
    load: float,
    hours: float = 24.0,
    seeds: Iterable[int] = (7,),
) -> WaitTrial:
    found = WaitTrial()
    for seed in seeds:
        day = play_day(deployment, province, seed=seed, load=load, hours=hours)
        found.add(trial_of(day.journal.entries, new_floor(deployment, EPOCH)))
    return found


def test_what_is_said_is_enough_for_most_and_never_rises(deployment: Deployment) -> None:
    """A morning with more calls than the counsellors can take."""
    found = trial(deployment, "south-khorasan", load=60, hours=10)
    assert len(judged(found.ours)) > 100
    assert share_enough(found.ours) >= STATED
    assert share_enough(found.ours) > share_enough(found.app_queue)
    assert found.rises == 0
    assert found.app_queue_rises > 0


def said(at_s: float, said_s: float, waited_s: float | None) -> Said:
    at = START + timedelta(seconds=at_s)
    return Said(call=CallId("c1"), at=at, said_s=said_s, waited_s=waited_s)


def test_a_share_counts_those_of_which_it_is_known() -> None:
    assert share_enough([said(0, 60, 59), said(0, 60, 61), said(0, 60, None)]) == 0.5
    assert share_enough([]) == 1.0


def test_a_later_end_is_a_rise() -> None:
    assert rises([said(0, 120, None), said(60, 60, None)]) == 0
    assert rises([said(0, 120, None), said(60, 120, None)]) == 1


_COLUMNS = (
    "province",
    "load",
    "callers told something",
    "told a wait",
    "waits said",
    "known",
    "enough",
    "over by (median)",
    "rises",
    'told "longer"',
    "app_queue: known",
    "enough",
    "rises",
)
_HEAD = """# The expected wait

What a waiting caller is told of their wait, and what came of it. On simulated days
([what is simulated how](simulated-day.md)) each said wait is set beside the wait from that moment
until both talked; "enough" is the share of those that did not wait longer. Who left before the
said time was over does not tell and is left out; who left after it counts as not enough.
`make long` wrote this page on {day}, after commit {commit}.

{rows}
The loads are far above the real ones, at which hardly anybody waits. Ordinary calls only: danger
and silence are told no number.

## How it is foreseen

`ivr/expected_wait.py` plays the line forward twenty times from what the floor knows: who may serve
the call at its step or a later one and is there, since when they talk, ring or write; how many who
need the same counsellors stand before; how often urgent calls came lately that will go before. How
long talks, wrap-ups and answers take is drawn from the last 30 of each desk, half as likely after
six hours; of a talk under way only those count that took longer than it has. What is said is enough
in nine of ten of these runs, rounded up to less than a minute, 2, 3, 4, 5, 7 or 10 minutes.

Nothing is said where it would be a guess: after fewer than five recent talks, where nine of ten
takes three times the median and more than two minutes, beyond ten minutes or 20 calls ahead, with
nobody on duty, to who came back from the static queue or while others have yet to come back. A
said wait never ends later than the one said before; where it will not do, the caller hears once
that it takes longer, and no new number.

## app_queue at the same moments

It announces the mean wait of those who were answered (three parts old, one part new) plus 30 s less
what this caller has waited, without the sign: the same for the first and the tenth in line, also
with nobody on duty, and rising again once the mean has passed (app_queue.c, say_position and
recalc_holdtime). The two columns at the right are what it would have said to the same callers when
ours were told something; it says nothing below a minute.
"""


@pytest.mark.long
def test_whole_days_of_every_province(deployment: Deployment) -> None:
    rows, whole = [], WaitTrial()
    for province in LOADS:
        for load in (10, 25, 40):
            found = trial(deployment, province, load=load, seeds=(7, 8, 9))
            rows.append(_row(province, f"{load}x", found))
            whole.add(found)
    rows.append(_row("all", "", whole))
    RESULTS.write_text(_page(rows), encoding="utf-8")
    assert whole.rises == 0
    assert share_enough(whole.ours) >= STATED


def _row(province: str, load: str, found: WaitTrial) -> str:
    ours, theirs = judged(found.ours), judged(found.app_queue)
    over = sorted(one.said_s - (one.waited_s or 0.0) for one in ours)
    cells = [
        province,
        load,
        found.callers,
        found.told,
        len(found.ours),
        len(ours),
        _share(found.ours),
        f"{over[len(over) // 2]:.0f} s" if over else "",
        found.rises,
        found.longer,
        len(theirs),
        _share(found.app_queue),
        found.app_queue_rises,
    ]
    return _line(cells)


def _share(said: list[Said]) -> str:
    return f"{100 * share_enough(said):.0f} %" if judged(said) else ""


def _page(rows: list[str]) -> str:
    git = ["git", "-C", str(PROJECT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    day = datetime.now(UTC).date()
    head = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    return _HEAD.format(day=day, commit=commit or "unknown", rows="".join(head + rows))


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |\n"


def test_the_kept_results_have_every_province_and_no_rise() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")]
        for line in RESULTS.read_text(encoding="utf-8").splitlines()
    ]
    kept = {row[1]: row for row in rows if len(row) > 13 and row[1] in {*LOADS, "all"}}
    assert kept.keys() == {*LOADS, "all"}
    assert {row[9] for row in kept.values()} == {"0"}
    assert int(kept["all"][7].removesuffix(" %")) >= 100 * STATED
