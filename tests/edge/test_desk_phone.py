"""A counsellor's own call, from Asterisk's request to the floor and what is kept of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from ivr import events as ev
from ivr.controller import Clock, Controller
from ivr.desk_phone import DeskPhones
from ivr.errors import StoreError
from ivr.model import CounsellorId, DeviceId, DeviceState
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.simulator.memory_journal import MemoryJournal
from tests.core.floor_kit import LIMITS, counsellor
from tests.core.test_desk_conversation import PIN, Keypad

ALI = CounsellorId("ali")


class NoExchange:
    """Nobody is rung here."""

    async def ring(self, offer: object) -> None: ...
    async def hang_up_leg(self, offer: object, why: object) -> None: ...
    async def recall(self, call: object) -> None: ...


@dataclass
class Desk:
    """Ali's phone at a running controller; `kept` is what a controller after us would find."""

    controller: Controller
    kept: list[tuple[CounsellorId, bool]] = field(default_factory=list)
    database: bool = True

    async def check_pin(self, who: CounsellorId, pin: str) -> bool:
        self._require_database()
        return (who, pin) == (ALI, PIN)

    async def keep(self, who: CounsellorId, since_at: datetime | None) -> None:
        self._require_database()
        self.kept.append((who, since_at is not None))

    def _require_database(self) -> None:
        if not self.database:
            raise StoreError("gone")

    async def dial(self, wish: str, *pins: str, device: str = "ali-phone") -> Keypad:
        phones = DeskPhones(
            controller=self.controller, check_pin=self.check_pin, keep_signed_out=self.keep
        )
        keypad = Keypad(*pins)
        await phones.take({"wish": wish, "device": device}, keypad)
        return keypad

    def is_signed_in(self) -> bool:
        (row,) = self.controller.view().counsellors
        return row.signed_in


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    controller = Controller(
        Floor(epoch=1, limits=LIMITS), Clock(), MemoryJournal(), Planner((), ())
    )
    controller.post(ev.StaffChanged(counsellors=(counsellor("ali", "markazi-saveh"),)))
    controller.post(ev.DeviceChanged(device=DeviceId("ali-phone"), state=DeviceState.IDLE))
    changed = controller.watch()
    running = asyncio.create_task(controller.run(NoExchange()))
    try:
        while not controller.view().counsellors:
            await changed.wait()
            changed.clear()
        yield Desk(controller)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_out_and_in_again(desk: Desk) -> None:
    out = await desk.dial("sign_out")
    assert (out.heard, desk.is_signed_in()) == (["desk-off-duty"], False)
    refused = await desk.dial("sign_in", "1", "2", "3")
    assert (refused.heard[-1], desk.is_signed_in()) == ("desk-pin-refused", False)
    back = await desk.dial("sign_in", PIN)
    assert (back.heard[-1], desk.is_signed_in()) == ("desk-on-duty", True)
    assert desk.kept == [(ALI, True), (ALI, False)]
    assert out.variables == refused.variables == back.variables == {"IVR_DONE": "1"}


async def test_a_break_and_its_end(desk: Desk) -> None:
    assert (await desk.dial("pause")).heard == ["desk-on-break"]
    assert [row.pause_reason for row in desk.controller.view().counsellors] == ["break"]
    assert (await desk.dial("resume")).heard == ["desk-on-duty"]
    assert desk.kept == []


async def test_a_phone_of_nobody(desk: Desk) -> None:
    keypad = await desk.dial("sign_out", device="spare-phone")
    assert keypad.heard == ["desk-unknown-phone"]
    assert desk.is_signed_in()


async def test_without_a_database_nobody_is_kept_from_working(desk: Desk) -> None:
    desk.database = False
    with capture_logs() as logs:
        assert (await desk.dial("sign_out")).heard == ["desk-off-duty"]
        assert (await desk.dial("sign_in", "1")).heard[-1] == "desk-on-duty"
    assert {"pin_not_checked", "sign_in_not_kept"} <= {entry["event"] for entry in logs}


async def test_no_pin_stands_in_any_log(desk: Desk) -> None:
    with capture_logs() as logs:
        await desk.dial("sign_in", "987654", PIN)
    assert "pin_wrong" in {entry["event"] for entry in logs}
    assert "987654" not in str(logs)
    assert PIN not in str(logs)
