import asyncio
import socket
from unittest.mock import Mock

import pytest
from structlog.testing import capture_logs

from ivr.asterisk import agi_server
from ivr.asterisk.agi import AgiChannel
from ivr.asterisk.agi_lines import AgiLines
from ivr.asterisk.agi_server import AgiServer
from ivr.errors import AsteriskError
from tests.edge.agi_peer import connected, serving
from tests.patience import PATIENCE_S
from tests.ports import free_port


async def music(session):
    await AgiChannel(session).start_music()


async def works(server) -> bool:
    async with connected(server) as peer:
        peer.send_environment()
        return await peer.line() == "SET MUSIC ON ivr"


async def test_the_socket_closes_as_soon_as_the_handler_returns():
    async with serving({"call": music}) as server, connected(server) as peer:
        peer.send_environment("call")
        assert await peer.line() == "SET MUSIC ON ivr"
        peer.send("200 result=0")
        assert await peer.closed()


@pytest.mark.parametrize(
    "junk",
    [
        b"",  # a port probe
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"agi_network: yes\nagi_network_script: call\n",  # and gone
        b"\xff\xfe\x00\n",
        b"agi_x: " + b"y" * 20000 + b"\n\n",
        b"agi_x: y\n" * 200 + b"\n",
        b"agi_uniqueid: 1.1\nagi_network_script: unknown\n\n",
        b"agi_uniqueid: 1.1\nagi_network_script: ../call\n\n",
        b"agi_network: yes\nagi_network_script: call\n\n",  # of no channel
        b"agi_uniqueid: \xff\xfe\nagi_network_script: call\n\n",
        b"agi_uniqueid: 1.1 or 1\nagi_network_script: call\n\n",
    ],
)
async def test_strangers_are_counted_and_cost_one_log_line(junk):
    with capture_logs() as logs:
        async with serving({"call": music}) as server:
            async with connected(server) as peer:
                peer.writer.write(junk)
                peer.writer.write_eof()
                await peer.closed()
            assert server.refused == 1
            assert await works(server)
    assert [entry["event"] for entry in logs if entry["log_level"] != "warning"] == [
        "agi_connection_refused"
    ]


async def test_a_slow_stranger_is_put_out():
    async with serving({"call": music}, environment_limit_s=0.05) as server:
        async with connected(server) as peer:
            peer.send("agi_network: yes")
            assert await peer.closed()
        assert server.refused == 1


async def test_half_open_strangers_do_not_hold_up_a_caller():
    async with serving({"call": music}) as server, connected(server), connected(server):
        assert await works(server)


async def test_peers_outside_the_list_are_refused():
    async with serving({"call": music}, allowed=frozenset({"192.0.2.1"})) as server:
        async with connected(server) as peer:
            assert await peer.closed()
        assert server.refused == 1


async def test_too_many_sessions():
    async with serving({"call": music}, max_sessions=1) as server:
        async with connected(server) as first:
            first.send_environment()
            assert await first.line() == "SET MUSIC ON ivr"
            async with connected(server) as second:
                second.send_environment()
                assert await second.closed()
        assert server.refused == 1


async def test_a_failing_handler_gives_the_caller_back_and_tells_no_number():
    async def failing(session):
        raise KeyError(session.env["callerid"] + "09120000000")

    with capture_logs() as logs:
        async with serving({"call": failing}) as server, connected(server) as peer:
            peer.send_environment()
            assert await peer.closed()
    assert [entry["event"] for entry in logs] == ["agi_handler_failed"]
    assert logs[0]["call"] == "1700000000.1"
    assert "test_agi_server.py" in logs[0]["at"]
    assert "0912" not in str(logs)


async def test_a_handler_that_outstays_its_channel_is_ended(monkeypatch):
    monkeypatch.setattr(agi_server, "AFTERWARDS_LIMIT_S", 0.01)
    ended = asyncio.Event()

    async def stays(session):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving({"call": stays}) as server, connected(server) as peer:
        peer.send_environment()
        peer.send("HANGUP")
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()


async def test_who_comes_in_the_instant_of_stopping_is_turned_away():
    async with serving({"call": music}) as server, connected(server):
        pass
    late = Mock(spec=AgiLines, peer="127.0.0.1")
    with capture_logs() as logs:
        server._accept(late)
    late.close.assert_called_once_with()
    assert [entry["why"] for entry in logs] == ["closing"]


async def test_a_taken_port_names_the_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AsteriskError, match=rf"{port}.*taken.*IVR_AGI_PORT"):
            AgiServer("127.0.0.1", port, {}).open()


async def test_stopping_cancels_handlers_and_frees_the_port():
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def waits(session):
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving({"call": waits}, free_port()) as server, connected(server) as peer:
        peer.send_environment()
        async with asyncio.timeout(PATIENCE_S):
            await started.wait()
    assert cancelled.is_set()
    assert await peer.closed()
    again = AgiServer("127.0.0.1", server.port, {})
    again.open()
    again._socket.close()
