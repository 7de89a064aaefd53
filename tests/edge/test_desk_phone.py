"""A counsellor's own call, from Asterisk's request to the floor and what is kept of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from ivr import events as ev
from ivr.controller import Clock, Controller
from ivr.desk_phone import DeskPhones
from ivr.errors import StoreError
from ivr.floor_acts import MORE_S
from ivr.model import CallFacts, CallId, CounsellorId, DeviceId, DeviceState, EndedBy, OfferId
from ivr.model.exchange import ExchangeSnapshot
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.simulator.memory_journal import MemoryJournal
from ivr.view import CounsellorView
from tests.core.floor_kit import LIMITS, MARKAZI, START, counsellor, plan_of
from tests.core.test_desk_conversation import PIN, Keypad

ALI = CounsellorId("ali")
IDLE = DeviceState.IDLE
CALL = CallId("1.1")
FACTS = CallFacts(province=MARKAZI)


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

    async def dial(
        self, wish: str, *pins: str, device: str = "ali-phone", reason: str = "break"
    ) -> Keypad:
        phones = DeskPhones(
            controller=self.controller, check_pin=self.check_pin, keep_signed_out=self.keep
        )
        keypad = Keypad(*pins)
        await phones.take({"wish": wish, "device": device, "reason": reason}, keypad)
        return keypad

    def is_signed_in(self) -> bool:
        return self.row().signed_in

    def row(self) -> CounsellorView:
        return next(row for row in self.controller.view().counsellors if row.counsellor == ALI)

    async def wrap_up(self) -> None:
        """A call of Ali's, from ringing to the end of the talk."""
        seen = ExchangeSnapshot(calls=(), devices=((DeviceId("ali-phone"), IDLE),))
        for event in (
            ev.ExchangeSeen(snapshot=seen),
            ev.CallArrived(call=CALL, province=MARKAZI, line="1", caller=None, arrived_at=START),
            ev.CallJoined(call=CALL, facts=FACTS, plan=plan_of((None, ("ali",))), joined_at=START),
            ev.OfferAccepted(offer=OfferId("1-1")),
            ev.TalkStarted(offer=OfferId("1-1")),
            ev.LegEnded(offer=OfferId("1-1"), ended_by=EndedBy.COUNSELLOR),
        ):
            self.controller.post(event)
        await self.until(lambda: self.row().wrap_up_until_at is not None)

    async def until(self, condition: Callable[[], bool]) -> None:
        changed = self.controller.watch()
        try:
            while not condition():
                await changed.wait()
                changed.clear()
        finally:
            self.controller.unwatch(changed)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    # A wrap-up that is not over before the test is.
    limits = replace(LIMITS, wrap_up_s=3600)
    controller = Controller(
        Floor(epoch=1, limits=limits), Clock(), MemoryJournal(), Planner((), ())
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


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("break", "desk-on-break"),
        ("meal", "desk-on-meal"),
        ("training", "desk-on-training"),
        ("administration", "desk-on-administration"),
        ("other", "desk-not-rung"),
    ],
)
async def test_a_pause_has_its_reason(desk: Desk, reason: str, said: str) -> None:
    assert (await desk.dial("pause", reason=reason)).heard == [said]
    assert desk.row().pause_reason == reason


async def test_another_reason_takes_the_place_of_the_first(desk: Desk) -> None:
    await desk.dial("pause")
    assert (await desk.dial("pause", reason="meal")).heard == ["desk-on-meal"]
    assert desk.row().pause_reason == "meal"


async def test_outside_a_call_a_pause_after_it_begins_at_once(desk: Desk) -> None:
    assert (await desk.dial("pause_after_call", reason="training")).heard == ["desk-on-training"]


async def test_in_a_wrap_up_a_pause_after_the_call_waits_for_its_end(desk: Desk) -> None:
    await desk.wrap_up()
    assert (await desk.dial("pause_after_call", reason="meal")).heard == ["desk-will-pause"]
    assert (desk.row().will_pause, desk.row().pause_reason) == ("meal", "")
    assert (await desk.dial("end_wrap_up")).heard == ["desk-on-meal"]
    assert (desk.row().will_pause, desk.row().pause_reason) == ("", "meal")


async def test_coming_back_takes_back_a_pause_that_has_not_begun(desk: Desk) -> None:
    await desk.wrap_up()
    await desk.dial("pause_after_call")
    assert (await desk.dial("resume")).heard == ["desk-on-duty"]
    assert desk.row().will_pause == ""


async def test_a_break_is_asked_for_until_others_are_there(desk: Desk) -> None:
    assert (await desk.dial("ask_for_break")).heard == ["desk-break-asked"]
    assert desk.row().break_asked_at is not None
    others = (counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-saveh"))
    desk.controller.post(ev.StaffChanged(counsellors=others))
    desk.controller.post(ev.DeviceChanged(device=DeviceId("sara-phone"), state=IDLE))
    await desk.until(lambda: desk.row().pause_reason == "break")
    assert (await desk.dial("ask_for_break")).heard == ["desk-on-break"]


async def test_a_wrap_up_is_lengthened_up_to_its_bound_and_ended(desk: Desk) -> None:
    await desk.wrap_up()
    first_at = desk.row().wrap_up_until_at
    assert first_at is not None
    assert (await desk.dial("extend_wrap_up")).heard == ["desk-wrap-up-longer"]
    assert desk.row().wrap_up_until_at == first_at + timedelta(seconds=MORE_S)
    heard = [(await desk.dial("extend_wrap_up")).heard for _ in range(5)]
    assert heard[-2:] == [["desk-wrap-up-longest"]] * 2
    latest_at = desk.row().wrap_up_until_at
    assert latest_at == first_at + timedelta(seconds=LIMITS.wrap_up_more_most_s)
    assert (await desk.dial("end_wrap_up")).heard == ["desk-on-duty"]
    assert desk.row().wrap_up_until_at is None
    assert (await desk.dial("extend_wrap_up")).heard == ["desk-no-wrap-up"]


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
