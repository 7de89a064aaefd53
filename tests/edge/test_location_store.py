"""Confirmed counties of earlier calls, and counties that a counsellor set right."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from argon2 import PasswordHasher
from sqlalchemy import Connection, event, insert, select, text
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.earlier_calls import CallerPast, Earlier
from ivr.errors import BadInput, NotAllowed
from ivr.model import CallerRef, CallPhase, CountySource, Lane
from ivr.model.location import CallLocation, LocationCandidate, LocationNote, LocationNoteCode
from ivr.settings import Settings
from ivr.store.database import MIGRATIONS
from ivr.store.records import is_misrouted
from ivr.store.store import Store
from ivr.store.tables import calls
from ivr.store.vault import Vault
from tests.edge.staff import PASSWORD, take_in_staff
from tests.edge.store_examples import FACTS, at, call, full_call, settings

CALLER = CallerRef(pseudonym="ab" * 16, ciphertext="1.x", raw_ciphertext="1.y", withheld=True)
LOCATION = CallLocation(
    candidates=(
        LocationCandidate(
            source=CountySource.CELL, confidence=0.85, province="markazi", county="markazi-arak"
        ),
        LocationCandidate(source=CountySource.TRUNK, confidence=0.9, province="markazi"),
    ),
    notes=(LocationNote(LocationNoteCode.CELL_NOT_LISTED, "tac-43211-1A2B"),),
)
DAY_S = 86_400
PAST = CallerPast(
    pseudonym=CALLER.pseudonym, county_since_at=at(-1), silence_since_at=at(-1), not_of="1"
)


def known(name: str, county: str | None, source: CountySource, **changes: object):
    facts = replace(FACTS, county=county, county_source=source)
    return call(name, caller=CALLER, facts=facts, **changes)


async def test_location_and_raw_header_come_back(chosen: Settings) -> None:
    record = replace(full_call(), caller=CALLER, location=LOCATION)
    async with await Store.open(chosen) as store:
        await store.save_calls([record])
        assert await store.load_call(record.call) == record


async def test_the_latest_confirmed_county_of_the_caller(chosen: Settings) -> None:
    records = [
        known("old", "markazi-arak", CountySource.KEYPAD, arrived_at=at(0)),
        known("newer", "markazi-saveh", CountySource.COUNSELLOR, arrived_at=at(DAY_S)),
        known("guessed", "markazi-khomeyn", CountySource.CELL, arrived_at=at(2 * DAY_S)),
        known("unknown", None, CountySource.UNKNOWN, arrived_at=at(3 * DAY_S)),
        known("this", "markazi-delijan", CountySource.KEYPAD, arrived_at=at(4 * DAY_S)),
        replace(full_call("other"), caller=replace(CALLER, pseudonym="cd" * 16), arrived_at=at(9)),
    ]
    async with await Store.open(chosen) as store:
        await store.save_calls(records)

        async def county(since_at: datetime, not_of: str, who: str = CALLER.pseudonym):
            past = replace(PAST, pseudonym=who, county_since_at=since_at, not_of=not_of)
            return (await store.earlier_calls(past)).county

        assert await county(at(-1), "this") == "markazi-saveh"
        assert await county(at(-1), "another") == "markazi-delijan"
        assert await county(at(DAY_S + 1), "this") is None
        assert await county(at(-1), "this", who="nobody") is None


async def test_whether_the_caller_was_silent(chosen: Settings) -> None:
    silent = replace(FACTS, lane=Lane.SILENCE, returning_silence=True)
    records = [
        replace(full_call("silent"), facts=silent, arrived_at=at(0)),
        replace(full_call("spoken"), arrived_at=at(DAY_S)),
        replace(full_call("this"), facts=silent, arrived_at=at(2 * DAY_S)),
    ]
    async with await Store.open(chosen) as store:
        await store.save_calls(records)
        assert await store.load_call(records[0].call) == records[0]

        async def was_silent(since_at: datetime, not_of: str, who: str = CALLER.pseudonym):
            past = replace(PAST, pseudonym=who, silence_since_at=since_at, not_of=not_of)
            return (await store.earlier_calls(past)).silent

        assert await was_silent(at(-1), "this")
        assert not await was_silent(at(1), "this")
        assert await was_silent(at(1), "next")
        assert not await was_silent(at(-1), "this", who="nobody")


async def test_lost_calls_are_those_that_nobody_has_taken_up(chosen: Settings) -> None:
    lost = replace(full_call("lost"), lost_at=at(340))
    taken_up = replace(
        full_call("taken up"), lost_at=at(340), acknowledged_at=at(400), acknowledged_by="boss"
    )
    async with await Store.open(chosen) as store:
        await store.save_calls([lost, taken_up, full_call("not lost")])
        assert await store.load_call(taken_up.call) == taken_up
        assert await store.lost_calls() == (lost,)
        seen = replace(lost, acknowledged_at=at(500), acknowledged_by="boss")
        await store.save_calls([seen])
        assert await store.lost_calls() == ()
        assert await store.load_call(lost.call) == seen


@pytest.fixture
async def called_often(chosen: Settings) -> AsyncIterator[Store]:
    """A caller has called 500 times, silently or with a confirmed county; so have 16,000 others."""
    async with await Store.open(chosen) as store:
        await store.save_calls([known("0", "markazi-arak", CountySource.KEYPAD, arrived_at=at(0))])
        (row,) = await store.rows(select(calls))
        rows = [
            {**row, "call": f"{number}", "arrived_at": at(number), "lane": number % 3}
            for number in range(2, 500)
        ]
        async with store.writing() as connection:
            await connection.execute(insert(calls), rows)
            for copy in range(32):
                name = calls.c.call + f"-{copy}"
                new = {"call": name, "caller_pseudonym": name}
                columns = [new.get(column.name, column) for column in calls.c]
                of_caller = calls.c.caller_pseudonym == CALLER.pseudonym
                copied = select(*columns).where(of_caller)
                await connection.execute(insert(calls).from_select(list(calls.c), copied))
            await connection.execute(text("ANALYZE"))
        yield store


async def asked(store: Store) -> tuple[str, Any]:
    """The one statement of a look-up, as the database gets it, and its values."""
    heard: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        heard.append((statement, values))

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    await store.earlier_calls(PAST)
    event.remove(store.engine.sync_engine, "before_cursor_execute", note)
    ((statement, values),) = heard
    return statement, values


@pytest.mark.parametrize("database", ["sqlite"])
async def test_sqlite_answers_the_look_up_by_its_indexes_alone(
    called_often: Store, tmp_path: Path
) -> None:
    statement, values = await asked(called_often)
    with closing(sqlite3.connect(tmp_path / "line123.sqlite")) as database:
        plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    of_caller = "(caller_pseudonym=? AND arrived_at>?)"
    assert [step for step in plan if "calls" in step or "TEMP" in step] == [
        f"SEARCH calls USING INDEX ix_calls_confirmed {of_caller}",
        f"SEARCH calls USING INDEX ix_calls_silent {of_caller}",
    ]


@pytest.mark.parametrize("database", ["postgresql"])
async def test_postgresql_reads_at_most_two_rows_of_each_index(called_often: Store) -> None:
    statement, values = await asked(called_often)
    async with called_often.writing() as connection:
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        found = await connection.exec_driver_sql(explain, values)
        (plan,) = found.scalars()
    scans = list(scans_of(plan[0]["Plan"]))
    assert {scan["Index Name"] for scan in scans} == {"ix_calls_confirmed", "ix_calls_silent"}
    assert all(scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) <= 2 for scan in scans)


def scans_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Scan" in node["Node Type"]:
        yield node
    for part in node.get("Plans", ()):
        yield from scans_of(part)


async def test_a_look_up_that_is_given_up_leaves_the_store_usable(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        for _ in range(20):
            task = asyncio.create_task(store.earlier_calls(PAST))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert await store.earlier_calls(PAST) == Earlier()


async def test_a_correction_wins_over_every_later_save(chosen: Settings) -> None:
    record = known("1", "markazi-saveh", CountySource.KEYPAD, phase=CallPhase.TALKING)
    async with await Store.open(chosen) as store:
        await store.save_calls([record])
        entry = await store.correct_county(record.call, "markazi-arak", by="reza", at=at(60))
        assert (entry.previous_county, entry.previous_source) == ("markazi-saveh", "keypad")
        await store.save_calls([replace(record, ended_at=at(90), phase=CallPhase.ENDED)])
        loaded = await store.load_call(record.call)
        assert loaded.facts.county == "markazi-arak"
        assert loaded.facts.county_source is CountySource.COUNSELLOR
        assert (loaded.ended_at, loaded.facts.lane) == (at(90), record.facts.lane)
        assert await store.corrections(record.call) == (entry,)
        earlier = await store.earlier_calls(replace(PAST, not_of="2"))
        assert earlier.county == "markazi-arak"


async def test_a_call_is_misrouted_where_the_line_went_by_another_county(chosen: Settings) -> None:
    right, wrong, unknown = "markazi-saveh", "markazi-arak", None
    cases = {
        "keyed wrongly": (wrong, [right], True),
        "confirmed": (right, [right], False),
        "not known": (unknown, [right], False),
        "a slip taken back": (right, [wrong, right], False),
        "a slip set right": (wrong, [wrong, right], True),
        "of another province": (right, ["ilam-dehloran"], True),
    }
    async with await Store.open(chosen) as store:
        for name, (before, corrections, misrouted) in cases.items():
            await store.save_calls([known(name, before, CountySource.KEYPAD)])
            for county in corrections:
                await store.correct_county(name, county, by="reza", at=at(1))
            assert is_misrouted(await store.corrections(name)) is misrouted, name
    assert not is_misrouted(())


async def test_a_call_without_facts_gets_them(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        await store.save_calls([call("1", ended_at=at(9))])
        await store.correct_county("1", "markazi-arak", by="reza", at=at(60))
        facts = (await store.load_call("1")).facts
    assert (facts.province, facts.county, facts.category) == ("markazi", "markazi-arak", "unknown")


async def test_a_call_that_is_not_there_cannot_be_corrected(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        with pytest.raises(BadInput, match="no call '1'"):
            await store.correct_county("1", "markazi-arak", by="reza", at=at(60))


def test_the_raw_header_is_sealed_like_the_number(tmp_path: Path) -> None:
    vault = Vault.open(settings(tmp_path))
    header = '"x" <sip:33331234;phone-context=+9884@ims>'
    sealed = vault.seal("08433331234", raw=header, withheld=True)
    assert vault.reveal(sealed) == "08433331234"
    assert vault.reveal_raw(sealed) == header
    assert sealed.withheld
    assert "3333" not in repr(sealed)
    assert vault.reveal_raw(vault.seal("08433331234")) == ""


async def test_calls_of_an_older_version_are_kept_and_read(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        await store.save_calls([full_call("1")])
        async with store.writing() as connection:
            await connection.run_sync(_downgrade)
    async with await Store.open(chosen) as store:
        assert await store.load_call("1") == full_call("1")


def _downgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.downgrade(config, "0001")


def test_the_command_line_sets_a_county_right_and_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)

    async def save() -> None:
        async with await Store.open(settings(tmp_path)) as store:
            await store.save_calls([replace(full_call("170.1"), location=LOCATION)])
            await take_in_staff(store)

    asyncio.run(save())

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["calls", *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    assert "Saved: 170.1 markazi-arak (before: markazi-saveh)" in run(
        "locate", "170", "markazi-arak", "--as", "chief"
    )
    shown = json.loads(run("show", "170.1", "--json"))
    assert (shown["county"], shown["county_source"]) == ("markazi-arak", "counsellor")
    assert shown["misrouted"] is True
    [correction] = shown["corrections"]
    assert (correction["previous_county"], correction["by"]) == ("markazi-saveh", "chief")
    assert shown["location"]["candidates"][0]["source"] == "cell"
    text = run("show", "170.1")
    for word in ("misrouted", "chief", "cell_not_listed", "tac-43211-1A2B"):
        assert word in text
    with pytest.raises(BadInput, match="is no county's id"):
        run("locate", "170.1", "markazi-nowhere")
    with pytest.raises(NotAllowed):
        run("locate", "170.1", "markazi-saveh", "--as", "auditor")
    assert json.loads(run("show", "170.1", "--json"))["county"] == "markazi-arak"
