"""`ivr floor`: the running line's floor on the command line."""

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest
from aiohttp import web
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from ivr.cli import app, floor_words
from ivr.cli.floor_alarms import alarm_notes
from ivr.cli.floor_following import Picture, pictures, waited_s
from ivr.cli.floor_tables import floor_tables
from ivr.duty import ClosureKind
from ivr.errors import LineError
from ivr.expected_wait import Withheld
from ivr.limits import Hold
from ivr.model import Precedence, Protection, Relief
from ivr.notices import AlarmCode
from ivr.web import app as web_app
from ivr.web.api import ROWS, floor_json
from ivr.web.app import serve_console
from tests.ports import free_port
from tests.web.floors import InventedConsole, busy_night, waiting

WAIT_S = 120
Json = dict[str, Any]


async def run(port: int, *arguments: str) -> str:
    """What the command prints; raises what it ends with."""
    environment = {"IVR_HTTP_PORT": str(port)}
    result = await asyncio.to_thread(
        CliRunner().invoke, app, ["floor", *arguments], env=environment
    )
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
async def console() -> InventedConsole:
    return busy_night()


@pytest.fixture
async def port(console: InventedConsole) -> AsyncIterator[int]:
    async with serve_console(console, 0) as port:
        yield port


@pytest.fixture
def stopped_clock(console: InventedConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the command takes, the third of those who wait has waited 141 seconds."""
    now = console.view.waiting[2].joined_at + timedelta(seconds=141)
    news = web_app.JsonFeed.news
    monkeypatch.setattr(web_app.JsonFeed, "news", lambda feed, held, _now: news(feed, held, now))


@pytest.mark.usefixtures("stopped_clock")
async def test_the_floor_is_shown_in_the_order_of_the_line(port: int) -> None:
    lines = (await run(port)).splitlines()
    assert "4 waiting, 2 talking, 2 in the menu" in lines[0]
    line = [row for row in lines if row[:1].isdigit() and "waiting" not in row[:40]]
    assert [row.split()[:2] for row in line[-4:]] == [
        ["1", "danger"],
        ["2", "silence"],
        ["3", "ordinary"],
        ["4", "ordinary"],
    ]
    text = "\n".join(lines)
    for words in ("desk_empty", "not_reviewed", "short of staff", "لیلا نوری (استراحت)"):
        assert words in text
    assert "urgent" in next(row for row in lines if "desk_empty" in row)
    assert "2:21" in next(row for row in line if row.startswith("3"))


@pytest.fixture
def picture() -> Picture:
    return Picture(json.loads(floor_json(busy_night().view)), datetime.now(UTC))


def drawn(picture: Picture, width: int) -> str:
    """Without colour, as in a pipe or on a plain terminal."""
    console = Console(width=width, color_system=None, file=io.StringIO())
    with console.capture() as capture:
        console.print(floor_tables(picture))
    return capture.get()


@pytest.mark.parametrize("width", [40, 50, 80, 120, 200])
def test_every_fact_is_there_at_every_width(picture: Picture, width: int) -> None:
    text = drawn(picture, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    words = " ".join(text.split())
    for fact in (
        "LOST IN DANGER before the place was known",
        "rings m of markazi-arak on m-phone (sip)",
        "on n-phone (sip), picked up, back with the same counsellor",
        "before number 3, which joined earlier: danger",
        "behind number 1, which joined later: danger",
        "told place 2, until",
        "longer than was said",
        "no time: too few talks lately",
        "its talk broke off with the counsellor's device",
        "parked: the handset was left off after the talk",
        "up to 3 min",
        "unknown: too few talks lately",
        "lengthened 2 times",
        "spared after a heavy call until",
        "spared, without a rest too long since",
        "asked for a break at",
        "nobody is there at دلیجان, though somebody is rostered",
        "mend: call in who is rostered, or close the desk for a while: ivr duty close",
    ):
        assert " ".join(fact.split()) in words, fact
    assert words.index("LOST IN DANGER") < words.index("desk_empty") < words.index("m-phone")
    assert "lost_in_danger" not in words, "it stands on top already"


def test_danger_and_severity_are_words_as_well_as_colours(picture: Picture) -> None:
    lines = drawn(picture, 80).splitlines()
    assert [line.split()[1] for line in lines if line[:3] in {"1  ", "2  "}] == [
        "danger",
        "silence",
    ]
    assert sum(line.startswith(("urgent ", "warning ", "reminder ")) for line in lines) == 3


@pytest.mark.parametrize("code", list(AlarmCode))
def test_every_alarm_says_where_what_follows_and_how_to_mend_it(
    picture: Picture, code: AlarmCode
) -> None:
    subject = "m" if code in {"absent", "not_answering", "needs_break"} else "markazi-arak"
    alarm = {
        "code": code,
        "subject": subject,
        "desk": None,
        "since_at": "2026-11-22T00:00:00+00:00",
        "due_at": None,
        "detail": "Why not, and how to mend it.",
        "count": 3,
    }
    so, mend = alarm_notes(alarm, picture.floor)
    assert "; " in so
    assert mend.startswith("mend: ")
    assert "{" not in so + mend
    if code == "outcomes_owed":
        assert so.startswith("calls of markazi-arak without an outcome: 3; ")
    if code == "needs_break":
        assert so.startswith("m at markazi-arak has worked")


@pytest.mark.parametrize(
    ("known", "codes"),
    [
        (floor_words.ALARMS, AlarmCode),
        (floor_words.WITHHELD, Withheld),
        (floor_words.PRECEDENCES, Precedence),
        (floor_words.OVERTAKEN, Precedence),
        (floor_words.PROTECTIONS, Protection),
        (floor_words.RELIEFS, Relief),
        (floor_words.HOLDS, Hold),
        (floor_words.CLOSURES, ClosureKind),
    ],
)
def test_every_code_has_words(known: Mapping[str, object], codes: type[StrEnum]) -> None:
    assert set(codes) <= set(known)


async def test_an_empty_floor_is_said(port: int, console: InventedConsole) -> None:
    console.view = replace(
        console.view,
        **{name: () for name in ROWS if name != "counsellors"},
        exchange_up=False,
    )
    text = await run(port)
    assert "Nobody waits." in text
    assert "Asterisk is not connected" in text


@pytest.mark.usefixtures("stopped_clock")
async def test_a_script_gets_the_floor_with_true_waits(port: int, console: InventedConsole) -> None:
    floor = json.loads(await run(port, "--json"))
    assert floor["sequence"] == console.view.sequence
    assert [call["call"] for call in floor["waiting"]] == ["1", "2", "3", "4"]
    assert floor["waiting"][2]["waited_s"] == 141
    assert {alarm["severity"] for alarm in floor["alarms"]} == {"urgent", "warning", "reminder"}


async def test_where_no_line_runs_the_way_out_is_said() -> None:
    port = free_port()
    with pytest.raises(LineError, match=f"No line runs on 127.0.0.1:{port}.*make run") as error:
        await run(port)
    assert error.value.exit_status == 1


async def test_another_program_on_the_port_is_told_apart() -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    with pytest.raises(LineError, match=f"127.0.0.1:{port} shows no floor .status 404"):
        await run(port)
    await runner.cleanup()


async def next_picture(following: AsyncIterator[Picture], *, sequence: int) -> Picture:
    async with asyncio.timeout(WAIT_S):
        async for picture in following:
            if picture.floor["sequence"] >= sequence:
                return picture
    raise AssertionError("it ended")


async def test_following_shows_each_change_and_ends_with_the_line(console: InventedConsole) -> None:
    async with serve_console(console, 0) as port:
        following = pictures(port)
        await next_picture(following, sequence=1)
        console.show(waiting=(waiting("c9"), *console.view.waiting[1:]))
        picture = await next_picture(following, sequence=2)
        assert [call["call"] for call in picture.floor["waiting"]] == ["c9", "2", "3", "4"]
    with pytest.raises(LineError, match="has ended"):
        await next_picture(following, sequence=99)


async def test_a_gap_is_closed_by_the_whole_floor(
    console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that skips a change, as ours never does."""
    monkeypatch.setattr(web_app, "BEAT_S", 0.02)
    original = web_app.JsonFeed.news
    spoiled = 0

    def news(feed: web_app.JsonFeed, held: Any, now: datetime) -> Any:
        nonlocal spoiled
        view, messages = original(feed, held, now)
        if messages[0].startswith('{"type": "delta"'):
            spoiled += 1
            messages[0] = messages[0].replace('"after": 1,', '"after": 7,')
        return view, messages

    monkeypatch.setattr(web_app.JsonFeed, "news", news)
    async with serve_console(console, 0) as port:
        following = pictures(port)
        await next_picture(following, sequence=1)
        console.show(waiting=())
        picture = await next_picture(following, sequence=2)
        assert picture.floor["waiting"] == []
        assert spoiled == 1


# Watching, as a person does it: in a process of its own, until Ctrl-C.


@pytest.fixture
async def watched(port: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A line whose beats come often: who watches gives it up after five seconds without one."""
    monkeypatch.setattr(web_app, "BEAT_S", 0.2)
    return port


@asynccontextmanager
async def watching(
    port: int, *arguments: str, stdout: int = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr", "floor", "--watch", *arguments),
        env={**os.environ, "IVR_HTTP_PORT": str(port), "COLUMNS": "160"},
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(WAIT_S):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_watching_as_json_prints_each_change_and_ends_with_ctrl_c(
    watched: int, console: InventedConsole
) -> None:
    async with watching(watched, "--json") as process, asyncio.timeout(3 * WAIT_S):
        assert process.stdout is not None
        first = json.loads(await process.stdout.readline())
        assert len(first["waiting"]) == 4
        console.show(waiting=())
        second = json.loads(await process.stdout.readline())
        assert (second["sequence"], second["waiting"]) == (console.view.sequence, [])
        process.send_signal(signal.SIGINT)
        assert await ended(process) == (0, "")


class Screen:
    """A terminal that is read all the time: who writes to a full one stands still."""

    def __init__(self) -> None:
        self._read, self.terminal = os.openpty()
        self._seen = b""
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._read, self._take)

    def _take(self) -> None:
        self._seen += os.read(self._read, 65_536)
        self._changed.set()

    async def shows(self, words: bytes) -> None:
        """Wait until it does; what it showed before counts no more."""
        while words not in self._seen:
            self._changed.clear()
            await self._changed.wait()
        self._seen = self._seen.partition(words)[2]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._read)
        os.close(self._read)
        os.close(self.terminal)


async def test_watching_draws_anew_and_ends_with_ctrl_c(
    watched: int, console: InventedConsole
) -> None:
    with closing(Screen()) as screen:
        async with (
            watching(watched, stdout=screen.terminal) as process,
            asyncio.timeout(3 * WAIT_S),
        ):
            await screen.shows(b"4 waiting")
            console.show(waiting=())
            await screen.shows(b"Nobody waits.")
            process.send_signal(signal.SIGINT)
            assert await ended(process) == (0, "")


async def test_a_reader_who_has_seen_enough_ends_it(watched: int, console: InventedConsole) -> None:
    async with watching(watched, "--json") as process, asyncio.timeout(3 * WAIT_S):
        assert process.stdout is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]  # as `| head -1` does
        console.show(in_menu=9)
        assert await ended(process) == (0, "")


def test_the_wait_is_counted_from_the_first_joining() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    joined_at = (now - timedelta(seconds=83)).isoformat()
    assert waited_s({"joined_at": joined_at}, Picture({}, now)) == 83
