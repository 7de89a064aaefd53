"""Who has signed out is still known after a restart."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from ivr.model import CounsellorId
from ivr.settings import Settings
from ivr.store.signed_out import SignedOutStore
from ivr.store.store import Store
from ivr.store.tables import people

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
ALI, SARA = CounsellorId("ali"), CounsellorId("sara")


async def test_signing_out_outlives_the_controller(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    async with Store(settings) as store:
        async with store.writing() as connection:
            rows = [{"id": name, "person": {}} for name in (ALI, SARA)]
            await connection.execute(insert(people), rows)
        kept = SignedOutStore(store)
        assert await kept.everybody() == ()
        await kept.keep(ALI, NOW)
        await kept.keep(CounsellorId("nobody"), NOW)
    async with Store(settings) as store:
        kept = SignedOutStore(store)
        assert await kept.everybody() == (ALI,)
        await kept.keep(ALI, None)
        assert await kept.everybody() == ()
