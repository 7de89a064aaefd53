"""`make long` plays every scenario on both Asterisks and renews docs/scenario-parity.md."""

import pytest

from tests.real.exchange import why_no_asterisk
from tests.scenarios.parity import write_table


@pytest.mark.long
@pytest.mark.real
def test_the_table_is_renewed_and_all_histories_are_the_same() -> None:
    if reason := why_no_asterisk():
        pytest.skip(f"no real Asterisk: {reason}")
    assert write_table()
