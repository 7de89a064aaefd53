"""The live page in a real browser: Debian's Chromium, driven by playwright."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, WebSocketRoute, async_playwright, expect

from ivr.calendar import jalali_date
from ivr.model import CounsellorState, Lane
from ivr.view import FloorView
from ivr.web import app as web_app
from ivr.web.app import serve_console
from ivr.web.ports import DatabaseHealth
from tests.ports import free_port
from tests.web.floors import InventedConsole, busy_night, counsellor, row, waiting

WAIT_S = 120  # a machine may be busy
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WATCH_POLICY = """
window.violations = []
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(event.violatedDirective)
})
"""

expect.set_options(timeout=WAIT_S * 1000)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="Chromium is missing: deploy/system-packages test installs it"
    ),
]


@pytest.fixture
def console() -> InventedConsole:
    return InventedConsole()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that hears nothing for five seconds gives its connection up and says so."""
    monkeypatch.setattr(web_app, "BEAT_S", 0.5)


@pytest.fixture
async def port(console: InventedConsole) -> AsyncIterator[int]:
    async with serve_console(console, 0) as port:
        yield port


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path,
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 1600, "height": 1000},
            timeout=WAIT_S * 1000,
        )
        context.set_default_timeout(WAIT_S * 1000)
        await context.add_init_script(WATCH_POLICY)
        yield context.pages[0]
        await context.close()


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """Errors and warnings of the browser's console."""
    found: list[str] = []
    page.on("console", lambda line: found.append(line.text) if line.type != "log" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


async def open_live(page: Page, port: int) -> None:
    await page.goto(f"http://127.0.0.1:{port}/")
    await expect(page.locator("#pulse")).to_have_text("زنده")


async def test_a_waiting_call_appears_and_goes_live(
    page: Page, console: InventedConsole, port: int, complaints: list[str]
) -> None:
    await open_live(page, port)
    line = page.locator(".line")
    await expect(line).to_contain_text("کسی در صف نیست.")
    console.show(waiting=(waiting("c1", waited_s=65),))
    await expect(line.locator("[data-key=c1]")).to_contain_text(re.compile("۱:[۰-۵]"))
    await expect(page.get_by_role("status")).to_have_text("۱ تماس در صف")
    console.show(
        waiting=(waiting("c2", lane=Lane.DANGER), waiting("c1", waited_s=65)),
    )
    await expect(line.locator("tbody tr")).to_have_count(2)
    await expect(line.locator("tbody tr").first).to_contain_text("خطر")
    await expect(page).to_have_title("۲ تماس در صف، خط ۱۲۳")
    console.show(waiting=())
    await expect(line).to_contain_text("کسی در صف نیست.")
    assert complaints == []
    assert await page.evaluate("violations") == []


async def test_the_page_is_persian_from_right_to_left(
    page: Page, console: InventedConsole, port: int
) -> None:
    console.view = busy_night().view
    days = [jalali_date(datetime.now(UTC))]
    await open_live(page, port)
    days.append(jalali_date(datetime.now(UTC)))  # another at midnight
    html = page.locator("html")
    await expect(html).to_have_attribute("dir", "rtl")
    await expect(html).to_have_attribute("lang", "fa")
    assert await page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    assert await page.evaluate("document.fonts.ready.then(f => f.check('16px Vazirmatn', 'خط'))")
    boxes = [await page.locator(part).bounding_box() for part in (".line", ".counsellors")]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] > boxes[1]["x"]  # reading starts at the line
    await expect(page.locator(".top")).to_contain_text(re.compile("|".join(days)))


async def test_waiting_times_count_on_by_the_servers_clock(
    page: Page, console: InventedConsole, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def just_joined() -> FloorView:
        return replace(console.view, waiting=(waiting("c1"),))

    monkeypatch.setattr(console, "floor_view", just_joined)
    await silence_feed(page)
    await stop_clock(page)  # a wall computer whose clock stands at 1970
    await page.goto(f"http://127.0.0.1:{port}/")
    time = page.locator("[data-key=c1] time")
    await expect(time).to_have_text(re.compile("^۰:[۰۱]"))
    await expect(time).to_have_attribute("data-grade", "")
    await page.clock.run_for(40_000)
    await expect(time).to_have_text(re.compile("^۰:[۴۵]"))
    await expect(time).to_have_attribute("data-grade", "late")
    await page.clock.run_for(100_000)
    await expect(time).to_have_attribute("data-grade", "grave")


async def test_rows_that_did_not_change_are_left_alone(
    page: Page, console: InventedConsole, port: int
) -> None:
    staying = waiting("c1", waited_s=3)
    console.show(waiting=(staying, waiting("c2")))
    await open_live(page, port)
    await page.evaluate("window.kept = document.querySelector('[data-key=c1]')")
    console.show(waiting=(staying, waiting("c3")))
    await expect(page.locator("[data-key=c3]")).to_be_visible()
    await expect(page.locator("[data-key=c2]")).to_have_count(0)
    assert await page.evaluate("kept === document.querySelector('[data-key=c1]')")


async def test_a_board_without_news_says_so_and_comes_back(
    page: Page, console: InventedConsole
) -> None:
    banner, port = page.locator("#stale"), free_port()
    async with serve_console(console, port):
        await page.clock.install()
        await open_live(page, port)
        await expect(banner).to_be_hidden()
    await page.clock.run_for(6_000)
    await expect(banner).to_be_visible()
    await expect(banner).to_contain_text("این صفحه تازه نیست.")
    await expect(page.locator("#board")).to_have_attribute("data-stale", "true")
    console.show(waiting=(waiting("c1"),))
    async with serve_console(console, port):
        await page.clock.run_for(6_000)
        await expect(page.locator("[data-key=c1]")).to_be_visible()
        await expect(banner).to_be_hidden()
        await expect(page.locator("#pulse")).to_have_text("زنده")


async def stop_clock(page: Page) -> None:
    """The page's time passes by `run_for` alone, however long everything takes."""
    await page.clock.install(time=0)
    await page.clock.pause_at(1_000)


async def silence_feed(page: Page) -> asyncio.Queue[WebSocketRoute]:
    """Let the page's connections open and lead nowhere; each comes out of the queue."""
    opened: asyncio.Queue[WebSocketRoute] = asyncio.Queue()
    await page.route_web_socket("**/live", opened.put_nowait)
    return opened


async def test_an_open_connection_that_is_silent_is_given_up(page: Page, port: int) -> None:
    opened = await silence_feed(page)
    await page.clock.install()
    await page.goto(f"http://127.0.0.1:{port}/")
    async with asyncio.timeout(WAIT_S):
        await opened.get()
    await page.clock.run_for(6_000)
    await expect(page.locator("#stale")).to_be_visible()
    async with asyncio.timeout(WAIT_S):
        await opened.get()


async def test_a_gap_is_closed_by_a_new_snapshot(page: Page, port: int) -> None:
    opened = await silence_feed(page)
    await stop_clock(page)
    await page.goto(f"http://127.0.0.1:{port}/")
    async with asyncio.timeout(WAIT_S):
        first = await opened.get()
    build = await page.evaluate("document.body.dataset.build")
    now = await page.evaluate("Date.now() / 1000")
    first.send(json.dumps({"type": "floor", "sequence": 4, "regions": {"line": "<p>four</p>"}}))
    first.send(json.dumps({"type": "beat", "sequence": 4, "now": now, "build": build}))
    await expect(page.locator("[data-region=line]")).to_have_text("four")
    left = asyncio.Event()
    first.on_close(lambda _code, _reason: left.set())
    first.send(json.dumps({"type": "beat", "sequence": 6, "now": now, "build": build}))
    async with asyncio.timeout(WAIT_S):
        await left.wait()
        await page.clock.run_for(1_000)  # silence alone would do it after five seconds
        second = await opened.get()
    second.send(json.dumps({"type": "floor", "sequence": 6, "regions": {"line": "<p>six</p>"}}))
    await expect(page.locator("[data-region=line]")).to_have_text("six")


async def test_a_counsellors_name_is_text(
    page: Page, console: InventedConsole, port: int, complaints: list[str]
) -> None:
    name = "<script>window.caught = true</script><img src=x onerror='window.caught = true'>"
    await open_live(page, port)
    console.calls = (row("c1", counsellor=name),)
    console.show(counsellors=(counsellor(name, CounsellorState.AVAILABLE, id_="x"),))
    await expect(page.locator("[data-key=x] bdi")).to_have_text(name)
    assert await page.evaluate("window.caught") is None
    assert await page.evaluate("violations") == []
    assert complaints == []


async def everything(page: Page, console: InventedConsole, port: int) -> None:
    """A page with something in each region, banners as well."""
    night = busy_night()
    console.view = replace(night.view, exchange_up=False)
    console.calls, console.health = night.calls, DatabaseHealth(healthy=False, backlog=3)
    await open_live(page, port)
    for region in ("lost", "notices", "alarms", "closed", "line", "talks", "desks", "calls"):
        await expect(page.locator(f"[data-region={region}]")).not_to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1600])
async def test_axe_finds_nothing_to_complain_of(
    page: Page, port: int, console: InventedConsole, scheme: Literal["light", "dark"], width: int
) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 900})
    await everything(page, console, port)
    await page.evaluate(AXE)
    found = await page.evaluate(f"axe.run({{runOnly: {AXE_TAGS}}})")
    assert len(found["passes"]) > 15
    complaints = [
        (one["id"], node["target"], node["failureSummary"])
        for one in found["violations"]
        for node in one["nodes"]
    ]
    assert complaints == []


async def test_what_is_wider_than_the_screen_is_reached_by_keyboard(
    page: Page, port: int, console: InventedConsole
) -> None:
    await page.set_viewport_size({"width": 360, "height": 900})
    await everything(page, console, port)
    await page.keyboard.press("Tab")
    table = page.locator(".line .scroll")
    await expect(table).to_be_focused()
    assert await table.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    await table.evaluate(
        "(one) => { one.addEventListener('scroll', () => { document.body.dataset.scrolled = 1 }) }"
    )
    await page.keyboard.press("ArrowLeft")  # onwards, from right to left
    await expect(page.locator("body")).to_have_attribute("data-scrolled", "1")
    console.show(waiting=(waiting("new"), *console.view.waiting))
    await expect(page.locator(".line [data-key=new]")).to_be_attached()
    await expect(table).to_be_focused()
    for panel in (".talks", ".desks", ".calls"):
        await page.keyboard.press("Tab")
        await expect(page.locator(f"{panel} .scroll")).to_be_focused()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_nothing_moves_for_whoever_wants_it_still(
    page: Page, port: int, console: InventedConsole, motion: Literal["reduce", "no-preference"]
) -> None:
    await page.add_init_script(
        "addEventListener('animationstart', () => { document.body.dataset.moved = 'yes' })"
    )
    await page.emulate_media(reduced_motion=motion)
    await open_live(page, port)
    console.show(waiting=(waiting("c1"),))
    await expect(page.locator(".line [data-key=c1]")).to_be_visible()
    console.show(waiting=(waiting("c1"), waiting("c2")))
    await expect(page.locator(".line [data-key=c2]")).to_be_visible()
    main = "getComputedStyle(document.querySelector('main')).transitionDuration"
    if motion == "reduce":
        assert await page.evaluate("document.body.dataset.moved || ''") == ""
        assert await page.evaluate(main) == "0s"
        assert await page.evaluate("document.getAnimations().length") == 0
    else:
        await expect(page.locator("body")).to_have_attribute("data-moved", "yes")
        assert await page.evaluate(main) == "0.3s"


async def test_a_lost_caller_is_announced_and_stands_on_top(
    page: Page, port: int, console: InventedConsole
) -> None:
    await open_live(page, port)
    console.show(lost=busy_night().view.lost)
    lost = page.locator("[aria-live=assertive] .lost")
    await expect(lost).to_contain_text("از دست رفته در خطر جانی")
    box, board = await lost.bounding_box(), await page.locator("main").bounding_box()
    assert box is not None
    assert board is not None
    assert box["y"] < board["y"]
    console.show(lost=())
    await expect(lost).to_have_count(0)


@pytest.mark.parametrize(
    ("scheme", "ground"), [("light", "rgb(238, 242, 243)"), ("dark", "rgb(14, 22, 27)")]
)
async def test_the_page_fits_every_width(
    page: Page, port: int, console: InventedConsole, scheme: str, ground: str
) -> None:
    night = busy_night()
    console.view, console.calls = night.view, night.calls
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await open_live(page, port)
    root = "document.documentElement"
    for width in (360, 420, 800, 1280, 1920, 3840):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), width
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
