"""Saves that the database could not take, on disk until it can: one file a save.

A file is written under another name, synced and renamed, so that it is there whole or not at all;
it goes once the database has the save. A save that is drained twice is one save: it has its key.
A piece of the disk is kept in reserve for the time when the disk is full.
"""

import errno
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import ValidationError

from ivr.errors import BadInput, StoreError, ValueRefused
from ivr.model import CallId
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.store.files import sync_directory

log = structlog.get_logger()

RESERVE_OCTETS = 256 * 1024  # some hundred saves
_SUFFIX = ".save.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """What a person asked to be saved of a call: a whole form, or one outcome more."""

    key: str
    call: CallId
    by: str
    at: datetime
    form: OutcomeForm | None = None
    item: OutcomeItem | None = None


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
                _write_synced(self._reserve, b"\0" * RESERVE_OCTETS)

    async def drain(self, save: Callable[[Save], Awaitable[object]]) -> int:
        """Hand over what is kept, the oldest first; how many saves are on their way no more.

        Of a call that is not there (its record may still be under way) the later ones wait as
        well; what the database will never take stands aside for a person. Raises StoreError where
        the database is away; what is left stays.
        """
        drained = 0
        waiting: set[CallId] = set()
        for path in self._paths():
            kept = _read(path)
            if kept is None or kept.call in waiting:
                continue
            try:
                await save(kept)
            except BadInput as error:
                log.warning("spooled_save_waits", call=kept.call, reason=str(error))
                waiting.add(kept.call)
            except ValueRefused as error:
                log.critical("spooled_save_set_aside", call=kept.call, reason=str(error))
                _away(path, lambda path: path.rename(path.with_suffix(".refused")))
            else:
                _away(path, lambda path: path.unlink(missing_ok=True))
                drained += 1
        return drained

    def saves(self) -> tuple[Save, ...]:
        """What waits, the oldest first; what nobody can read is left out."""
        return tuple(kept for path in self._paths() if (kept := _read(path)))

    def _make_directory(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _give(self._directory, self._directory.parent)

    def _paths(self) -> list[Path]:
        """In the order in which they were asked for."""
        return sorted(self._directory.glob(f"*{_SUFFIX}"))

    def _write(self, name: str, data: bytes) -> None:
        try:
            _write_synced(self._directory / name, data)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT} or not self._reserve.exists():
                raise
            self._reserve.unlink(missing_ok=True)
            _write_synced(self._directory / name, data)
        sync_directory(self._directory)


def _write_synced(path: Path, data: bytes) -> None:
    """Whole or not at all, under its name."""
    half = path.with_suffix(f".{os.getpid()}.half")
    try:
        with half.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _give(half, path.parent)
        half.rename(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def _give(path: Path, like: Path) -> None:
    """What root adds is the service's, else it could not drain it."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _away(path: Path, how: Callable[[Path], object]) -> None:
    """A file that stays is drained again, which is harmless: its save has a key."""
    try:
        how(path)
    except OSError as error:
        log.error("spooled_save_stays", path=str(path), reason=error.strerror)  # noqa: TRY400


def _name(save: Save) -> str:
    """By time, then by key: keys come from outside, so of them only what is harmless stays."""
    harmless = "".join(letter for letter in save.key if letter.isalnum() and letter.isascii())[:64]
    return f"{save.at:%Y%m%dT%H%M%S.%f}-{harmless}{_SUFFIX}"


def _to_json(save: Save) -> bytes:
    said = {
        "form": save.form and save.form.model_dump(mode="json", exclude_defaults=True),
        "item": save.item and save.item.model_dump(mode="json", exclude_defaults=True),
    }
    whose = {"key": save.key, "call": save.call, "by": save.by, "at": save.at.isoformat()}
    return json.dumps(whose | said, ensure_ascii=False).encode()


def _read(path: Path) -> Save | None:
    """None for a file that is gone, or that nobody can read: that one stays for a person."""
    try:
        data = json.loads(path.read_bytes())
        return Save(
            key=data["key"],
            call=CallId(data["call"]),
            by=data["by"],
            at=datetime.fromisoformat(data["at"]),
            form=OutcomeForm.model_validate(data["form"]) if data["form"] is not None else None,
            item=OutcomeItem.model_validate(data["item"]) if data["item"] is not None else None,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        log.error("spooled_save_unreadable", path=str(path), reason=type(error).__name__)  # noqa: TRY400
        return None
