"""Stores on both databases: SQLite, and a PostgreSQL server of the tests' own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ivr.settings import Settings
from ivr.store.store import Store
from tests.edge.store_examples import settings
from tests.patience import be_patient
from tests.postgres import PostgresServer, running_postgres


@pytest.fixture(autouse=True)
def _patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(request, monkeypatch)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests of this process, one after the other."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on: it runs on both."""
    return str(request.param)


@pytest.fixture
async def chosen(
    database: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Settings of a copy in `tmp_path` with an empty database, which other processes find too."""
    if database == "sqlite":
        return settings(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    await server.empty()
    monkeypatch.setenv("IVR_DATABASE_URL", server.url())
    return settings(tmp_path)


@pytest.fixture
async def store(chosen: Settings) -> AsyncIterator[Store]:
    async with await Store.open(chosen) as store:
        yield store
