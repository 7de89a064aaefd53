"""The API's ports as one, for the running line."""

from collections.abc import Callable
from datetime import UTC, datetime

from ivr.in_force import InForce
from ivr.rest_ports.calls import RestCalls
from ivr.rest_ports.others import RestOthers
from ivr.rest_ports.referrals import RestReferrals
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
        self._now = now
        self.calls = RestCalls(store, in_force, now)
        self.referrals = RestReferrals(store, in_force, now)
        self.others = RestOthers(store, in_force, floor, now, taken_within_s=taken_within_s)

    async def token(self, secret: str) -> Token | None:
        name = id_of(secret)
        found = await self._tokens.token(name) if name else None
        if found is None or not is_secret_of(found, secret) or not found.is_valid(self._now()):
            return None
        return found
