"""The API's ports as one, for the running line."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from ivr.bearers import Bearer, bearer
from ivr.errors import StoreError
from ivr.in_force import InForce
from ivr.people import Person
from ivr.rest_ports.calls import RestCalls
from ivr.rest_ports.others import RestOthers
from ivr.rest_ports.referrals import RestReferrals
from ivr.store.known_tokens import KnownTokens
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tokens import TokenStore
from ivr.tokens import Token, id_of, is_secret_of
from ivr.view import FloorView


def _now() -> datetime:
    return datetime.now(UTC)


class Rest:
    """`ivr.web.rest.ports.RestPorts`."""

    def __init__(
        self,
        store: Store,
        in_force: Callable[[], InForce],
        floor: Callable[[], FloorView],
        *,
        now: Callable[[], datetime] = _now,
        taken_within_s: float | None = None,
    ) -> None:
        self._tokens = TokenStore(store)
        self._people = PeopleStore(store)
        self._known = KnownTokens(store.home)
        self._in_force = in_force
        self._now = now
        self.calls = RestCalls(store, in_force, now)
        self.referrals = RestReferrals(store, in_force, now)
        self.others = RestOthers(store, in_force, floor, now, taken_within_s=taken_within_s)

    async def bearer(self, secret: str) -> Bearer | None:
        name, now = id_of(secret), self._now()
        token = await self._token(name, secret, now) if name else None
        if token is None or not _opens(token, secret, now):
            return None
        return bearer(token, await self._maker(token.by), now)

    async def _token(self, name: str, secret: str, now: datetime) -> Token | None:
        """While the database is away, one that it knew lately; what that saves is judged later."""
        try:
            found = await self._tokens.token(name)
        except StoreError:
            known = await asyncio.to_thread(self._known.token, name, now)
            if known is None:
                raise
            return known
        if found is None or not found.is_valid(now):
            await asyncio.to_thread(self._known.forget, name, now)
        elif _opens(found, secret, now) and not self._known.is_kept(found, now):
            await asyncio.to_thread(self._known.keep, found, now)
        return found

    async def _maker(self, name: str) -> Person | None:
        try:
            return await self._people.person(name)
        except StoreError:
            return next((one for one in self._in_force().people if one.id == name), None)


def _opens(token: Token, secret: str, now: datetime) -> bool:
    return is_secret_of(token, secret) and token.is_valid(now)
