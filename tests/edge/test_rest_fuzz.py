"""The API asked at random by its own document: whatever is sent, it is answered, never with 5xx."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from ivr.settings import Settings
from ivr.store.store import Store
from ivr.web.rest import serve
from ivr.web.rest.openapi import document
from ivr.web.rest.routes import ROUTES
from tests.edge.rest_world import CALL, COUNSELLOR, take_in_people, world

EXAMPLES = 300  # over all operations
PATIENCE_S = 300.0  # here nothing is proven about how quick a loaded machine is
THERE = {"call": CALL, "number": 1, "counsellor": COUNSELLOR, "province": "markazi"}
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES))


class Served:
    """The API in a thread of its own: what asks it blocks."""

    def __init__(self, copy: Settings) -> None:
        self._copy = copy
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.address = self.secret = ""

    def __enter__(self) -> "Served":
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        self._ready.wait()
        return self

    async def _run(self) -> None:
        try:
            async with await Store.open(self._copy) as store, world(store) as made:
                await take_in_people(store)
                self.secret = await made.secret()
                self.address = str(made.client.make_url("/api/v1"))
                self._ready.set()
                await self._stop.wait()
        finally:
            self._ready.set()

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def database() -> str:
    """The one that refuses more: U+0000, large numbers."""
    return "postgresql"


@pytest.fixture
def served(chosen: Settings) -> Iterator[Served]:
    with Served(chosen) as made:
        yield made


def cases() -> st.SearchStrategy[Case]:
    """Requests as the document says they are, and others."""
    return st.one_of(
        operation.ok().as_strategy(generation_mode=mode)
        for operation in SCHEMA.get_all_operations()
        for mode in GenerationMode
    )


def test_whatever_is_sent_is_answered(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "ANSWER_WITHIN_S", PATIENCE_S)
    answered: set[int] = set()

    @given(case=cases(), there=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case, there: bool) -> None:
        if there:
            known: dict[str, Any] = {name: THERE.get(name) for name in case.path_parameters or ()}
            case.path_parameters = known
        headers = {"Authorization": f"Bearer {served.secret}"}
        response = case.call(base_url=served.address, headers=headers, timeout=PATIENCE_S)
        assert response.status_code < 500, (case.method, case.path, response.text)
        answered.add(response.status_code)

    ask()
    assert {200, 404, 422} <= answered
