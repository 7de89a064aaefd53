"""Ten million calls on PostgreSQL, and a year of Khuzestan: within their bars."""

import pytest

from ivr.bench.reports import MILLIONS, measure
from tests.postgres import PostgresServer

PEAK_MB = 500


@pytest.mark.long
async def test_reports_keep_their_bars(postgres: PostgresServer) -> None:
    await postgres.empty()
    result = await measure(times=3, database=postgres.url())
    year, millions = result.measured
    assert year.slowest_s <= year.bar_s
    assert (millions.calls, millions.slowest_s <= millions.bar_s) == (MILLIONS, True)
    assert millions.peak_mb <= PEAK_MB
