"""Ten million calls on PostgreSQL, and a year of Khuzestan: within their bars."""

import pytest

from ivr.bench.reports import MILLIONS, measure
from tests.postgres import PostgresServer

PEAK_MB = 500


@pytest.mark.long
async def test_reports_keep_their_bars(postgres: PostgresServer) -> None:
    await postgres.empty()
    result = await measure(times=3, database=postgres.url())
    assert result.measured[1].calls == MILLIONS
    for one in result.measured:
        assert one.slowest_s <= one.bar_s, one.subject
        assert one.peak_mb <= PEAK_MB
