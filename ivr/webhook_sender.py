"""Sends what webhooks are to be told, apart from everything that serves callers."""

import asyncio
import json
import socket
from collections.abc import Callable
from datetime import datetime

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from ivr.errors import LineError, StoreError
from ivr.store.webhooks import WebhookStore
from ivr.webhooks import Delivery, check_url, is_public, next_try_at, signature

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
AT_ONCE = 8
ANSWER_WITHIN_S = 10.0
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


class WebhookSender:
    """`reveal` gives the secret of a webhook that is sealed in the database."""

    def __init__(
        self, hooks: WebhookStore, reveal: Callable[[str], str], now: Callable[[], datetime]
    ) -> None:
        self._hooks = hooks
        self._reveal = reveal
        self._now = now

    async def run(self) -> None:
        """Until cancelled. Whatever goes wrong here is no business of the line."""
        while True:
            sent = 0
            try:
                sent = await self.look()
            except StoreError:
                pass  # Steering says so
            except Exception:
                log.exception("webhooks_failed")
            if not sent:
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Send what is due, of each webhook one thing; how many were tried."""
        due = (await self._hooks.due(self._now()))[:AT_ONCE]
        async with asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(self._send(delivery)) for delivery in due]
        for delivery, task in zip(due, sending, strict=True):
            await self._note(delivery, task.result())
        return len(due)

    async def _note(self, delivery: Delivery, error: str | None) -> None:
        now = self._now()
        if error is None:
            await self._hooks.delivered(delivery, now)
            return
        next_at = next_try_at(delivery.at, delivery.tries + 1, now)
        await self._hooks.failed(delivery, error, next_at)
        say = log.info if next_at else log.warning
        say("webhook_not_delivered", webhook=delivery.hook.id, event_id=delivery.event, why=error)

    async def _send(self, delivery: Delivery) -> str | None:
        """None where it was taken, else why not."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                status = await self._post(delivery)
        except TimeoutError:
            return f"no answer within {ANSWER_WITHIN_S:g} s"
        except LineError as error:
            return str(error)
        except (ClientError, OSError, ValueError) as error:
            return type(error).__name__
        return None if status in _GOOD else f"answered {status}"

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
