"""The audit trail in the database: entries are added in the transaction of what they tell of."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import FIRST, AuditEntry, seal
from ivr.store.tables import audit

KEY_BYTES = 32


def audit_key(home: Path) -> bytes:
    """The key of the trail's seals, in IVR_HOME/secrets/audit.key; made at first use."""
    path = home / "secrets" / "audit.key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return bytes.fromhex(path.read_text(encoding="ascii").strip())


async def add_to_trail(connection: AsyncConnection, entry: AuditEntry, *, key: bytes) -> int:
    """Seal and add the entry; returns its number. Nothing of it stays if the transaction fails."""
    newest = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    last = (await connection.execute(newest)).one_or_none()
    seq, previous = (last.seq + 1, last.hash) if last else (1, FIRST)
    values = {
        "seq": seq,
        "at": entry.at,
        "by": entry.by,
        "action": entry.action,
        "province": entry.province,
        "desk": entry.desk,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "previous": previous,
        "hash": seal(entry, seq=seq, previous=previous, key=key),
    }
    await connection.execute(insert(audit).values(values))
    return seq
