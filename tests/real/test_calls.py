"""Whole calls on the real Asterisk: from dialling to the record."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.simulator.sip_phone import CallerPhone
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ
from tests.real.product import Product, running_product

pytestmark = pytest.mark.real

KEY_PAUSE_S = 0.4  # people do not press keys in the same instant; Asterisk drops those


@pytest.fixture
async def product(private_asterisk: None, tmp_path: Path) -> AsyncIterator[Product]:
    async with running_product(tmp_path / "home") as product:
        yield product


async def press(phone: CallerPhone, keys: str) -> None:
    for key in keys:
        await asyncio.sleep(KEY_PAUSE_S)
        phone.press(key)


async def test_an_open_county_reaches_its_own_desk(product: Product) -> None:
    async with product.counsellor("saveh-1") as counsellor, product.counsellor("arak-1") as arak:
        async with product.caller(number="09121110001") as caller:
            await caller.answered()
            await press(caller, "224")
            call = await counsellor.offered()
            await call.answer()
            await caller.hears_tone(COUNSELLOR_HZ)
            await call.stream.hears_tone(CALLER_HZ, 5)
            started = time.monotonic()
            call.hang_up()
            assert (await caller.ended(30)) == "there"
            assert time.monotonic() - started > 5, "the closing sentence was said"
        assert not arak.calls
    record = await product.record()
    assert (record["county"], record["category"]) == ("markazi-saveh", "family_dispute")
    assert (record["end"], record["ended_by"]) == ("connected", "counsellor")
    assert (record["counsellor"], record["desk"]) == ("saveh-1", "markazi-saveh")
