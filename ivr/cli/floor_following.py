"""The floor of the line that runs, followed over its feed for programs (docs/floor.md)."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMsgType,
    WSServerHandshakeError,
)

from ivr.errors import LineError
from ivr.floor_delta import Changes, patched

ANSWER_S = 5.0  # to a connection, and between two beats, of which one comes every two seconds
LISTS = ("lost", "waiting", "talks", "counsellors", "desks", "alarms", "closed_desks")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """The floor as the line has sent it (the same object until it changes), and the time there."""

    floor: Json
    now: datetime


def waited_s(call: Json, picture: Picture) -> float:
    """Since the call first joined the line, whatever has become of it meanwhile."""
    return (picture.now - datetime.fromisoformat(call["joined_at"])).total_seconds()


def with_waits(picture: Picture) -> Json:
    waiting = [
        {**call, "waited_s": round(waited_s(call, picture), 3)} for call in picture.floor["waiting"]
    ]
    return {**picture.floor, "at": picture.now.isoformat(), "waiting": waiting}


async def pictures(port: int) -> AsyncGenerator[Picture, None]:
    """The floor now and after each beat; raises LineError where no line runs or it ends."""
    while True:  # once more after a gap: a new connection begins with the whole floor
        async with _connected(port) as socket:
            floor: Json = {}
            while (message := await _next(socket, port)) is not None:
                if message["type"] == "beat":
                    yield Picture(floor, datetime.fromisoformat(message["now"]))
                elif message["type"] == "floor":
                    floor = {name: value for name, value in message.items() if name != "type"}
                elif message["after"] == floor["sequence"]:
                    floor = _followed(floor, message)
                else:
                    break


def _followed(floor: Json, message: Json) -> Json:
    figures = {name: message[name] for name in floor if name not in LISTS}
    return figures | {name: _patched(floor[name], message[name]) for name in LISTS}


def _patched(rows: list[Json], news: Json) -> list[Json]:
    put = tuple((place, row) for place, row in news["put"])
    changes: Changes[Json] = Changes(gone=tuple(news["gone"]), put=put)
    return list(patched(rows, changes, lambda row: str(row["key"])))


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[ClientWebSocketResponse]:
    url = f"http://127.0.0.1:{port}/api/v1/floor/feed"
    async with ClientSession(timeout=ClientTimeout(total=None, sock_connect=ANSWER_S)) as session:
        try:
            async with asyncio.timeout(ANSWER_S):
                socket = await session.ws_connect(url)
        except WSServerHandshakeError as error:
            raise LineError(
                f"What answers on 127.0.0.1:{port} shows no floor (status {error.status}). Set "
                "IVR_HTTP_PORT to the port of the running line's console."
            ) from error
        except (ClientError, OSError, TimeoutError) as error:
            raise LineError(
                f"No line runs on 127.0.0.1:{port}. Start one with `make run` (or `ivr serve` "
                "beside an Asterisk), or set IVR_HTTP_PORT to the port of the one that runs."
            ) from error
        async with socket:
            yield socket


async def _next(socket: ClientWebSocketResponse, port: int) -> Json | None:
    try:
        message = await socket.receive(ANSWER_S)
    except TimeoutError as error:
        raise LineError(
            f"The line on 127.0.0.1:{port} has said nothing for {ANSWER_S:.0f} s. Look at its log; "
            "if it hangs, its supervisor starts it again."
        ) from error
    if message.type is not WSMsgType.TEXT:
        raise LineError(f"The line on 127.0.0.1:{port} has ended.")
    return dict(json.loads(message.data))
