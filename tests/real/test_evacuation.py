"""A site is evacuated while callers wait for it, on the real Asterisk, by one person's command."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from ivr.deployment import load_deployment
from ivr.model import DeskId
from ivr.people import demo_accounts
from ivr.simulator.scenario_decisions import closure_of
from ivr.simulator.tone import COUNSELLOR_HZ
from ivr.store.duty import DutyStore
from ivr.store.store import Store
from tests.real.product import SUPERVISOR, Json, Product, running_product

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("evacuation"),
]

STEPS = [
    {"ring": "own", "lasts_s": 300},
    {"ring": "supporting", "lasts_s": 300},
    {"ring": "province"},
]
CLOSED = timedelta(seconds=10)
PATIENCE_S = 90.0
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
    """Closed twice at once: until both callers are where they must be the first closure lasts."""
    async with (
        product.counsellor("saveh-1", answer_after_s=0) as saveh,
        product.counsellor("arak-1", answer_after_s=0) as arak,
    ):
        await product.until(lambda: product.counsellor_state("saveh-1") == "available")
        await product.until(lambda: product.counsellor_state("arak-1") == "available")
        first_closure = await _close_saveh(product, "--for", "2h")
        async with product.caller(number="09125550001") as first:
            await first.presses(TAFRESH)
            await first.hears_tone(COUNSELLOR_HZ)
            async with product.caller(number="09125550002") as second:
                await second.presses(TAFRESH)
                await product.until(lambda: len(product.floor()["waiting"]) == 1)
                assert (len(saveh.calls), len(arak.calls)) == (0, 1)
                until_at = await _leave_closed_for_a_while(product, first_closure["id"])
                await second.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
                await second.talks()
                assert len(saveh.calls) == 1
    rung_at = [at for record in await _ended(product) for at in _offered_at(record, "saveh-1")]
    assert min(rung_at) >= until_at


async def _leave_closed_for_a_while(product: Product, closure: int) -> datetime:
    """Another closure in place of that one, at once; when it ends by itself."""
    deployment = load_deployment(product.settings)
    desks = {desk: rules.id for rules in deployment.rules for desk in rules.all_desks}
    async with Store(product.settings) as store:
        duty, now = DutyStore(store, desks), datetime.now(UTC)
        shorter = replace(closure_of(DeskId("markazi-saveh"), now), until_at=now + CLOSED)
        await duty.close(shorter, by=SUPERVISOR, at=now)
        await duty.reopen(closure, by=SUPERVISOR, at=now)
    return shorter.until_at


async def _ended(product: Product) -> list[Json]:
    await product.record(number_of_calls=2)
    return await product.records()


def _offered_at(record: Json, counsellor: str) -> list[datetime]:
    return [
        datetime.fromisoformat(offer["offered_at"])
        for offer in record["offers"]
        if offer["counsellor"] == counsellor
    ]


async def test_the_next_desk_rings_when_saveh_is_evacuated_while_tafresh_waits(
    product: Product,
) -> None:
    earlier = {record["call"] for record in await product.records()}
    async with (
        product.counsellor("saveh-1", answer_after_s=0) as saveh,
        product.counsellor("arak-1", answer_after_s=0) as arak,
    ):
        await product.until(lambda: product.counsellor_state("saveh-1") == "available")
        await product.until(lambda: product.counsellor_state("arak-1") == "available")
        async with product.caller(number="09125550001") as first:
            await first.presses(TAFRESH)
            await first.hears_tone(COUNSELLOR_HZ)
            async with product.caller(number="09125550002") as second:
                await second.presses(TAFRESH)
                await product.until(lambda: len(product.floor()["waiting"]) == 1)
                assert not arak.calls, "for five minutes the call is Saveh's alone"

                await _close_saveh(product, "--for", "2h")
                await second.hears_tone(COUNSELLOR_HZ)
                assert len(arak.calls) == 1
                await first.hears_tone(COUNSELLOR_HZ), "a talk is not touched"
        # Nor is Saveh rung for whoever calls now.
        await product.until(lambda: product.counsellor_state("arak-1") == "available")
        async with product.caller(number="09125550003") as third:
            await third.presses(TAFRESH)
            await third.hears_tone(COUNSELLOR_HZ)
        assert (len(saveh.calls), len(arak.calls)) == (1, 2)
    await product.record(number_of_calls=len(earlier) + 3)
    records = [it for it in await product.records() if it["call"] not in earlier]
    moved = [it for it in records if it["counsellor"] == "arak-1"]
    reasons = [[why["code"] for why in it["plan"]["steps"][0]["reasons"]] for it in moved]
    assert len(moved) == 2
    assert all("evacuated" in codes for codes in reasons), reasons
