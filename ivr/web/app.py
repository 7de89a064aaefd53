"""The console's server: one live page and its WebSocket, the floor as JSON with its own, health.

There is no log-in yet, so it listens on loopback only, answers to loopback names only (a rebound
DNS name would otherwise let any web page read it) and lets no foreign page open a WebSocket.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web
from yarl import URL

from ivr.errors import LineError
from ivr.view import FloorView
from ivr.web.api import floor_json
from ivr.web.drawing import STATIC, Drawing
from ivr.web.feed import BEAT_S, Feed
from ivr.web.json_feed import JsonFeed
from ivr.web.ports import ConsolePorts
from ivr.web.rest.ports import RestPorts
from ivr.web.rest.route import BASE
from ivr.web.rest.serve import BODY_OCTETS, make_rest_app

LOOPBACK = "127.0.0.1"
OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
SEND_S = 5.0  # a page that takes no message for so long is let go; it comes back by itself
SHUTDOWN_S = 2.0

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "line123",  # no versions for strangers
    "X-Content-Type-Options": "nosniff",
}

_CONSOLE = web.AppKey("console", ConsolePorts)
_DRAWING = web.AppKey("drawing", Drawing)
_FEED = web.AppKey("feed", Feed)
_JSON_FEED = web.AppKey("json_feed", JsonFeed)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Send = Callable[[web.WebSocketResponse], Coroutine[None, None, None]]


def make_app(console: ConsolePorts, rest: RestPorts | None = None) -> web.Application:
    """The console as an aiohttp application; its feed runs as long as the application does.

    Raises LineError where a route of the API has no policy.
    """
    app = web.Application(middlewares=[_own_names_only], client_max_size=BODY_OCTETS)
    app[_CONSOLE] = console
    app[_DRAWING] = Drawing()
    app[_FEED] = Feed(console, app[_DRAWING])
    app[_JSON_FEED] = JsonFeed(console)
    app.cleanup_ctx.append(_run_feed)
    app.on_shutdown.append(_stop_feed)
    app.on_response_prepare.append(_set_headers)
    app.router.add_get("/", _page)
    app.router.add_get("/live", _live)
    app.router.add_get("/healthz", _health)
    app.router.add_get("/api/v1/floor", _floor)
    app.router.add_get("/api/v1/floor/feed", _floor_feed)
    app.router.add_static("/static/", STATIC)
    if rest is not None:
        app.add_subapp(BASE, make_rest_app(rest))
    return app


@asynccontextmanager
async def serve_console(
    console: ConsolePorts, port: int, rest: RestPorts | None = None
) -> AsyncIterator[int]:
    """Serve the console on loopback while inside; yields the port (0 takes a free one).

    Raises LineError where the port is taken.
    """
    runner = web.AppRunner(make_app(console, rest), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await _listen(runner, port)
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
    except OSError as error:
        raise LineError(
            f"The console cannot listen on {LOOPBACK}:{port} ({error.strerror}): "
            "set IVR_HTTP_PORT to a free port"
        ) from error


async def _page(request: web.Request) -> web.Response:
    regions = await request.app[_FEED].regions()
    text = request.app[_DRAWING].page(regions, datetime.now(UTC))
    return web.Response(text=text, content_type="text/html")


async def _live(request: web.Request) -> web.StreamResponse:
    if not _is_own_page(request):
        raise web.HTTPForbidden(text="The live feed is for the console's own page.")
    return await _talk(request, lambda socket: _show(socket, request.app[_FEED]))


async def _floor_feed(request: web.Request) -> web.StreamResponse:
    """Programs name no origin; a browser always names the page's."""
    if "Origin" in request.headers and not _is_own_page(request):
        raise web.HTTPForbidden(text="The feed is not for pages of other sites.")
    feed, json_feed = request.app[_FEED], request.app[_JSON_FEED]
    return await _talk(request, lambda socket: _send_changes(socket, feed, json_feed))


def _is_own_page(request: web.Request) -> bool:
    return request.headers.get("Origin") == f"{request.scheme}://{request.host}"


async def _talk(request: web.Request, send: Send) -> web.StreamResponse:
    """Open a WebSocket on which only we have something to say."""
    if not request.app[_FEED].alive:
        raise web.HTTPServiceUnavailable(text="The live feed is not running.")
    socket = web.WebSocketResponse(heartbeat=20, timeout=SHUTDOWN_S, max_msg_size=1024)
    await socket.prepare(request)
    try:
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(send(socket))
            async for _ in socket:
                pass  # reading notices that the other side went
            sender.cancel()
    except* (ConnectionError, TimeoutError):
        pass
    return socket


async def _show(socket: web.WebSocketResponse, feed: Feed) -> None:
    """The day's calls are read for as long as the page is there."""
    async with asyncio.TaskGroup() as tasks:
        calls = tasks.create_task(feed.follow_calls())
        await _send_all(socket, feed)
        calls.cancel()


async def _send_all(socket: web.WebSocketResponse, feed: Feed) -> None:
    """Send the newest snapshot whenever it is another one, and a beat after it or in between."""
    sent = ""
    while feed.alive:
        changed = feed.changed
        snapshot, beat = feed.news()
        messages = (beat,) if snapshot is sent else (snapshot, beat)
        sent = snapshot
        await _send(socket, messages)
        await _wait(changed, BEAT_S)
    await _let_go(socket)


async def _send_changes(socket: web.WebSocketResponse, feed: Feed, json_feed: JsonFeed) -> None:
    """A whole view first, afterwards what has changed, and each time a beat."""
    held: FloorView | None = None
    while feed.alive:
        changed = feed.changed
        held, messages = json_feed.news(held, datetime.now(UTC))
        await _send(socket, messages)
        await _wait(changed, BEAT_S)
    await _let_go(socket)


async def _send(socket: web.WebSocketResponse, messages: Iterable[str]) -> None:
    async with asyncio.timeout(SEND_S):
        for message in messages:
            await socket.send_str(message)


async def _let_go(socket: web.WebSocketResponse) -> None:
    await socket.close(code=1001)  # going away, RFC 6455 §7.4.1


async def _wait(changed: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await changed.wait()
    except TimeoutError:
        return


async def _health(request: web.Request) -> web.Response:
    console = request.app[_CONSOLE]
    exchange_up, database = console.floor_view().exchange_up, console.database()
    live_feed = request.app[_FEED].alive
    ok = exchange_up and database.healthy and live_feed
    body = {
        "ok": ok,
        "exchange_up": exchange_up,
        "database": {"healthy": database.healthy, "backlog": database.backlog},
        "live_feed": live_feed,
    }
    return web.json_response(body, status=200 if ok else 503)


async def _floor(request: web.Request) -> web.Response:
    return web.json_response(text=floor_json(request.app[_CONSOLE].floor_view()))


async def _run_feed(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[_FEED].run())
    yield
    task.cancel()
    await asyncio.wait([task])


async def _stop_feed(app: web.Application) -> None:
    app[_FEED].stop()


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    static = request.path.startswith("/static/")
    response.headers["Cache-Control"] = "no-cache" if static else "no-store"


@web.middleware
async def _own_names_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _host_name(request.host) not in OWN_NAMES:
        raise web.HTTPMisdirectedRequest(
            text="The console answers to 127.0.0.1 and localhost only."
        )
    return await handler(request)


def _host_name(host: str) -> str | None:
    try:
        return URL(f"http://{host}").host
    except ValueError:
        return None
