"""PostgreSQL alone: what several machines do at once, and a server that is away."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import RowMapping, event, func, make_url, select

from ivr.errors import StoreError
from ivr.floor_view import AtWork
from ivr.model import CallId, CallPhase
from ivr.outcome_form import one_touch
from ivr.outcomes import OutcomeId, Relation
from ivr.settings import Settings
from ivr.steering import OutcomeWatch
from ivr.store import database as database_module
from ivr.store.forms import FormStore, SavedForm, Source, add_form
from ivr.store.outcome_news import OutcomeNews
from ivr.store.store import Store
from ivr.store.writer import open_writer
from tests.edge.store_examples import add_outcome, at, call
from tests.edge.test_store_writer import QUICK, until
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.postgres import PostgresServer


@pytest.fixture
def database() -> str:
    return "postgresql"


@pytest.fixture
def server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """The server, which is there again for the next test whatever this one does to it."""
    yield postgres
    if postgres.process is None:
        postgres.start()


async def test_two_controllers_that_start_at_once_make_the_tables_once(chosen: Settings) -> None:
    stores = await asyncio.gather(*(Store.open(chosen) for _ in range(4)))
    epochs = await asyncio.gather(*(store.next_epoch() for store in stores for _ in range(5)))
    assert len(set(epochs)) == 20
    await asyncio.gather(*(store.close() for store in stores))


async def test_two_that_write_one_call_at_once_lose_nothing_of_it(chosen: Settings) -> None:
    """Each first writes what only it knows; whoever comes second lays it over the first."""
    async with await Store.open(chosen) as one, await Store.open(chosen) as other:
        names = [str(number) for number in range(30)]
        joined = [call(name, phase=CallPhase.WAITING, joined_at=at(1)) for name in names]
        ended = [call(name, phase=CallPhase.ENDED, ended_at=at(9)) for name in reversed(names)]
        await asyncio.gather(one.save_calls(joined), other.save_calls(ended))
        found = [await one.load_call(CallId(name)) for name in names]
    known = {(record.joined_at, record.ended_at) for record in found if record}
    assert known == {(at(1), at(9))}


async def test_a_server_that_stops_and_comes_back(
    store: Store, server: PostgresServer, tmp_path: Path
) -> None:
    emergency = tmp_path / "emergency"
    async with open_writer(store, 1, emergency, QUICK) as writer:
        writer.put(call("1"))
        await until(lambda: writer.backlog == 0)
        server.stop()
        writer.put(call("2"))
        await until(lambda: not writer.healthy and list(emergency.glob("*")))
        with pytest.raises(StoreError, match=r"cannot be used: .*(refused|Connect call failed)"):
            await store.open_calls()
        server.start()
        await until(lambda: writer.healthy and writer.backlog == 0)
        assert {record.call for record in await store.open_calls()} == {"1", "2"}


async def test_a_server_that_was_started_again_fails_nobody(
    store: Store, server: PostgresServer
) -> None:
    """Connections of before are found broken before they are used."""
    await store.save_calls([call("1")])
    server.stop()
    server.start()
    await store.save_calls([call("2")])
    assert {record.call for record in await store.open_calls()} == {"1", "2"}


async def test_what_was_told_to_be_saved_survives_a_crash_of_the_server(
    store: Store, server: PostgresServer
) -> None:
    await store.save_calls([call("1")])
    await add_outcome(store, CallId("1"), OutcomeId("test"), by="reza", at=at(1), note="saved")
    server.stop(signal.SIGQUIT)
    server.start()
    assert [entry.note for entry in await store.outcomes(CallId("1"))] == ["saved"]


async def refused(chosen: Settings, **changes: str) -> str:
    """What is said where the database cannot be opened; never the password."""
    url = make_url(chosen.database_url or "").set(**changes)
    text = url.render_as_string(hide_password=False)
    with pytest.raises(StoreError) as caught:
        await Store.open(chosen.model_copy(update={"database_url": text}))
    told = str(caught.value)
    assert str(url.password) not in f"{told} {caught.value.__cause__!r}"
    return told


async def test_what_is_said_where_it_cannot_be_opened(chosen: Settings) -> None:
    told = await refused(chosen, password="not-the-one")
    assert "password authentication failed" in told
    assert "right in IVR_DATABASE_URL" in told
    assert "make it (createdb)" in await refused(chosen, database="nowhere")
    assert "Connect call failed" in await refused(chosen, port=free_port())


async def test_a_server_that_does_not_answer(
    chosen: Settings, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "CONNECT_S", 0.2)
    assert postgres.process
    postgres.process.send_signal(signal.SIGSTOP)
    try:
        assert "did not answer in time" in await refused(chosen)
    finally:
        postgres.process.send_signal(signal.SIGCONT)


async def test_a_statement_that_does_not_end(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Store.open(chosen):
        pass  # making the tables takes the time that it takes
    monkeypatch.setattr(database_module, "ANSWER_S", 0.5)
    async with Store(chosen) as store:
        with pytest.raises(StoreError, match="did not answer in time"):
            await store.rows(select(func.pg_sleep(3600)))
        await store.close()  # what comes now may take its time again
        event.listen(store.engine.sync_engine, "do_connect", _in_their_own_time)
        await store.save_calls([call("1")])


def _in_their_own_time(_dialect: Any, _record: Any, _words: Any, options: dict[str, Any]) -> None:
    options["command_timeout"] = PATIENCE_S


async def test_an_error_about_a_value_does_not_repeat_it(store: Store) -> None:
    await store.save_calls([call("1")])
    with pytest.raises(StoreError, match="a value does not fit its column") as caught:
        await add_outcome(store, CallId("1"), OutcomeId("test"), by="a secret\0", at=at(1))
    assert caught.value.__cause__ is None
    with pytest.raises(StoreError, match="a value does not fit its column") as caught:
        await store.save_calls([call("2", fallback_s="a secret")])
    assert "secret" not in str(caught.value)


async def test_a_form_that_is_committed_after_a_later_one_is_told(
    store: Store, chosen: Settings
) -> None:
    """Ids are given out before the commit: the lower one comes to be seen second."""
    first, second = CallId("c1"), CallId("c2")
    await store.save_calls([call(first), call(second)])
    both = AtWork(talking=frozenset(), wrapped_up=frozenset({first, second}))
    told: list[CallId] = []
    watch = OutcomeWatch(OutcomeNews(store), lambda: both, told.append)
    await watch.look()
    async with await Store.open(chosen) as other:
        async with other.writing() as connection:
            row = {"province": "markazi", "county": None, "desk": None}
            form = one_touch(Relation.PRANK)
            new = SavedForm(
                id=0, key="slow", call=first, form=form, source=Source.LIVE, by="ali", at=at(1)
            )
            slow = await add_form(connection, new, cast("RowMapping", row))
            await add_outcome(store, second, OutcomeId.PHONE_RESOLVED, by="sara", at=at(2))
            await watch.look()
            assert told == [second]
        await watch.look()
    (quick,) = await FormStore(store).history(second)
    assert slow.id < quick.id, "else this shows nothing"
    assert told == [second, first]
