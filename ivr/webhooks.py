"""Webhooks: other programs are told of outcomes and dispatches by signed requests.

A request is signed with HMAC-SHA256 (RFC 2104) over `<timestamp>.<body>`: nobody can make one up or
send an old one again. Each receiver is told in order: one event at a time, repeated with growing
delays for a day, and what comes after waits for it.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from ivr.errors import BadInput
from ivr.model import ProvinceId

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=2)
TRIED_FOR = timedelta(days=1)
LEAST_TRIES = 5  # within two and a half minutes
# https://www.rfc-editor.org/rfc/rfc9110#section-15.5: this content is never going to be taken.
REFUSALS = frozenset({400, 413, 415, 422})
URL_LENGTH = 2000
SECRET_BYTES = 32


class HookEvent(StrEnum):
    """What may be told; ids stay for ever."""

    OUTCOME_SAVED = "outcome.saved"
    DISPATCH_CHANGED = "dispatch.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Who is told what; `private`: the address may be one of this house. `secret` is sealed."""

    id: int
    url: str
    secret: str
    events: frozenset[HookEvent]
    province: ProvinceId | None
    private: bool
    by: str
    at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One thing that one webhook is told; `event` is its own for ever, however often it is sent."""

    id: int
    hook: Webhook
    event: str
    kind: str
    body: Mapping[str, object]
    at: datetime
    tries: int


def new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(SECRET_BYTES)}"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and 64 hexadecimal digits; a later way of signing gets another mark."""
    signed = f"{timestamp}.".encode() + body
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryState:
    """How far a delivery has come; `next_at` None and not delivered: it was given up."""

    id: int
    webhook: int
    event: str
    kind: str
    at: datetime
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaken:
    """What a webhook has not taken: how many wait or were given up; `error` is the last one."""

    webhook: int
    count: int
    given_up: int
    since_at: datetime
    error: str


def next_try_at(
    first_at: datetime, tries: int, now: datetime, *, refused: bool = False
) -> datetime | None:
    """When to try again after `tries` failures; None: it is given up.

    Each is tried for a day, and no fewer than LEAST_TRIES times; what the receiver refuses for what
    it is (`refused`) that often and no more, because all that comes after waits for it.
    """
    at: datetime = now + min(FIRST_DELAY * 2 ** min(tries - 1, 20), LONGEST_DELAY)
    if tries < LEAST_TRIES:
        return at
    return at if at <= first_at + TRIED_FOR and not refused else None


def is_public(address: str) -> bool:
    """Whether an IP address lies outside this house: not loopback, not private, not link-local."""
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


def check_url(url: str, *, private: bool) -> None:
    """Raises BadInput for an address that nothing may be sent to.

    A public one takes https. What a name stands for is looked at each time it is sent to.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    good = url.isascii() and url.isprintable() and " " not in url and len(url) <= URL_LENGTH
    if not good or not host or parts.scheme not in {"http", "https"}:
        raise BadInput(f"{url[:80]!a} is no address such as https://example.org/line123.")
    if parts.username is not None or parts.fragment:
        raise BadInput("The address has a user, a password or a fragment: leave that out.")
    if private:
        return
    if parts.scheme != "https":
        raise BadInput("An address outside this house begins with https; see --private.")
    if _is_literal(host) and not is_public(host):
        raise BadInput(f"{host} lies within this house: allow that with --private.")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def hook_events(texts: Iterable[str]) -> frozenset[HookEvent]:
    """Raises BadInput for an event that there is not, and for none."""
    named = list(texts)
    known = {event.value for event in HookEvent}
    wrong = [text for text in named if text not in known]
    if wrong or not named:
        said = f"there is no event {wrong[0]!r}" if wrong else "no event is named"
        raise BadInput(f"{said}; nothing was saved. Write some of: {', '.join(sorted(known))}.")
    return frozenset(map(HookEvent, named))
