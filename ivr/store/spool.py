"""Saves that the database could not take, on disk until it can: one file a save.

A file is written under another name, synced and renamed, so that it is there whole or not at all;
it goes once the database has the save. A save that is drained twice is one save: it has its key.
A piece of the disk is kept in reserve for the time when the disk is full.
"""

import asyncio
import errno
import fcntl
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import TypeAdapter

from ivr.errors import BadInput, LineError, NotThere, StoreError, ValueRefused
from ivr.model import CallId
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.store.deeds import Deed, Save
from ivr.store.files import give, sync_directory, write_synced

log = structlog.get_logger()

_DEED: Final[TypeAdapter[Deed]] = TypeAdapter(Deed)

RESERVE_OCTETS = 256 * 1024  # some hundred saves
_SUFFIX = ".save.json"


_SET_ASIDE = ".refused"
_LOOK_EVERY_S = 0.05
DRAINS_WITHIN_S = 10.0  # others; who would wait longer adds to the spool


class Spool:
    """The files of one copy, in IVR_HOME/spool; any process of ours may add and drain."""

    def __init__(self, home: Path) -> None:
        self._directory = home / "spool"
        self._reserve = self._directory / "reserve"

    def __len__(self) -> int:
        return len(self._paths())

    def keep(self, save: Save) -> None:
        """On disk when this returns; raises StoreError where even that cannot be."""
        try:
            self._make_directory()
            self._write(_name(save), _to_json(save))
        except OSError as error:
            raise StoreError(
                f"NOT SAVED: neither the database nor {self._directory} takes anything "
                f"({error.strerror}). Write it on paper, make room on the disk, and enter it later."
            ) from error

    def prepare(self) -> None:
        """Set the reserve aside while there is room; best done at each start."""
        with suppress(OSError):
            self._make_directory()
            if not self._reserve.exists():
                write_synced(self._reserve, b"\0" * RESERVE_OCTETS)

    async def drain(self, save: Callable[[Save], Awaitable[object]]) -> int:
        """Hand over what is kept, the oldest first; how many saves are on their way no more.

        Of what is not there (a call's record may still be under way) the later saves wait as well;
        what the database will never take, or whoever asked may not do, stands aside for a person.
        Raises StoreError where the database is away, or others drain for too long; what is left
        stays.
        """
        async with self._alone():
            return await self._drain(save)

    async def _drain(self, save: Callable[[Save], Awaitable[object]]) -> int:
        drained = 0
        waiting: set[str] = set()
        for path in self._paths():
            kept = _read(path)
            if kept is None:
                continue
            if kept.touches & waiting:
                waiting |= kept.touches
                continue
            try:
                await save(kept)
            except NotThere as error:
                log.warning("spooled_save_waits", call=kept.call, reason=str(error))
                waiting |= kept.touches
            except (BadInput, ValueRefused) as error:
                log.critical("spooled_save_set_aside", call=kept.call, reason=str(error))
                _away(path, lambda path: path.rename(path.with_suffix(_SET_ASIDE)))
            else:
                _away(path, lambda path: path.unlink(missing_ok=True))
                drained += 1
        return drained

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One drains at a time: what was said later must not be undone by what was said before."""
        loop = asyncio.get_running_loop()
        give_up_at_s = loop.time() + DRAINS_WITHIN_S
        with (self._directory / ".draining").open("w") as lock:
            give(Path(lock.name), self._directory)
            while not _locked(lock.fileno()):
                if loop.time() > give_up_at_s:
                    raise StoreError("Others are bringing many saves into the database.")
                await asyncio.sleep(_LOOK_EVERY_S)
            yield

    def saves(self) -> tuple[Save, ...]:
        """What waits, the oldest first; what nobody can read is left out."""
        return _readable(self._paths())

    def set_aside(self) -> tuple[Save, ...]:
        """What was not done and waits for a person, the oldest first."""
        return _readable(sorted(self._directory.glob(f"*{_SET_ASIDE}")))

    def _make_directory(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        give(self._directory, self._directory.parent)

    def _paths(self) -> list[Path]:
        """In the order in which they were asked for."""
        return sorted(self._directory.glob(f"*{_SUFFIX}"))

    def _write(self, name: str, data: bytes) -> None:
        try:
            write_synced(self._directory / name, data)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT} or not self._reserve.exists():
                raise
            self._reserve.unlink(missing_ok=True)
            write_synced(self._directory / name, data)
        sync_directory(self._directory)


def _away(path: Path, how: Callable[[Path], object]) -> None:
    """A file that stays is drained again, which is harmless: its save has a key."""
    try:
        how(path)
    except OSError as error:
        log.error("spooled_save_stays", path=str(path), reason=error.strerror)  # noqa: TRY400


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _name(save: Save) -> str:
    """By time, then by key: keys come from outside, so of them only what is harmless stays."""
    harmless = "".join(letter for letter in save.key if letter.isalnum() and letter.isascii())[:64]
    whole = hashlib.sha256(save.key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{save.at:%Y%m%dT%H%M%S.%f}-{whole}-{harmless}{_SUFFIX}"


def _readable(paths: Iterable[Path]) -> tuple[Save, ...]:
    return tuple(kept for path in paths if (kept := _read(path)))


def _to_json(save: Save) -> bytes:
    said = {
        "form": save.form and save.form.model_dump(mode="json", exclude_defaults=True),
        "item": save.item and save.item.model_dump(mode="json", exclude_defaults=True),
        "deed": save.deed and _DEED.dump_python(save.deed, mode="json"),
    }
    whose = {"key": save.key, "call": save.call, "by": save.by, "at": save.at.isoformat()}
    return json.dumps(whose | said, ensure_ascii=False).encode()


def _read(path: Path) -> Save | None:
    """None for a file that is gone, or that nobody can read: that one stays for a person."""
    try:
        return _save(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, LineError) as error:
        log.error("spooled_save_unreadable", path=str(path), reason=type(error).__name__)  # noqa: TRY400
        return None


def _save(data: dict[str, Any]) -> Save:
    return Save(
        key=data["key"],
        call=CallId(data["call"]) if data["call"] is not None else None,
        by=data["by"],
        at=datetime.fromisoformat(data["at"]),
        form=OutcomeForm.model_validate(data["form"]) if data["form"] is not None else None,
        item=OutcomeItem.model_validate(data["item"]) if data["item"] is not None else None,
        deed=_DEED.validate_python(data["deed"]) if data["deed"] is not None else None,
    )
