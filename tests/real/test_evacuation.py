"""A site is evacuated while callers wait for it, on the real Asterisk, by one person's command."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from ivr.people import demo_accounts
from ivr.simulator.tone import COUNSELLOR_HZ
from tests.real.product import Json, Product, running_product
from tests.real.scene import press

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("evacuation"),
]

SUPERVISOR = "markazi-supervisor"
STEPS = [
    {"ring": "own", "lasts_s": 300},
    {"ring": "supporting", "lasts_s": 300},
    {"ring": "province"},
]
CLOSED_S = 45  # two callers get through their menus meanwhile, on a slow machine too
PATIENCE_S = 60.0
TAFRESH = "2920"  # not in danger, the second page, Tafresh, a person


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """One for both tests; no closure of the first is left when the second begins."""
    home = tmp_path_factory.mktemp("evacuation") / "home"
    async with running_product(home, steps=STEPS) as running:
        known = demo_accounts(running.settings.home).known()
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("IVR_USER", SUPERVISOR)
            environment.setenv("IVR_PASSWORD", known[SUPERVISOR])
            yield running


async def _close_saveh(product: Product, *more: str) -> Json:
    reason = ("--kind", "evacuated", "--reason", "گزارش نشت گاز در ساختمان")
    return dict(await product.ivr("duty", "close", "markazi-saveh", *reason, *more, "--json"))


async def test_a_closure_ends_by_itself_and_who_waits_is_offered_to_the_desk(
    product: Product,
) -> None:
    async with (
        product.counsellor("saveh-1", answer_after_s=0) as saveh,
        product.counsellor("arak-1", answer_after_s=0) as arak,
        product.caller(number="09125550001") as first,
        product.caller(number="09125550002") as second,
    ):
        await product.until(lambda: product.counsellor_state("saveh-1") == "available")
        await product.until(lambda: product.counsellor_state("arak-1") == "available")
        until_at = datetime.now(UTC) + timedelta(seconds=CLOSED_S)
        await _close_saveh(product, "--until", until_at.isoformat(timespec="seconds"))
        await first.answered(PATIENCE_S)
        await press(first, TAFRESH)
        await first.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
        await second.answered(PATIENCE_S)
        await press(second, TAFRESH)
        await product.until(lambda: len(product.floor()["waiting"]) == 1)
        assert (len(saveh.calls), len(arak.calls)) == (0, 1)
        await second.hears_tone(COUNSELLOR_HZ, CLOSED_S + PATIENCE_S)
        assert len(saveh.calls) == 1
        first.hang_up()
        second.hang_up()


async def test_the_next_desk_rings_when_saveh_is_evacuated_while_tafresh_waits(
    product: Product,
) -> None:
    earlier = {record["call"] for record in await product.records()}
    async with (
        product.counsellor("saveh-1", answer_after_s=0) as saveh,
        product.counsellor("arak-1", answer_after_s=0) as arak,
        product.caller(number="09125550001") as first,
        product.caller(number="09125550002") as second,
    ):
        await product.until(lambda: product.counsellor_state("saveh-1") == "available")
        await first.answered(PATIENCE_S)
        await press(first, TAFRESH)
        await first.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
        await second.answered(PATIENCE_S)
        await press(second, TAFRESH)
        await product.until(lambda: len(product.floor()["waiting"]) == 1)
        assert not arak.calls, "for five minutes the call is Saveh's alone"

        await _close_saveh(product, "--for", "2h")
        await second.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
        assert len(arak.calls) == 1
        await first.hears_tone(COUNSELLOR_HZ, PATIENCE_S), "a talk is not touched"
        first.hang_up()
        second.hang_up()
        # Nor is Saveh rung for whoever calls now.
        async with product.caller(number="09125550003") as third:
            await third.answered(PATIENCE_S)
            await press(third, TAFRESH)
            await third.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
            third.hang_up()
        assert (len(saveh.calls), len(arak.calls)) == (1, 2)
    records = [it for it in await product.records() if it["call"] not in earlier]
    moved = [it for it in records if it["counsellor"] == "arak-1"]
    reasons = [[why["code"] for why in it["plan"]["steps"][0]["reasons"]] for it in moved]
    assert len(moved) == 2
    assert all("evacuated" in codes for codes in reasons), reasons
