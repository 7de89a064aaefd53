"""Who was made admin in need, and who has looked at it since: both stand in the audit trail."""

from sqlalchemy import select

from ivr.accounts import BrokenGlass
from ivr.model import CounsellorId
from ivr.store.store import Store
from ivr.store.tables import audit

BREAK_GLASS = "people.break_glass"
REVIEW = "people.review"


async def not_reviewed(store: Store) -> tuple[BrokenGlass, ...]:
    """Those after which no review of the account stands; oldest first. Raises StoreError."""
    columns = [audit.c[name] for name in ("seq", "at", "by", "action", "subject", "detail")]
    telling = audit.c.action.in_((BREAK_GLASS, REVIEW))
    found: dict[int, BrokenGlass] = {}
    for row in await store.rows(select(*columns).where(telling).order_by(audit.c.seq)):
        if row["action"] == REVIEW:
            for seq in row["detail"]["entries"]:
                found.pop(seq, None)
            continue
        found[row["seq"]] = BrokenGlass(
            seq=row["seq"],
            person=CounsellorId(row["subject"]),
            by=row["by"],
            at=row["at"],
            reason=str(row["detail"].get("reason", "")),
        )
    return tuple(found.values())
