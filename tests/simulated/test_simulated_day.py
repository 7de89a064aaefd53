"""The simulated day: the same seed gives the same day, and its checks can fail."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from ivr.deployment import Deployment, load_deployment
from ivr.dialplan.conversation import Conversation
from ivr.errors import BadInput
from ivr.pool import Pool
from ivr.presence import Presence
from ivr.settings import PROJECT, Settings
from ivr.simulator.day import DayReport, simulate_day
from ivr.simulator.day_people import LOADS, Reaction, arrivals, presences
from ivr.simulator.day_report import markdown
from ivr.waiting import FloorCall

MOST_S = 60.0
RESULTS = PROJECT / "docs" / "simulated-day.md"


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return load_deployment(Settings())


def busy_hours(deployment: Deployment, province: str = "khuzestan", seed: int = 7) -> DayReport:
    """Two hours of the night with more calls than the counsellors can take."""
    return simulate_day(deployment, province, seed=seed, load=100, hours=2)


@pytest.mark.parametrize("province", sorted(LOADS))
def test_two_hours_of_every_province_keep_every_promise(
    deployment: Deployment, province: str
) -> None:
    day = simulate_day(deployment, province, seed=7, load=30, hours=2)
    assert day.broken == {}
    assert day.calls > 10
    assert day.connected > 0
    assert day.calls == day.connected + day.abandoned + day.left_in_menu


def test_the_same_seed_gives_the_same_history_and_another_another(deployment: Deployment) -> None:
    once, again, other = (busy_hours(deployment, seed=seed) for seed in (7, 7, 8))
    assert once.history == again.history
    assert once.history != other.history


def test_the_history_does_not_hang_on_the_order_of_hashes() -> None:
    command = [sys.executable, "-m", "ivr", "simulate", "day", "--province", "ilam"]
    command += ["--load", "30", "--hours", "2", "--json"]
    told = {
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.partition('"real_s"')[0]
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert '"broken": {}' in told.pop()


def test_there_is_no_day_of_an_unknown_province(deployment: Deployment) -> None:
    with pytest.raises(BadInput, match="khuzestan, markazi"):
        simulate_day(deployment, "mars", seed=1)


def test_arrivals_follow_the_load_and_the_hours() -> None:
    load = LOADS["khuzestan"]
    coming = [at for seed in range(400) for at in arrivals(load, 1, 24, _chance(seed))]
    assert len(coming) / 400 == pytest.approx(load.a_day, rel=0.05)
    evening = sum(18 * 3600 <= at < 21 * 3600 for at in coming)
    assert evening > 4 * sum(at < 3 * 3600 for at in coming)


def test_somebody_is_there_at_every_hour() -> None:
    shifts = [list(presences(position, 24, _chance(position))) for position in range(2)]
    for at in range(0, 24 * 3600, 60):
        assert any(begins <= at < ends for shift in shifts for begins, ends in shift)


def _chance(seed: int) -> Random:
    return Random(seed)


class TestChecksThatMustFail:
    """Each breaks the floor in one way, and the day says so."""

    def test_nobody_is_found_although_free(
        self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        best = Pool.best

        def sleepy(self: Pool, call: FloorCall, now: datetime) -> Presence | None:
            found = best(self, call, now)
            return found if found and found.profile.id.endswith("1") else None

        monkeypatch.setattr(Pool, "best", sleepy)
        assert "a call waited while an eligible counsellor was free" in _broken(deployment)

    def test_the_last_comes_first(
        self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def reversed_key(call: FloorCall, now_us: int) -> tuple[int, ...]:
            assert call.place is not None
            return tuple(-part for part in call.place.key(now_us))

        monkeypatch.setattr("ivr.line._key", reversed_key)
        assert "a call was served before one that was before it in line" in _broken(deployment)

    def test_an_offer_is_forgotten(
        self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ivr.offers.offer_due", lambda _floor, _offer: None)
        monkeypatch.setattr("ivr.simulator.day_exchange.RING_MARGIN_S", -30)
        missed = Reaction(kind="rona", after_s=1)
        monkeypatch.setattr("ivr.simulator.day.reaction", lambda _chance: missed)
        assert "an offer outlived its deadline" in _broken(deployment)

    def test_the_machine_hangs_up(
        self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Conversation, "run", _lets_go)
        assert "the machine hung up on a caller" in _broken(deployment)


async def _lets_go(self: Conversation, _resume: object) -> None:
    await self.channel.set_variables({"IVR_DONE": "1"})


def _broken(deployment: Deployment) -> dict[str, int]:
    return busy_hours(deployment).broken


_HEAD = """# The simulated day

24 hours of each province's calls, once and ten times as many as the sources have, in virtual time.
`make long` wrote this page on {day}, after commit {commit}; to see one day:
`ivr simulate day --province khuzestan --load 10 --seed 7`.

{table}
Waits run from joining the line to both talking: ringing, picking up and the whisper are in them.
"Promises broken" counts, after every event of the day: a call that waited while an eligible
counsellor was free, or in danger while one could be called out of a wrap-up or back-off, or whose
next step was not opened in time (promise 2); a call in two places, a counsellor with two offers, an
offer past its deadline (3); a call served before one that was before it in line, or before an
earlier one that had waited for the cap (4); and over the whole day a call that the machine ended
before a counsellor had, one that never ended (1), one without exactly one record (6), or one whose
record the journal, played again, does not rebuild (7). The same seed gives the same history: its
hash covers every field of every record, instants included.

## What is simulated how

Controller, flows, router and floor are the real ones, with the rules in `deploy/provinces` and the
invented people in `deploy/demo`. In place of Asterisk stands an exchange inside the process
(`ivr/simulator/day_exchange.py`): AMI's heartbeat every 2 s alone would be 43,200 jumps of virtual
time a day, each a round over a socket. What goes over AMI and AGI is shown by the scenarios
([parity](scenario-parity.md)).

## Sources and assumptions

| what | value | from |
| --- | --- | --- |
{loads}| calls by hour | few at night, most from 18 to 21 h | assumption |
| silent callers | 40 % press nothing | 1098 in India, three years |
| length of talks | log-normal, median 150 s: 82 % under 5 minutes | 80 to 85 % under 5 minutes |
| talks of silent and unrelated callers | 15 to 60 s | assumption |
| callers who hang up anywhere | 15 %, at a random instant of their first 3 minutes | assumption |
| patience | 30 s and then 4 minutes on average | assumption |
| keys | 4 % wrong, 15 % key 0, 5 % danger where it is offered, 3 % come back | assumption |
| offers | 5 % not answered, 2 % rejected, 1 % busy, 1 % put down in the whisper | assumption |
| devices | die once in 36 hours, for 30 s to 15 minutes | assumption |
| counsellors | those of `deploy/demo`, each in two of three shifts | assumption |
"""


@pytest.mark.long
def test_whole_days_of_every_province_keep_every_promise(deployment: Deployment) -> None:
    days = [
        simulate_day(deployment, province, seed=seed, load=load)
        for province in LOADS
        for load in (1, 10)
        for seed in (7, 8, 9)
    ]
    RESULTS.write_text(_page(days), encoding="utf-8")
    assert {day.province: day.broken for day in days if day.broken} == {}
    assert max(day.real_s for day in days) < MOST_S
    again = simulate_day(deployment, days[-1].province, seed=days[-1].seed, load=days[-1].load)
    assert again.history == days[-1].history


def _page(days: Sequence[DayReport]) -> str:
    git = ["git", "-C", str(PROJECT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    loads = "".join(
        f"| calls a day, {province} | {load.all_a_day:.0f} | {load.source} |\n"
        for province, load in LOADS.items()
    )
    day, table = datetime.now(UTC).date(), markdown(days)
    return _HEAD.format(day=day, commit=commit or "unknown", table=table, loads=loads)


def test_the_kept_results_have_every_province_and_no_broken_promise() -> None:
    rows = [line.split("|") for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    kept = {(row[1].strip(), row[2].strip(), row[15].strip()) for row in rows if len(row) > 15}
    assert {(province, load, "0") for province in LOADS for load in ("1x", "10x")} <= kept
