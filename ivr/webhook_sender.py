"""Sends what webhooks are to be told, apart from everything that serves callers."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from ivr.errors import LineError, StoreError
from ivr.store.deliveries import DeliveryStore
from ivr.webhooks import (
    REFUSALS,
    Delivery,
    check_url,
    is_public,
    next_try_at,
    signature,
)

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
AT_ONCE = 16  # receivers
ANSWER_WITHIN_S = 10.0
AFTER_TROUBLE_S = 10.0
CLEAR_EVERY_S = 3600.0
_GOOD = range(200, 300)


class _PublicOnly(AbstractResolver):
    """Names that stand for an address within this house stand for nothing (SSRF)."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        outside = [one for one in found if is_public(one["host"].partition("%")[0])]
        if not outside:
            raise OSError("the name stands for no address outside this house")
        return outside

    async def close(self) -> None:
        await self._resolver.close()


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a delivery was not taken; `refused`: for what it is."""

    why: str
    refused: bool = False


class WebhookSender:
    """`reveal` gives the secret of a webhook that is sealed in the database.

    Each receiver is told by a task of its own, in order: who hangs keeps nobody else.
    """

    def __init__(
        self,
        deliveries: DeliveryStore,
        reveal: Callable[[str], str],
        now: Callable[[], datetime],
        *,
        kept: timedelta,
    ) -> None:
        self._deliveries = deliveries
        self._reveal = reveal
        self._now = now
        self._kept = kept
        self._being_told: set[int] = set()

    async def run(self) -> None:
        """Until cancelled. Whatever goes wrong here is no business of the line."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_clear(), name="webhooks-clear")
            while True:
                await _done(self.look(tasks))
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, tasks: asyncio.TaskGroup) -> int:
        """Begin to tell each receiver for which something is due; how many these are."""
        due = [hook for hook in await self._deliveries.due(self._now()) if self._is_free(hook)]
        begun = due[: AT_ONCE - len(self._being_told)]
        for hook in begun:
            self._being_told.add(hook)
            tasks.create_task(self._tell(hook), name=f"webhook {hook}")
        return len(begun)

    async def clear(self) -> None:
        """Forget what was taken long ago."""
        await self._deliveries.clear(self._now() - self._kept)

    async def _keep_clear(self) -> None:
        while True:
            await _done(self.clear())
            await asyncio.sleep(CLEAR_EVERY_S)

    def _is_free(self, hook: int) -> bool:
        return hook not in self._being_told

    async def _tell(self, hook: int) -> None:
        try:
            if not await _done(self._tell_in_order(hook)):
                # What could not be noted would be sent again at once.
                await asyncio.sleep(AFTER_TROUBLE_S)
        finally:
            self._being_told.discard(hook)

    async def _tell_in_order(self, hook: int) -> None:
        """Until nothing more is due."""
        while delivery := await self._deliveries.next_of(hook, self._now()):
            await self._note(delivery, await self._send(delivery))

    async def _note(self, delivery: Delivery, failed: Failed | None) -> None:
        now = self._now()
        if failed is None:
            await self._deliveries.delivered(delivery, now)
            return
        tries = delivery.tries + 1
        next_at = next_try_at(delivery.at, tries, now, refused=failed.refused)
        await self._deliveries.failed(delivery, failed.why, next_at)
        say = log.info if next_at else log.warning
        say(
            "webhook_not_delivered",
            webhook=delivery.hook.id,
            event_id=delivery.event,
            why=failed.why,
        )

    async def _send(self, delivery: Delivery) -> Failed | None:
        """None where it was taken."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                status = await self._post(delivery)
        except TimeoutError:
            return Failed(f"no answer within {ANSWER_WITHIN_S:g} s")
        except LineError as error:
            return Failed(str(error))
        except (ClientError, OSError, ValueError) as error:
            return Failed(type(error).__name__)
        if status in _GOOD:
            return None
        return Failed(f"answered {status}", refused=status in REFUSALS)

    async def _post(self, delivery: Delivery) -> int:
        hook = delivery.hook
        check_url(hook.url, private=hook.private)
        body = json.dumps(delivery.body, ensure_ascii=False).encode()
        timestamp = int(self._now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "line123",
            "Line123-Event": delivery.kind,
            "Line123-Delivery": delivery.event,
            "Line123-Timestamp": str(timestamp),
            "Line123-Signature": signature(self._reveal(hook.secret), timestamp, body),
        }
        resolver = None if hook.private else _PublicOnly()
        async with (
            TCPConnector(resolver=resolver, limit=1, force_close=True) as connector,
            ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=ANSWER_WITHIN_S),
            ) as session,
            session.post(hook.url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status


async def _done(work: Awaitable[object]) -> bool:
    """Whether it could be done; what goes wrong in it is no business of the line."""
    try:
        await work
    except StoreError:
        return False  # Steering says so
    except Exception:
        log.exception("webhooks_failed")
        return False
    return True
