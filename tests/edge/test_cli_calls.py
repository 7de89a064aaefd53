"""`ivr calls` and `ivr outcome`: what a person and a script get, and what is refused."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.cli.calls import parse_since
from ivr.errors import BadInput, NotAllowed
from ivr.model.record import CallRecord
from ivr.outcomes import OUTCOME_LABELS
from ivr.settings import Settings
from ivr.store.records import OutcomeEntry
from ivr.store.store import Store
from ivr.store.tables import audit
from tests.edge.staff import PASSWORD, take_in_staff
from tests.edge.store_examples import call, full_call

KEYS = [
    *("call", "province", "line", "county", "county_source", "category", "lane"),
    *("arrived_at", "joined_at", "connected_at", "ended_at", "wait_s", "talk_s"),
    *("phase", "end", "ended_by", "counsellor", "desk", "served_by", "rules_version"),
    *("outcomes", "offers", "plan", "location", "withheld", "corrections", "misrouted"),
]
ALL_TIME = ("--since", "1390-01-01")
CHIEF = {"IVR_USER": "chief", "IVR_PASSWORD": PASSWORD}

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line on an IVR_HOME of the test's own; errors are raised."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    for name, value in {"IVR_HOME": str(tmp_path), **CHIEF}.items():
        monkeypatch.setenv(name, value)

    def run_command(*words: str) -> str:
        result = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    return run_command


def save(home: Path, records: Sequence[CallRecord]) -> None:
    async def save_them() -> None:
        async with await Store.open(Settings(home=home)) as store:
            await store.save_calls(records)
            await take_in_staff(store)

    asyncio.run(save_them())


def saved_outcomes(home: Path, name: str) -> list[OutcomeEntry]:
    async def load() -> list[OutcomeEntry]:
        async with await Store.open(Settings(home=home)) as store:
            record = await store.load_call(full_call(name).call)
            assert record
            return list(await store.outcomes(record.call))

    return asyncio.run(load())


def test_a_script_gets_every_promised_key(run: Run, tmp_path: Path) -> None:
    save(tmp_path, [full_call("170.1"), call("170.2")])
    run("outcome", "170.1", "mobile_team", "--note", "تیم ساوه", "--as", "boss")
    listed = {item["call"]: item for item in json.loads(run("calls", "list", *ALL_TIME, "--json"))}
    full, bare = listed["170.1"], listed["170.2"]
    assert list(full) == list(bare) == KEYS
    assert {key: full[key] for key in KEYS[:20]} == {
        "call": "170.1",
        "province": "markazi",
        "line": "123",
        "county": "markazi-saveh",
        "county_source": "keypad",
        "category": "child_abuse",
        "lane": "danger",
        "arrived_at": "2026-11-22T00:30:00+00:00",
        "joined_at": "2026-11-22T00:30:20+00:00",
        "connected_at": "2026-11-22T00:30:31+00:00",
        "ended_at": "2026-11-22T00:35:40.250000+00:00",
        "wait_s": 11.0,
        "talk_s": 300.0,
        "phase": "ended",
        "end": "connected",
        "ended_by": "counsellor",
        "counsellor": "reza",
        "desk": "markazi-saveh",
        "served_by": "controller",
        "rules_version": "markazi-7",
    }
    assert [(o["outcome"], o["note"], o["has_note"], o["by"]) for o in full["outcomes"]] == [
        ("mobile_team", None, True, "boss")
    ]
    assert full["offers"][0]["result"] == "rona"
    assert full["plan"]["steps"][0]["reasons"] == [{"code": "own_desk", "subject": "markazi-saveh"}]
    assert (bare["county"], bare["wait_s"], bare["outcomes"], bare["plan"]) == (
        None,
        None,
        [],
        None,
    )
    assert json.loads(run("calls", "show", "170.1", "--json")) == full


def test_no_caller_is_shown(run: Run, tmp_path: Path) -> None:
    record = full_call("170.1")
    save(tmp_path, [record])
    shown = "".join(
        run(*words)
        for words in (
            ("calls", "list", *ALL_TIME),
            ("calls", "list", *ALL_TIME, "--json"),
            ("calls", "show", "170.1"),
            ("calls", "show", "170.1", "--json"),
        )
    )
    assert record.caller
    assert record.caller.pseudonym not in shown
    assert record.caller.ciphertext not in shown


class _Morning(datetime):
    """The machine's clock, at ten in the morning of 1 Azar 1405 in Tehran."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_Morning":
        return cls(2026, 11, 22, 6, 30, tzinfo=UTC).astimezone(tz)


def test_today_is_the_day_in_tehran(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.cli.calls.datetime", _Morning)
    midnight = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
    before = call("yesterday", arrived_at=midnight - timedelta(microseconds=1))
    save(tmp_path, [before, call("today", arrived_at=midnight)])
    assert [item["call"] for item in json.loads(run("calls", "list", "--json"))] == ["today"]


def test_the_list_for_a_person(run: Run, tmp_path: Path) -> None:
    save(tmp_path, [full_call("170.1"), call("170.2")])
    run("outcome", "170.1", "silent")
    head, *rows = [line for line in run("calls", "list", *ALL_TIME).splitlines() if line]
    assert head.split()[:3] == ["arrived", "call", "county"]
    row = next(row for row in rows if "170.1" in row)
    assert row.startswith("1405/09/01 04:00:00  170.1  markazi-saveh")
    assert row.rstrip().endswith(OUTCOME_LABELS[saved_outcomes(tmp_path, "170.1")[0].outcome])


def test_one_call_for_a_person(run: Run, tmp_path: Path) -> None:
    save(tmp_path, [full_call("170.1")])
    run("outcome", "170.1", "external", "--note", "[bold]110")
    shown = run("calls", "show", "170.1")
    for expected in (
        "markazi-saveh",
        "plan of markazi-7",
        "own_desk(markazi-saveh)",
        "danger_opens_all",
        "rona",
        "offered to maryam",
        "1405/09/01 04:00:31  connected",
    ):
        assert expected in shown
    assert "[bold]110" in run("calls", "show", "170.1", *NOTES)


NOTES = ("--notes", "--reason", "a complaint is looked into")


def test_notes_are_shown_by_right_with_a_reason_and_on_record(run: Run, tmp_path: Path) -> None:
    save(tmp_path, [full_call("170.1")])
    run("outcome", "170.1", "external", "--note", "از برادرش می‌ترسد")
    for asked in (("show", "170.1"), ("show", "170.1", "--json"), ("list", *ALL_TIME, "--json")):
        assert "می‌ترسد" not in run("calls", *asked)
    assert "ivr calls show 170.1 --notes --reason" in run("calls", "show", "170.1")
    show = ("calls", "show", "170.1", "--json", "--as")
    for who in ("manager", "ilam-boss", "nobody"):
        with pytest.raises(NotAllowed, match=r"may not do this \(outcome\.read\)"):
            run(*show, who, *NOTES)
    for wrong in (("--notes",), ("--reason", "for its own sake"), ("--notes", "--reason", "why")):
        with pytest.raises(BadInput, match="reason"):
            run(*show, "boss", *wrong)
    assert notes_on_record(tmp_path) == []
    for who in ("sara", "boss", "auditor"):
        (entry,) = json.loads(run(*show, who, *NOTES))["outcomes"]
        assert entry["note"] == "از برادرش می‌ترسد"
    assert notes_on_record(tmp_path) == [
        (who, "170.1", {"reason": NOTES[-1]}) for who in ("sara", "boss", "auditor")
    ]


def notes_on_record(home: Path) -> list[tuple[str, str, Any]]:
    async def load() -> list[tuple[str, str, Any]]:
        async with await Store.open(Settings(home=home)) as store:
            chosen = select(audit).where(audit.c.action == "outcome.notes").order_by(audit.c.seq)
            return [(it["by"], it["subject"], it["detail"]) for it in await store.rows(chosen)]

    return asyncio.run(load())


def test_an_outcome_is_told_saved_when_it_is(run: Run, tmp_path: Path) -> None:
    save(tmp_path, [full_call("170.1")])
    assert run("outcome", "170.1", "phone_resolved", "--as", "boss").startswith(
        "Saved: 170.1 phone_resolved حل‌شده"
    )
    (entry,) = saved_outcomes(tmp_path, "170.1")
    assert (entry.outcome, entry.by, entry.note) == ("phone_resolved", "boss", "")


def test_the_beginning_of_an_id_is_enough_where_it_is_one_calls(run: Run, tmp_path: Path) -> None:
    save(tmp_path, [full_call("170.1"), full_call("180.1"), full_call("180.11")])
    assert json.loads(run("calls", "show", "17", "--json"))["call"] == "170.1"
    assert json.loads(run("calls", "show", "180.1", "--json"))["call"] == "180.1"
    with pytest.raises(BadInput, match=r"Several.*'18'.*180\.1"):
        run("calls", "show", "18")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("outcome", "170.1", "solved"), r"no outcome 'solved'.*phone_resolved.*call_back_due"),
        (("outcome", "9", "test"), r"begins with '9'.*ivr calls list"),
        (("outcome", "", "test"), r"begins with ''"),
        (("calls", "show", "9"), r"begins with '9'"),
        (("calls", "list", "--since", "yesterday"), r"'yesterday' is not a day"),
        (("calls", "list", "--since", "1405-13-01"), r"'1405-13-01' is not a day"),
    ],
)
def test_what_is_refused(run: Run, tmp_path: Path, words: tuple[str, ...], complaint: str) -> None:
    save(tmp_path, [full_call("170.1")])
    with pytest.raises(BadInput, match=complaint):
        run(*words)
    assert saved_outcomes(tmp_path, "170.1") == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1405-09-01", datetime(2026, 11, 21, 20, 30, tzinfo=UTC)),
        ("۱۴۰۵/۹/۱", datetime(2026, 11, 21, 20, 30, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 21, 20, 30, tzinfo=UTC)),
        ("2026-11-22T04:00", datetime(2026, 11, 22, 0, 30, tzinfo=UTC)),
        ("1405-09-01 04:00", datetime(2026, 11, 22, 0, 30, tzinfo=UTC)),
    ],
)
def test_days_of_both_calendars(text: str, at: datetime) -> None:
    assert parse_since(text) == at


HUGE = "9" * 30


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("outcome", "1", "solved"), "phone_resolved"),
        (("calls", "list", "--limit", HUGE), "a number too large"),
        (("dispatch", "step", HUGE, "sent"), f"There is no dispatch {HUGE}"),
    ],
)
def test_bad_input_ends_with_status_2(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    save(tmp_path, [])
    environment: dict[str, Any] = {"IVR_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **CHIEF}
    result = subprocess.run(
        [sys.executable, "-m", "ivr", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
