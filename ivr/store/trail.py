"""The audit trail in the database: entries are added in the transaction of what they tell of.

Two files beside each other in IVR_HOME/secrets: `audit.key` seals the entries, `audit.head` knows
the newest one. Several machines with one database have the same key, and each a head of its own.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import FIRST, AuditEntry, Head, seal
from ivr.errors import StoreError
from ivr.store.files import sync_directory
from ivr.store.row_marks import marks_of
from ivr.store.tables import audit

log = structlog.get_logger()

KEY_BYTES = 32
MARKS = "rows"  # in the detail of an entry


def audit_key(home: Path) -> bytes:
    """The key of the trail's seals; raises StoreError where it is missing or is none."""
    path = home / "secrets" / "audit.key"
    try:
        return _key(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise StoreError(
            f"{path}: the key of the audit trail is missing although the trail has entries, so "
            "nothing can be decided or checked. Restore the file from a copy of IVR_HOME/secrets "
            "(or from another machine of the same database). Where no copy is left, put a new key "
            f"there yourself (openssl rand -hex {KEY_BYTES} > {path}): every entry so far will "
            "then be shown as not fitting."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path}: the key of the audit trail cannot be read ({error.strerror}). Give the file "
            "to the user that line 123 runs as."
        ) from error
    except ValueError:
        raise StoreError(
            f"{path}: not the key of the audit trail ({2 * KEY_BYTES} hexadecimal digits). Restore "
            "the file from a copy of IVR_HOME/secrets."
        ) from None


def _key(digits: str) -> bytes:
    key = bytes.fromhex(digits)
    if len(key) != KEY_BYTES:
        raise ValueError
    return key


def _make_key(home: Path) -> None:
    """A key for a trail that has not begun; one that another process made stays."""
    path = home / "secrets" / "audit.key"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = _written(path, secrets.token_hex(KEY_BYTES) + "\n")
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise StoreError(
            f"{path}: the key of the audit trail cannot be made ({error.strerror}). Set IVR_HOME "
            "to a folder of your own."
        ) from error


@dataclass(frozen=True, slots=True)
class Added:
    """A new entry. Where the trail no longer fits the head we have, that stays, as the evidence."""

    head: Head
    replaces_head: bool


async def add_to_trail(
    connection: AsyncConnection, entry: AuditEntry, home: Path, rows: Iterable[str] = ()
) -> Added:
    """Seal and add the entry; nothing of it stays if the transaction fails.

    To be called last in its transaction: nobody else adds until that ends. Of the `rows` that were
    decided (`people/arak-1`) it keeps marks (`ivr.store.row_marks`). Raises StoreError
    without the key, BadInput for texts that are no Unicode.
    """
    await lock_trail(connection)
    newest = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    last = (await connection.execute(newest)).one_or_none()
    known = read_head(home)
    if last is None and known is None:
        _make_key(home)  # one that is there stays
    key = audit_key(home)
    marks = await marks_of(connection, key, rows)
    if marks:
        entry = replace(entry, detail={**entry.detail, MARKS: marks})
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
    fits = known is None or await _has(connection, known)
    await connection.execute(insert(audit).values(values))
    return Added(Head(seq, str(values["hash"])), replaces_head=fits)


async def lock_trail(connection: AsyncConnection) -> None:
    """Nobody else adds to the trail until the transaction ends.

    SQLite's writers come one after the other anyway (BEGIN IMMEDIATE).
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))


async def _has(connection: AsyncConnection, head: Head) -> bool:
    found = await connection.execute(select(audit.c.hash).where(audit.c.seq == head.seq))
    return found.scalar_one_or_none() == head.seal


def read_head(home: Path) -> Head | None:
    """The newest entry that this machine has written; None where none is kept.

    Raises StoreError where the file is not ours.
    """
    path = home / "secrets" / "audit.head"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Head(int(content["seq"]), str(content["seal"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"{path}: the head of the audit trail cannot be read ({error.strerror}). Give the file "
            "to the user that line 123 runs as."
        ) from error
    except (ValueError, KeyError, TypeError):
        raise StoreError(
            f"{path}: not the head of the audit trail that we wrote. Restore it from a copy; where "
            "there is none, remove it: the next decision keeps a new one."
        ) from None


def keep_head(home: Path, head: Head) -> None:
    """Keep the head, synced; an older one never replaces a newer one.

    What it belongs to is saved already, so nothing is raised: `ivr audit verify` takes entries
    after the head for good.
    """
    path = home / "secrets" / "audit.head"
    try:
        with (path.parent / ".audit.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = read_head(home)
            if known is None or known.seq < head.seq:
                content = json.dumps({"seq": head.seq, "seal": head.seal}) + "\n"
                _written(path, content).replace(path)
                sync_directory(path.parent)
    except (OSError, StoreError):
        log.exception("audit_head_not_kept", path=str(path))


def _written(path: Path, content: str) -> Path:
    """A complete, synced file beside `path`, for its owner alone."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return fresh
