"""Alarms on a whole line beside the simulated Asterisk, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from ivr import events as ev
from ivr import watchman
from ivr.asterisk.instance import ami_secret
from ivr.asterisk.roster import lines_and_devices
from ivr.controller import Clock
from ivr.deployment import Deployment, deploy, from_files
from ivr.duty import Closure, ClosureKind, DutyBook, DutyKind, RosterEntry
from ivr.in_force import InForce, NotTakenIn
from ivr.model import CallerRef, CounsellorId, DeskId
from ivr.notices import Alarm, AlarmCode, Severity
from ivr.settings import Settings
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.memory_journal import MemoryJournal
from ivr.simulator.parties import NEVER
from ivr.simulator.virtual_time import VirtualTimeLoop
from ivr.switchboard import Switchboard
from ivr.view import FloorView

BEGAN_AT = datetime(2026, 11, 22, 6, tzinfo=UTC)
SAVEH = DeskId("markazi-saveh")
PHONE = "saveh-1"


def rostered(who: str, days: float, number: int = 1) -> RosterEntry:
    return RosterEntry(
        id=number,
        desk=SAVEH,
        counsellor=CounsellorId(who),
        kind=DutyKind.DESK,
        from_at=BEGAN_AT - timedelta(hours=1),
        until_at=BEGAN_AT + timedelta(days=days),
    )


def evacuated(minutes: float) -> Closure:
    return Closure(
        id=1,
        desk=SAVEH,
        kind=ClosureKind.EVACUATED,
        reason="",
        from_at=BEGAN_AT,
        until_at=BEGAN_AT + timedelta(minutes=minutes),
    )


@dataclass
class RunningLine:
    """The whole product but its database."""

    exchange: SimulatedAsterisk
    board: Switchboard
    in_force: InForce
    settings: Settings

    @property
    def view(self) -> FloorView:
        return self.board.controller.view()

    @property
    def alarms(self) -> dict[str, datetime]:
        return {alarm.key: alarm.since_at for alarm in self.view.alarms}

    def decide(self, book: DutyBook) -> None:
        self.in_force = replace(self.in_force, book=book)
        self.board.take(deploy(self.settings, self.in_force))

    async def until(self, condition: Callable[[], object], within_s: float = 3600) -> None:
        """In virtual time."""
        changed = self.board.controller.watch()
        async with asyncio.timeout(within_s):
            while not condition():
                await changed.wait()
                changed.clear()
        self.board.controller.unwatch(changed)


@asynccontextmanager
async def running_line(home: Path, book: DutyBook) -> AsyncIterator[RunningLine]:
    settings = Settings(home=home)
    lines, accounts = lines_and_devices(settings)
    clock = Clock(started_at=BEGAN_AT)
    async with SimulatedAsterisk(
        agi_port=0,
        user=settings.ami_user,
        secret=ami_secret(settings),
        lines={number: line.province for line in lines for number in line.numbers},
        devices=[account.user for account in accounts],
        static=lines,
        started_at=BEGAN_AT.timestamp(),
    ) as exchange:
        settings = settings.model_copy(update={"agi_port": 0, "ami_port": exchange.ami_port})
        in_force = replace(from_files(settings), book=book)
        deployment: Deployment = deploy(settings, in_force)
        board = Switchboard(settings, deployment, MemoryJournal(), clock, epoch=1, seal=_nobody)
        board.agi.open()
        running = asyncio.create_task(board.run(), name="switchboard")
        board.controller.post(ev.StaffChanged(counsellors=deployment.people))
        line = RunningLine(exchange, board, in_force, settings)
        try:
            await line.until(lambda: line.view.exchange_up)
            yield line
        finally:
            running.cancel()
            await asyncio.wait([running])


def _nobody(_number: str, **_: object) -> CallerRef:
    return CallerRef(pseudonym="", ciphertext="")


def play(story: Callable[[], object]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(story())  # type: ignore[arg-type]


ABSENT, EMPTY = f"absent:{PHONE}:{SAVEH}", f"desk_empty:{SAVEH}"


def test_a_rostered_counsellor_whose_phone_goes_is_missed_and_found_again(tmp_path: Path) -> None:
    async def story() -> None:
        book = DutyBook((rostered(PHONE, 30), rostered("saveh-2", 30, 2)))
        async with running_line(tmp_path, book) as line:
            await line.until(lambda: EMPTY in line.alarms)
            for phone in (PHONE, "saveh-2"):
                line.exchange.counsellor(phone, NEVER, registered=True)
            await line.until(lambda: not line.alarms)
            left_at = line.board.controller.clock.now()
            line.exchange.counsellors[PHONE].unregister()
            await line.until(lambda: ABSENT in line.alarms)
            missed_at = line.board.controller.clock.now()
            assert timedelta(minutes=5) < missed_at - left_at < timedelta(minutes=5, seconds=15)
            assert abs(line.alarms[ABSENT] - left_at) < timedelta(seconds=1)
            assert EMPTY not in line.alarms, "somebody else is there"
            line.exchange.counsellors[PHONE].register()
            await line.until(lambda: not line.alarms, within_s=15)

    with structlog.testing.capture_logs() as logs:
        play(story)
    told = [(line["event"], line["subject"]) for line in logs if line.get("code") == "absent"]
    assert told == [("alarm", PHONE), ("alarm_over", PHONE)]


def test_a_desk_is_told_empty_at_once_and_not_while_it_is_evacuated(tmp_path: Path) -> None:
    async def story() -> None:
        roster = (rostered(PHONE, 30),)
        async with running_line(tmp_path, DutyBook(roster)) as line:
            await line.until(lambda: EMPTY in line.alarms, within_s=15)
            line.decide(DutyBook(roster, (evacuated(10),)))
            await line.until(lambda: line.view.closed_desks, within_s=15)
            assert line.alarms == {}
            (desk,) = line.view.closed_desks
            assert (desk.desk, desk.kind) == (SAVEH, "evacuated")
            await line.until(lambda: not line.view.closed_desks)
            over_at = line.board.controller.clock.now()
            assert timedelta(0) <= over_at - desk.until_at < timedelta(seconds=15)
            assert EMPTY in line.alarms

    play(story)


def test_a_mistake_in_an_alarm_stops_neither_the_line_nor_the_watchman(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object) -> tuple[Alarm, ...]:
        raise ZeroDivisionError

    async def story() -> None:
        async with running_line(tmp_path, DutyBook((rostered(PHONE, 30),))) as line:
            await line.until(lambda: EMPTY in line.alarms)
            monkeypatch.setattr(watchman, "standing_alarms", mistaken)
            line.exchange.counsellor(PHONE, NEVER, registered=True)
            await asyncio.sleep(60)  # virtual
            assert EMPTY in line.alarms
            monkeypatch.undo()
            await line.until(lambda: line.alarms == {})

    with structlog.testing.capture_logs() as logs:
        play(story)
    assert "watchman_broke" in {line["event"] for line in logs}


def test_a_line_by_its_kept_copy_says_so_until_the_database_is_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with running_line(tmp_path, DutyBook()) as line:
            assert line.alarms == {}
            line.board.watchman.take(replace(line.in_force, from_copy=True))
            line.board.watchman.decisions_reachable(False)
            await line.until(lambda: {"kept_copy:", "decisions_unreachable:"} <= set(line.alarms))
            since = line.alarms
            await asyncio.sleep(30)  # virtual
            line.board.watchman.take(replace(line.in_force, from_copy=True))
            assert line.alarms == since
            line.board.watchman.decisions_reachable(True)
            await line.until(lambda: set(line.alarms) == {"kept_copy:"})
            line.board.watchman.take(line.in_force)
            await line.until(lambda: line.alarms == {})

    play(story)


def test_what_is_owed_by_the_records_stands_until_it_is_done(tmp_path: Path) -> None:
    async def story() -> None:
        async with running_line(tmp_path, DutyBook()) as line:
            stays = Alarm(code=AlarmCode.STAYS_OVER, subject="crisis", since_at=BEGAN_AT, count=1)
            line.board.watchman.owed((stays,))
            await line.until(lambda: stays.key in line.alarms)
            line.board.watchman.owed((replace(stays, count=2),))
            await line.until(lambda: [alarm.count for alarm in line.view.alarms] == [2])
            line.board.watchman.owed(())
            await line.until(lambda: not line.alarms)

    with structlog.testing.capture_logs() as logs:
        play(story)
    told = [entry["event"] for entry in logs if entry.get("subject") == "crisis"]
    assert told == ["alarm", "alarm_over"], "a number that changes is no new alarm"


def test_a_decision_that_the_line_cannot_follow_is_an_urgent_alarm_until_it_is_mended(
    tmp_path: Path,
) -> None:
    refused = NotTakenIn(subject="rules of markazi m2", reason="a prompt is missing. Build it.")

    async def story() -> None:
        async with running_line(tmp_path, DutyBook()) as line:
            line.board.watchman.not_taken_in(refused)
            await line.until(lambda: line.alarms)
            (alarm,) = line.view.alarms
            assert (alarm.code, alarm.severity) == ("decision_not_taken_in", Severity.URGENT)
            assert (alarm.subject, alarm.detail) == (refused.subject, refused.reason)
            since = line.alarms
            await asyncio.sleep(30)  # virtual
            line.board.take(replace(deploy(line.settings, line.in_force), not_taken_in=refused))
            await asyncio.sleep(30)  # virtual
            assert line.alarms == since
            line.decide(DutyBook())
            await line.until(lambda: line.alarms == {})

    play(story)
