"""A database from before there were forms: what was recorded in it still counts."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from ivr.model import CallId
from ivr.outcomes import OutcomeId, Relation
from ivr.store.database import MIGRATIONS, close_engine, make_engine, make_file, writing
from ivr.store.database import database_url as url_of
from ivr.store.forms import FormStore
from ivr.store.store import Store
from tests.edge.store_examples import settings

CALL = (
    "INSERT INTO calls (call, province, line, served_by, phase, arrived_at, fallback_s, offers)"
    " VALUES ('{0}', 'markazi', '086123', 'controller', 'ended', '2026-11-21 00:00:00', 0, '[]')"
)
OUTCOME = (
    "INSERT INTO outcomes (call, outcome, note, by, at)"
    " VALUES ('{0}', '{1}', '{2}', 'sara', '2026-11-21 00:0{3}:00')"
)
ROWS = (
    *(CALL.format(call) for call in ("1", "2", "3")),
    OUTCOME.format("1", "phone_resolved", "خوب", 1),
    OUTCOME.format("2", "prank", "", 2),
    OUTCOME.format("1", "mobile_team", "", 3),
)


def _as_it_was(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0004")
    for row in ROWS:
        connection.execute(text(row))


async def test_outcomes_without_a_form_become_one_form_a_call(tmp_path: Path) -> None:
    engine = make_engine(url_of(settings(tmp_path)))
    make_file(engine.url)
    async with writing(engine) as connection:
        await connection.run_sync(_as_it_was)
    await close_engine(engine)
    async with await Store.open(settings(tmp_path)) as store:
        found = await FormStore(store).counting(CallId("1"), CallId("2"), CallId("3"))
        said = {
            call: [item.outcome for item in saved.form.outcomes] for call, saved in found.items()
        }
        assert said == {
            "1": [OutcomeId.PHONE_RESOLVED, OutcomeId.MOBILE_TEAM],
            "2": [OutcomeId.PRANK],
        }
        assert found[CallId("1")].form.outcomes[0].note == "خوب"
        assert found[CallId("2")].form.relation is Relation.PRANK
        entries = await store.outcomes(CallId("1"))
        assert [(entry.outcome, entry.note, entry.by) for entry in entries] == [
            ("phone_resolved", "خوب", "sara"),
            ("mobile_team", "", "sara"),
        ]
