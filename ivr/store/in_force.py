"""What the database says a copy goes by: rules, people and duty at one instant."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy import or_, select

from ivr.errors import StoreError
from ivr.in_force import InForce
from ivr.store.duty import DutyStore
from ivr.store.people import PeopleStore
from ivr.store.secret_check import SIGNED_IN
from ivr.store.store import Store
from ivr.store.tables import audit
from ivr.store.versions import VersionStore

log = structlog.get_logger()
T = TypeVar("T")
_VERSIONS = "rules_versions"
_ASIDE = (SIGNED_IN, "callers.", "retention.", "token.", "webhook.")  # beginnings of actions
STEERS = ~or_(*(audit.c.action.startswith(start, autoescape=True) for start in _ASIDE))


async def revision(store: Store) -> int:
    """The newest decision in the audit trail, 0 before the first; raises StoreError.

    Who signs in, or fails to, decides nothing; nor does what is done with callers' records.
    """
    newest = select(audit.c.seq).where(STEERS).order_by(audit.c.seq.desc()).limit(1)
    rows = await store.rows(newest)
    return int(rows[0]["seq"]) if rows else 0


async def _decision(store: Store, number: int) -> str:
    """What the entry of this number decided, for people to read; "" where there is none."""
    columns = (audit.c.action, audit.c.subject, audit.c.by)
    rows = await store.rows(select(*columns).where(audit.c.seq == number))
    return "".join(f"{row['action']} {row['subject']} by {row['by']} ({number})" for row in rows)


async def load_in_force(store: Store, at: datetime) -> InForce:
    """Everything as of `at`; raises StoreError.

    The revision is read first: what is decided while we read is read again for its own revision.
    """
    newest = await revision(store)
    versions = VersionStore(store)
    found = await _readable(_VERSIONS, versions.in_force(at))
    for province, error in found.unreadable.items():
        log.error("rules_in_force_unreadable", province=province, reason=str(error))
    return InForce(
        rules=tuple(version.rules for version in found.versions.values()),
        people=await _readable("people", PeopleStore(store).people()),
        book=await _readable("roster or closures", DutyStore(store).book(at)),
        revision=newest,
        newest=await _decision(store, newest),
        unreadable=tuple(found.unreadable),
        next_rules_at=await _readable(_VERSIONS, versions.next_activation_at(at)),
        broken_glass=await _readable("audit", PeopleStore(store).broken_glass()),
        to_be_reviewed=await _readable(_VERSIONS, versions.to_be_reviewed()),
    )


async def _readable(tables: str, reading: Awaitable[T]) -> T:
    """Raises StoreError for values of no form of ours: a running line keeps what it goes by."""
    try:
        return await reading
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"The table {tables} in the database has a value that this version did not write "
            f"({type(error).__name__}), so nothing decided since then counts. Restore the table "
            "from a copy, and see `ivr audit verify`."
        ) from error
