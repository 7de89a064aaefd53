"""A number that somebody was told never names another row, whatever was deleted meanwhile."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, delete, insert, select, text

from ivr.errors import NotThere
from ivr.model import CallId, ProvinceId
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.outcomes import OutcomeId
from ivr.store.database import MIGRATIONS
from ivr.store.follow_ups import FollowUp, FollowUpKind, FollowUpStore
from ivr.store.forms import FormStore
from ivr.store.outcome_tables import answers, caller_links, deliveries, follow_ups, holds, webhooks
from ivr.store.store import Store
from ivr.store.tables import calls
from tests.edge.store_examples import at, call, settings

CALL = CallId("1")
FORM = OutcomeForm(outcomes=(OutcomeItem(outcome=OutcomeId.PHONE_RESOLVED),))
SAID = {"by": "x", "at": at(0)}
DELETED = {  # whose rows are deleted, and whose numbers people type
    follow_ups: SAID
    | {"key": "k", "province": "markazi", "kind": "follow_up", "due_at": at(0), "note": ""},
    holds: {**SAID, "kind": "call", "subject": "1", "reason": "x"},
    caller_links: {**SAID, "pseudonym": "a", "into": "b", "reason": "x"},
    deliveries: {"webhook": 1, "event": "e", "kind": "k", "body": {}, "at": at(0), "tries": 0},
}
ANSWER = "INSERT INTO answers VALUES ('k', 'follow_ups 7 done', '{\"id\": 7}')"
HOOK = {**SAID, "id": 1, "url": "", "secret": "", "events": [], "private": False}


async def test_a_follow_up_that_a_form_took_back_leaves_its_number_to_nobody(store: Store) -> None:
    await store.save_calls([call(CALL)])
    forms, list_ = FormStore(store), FollowUpStore(store)
    asked = replace_day(FORM, date(2026, 12, 1))
    await forms.save(asked, call=CALL, by="sara", at=at(1), key="1")
    (first,) = await list_.open([ProvinceId("markazi")], at(1e9))
    await forms.save(FORM, call=CALL, by="sara", at=at(2), key="2")
    other = await list_.add(follow_up())
    assert other.id > first.id
    with pytest.raises(NotThere, match=f"no follow-up {first.id}"):
        await list_.done(first.id, by="sara", at=at(3))
    assert (await list_.one(str(other.id))).done_at is None


def replace_day(form: OutcomeForm, on: date) -> OutcomeForm:
    return form.model_copy(update={"follow_up_on": on})


def follow_up(**changes: Any) -> FollowUp:
    one = FollowUp(
        id=0,
        key="new",
        call=CALL,
        province=ProvinceId("markazi"),
        desk=None,
        kind=FollowUpKind.FOLLOW_UP,
        due_at=at(9),
        note="",
        by="reza",
        at=at(2),
    )
    return replace(one, **changes)


@pytest.mark.parametrize("table", DELETED, ids=lambda table: table.name)
async def test_no_number_is_given_twice(store: Store, table: Table) -> None:
    async with store.writing() as connection:
        await connection.execute(insert(webhooks).values(HOOK))
        told = []
        for _ in range(3):
            new = await connection.execute(insert(table).values(DELETED[table]))
            (number,) = new.inserted_primary_key or (0,)
            told.append(number)
            await connection.execute(delete(table).where(table.c.id == number))
    assert len(set(told)) == 3


def _to(revision: str, connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


async def _rows(store: Store) -> list[list[dict[str, Any]]]:
    return [[dict(row) for row in await store.rows(select(table))] for table in DELETED]


async def test_rows_of_before_stay_as_they_were_and_numbers_go_on(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with await Store.open(chosen) as store:
        await store.save_calls([call(CALL)])
        async with store.engine.begin() as connection:
            await connection.run_sync(lambda it: _to("0011", it))
            await connection.execute(text(ANSWER))
            await connection.execute(insert(webhooks).values(HOOK))
            for table, values in DELETED.items():
                await connection.execute(insert(table).values(id=7, **values))
        before = await _rows(store)
    async with await Store.open(chosen) as store:
        assert await _rows(store) == before
        (answer,) = await store.rows(select(answers))  # its time began with the migration
        assert (answer["key"], answer["answer"]) == ("k", {"id": 7})
        assert answer["at"] is not None
        assert [row["call"] for row in await store.rows(select(calls.c.call))] == [CALL]
        async with store.writing() as connection:
            await connection.execute(delete(follow_ups))
        assert (await FollowUpStore(store).add(follow_up())).id == 8
