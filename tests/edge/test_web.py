"""The console's routes, headers and live feed, over real sockets on loopback."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from ivr.calendar import clock, clock_with_seconds, jalali_date
from ivr.duty import ClosureKind
from ivr.errors import LineError
from ivr.expected_wait import Withheld
from ivr.limits import Hold
from ivr.model import (
    CallerRef,
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    DeskId,
    Lane,
    Precedence,
    Protection,
    Relief,
    Sparing,
)
from ivr.model.record import CallRecord
from ivr.notices import Alarm, AlarmCode, ClosedDesk
from ivr.outcomes import OUTCOME_LABELS, outcome_id
from ivr.view import DeskView, Said, call_row
from ivr.web import app as web_app
from ivr.web import phrases
from ivr.web.alarm_words import WORDS
from ivr.web.app import make_app, serve_console
from ivr.web.days_calls import CALLS_SHOWN
from ivr.web.drawing import FLOOR_REGIONS, STATIC
from ivr.web.phrases import WITHHELD
from ivr.web.ports import DatabaseHealth
from ivr.web.words import CLOSURES, HOLDS, PRECEDENCES, PROTECTIONS, RELIEFS, SEVERITIES
from tests.web.floors import (
    ARAK,
    MARKAZI,
    SAVEH,
    InventedConsole,
    ago,
    busy_night,
    counsellor,
    row,
    talk,
    waiting,
)

WAIT_S = 120
MOBILE_TEAM = outcome_id("mobile_team")


@pytest.fixture
def console() -> InventedConsole:
    return InventedConsole()


@pytest.fixture
async def client(console: InventedConsole) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(make_app(console))) as client:
        yield client


async def watch(client: TestClient[Any, Any]) -> ClientWebSocketResponse:
    return await client.ws_connect("/live", origin=str(client.make_url("")).rstrip("/"))


async def next_floor(socket: ClientWebSocketResponse, sequence: int = 0) -> dict[str, Any]:
    """The next snapshot of this sequence or a later one."""
    async with asyncio.timeout(WAIT_S):
        while True:
            message = await socket.receive_json()
            if message["type"] == "floor" and message["sequence"] >= sequence:
                return dict(message)


async def page(client: TestClient[Any, Any]) -> str:
    answer = await client.get("/")
    assert answer.status == 200
    return await answer.text()


async def test_the_page_is_whole_without_script(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    console.view = busy_night().view
    text = await page(client)
    assert '<html lang="fa" dir="rtl">' in text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in text
    for words in (
        "۴ تماس در صف",
        "افکار یا قصد خودکشی",
        "زهرا رضایی",
        "خطر",
        "سکوت",
        "شهرستان نامعلوم",
    ):
        assert words in text
    assert text.index("خطر</span>") < text.index("سکوت</span>") < text.index("عادی</span>")


async def test_an_empty_floor_is_said_in_words(client: TestClient[Any, Any]) -> None:
    text = await page(client)
    for words in (
        "کسی در صف نیست.",
        "گفت‌وگویی در جریان نیست.",
        "هیچ کارشناسی در شیفت نیست.",
        "امروز هنوز تماسی ثبت نشده است.",
    ):
        assert words in text


@pytest.mark.parametrize("hold", list(Hold))
async def test_the_rule_that_holds_somebody_back_is_said(
    client: TestClient[Any, Any], console: InventedConsole, hold: Hold
) -> None:
    held = counsellor("زهرا رضایی", hold=hold)
    console.view = replace(console.view, counsellors=(held,))
    assert f"({HOLDS[hold]})" in await page(client)


async def test_names_are_text_and_never_markup(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    evil = "<script>alert(1)</script>\"'>"
    console.calls = (row(evil, counsellor=evil, outcome=evil),)
    console.show(
        counsellors=(
            counsellor(evil, CounsellorState.PAUSED, id_="a", reason=evil),
            counsellor(evil, CounsellorState.OFF_DUTY, id_=evil),
        ),
        waiting=(waiting(evil, county=evil, category=evil, offered_to=evil),),
        talks=(talk(evil, evil),),
    )
    async with await watch(client) as socket:
        message = await next_floor(socket, console.view.sequence)
    for html in [await page(client), *message["regions"].values()]:
        assert "<script>" not in html
        assert "\"'>" not in html


async def test_nothing_on_the_page_is_inline(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    console.view = busy_night().view
    text = await page(client)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=", text)


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/floor", "/static/floor.js", "/none"])
async def test_every_answer_carries_the_security_headers(
    client: TestClient[Any, Any], path: str
) -> None:
    answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Server"] == "line123"
    assert answer.headers["Cache-Control"] in {"no-store", "no-cache"}


@pytest.mark.parametrize("path", ["/", "/api/v1/floor", "/healthz", "/static/floor.js", "/live"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.0.2.1", "[", ""])
async def test_other_names_get_nothing(client: TestClient[Any, Any], path: str, host: str) -> None:
    answer = await client.get(path, headers={"Host": host})
    assert answer.status == 421


@pytest.mark.parametrize("host", ["localhost:8123", "127.0.0.1", "[::1]:80"])
async def test_loopback_names_are_answered(client: TestClient[Any, Any], host: str) -> None:
    assert (await client.get("/", headers={"Host": host})).status == 200


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1"])
async def test_the_live_feed_is_for_the_own_page(
    client: TestClient[Any, Any], origin: str | None
) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect("/live", origin=origin)
    assert refused.value.status == 403


async def test_a_new_page_gets_a_whole_snapshot_and_a_beat(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    await page(client)
    async with await watch(client) as socket:
        snapshot = await socket.receive_json(timeout=WAIT_S)
        beat = await socket.receive_json(timeout=WAIT_S)
    assert snapshot["type"] == "floor"
    assert set(snapshot["regions"]) == {*FLOOR_REGIONS, "calls"}
    assert beat["type"] == "beat"
    assert beat["sequence"] == snapshot["sequence"] == console.view.sequence
    assert abs(beat["now"] - datetime.now(UTC).timestamp()) < 60


async def test_a_change_is_sent_to_every_page(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    async with await watch(client) as one, await watch(client) as other:
        for socket in (one, other):
            assert "کسی در صف نیست." in (await next_floor(socket))["regions"]["line"]
        console.show(waiting=(waiting("c1", lane=Lane.SILENCE),))
        for socket in (one, other):
            message = await next_floor(socket, console.view.sequence)
            assert 'data-key="c1"' in message["regions"]["line"]
            assert "۱ تماس در صف" in message["regions"]["status"]
        console.show(waiting=())
        message = await next_floor(one, console.view.sequence)
        assert "کسی در صف نیست." in message["regions"]["line"]


async def test_many_changes_at_once_are_one_snapshot(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    async with await watch(client) as socket:
        first = await next_floor(socket)
        for _ in range(100):
            console.show()
        assert (await next_floor(socket, first["sequence"] + 1))["sequence"] == 101


async def test_a_change_that_nobody_announced_comes_with_the_beat(
    client: TestClient[Any, Any], console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_app, "BEAT_S", 0.02)
    async with await watch(client) as socket:
        await next_floor(socket)
        console.view = replace(console.view, sequence=7, in_menu=3)
        assert "۳" in (await next_floor(socket, 7))["regions"]["figures"]


async def test_a_page_that_comes_back_sees_what_it_missed(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    async with await watch(client) as socket:
        await next_floor(socket)
    console.show(waiting=(waiting("c1"),))
    console.show(waiting=(waiting("c2"),))
    async with await watch(client) as socket:
        message = await next_floor(socket)
    assert message["sequence"] == console.view.sequence
    assert 'data-key="c2"' in message["regions"]["line"]


async def test_health_of_the_parts_is_shown_on_the_page(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    assert 'class="banner" role="alert"><svg' not in await page(client)
    console.health = DatabaseHealth(healthy=False, backlog=12)
    console.show(exchange_up=False)
    text = await page(client)
    assert "ارتباط با مرکز تلفن قطع است." in text
    assert "۱۲ نوشته در انتظار ذخیره است" in text


async def test_a_database_that_fails_costs_only_the_days_calls(
    client: TestClient[Any, Any], console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.web.days_calls.CALLS_S", 0.05)
    async with await watch(client) as socket:
        message = await next_floor(socket)
        console.calls = None
        while "در دسترس نیست" not in message["regions"].get("calls", ""):
            message = await next_floor(socket)
        console.calls = (row("c9", outcome=MOBILE_TEAM),)
        while OUTCOME_LABELS[MOBILE_TEAM] not in message["regions"].get("calls", ""):
            message = await next_floor(socket)


async def test_the_days_calls_are_read_only_while_somebody_watches(
    client: TestClient[Any, Any], console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.web.days_calls.CALLS_S", 0.02)
    async with client.ws_connect("/api/v1/floor/feed") as programs:
        await programs.receive_json(timeout=WAIT_S)
        assert console.read.empty(), "a program has no use for them"
    async with await watch(client) as one, await watch(client) as other:
        for socket in (one, other):
            await next_floor(socket)
        async with asyncio.timeout(WAIT_S):
            for _ in range(5):
                await console.read.get()
        assert [task for task in asyncio.all_tasks() if _reads(task)]
    async with asyncio.timeout(WAIT_S):
        while [task for task in asyncio.all_tasks() if _reads(task)]:
            await asyncio.wait([task for task in asyncio.all_tasks() if _reads(task)])
    while not console.read.empty():
        assert console.read.get_nowait() == CALLS_SHOWN
    async with asyncio.timeout(WAIT_S):
        while console.read.empty():  # nobody is left who reads: whoever comes next does
            await page(client)


def _reads(task: "asyncio.Task[Any]") -> bool:
    return "follow_calls" in repr(task.get_coro())


async def test_calls_that_were_read_long_ago_are_not_shown(
    client: TestClient[Any, Any], console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page(client)
    monkeypatch.setattr("ivr.web.days_calls.KEPT_S", 0.0)
    async with await watch(client) as socket:
        assert "calls" not in (await next_floor(socket))["regions"]


async def test_a_feed_that_broke_shows_no_frozen_board(
    console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> AsyncIterator[object]:
        yield await console.changed.wait()
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(console, "subscribe", broken)
    async with TestClient(TestServer(make_app(console))) as client:
        async with await watch(client) as socket:
            await next_floor(socket)
            console.show()
            async with asyncio.timeout(WAIT_S):
                async for message in socket:
                    assert message.type is WSMsgType.TEXT
        with pytest.raises(WSServerHandshakeError) as refused:
            await watch(client)
        assert refused.value.status == 503
        assert (await (await client.get("/healthz")).json())["ok"] is False


async def test_pages_are_let_go_when_the_console_ends(console: InventedConsole) -> None:
    client = TestClient(TestServer(make_app(console)))
    async with client:
        socket = await watch(client)
        await next_floor(socket)
        ended = asyncio.create_task(client.server.close())
        async with asyncio.timeout(WAIT_S):
            async for _ in socket:
                pass
            await ended
        assert socket.close_code == 1001


async def test_healthz_says_what_is_wrong(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    answer = await client.get("/healthz")
    assert answer.status == 200
    assert await answer.json() == {
        "ok": True,
        "exchange_up": True,
        "database": {"healthy": True, "backlog": 0},
        "live_feed": True,
    }
    console.health = DatabaseHealth(healthy=False, backlog=3)
    answer = await client.get("/healthz")
    assert answer.status == 503
    assert (await answer.json())["database"] == {"healthy": False, "backlog": 3}
    console.health = DatabaseHealth(healthy=True)
    console.show(exchange_up=False)
    answer = await client.get("/healthz")
    assert answer.status == 503
    assert (await answer.json())["exchange_up"] is False


async def test_the_floor_as_json(client: TestClient[Any, Any], console: InventedConsole) -> None:
    console.view = replace(busy_night().view, sequence=5)
    body = json.loads(await (await client.get("/api/v1/floor")).text())
    assert body["sequence"] == 5
    assert [call["lane"] for call in body["waiting"]] == [
        "danger",
        "silence",
        "ordinary",
        "ordinary",
    ]
    first, again = body["waiting"][0]["offered_to"]
    assert (first["counsellor"], first["device"], first["kind"]) == ("m", "m-phone", "sip")
    assert (first["desk"], first["back"]) == ("markazi-arak", False)
    assert (again["picked_up"], again["back"]) == (True, True)
    assert (
        datetime.fromisoformat(body["waiting"][0]["joined_at"]) == console.view.waiting[0].joined_at
    )
    assert body["counsellors"][0]["state"] == "talking"


# What stands beside the calls.


@pytest.mark.parametrize("code", list(AlarmCode))
async def test_every_alarm_is_a_sentence_with_its_severity_in_words(
    client: TestClient[Any, Any], console: InventedConsole, code: AlarmCode
) -> None:
    subjects = {"absent": "z", "not_answering": "z", "needs_break": "z"}
    subjects |= {"stays_end": "crisis-arak", "stays_over": "crisis-arak"}
    subject = subjects.get(code, "markazi-arak")
    desk = SAVEH if code is AlarmCode.ABSENT else None
    alarm = Alarm(
        code=code, subject=subject, desk=desk, since_at=ago(65), due_at=ago(-100_000), count=12
    )
    console.view = replace(busy_night().view, alarms=(alarm,))
    text = await page(client)
    assert f'data-key="{alarm.key}" data-severity="{alarm.severity}"' in text
    assert f"</svg>{SEVERITIES[alarm.severity]}</span>" in text
    sentence = re.search(r'class="what">([^<]*)<span class="minor">([^<]+)<', text)
    assert sentence is not None
    assert "{" not in sentence[1] + sentence[2]
    assert WORDS[code].so in sentence[1]
    assert sentence[2].startswith(WORDS[code].mend.partition("{")[0])
    if code is AlarmCode.ABSENT:
        assert sentence[1].startswith("زهرا رضایی اکنون در ساوه نوبت دارد، ولی حاضر نیست؛ ")
    if code is AlarmCode.NEEDS_BREAK:
        assert sentence[1].startswith("زهرا رضایی (اراک) مدتی طولانی")
    if code is AlarmCode.OUTCOMES_OWED:
        assert sentence[1].startswith("نتیجهٔ ۱۲ تماس در استان ")
    if code in {AlarmCode.STAYS_END, AlarmCode.STAYS_OVER}:  # of several people, perhaps
        assert sentence[1].startswith("مهلت ۱۲ اقامت در مرکز مداخله در بحران اراک ")
    if code is AlarmCode.DESK_EMPTY:
        assert sentence[1].startswith("در اراک هیچ کارشناسی حاضر نیست؛ ")


async def test_an_alarm_of_yesterday_says_the_day(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    old = Alarm(code=AlarmCode.NOT_REVIEWED, subject=MARKAZI, since_at=ago(90_000))
    console.view = replace(console.view, alarms=(old,))
    text = await page(client)
    assert f"از {jalali_date(old.since_at)}" in text
    assert "قواعد استان مرکزی" in text


@pytest.mark.parametrize("kind", list(ClosureKind))
async def test_a_closed_desk_says_why_and_until_when(
    client: TestClient[Any, Any], console: InventedConsole, kind: ClosureKind
) -> None:
    until_at = datetime.now(UTC) + timedelta(days=2)
    desk = ClosedDesk(desk=DeskId(SAVEH), kind=kind, from_at=ago(60), until_at=until_at)
    console.view = replace(console.view, closed_desks=(desk,))
    text = await page(client)
    assert f"<strong>ساوه</strong>: {CLOSURES[kind]}" in text
    assert f"تا {jalali_date(until_at)} ساعت {clock(until_at)}" in text


async def test_a_hold_and_a_wrap_up_say_until_when(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    until_at = datetime.now(UTC) + timedelta(seconds=40)
    held = replace(counsellor("a", hold="rejected"), held_until_at=until_at)
    busy = replace(counsellor("b", CounsellorState.WRAP_UP), wrap_up_until_at=until_at)
    console.view = replace(console.view, counsellors=(held, busy))
    text = await page(client)
    assert f"(رد کرد؛ تا {clock_with_seconds(until_at)})" in text
    assert f"(تا {clock_with_seconds(until_at)})" in text
    longer = replace(busy, wrap_up_lengthened=2, wrap_up_latest_at=until_at)
    console.view = replace(console.view, counsellors=(longer,))
    at = clock_with_seconds(until_at)
    assert f"(تا {at}؛ ۲ بار تمدید، حداکثر تا {at})" in await page(client)


def sparing(why: Protection, *, gave_way: bool) -> Sparing:
    return Sparing(counsellor=CounsellorId("z"), why=why, gave_way=gave_way)


@pytest.mark.parametrize("why", list(Protection))
async def test_who_is_spared_and_what_gives_way_is_said(
    client: TestClient[Any, Any], console: InventedConsole, why: Protection
) -> None:
    tired = replace(counsellor("زهرا رضایی", id_="z"), protections=(why,))
    instead = replace(counsellor("a"), sparing=sparing(why, gave_way=False), will_pause="break")
    console.view = replace(console.view, counsellors=(tired, instead))
    text = await page(client)
    assert f">{PROTECTIONS[why]}<" in text
    assert f">توقف پس از این تماس: استراحت؛ به‌جای زهرا رضایی: {PROTECTIONS[why]}<" in text
    rung = replace(tired, sparing=sparing(why, gave_way=True))
    console.view = replace(console.view, counsellors=(rung,))
    assert f">{PROTECTIONS[why]}؛ کس دیگری آزاد نبود<" in await page(client)


@pytest.mark.parametrize("relief", list(Relief))
async def test_what_danger_set_aside_is_said(
    client: TestClient[Any, Any], console: InventedConsole, relief: Relief
) -> None:
    console.view = replace(console.view, counsellors=(replace(counsellor("a"), relief=relief),))
    assert f">{RELIEFS[relief]}<" in await page(client)


@pytest.mark.parametrize("reason", list(Precedence))
async def test_why_somebody_goes_first_is_said(
    client: TestClient[Any, Any], console: InventedConsole, reason: Precedence
) -> None:
    first = replace(waiting("c2"), precedence=reason, ahead_of=CallId("c1"))
    talking = replace(talk("c3", "z"), precedence=reason, ahead_of=CallId("c1"))
    console.view = replace(console.view, waiting=(first, waiting("c1")), talks=(talking,))
    assert (await page(client)).count(f">جلوتر از نوبت ۲: {PRECEDENCES[reason]}<") == 2
    console.view = replace(console.view, waiting=())
    assert f">جلوتر از نوبت: {PRECEDENCES[reason]}<" in await page(client), "who has gone"


@pytest.mark.parametrize("reason", list(Precedence))
async def test_who_was_overtaken_sees_by_whom_and_why(
    client: TestClient[Any, Any], console: InventedConsole, reason: Precedence
) -> None:
    second = replace(waiting("c1"), overtaken=reason, behind=CallId("c2"))
    console.view = replace(console.view, waiting=(waiting("c2"), second))
    why = PRECEDENCES[reason]
    if reason is Precedence.LEFT_OPEN:
        why = "گوشی این تماس باز مانده است"
    assert f">پس از نوبت ۱، که دیرتر آمده است: {why}<" in await page(client)


@pytest.mark.parametrize("why", list(Withheld))
async def test_what_the_caller_was_told_is_shown_and_why_nothing_was(
    client: TestClient[Any, Any], console: InventedConsole, why: Withheld
) -> None:
    until_at = datetime.now(UTC)
    told = Said(place=2, until_at=until_at, longer=True)
    desk = DeskView(desk=DeskId(SAVEH), there=1, free=0, waiting=3, withheld=why)
    console.view = replace(
        console.view,
        waiting=(
            replace(waiting("c1"), said=told),
            replace(waiting("c2"), said=Said(withheld=why)),
            waiting("c3"),
        ),
        desks=(desk, DeskView(desk=DeskId(ARAK), there=1, free=0, waiting=1, expected_min=3)),
    )
    text = await page(client)
    assert f">به او گفته شد: نوبت ۲، تا ساعت {clock(until_at)}، بیش از آنچه گفته شده بود<" in text
    assert f">زمان گفته نشد: {WITHHELD[why]}<" in text
    assert ">هنوز چیزی گفته نشده است<" in text
    assert f">نامعلوم: {WITHHELD[why]}<" in text
    assert ">تا ۳ دقیقه<" in text


async def test_each_phone_that_rings_is_shown_with_its_desk(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    console.view = busy_night().view
    text = await page(client)
    assert "<bdi>مریم کاظمی</bdi>" in text
    assert 'اراک، تلفن میز <bdi dir="ltr">m-phone</bdi>، <time' in text
    assert f">{phrases.BROKEN_OFF}<" in text
    assert f">{phrases.LEFT_OPEN}<" in text
    assert 'تلفن میز <bdi dir="ltr">n-phone</bdi>، گوشی را برداشته است، بازگشت به همان' in text


async def test_a_break_that_was_asked_for_and_load_say_since_when(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    console.view = busy_night().view
    one = next(one for one in console.view.counsellors if one.counsellor == "n")
    assert one.heavy_until_at is not None
    assert one.tired_since_at is not None
    assert one.break_asked_at is not None
    text = await page(client)
    assert f"پس از تماسی سنگین (تا ساعت {clock(one.heavy_until_at)})" in text
    assert f"نیاز به استراحت دارد (از ساعت {clock(one.tired_since_at)})" in text
    assert f"استراحت خواسته است (از ساعت {clock(one.break_asked_at)})" in text


async def test_lost_calls_stand_on_top_once(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    console.view = busy_night().view
    text = await page(client)
    assert text.index('data-key="l1"') < text.index('class="alarms"') < text.index("<main")
    assert "lost_in_danger:l1" not in text, "said once"
    assert "<strong>استان مرکزی</strong>، افکار یا قصد خودکشی" in text


async def test_the_order_of_the_line_may_change_by_time_alone(
    client: TestClient[Any, Any], console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_app, "BEAT_S", 0.02)
    one, other = waiting("c1"), waiting("c2")
    console.show(waiting=(one, other))
    async with await watch(client) as socket:
        line = (await next_floor(socket, console.view.sequence))["regions"]["line"]
        assert line.index("c1") < line.index("c2")
        console.view = replace(console.view, waiting=(other, one))
        line = (await next_floor(socket, console.view.sequence))["regions"]["line"]
        assert line.index("c2") < line.index("c1")


async def test_a_taken_port_is_named_with_the_way_out() -> None:
    async with serve_console(InventedConsole(), 0) as port:
        with pytest.raises(LineError, match=f"127.0.0.1:{port}.*IVR_HTTP_PORT"):
            async with serve_console(InventedConsole(), port):
                pytest.fail("two consoles on one port")


def test_a_row_leaves_the_caller_behind() -> None:
    record = CallRecord(
        call=CallId("1"),
        province=MARKAZI,
        line="123",
        caller=CallerRef(pseudonym="p5eud0nym", ciphertext="c1pher"),
        arrived_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        phase=CallPhase.ENDED,
        joined_at=datetime(2026, 11, 22, 8, 1, tzinfo=UTC),
        connected_at=datetime(2026, 11, 22, 8, 1, 9, tzinfo=UTC),
        ended_at=datetime(2026, 11, 22, 8, 5, 9, tzinfo=UTC),
    )
    shown = call_row(record, "phone_resolved")
    assert (shown.wait_s, shown.talk_s, shown.outcome) == (9.0, 240.0, "phone_resolved")
    assert "p5eud0nym" not in repr(shown)
    assert "c1pher" not in repr(shown)


# What people see at night: readable in both schemes, the same in both directions of writing.

TEXT_ON = [
    ("ink", "ground"), ("ink", "panel"), ("minor", "ground"), ("minor", "panel"),
    ("ink", "danger-ground"), ("danger", "danger-ground"), ("danger", "panel"),
    ("danger-ground", "danger"),
    ("silence", "silence-ground"), ("ordinary", "ordinary-ground"), ("ordinary", "panel"),
    ("good", "good-ground"), ("good", "panel"), ("ring", "ring-ground"), ("ring", "panel"),
    ("ring", "danger-ground"), ("talk", "talk-ground"), ("panel", "accent"),
]  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_text_has_contrast_in_light_and_dark() -> None:
    css = (STATIC / "floor.css").read_text()
    schemes = [
        dict(re.findall(r"--([\w-]+): #(\w+);", block))
        for block in re.findall(r":root \{[^}]*\}", css)
    ]
    assert len(schemes) == 2
    poor = [
        (text, ground, round(contrast(scheme[text], scheme[ground]), 2))
        for scheme in schemes
        for text, ground in TEXT_ON
        if contrast(scheme[text], scheme[ground]) < 4.5
    ]
    assert not poor


def test_the_style_knows_no_left_and_no_right() -> None:
    css = re.sub(r"/\*.*?\*/", "", (STATIC / "floor.css").read_text(), flags=re.DOTALL)
    assert not re.findall(r"[^\n]*\b(?:left|right)\b[^\n]*", css)
