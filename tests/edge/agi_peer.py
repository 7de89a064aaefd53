"""The Asterisk side of a FastAGI connection, line by line, as the test says."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from ivr.asterisk.agi_server import AgiServer, Handler
from tests.patience import PATIENCE_S


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\n" for line in lines).encode())

    def send_environment(self, path: str = "call", *arguments: str) -> None:
        self.send(
            "agi_network: yes",
            f"agi_network_script: {path}",
            f"agi_request: agi://127.0.0.1/{path}",
            "agi_channel: PJSIP/trunk-00000001",
            "agi_uniqueid: 1700000000.1",
            "agi_callerid: 200",
            "agi_calleridname: hangup",
            "agi_accountcode: ",
            *(f"agi_arg_{n}: {argument}" for n, argument in enumerate(arguments, 1)),
            "",
        )

    async def line(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return (await self.reader.readline()).decode().rstrip("\n")

    async def closed(self) -> bool:
        """True once our side closed without another command, what it had not read or not."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:  # of what was sent something came after the close
                return True


@asynccontextmanager
async def serving(
    handlers: Mapping[str, Handler], port: int = 0, **options: object
) -> AsyncIterator[AgiServer]:
    server = AgiServer("127.0.0.1", port, handlers, **options)
    server.open()
    task = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def connected(server: AgiServer) -> AsyncIterator[Peer]:
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
