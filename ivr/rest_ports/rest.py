"""The API's ports as one, for the running line."""

from collections.abc import Callable
from datetime import UTC, datetime

from ivr.bearers import Bearer, bearer
from ivr.errors import StoreError
from ivr.in_force import InForce
from ivr.people import Person
from ivr.rest_ports.calls import RestCalls
from ivr.rest_ports.others import RestOthers
from ivr.rest_ports.referrals import RestReferrals
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
        self._known: dict[str, Token] = {}
        self._in_force = in_force
        self._now = now
        self.calls = RestCalls(store, in_force, now)
        self.referrals = RestReferrals(store, in_force, now)
        self.others = RestOthers(store, in_force, floor, now, taken_within_s=taken_within_s)

    async def bearer(self, secret: str) -> Bearer | None:
        name, now = id_of(secret), self._now()
        token = await self._token(name) if name else None
        if token is None or not is_secret_of(token, secret) or not token.is_valid(now):
            return None
        return bearer(token, await self._maker(token.by), now)

    async def _token(self, name: str) -> Token | None:
        """While the database is away, one that was used before; what it saves is judged later."""
        try:
            found = await self._tokens.token(name)
        except StoreError:
            if name not in self._known:
                raise
            return self._known[name]
        if found is None:
            self._known.pop(name, None)
        else:
            self._known[name] = found
        return found

    async def _maker(self, name: str) -> Person | None:
        try:
            return await self._people.person(name)
        except StoreError:
            return next((one for one in self._in_force().people if one.id == name), None)
