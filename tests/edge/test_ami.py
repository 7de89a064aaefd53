import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from ivr.asterisk.ami import AmiLink, AmiTiming, LoginRefused, NoAnswer, _Protocol
from ivr.errors import ActionFailed, LinkDown, UnsafeValue
from tests.edge.fake_ami import FAST, a_list, block, booted, error, fake_ami, success
from tests.patience import PATIENCE_S
from tests.ports import free_port

ORIGINATE = {"Action": "Originate", "ActionID": "ivr-1", "Channel": "PJSIP/200"}


class Watched(AmiLink):
    """A link that remembers what it told, and can be waited for."""

    def __init__(self, port: int, timing: AmiTiming) -> None:
        self.events: list[dict[str, object]] = []
        self.tries = 0
        self.ups = 0
        self.downs = 0
        self.failing: Callable[[], None] = lambda: None
        self._changed = asyncio.Event()
        super().__init__(
            host="127.0.0.1",
            port=port,
            user="ivr",
            secret="not-to-be-told",
            on_event=self._event,
            on_up=self._upped,
            on_down=self._downed,
            timing=timing,
        )

    def _event(self, message) -> None:
        self.events.append(dict(message))
        self._changed.set()
        self.failing()

    async def _upped(self) -> None:
        self.ups += 1
        self._changed.set()

    def _downed(self) -> None:
        self.downs += 1
        self._changed.set()

    async def _log_in(self):
        self.tries += 1
        self._changed.set()
        return await super()._log_in()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def seen(self) -> list[object]:
        return [event["Event"] for event in self.events if event["Event"] != "FullyBooted"]


@asynccontextmanager
async def linked(fake, timing=FAST):
    link = Watched(fake.port, timing)
    task = asyncio.create_task(link.run())
    try:
        await link.until(lambda: link.ups >= 1)
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def fake():
    async with fake_ami() as fake:
        yield fake


async def test_login_and_an_action(fake):
    async with linked(fake) as link:
        assert fake.received[0]["Username"] == "ivr"
        response = await link.action({"Action": "Setvar", "Variable": "X", "Value": "1"})
    assert response["Response"] == "Success"


async def test_a_refused_action_says_why(fake):
    fake.answers["Hangup"] = lambda fields: error(fields, "No such channel")
    async with linked(fake) as link:
        with pytest.raises(ActionFailed, match="Hangup: No such channel"):
            await link.action({"Action": "Hangup", "Channel": "ivr-1"})


async def test_a_list_is_collected_to_its_end_while_events_go_on(fake):
    def devices(fields):
        return (
            block(Event="Newchannel", Uniqueid="1.1")
            + a_list(
                fields,
                "DeviceStateListComplete",
                block(Event="DeviceStateChange", Device="PJSIP/200", State="NOT_INUSE"),
                block(Event="DeviceStateChange", Device="PJSIP/201", State="INUSE"),
            )
            + block(Event="Hangup", Uniqueid="1.1")
        )

    fake.answers["DeviceStateList"] = devices
    async with linked(fake) as link:
        states = await link.list_action({"Action": "DeviceStateList"})
        assert [state["Device"] for state in states] == ["PJSIP/200", "PJSIP/201"]
        await link.until(lambda: len(link.seen()) == 2)
        assert link.seen() == ["Newchannel", "Hangup"]
        assert await link.list_action({"Action": "Status"}) == []


async def test_a_refused_list_is_an_error_not_a_time_out(fake):
    fake.answers["Status"] = lambda fields: error(fields, "Permission denied")
    async with linked(fake) as link:
        with pytest.raises(ActionFailed, match="Permission denied"):
            await link.list_action({"Action": "Status"})


async def test_an_asynchronous_originate_is_answered_at_once_and_its_event_is_not_lost(fake):
    async with linked(fake) as link:
        response = await link.action(ORIGINATE | {"Async": "true"})
        assert response["Message"] == "Originate successfully queued"
        fake.send(block(Event="OriginateResponse", ActionID="ivr-1", Response="Failure", Reason=3))
        await link.until(lambda: link.seen() == ["OriginateResponse"])


async def test_a_raising_callback_does_not_end_the_link(fake):
    async with linked(fake) as link:
        link.failing = lambda: 1 / 0
        with capture_logs() as logs:
            fake.send(block(Event="One", CallerIDNum="09120000000") + block(Event="Two"))
            await link.until(lambda: link.seen() == ["One", "Two"])
        assert (await link.action({"Action": "Ping"}))["Ping"] == "Pong"
    assert [entry["event"] for entry in logs] == ["ami_event_failed"] * 2
    assert (link.downs, fake.connections) == (0, 1)
    assert "0912" not in str(logs)


class Collecting:
    """What panoramisk's protocol asks of its manager."""

    save_stream = None

    def __init__(self) -> None:
        self.messages: list[object] = []

    def dispatch(self, message) -> None:
        self.messages.append(message)


def test_a_character_split_between_two_reads_survives():
    owner = Collecting()
    protocol = _Protocol(owner)
    protocol.connection_made(None)
    for byte in block(Event="Newchannel", CallerIDName="ایلام\u200cساوه").encode():
        protocol.data_received(bytes([byte]))
    assert owner.messages[0]["CallerIDName"] == "ایلام\u200cساوه"


def test_a_byte_that_is_not_utf8_spoils_only_itself():
    owner = Collecting()
    protocol = _Protocol(owner)
    protocol.connection_made(None)
    protocol.data_received(b"Event: Newchannel\r\nCallerIDName: a\xe9b\r\nUniqueid: 1.1\r\n\r\n")
    assert owner.messages[0]["CallerIDName"] == "a\ufffdb"
    assert owner.messages[0]["Uniqueid"] == "1.1"


async def test_an_unanswered_ping_ends_the_link(fake):
    timing = replace(FAST, heartbeat_s=0.01, answer_s=0.05)
    async with linked(fake, timing) as link:
        fake.answers["Ping"] = lambda _: None
        await link.until(lambda: link.downs >= 1)
        fake.answers["Ping"] = success
        await link.until(lambda: link.ups >= 2)


async def test_a_silent_server_does_not_hold_an_action_for_ever(fake):
    fake.answers["Originate"] = lambda _: None
    async with linked(fake) as link:
        with pytest.raises(NoAnswer, match=r"Originate within 0\.01 s"):
            await link.action(ORIGINATE, timeout_s=0.01)
        assert not link._connection.protocol.responses  # nothing kept, nothing to send again
        await link.action({"Action": "Ping"})


async def test_actions_are_refused_while_the_link_is_down(fake):
    link = Watched(fake.port, FAST)
    with pytest.raises(LinkDown, match="not sent"):
        await link.action(ORIGINATE)
    assert fake.received == []


async def test_nothing_is_sent_again_after_a_reconnect(fake):
    fake.answers["Originate"] = lambda _: None
    async with linked(fake) as link:
        originate = asyncio.create_task(link.action(ORIGINATE, timeout_s=PATIENCE_S))
        await fake.until(lambda: bool(fake.named("Originate")))
        fake.drop()
        with pytest.raises(LinkDown, match="broke before Asterisk answered Originate"):
            await originate
        await link.until(lambda: link.ups == 2)
        await link.action({"Action": "Ping"})  # whatever panoramisk sends at login came before it
    assert len(fake.named("Originate")) == 1
    assert link.downs == 1


async def test_line_ends_never_reach_the_wire(fake):
    async with linked(fake) as link:
        with pytest.raises(UnsafeValue, match="AMI header Value"):
            await link.action(
                {"Action": "Setvar", "Variable": "X", "Value": "1\r\nAction: Originate"}
            )
        with pytest.raises(UnsafeValue, match="AMI header Variable"):
            await link.action(ORIGINATE | {"Variable": ["A=1", "B=\n"]})
        await link.action(ORIGINATE | {"Variable": ["A=1", "B=2"]})
    assert [f["Action"] for f in fake.received if f["Action"] not in ("Login", "Ping")] == [
        "Originate"
    ]
    assert fake.named("Originate")[0]["Variable"] == ["A=1", "B=2"]


async def test_a_wrong_password_at_the_start_is_an_error_that_says_what_to_do(fake):
    fake.answers["Login"] = lambda fields: error(fields, "Authentication failed")
    link = Watched(fake.port, FAST)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(LoginRefused, match="IVR_AMI_SECRET") as caught:
            await link.run()
    assert "Authentication failed" in str(caught.value)
    assert "not-to-be-told" not in str(caught.value)


async def test_a_login_without_an_answer_is_no_wrong_password(fake):
    fake.answers["Login"] = lambda _: None
    link = Watched(fake.port, replace(FAST, connect_s=0.05))
    task = asyncio.create_task(link.run())
    await link.until(lambda: link.tries >= 2)
    fake.answers["Login"] = booted
    link._timing = FAST  # whoever answers now is waited for
    await link.until(lambda: link.ups == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_wrong_password_later_is_reported_and_tried_again(fake):
    async with linked(fake) as link:
        with capture_logs() as logs:
            fake.answers["Login"] = lambda fields: error(fields, "Authentication failed")
            fake.drop()
            await fake.until(lambda: len(fake.named("Login")) >= 3)
            fake.answers["Login"] = booted
            await link.until(lambda: link.ups == 2)
    assert "ami_login_refused" in [entry["event"] for entry in logs]


async def test_no_server_is_no_end_and_says_where():
    port = free_port()
    link = Watched(port, FAST)
    task = asyncio.create_task(link.run())
    with capture_logs() as logs:
        await link.until(lambda: link.tries >= 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert {entry["event"] for entry in logs} == {"ami_not_connected"}
    assert f"127.0.0.1:{port}" in logs[0]["why"]


async def test_cancelling_closes_also_during_the_wait_before_a_reconnect(fake):
    timing = replace(FAST, first_retry_s=3600, longest_retry_s=3600)
    async with linked(fake, timing) as link:
        fake.drop()
        await link.until(lambda: link.downs == 1)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("ami")] == []
    assert link.tries == fake.connections == 1
    with pytest.raises(LinkDown):
        await link.action(ORIGINATE)


async def test_a_failed_snapshot_begins_a_new_login(fake):
    async with linked(fake) as link:
        original = link._upped

        async def fails_once():
            link._on_up = original
            raise ActionFailed("Status: not now")

        link._on_up = fails_once
        fake.drop()
        await link.until(lambda: link.ups == 2)
    assert fake.connections == 3


async def test_a_shutdown_event_ends_the_link(fake):
    async with linked(fake) as link:
        fake.send(block(Event="Shutdown", Shutdown="Cleanly", Restart="False"))
        await link.until(lambda: link.ups == 2)


async def test_panoramisk_logs_nothing(fake, caplog):
    caplog.set_level("DEBUG")
    async with linked(fake) as link:
        fake.send(block(Event="Newchannel", CallerIDNum="09120000000"))
        await link.until(lambda: link.seen() == ["Newchannel"])
        fake.drop()
        await link.until(lambda: link.ups == 2)
    assert "0912" not in caplog.text
    assert "Secret" not in caplog.text
