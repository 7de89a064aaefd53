from typing import Any
from unittest.mock import Mock

import pytest

from ivr.asterisk.agi_lines import LINE_LIMIT, AgiLines


@pytest.fixture
async def lines() -> Any:
    lines = AgiLines(lambda _: None)
    lines.connection_made(Mock())
    lines.heard = []
    lines.hear = lines.heard.append
    return lines


WHOLE = "agi_callerid: ۰۹\n200 result=0\nHANGUP\n".encode()


async def test_lines_are_whole_however_they_come(lines: Any) -> None:
    for end in range(len(WHOLE)):
        lines.heard.clear()
        lines.data_received(WHOLE[:end])
        lines.data_received(WHOLE[end:])
        assert lines.heard == ["agi_callerid: ۰۹", "200 result=0", "HANGUP"]


async def test_what_comes_after_the_close_is_dropped(lines: Any) -> None:
    lines.hear = lambda _: lines.close()
    lines.data_received(WHOLE)
    lines.hear = lines.heard.append
    lines.close()
    lines.data_received(WHOLE)
    assert lines.heard == []


@pytest.mark.parametrize("data", [b"x" * (LINE_LIMIT + 1), b"x" * (LINE_LIMIT + 1) + b"\n"])
async def test_a_line_without_end_ends_the_connection(lines: Any, data: bytes) -> None:
    lines.data_received(data)
    lines._transport.close.assert_called_once_with()


async def test_the_end_is_told_once(lines: Any) -> None:
    lines.connection_lost(None)
    lines.connection_lost(OSError())
    assert lines.ended.done()
