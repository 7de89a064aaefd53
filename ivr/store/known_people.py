"""Who signs in while the database is away: by a copy of the accounts beside it.

In IVR_HOME/secrets/known_people.json, for its owner alone: accounts and what is kept of their
passwords (argon2id). What is saved by it is judged again once the database is back.
"""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import ValidationError
from sqlalchemy import select

from ivr.errors import StoreError
from ivr.passwords import fits
from ivr.people import Person
from ivr.store.failures import Failures
from ivr.store.files import write_synced
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import people

log = structlog.get_logger()

_HASH: Final = "password_hash"


class KnownPeople:
    """The copy of one IVR_HOME: renewed by the running line and by whoever signs in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.home / "secrets" / "known_people.json"

    async def check_password(self, name: str, text: str, *, now: datetime) -> Person | None:
        """As `PeopleStore.check_password`, by the copy while the database is away.

        Raises StoreError where neither can be asked.
        """
        try:
            person = await PeopleStore(self._store).check_password(name, text, now=now)
        except StoreError as error:
            log.warning("signed_in_by_copy", reason=str(error))
            return await asyncio.to_thread(self._check, name, text, now)
        if person is not None:
            await self.keep()
        return person

    async def keep(self) -> None:
        """Renew the copy; where that cannot be, the one before stays."""
        try:
            rows = await self._store.rows(select(people).where(people.c[_HASH].is_not(None)))
            content = {row["id"]: {"person": row["person"], _HASH: row[_HASH]} for row in rows}
            await asyncio.to_thread(self._write, json.dumps(content).encode())
        except (StoreError, OSError) as error:
            log.warning("copy_of_accounts_not_kept", reason=str(error))

    def _write(self, data: bytes) -> None:
        if not self._path.exists() or self._path.read_bytes() != data:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_synced(self._path, data)

    def _check(self, name: str, text: str, now: datetime) -> Person | None:
        known = _read(self._path).get(name)
        person = _person(known)
        failures = Failures(self._store.home)
        if failures.row(name if person else "-").is_refused(now):
            return None
        right = fits(known[_HASH] if known else None, text)
        if person is not None and right and person.enabled:
            return person
        failures.fail(name if person else "-", now, shuts=person is not None)
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"Neither the database nor {path}, which has the accounts while that is away, can be "
            "read, so nobody is let in: NOT SAVED. Write it on paper and enter it later."
        ) from error
    return content if isinstance(content, dict) else {}


def _person(known: Any) -> Person | None:
    try:
        return Person.model_validate(known["person"]) if known else None
    except (ValidationError, KeyError, TypeError):
        return None
