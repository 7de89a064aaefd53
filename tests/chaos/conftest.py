from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.kit import Chaos, chaotic_product
from tests.real.conftest import private_asterisk
from tests.real.product import Product

__all__ = ["private_asterisk"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    async with chaotic_product(tmp_path_factory.mktemp("chaos") / "home") as product:
        yield product


@pytest_asyncio.fixture(loop_scope="module")
async def chaos(product: Product) -> AsyncIterator[Chaos]:
    """Begins with a controller that serves, ends with an empty floor."""
    if product.serve is None or product.serve.returncode is not None:
        await product.start()
    chaos = Chaos(product)
    yield chaos
    await chaos.until(lambda: not chaos.channel_names())
