"""A controller that finds out what a test says and then dies, for each caller anew."""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self


class DyingController:
    """`facts` by caller's number are set as IVR_ variables before the connection breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.facts: dict[str, dict[str, str]] = {}
        self.sessions: Counter[str] = Counter()  # by caller's number

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        environment: dict[str, str] = {}
        while row := (await reader.readline()).decode().strip():
            name, _, value = row.partition(": ")
            environment[name] = value
        number = environment.get("agi_callerid", "")
        for name, value in self.facts.get(number, {}).items():
            writer.write(f'SET VARIABLE IVR_{name.upper()} "{value}"\n'.encode())
            await reader.readline()
        self.sessions[number] += 1
        writer.close()
