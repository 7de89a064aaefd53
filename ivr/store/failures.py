"""Failed sign-ins, counted beside the database: guessing costs the line nothing.

In IVR_HOME/secrets/sign_ins.json, each machine for itself: what anybody types must neither make
the audit trail grow without bound nor lock it while calls are served.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ivr.errors import StoreError

FAILURES_ALLOWED: Final = 5  # in a row within the time below; the next is refused for that time
REFUSED_FOR: Final = timedelta(minutes=15)
TOLD_EVERY: Final = timedelta(hours=1)  # failures that go on and on are one entry in this time


@dataclass(slots=True)
class Row:
    """The newest failures of one name since its last success, newest last.

    `untold` of them stand in no entry of the trail yet; the last one was written at `told_at`.
    """

    failed_at: list[datetime] = field(default_factory=list)
    untold: int = 0
    told_at: datetime | None = None

    def is_refused(self, now: datetime) -> bool:
        if len(self.failed_at) < FAILURES_ALLOWED:
            return False
        newest, oldest = self.failed_at[-1], self.failed_at[0]
        return newest - oldest < REFUSED_FOR and now - newest < REFUSED_FOR

    def fail(self, now: datetime) -> None:
        self.failed_at = [*self.failed_at, now][-FAILURES_ALLOWED:]
        self.untold += 1

    def is_to_be_told(self, now: datetime) -> bool:
        return self.told_at is None or now - self.told_at >= TOLD_EVERY

    def is_over(self, now: datetime) -> bool:
        """Nothing follows from it any more."""
        return now - self.failed_at[-1] >= TOLD_EVERY and not self.untold


@dataclass(frozen=True, slots=True)
class Told:
    """Failures that no entry has told of yet; `refused`: the last one shuts the account."""

    failures: int
    refused: bool


class Failures:
    """The table; a name is an account's id, or `-` for everything else that was typed."""

    def __init__(self, home: Path) -> None:
        self._path = home / "secrets" / "sign_ins.json"

    def row(self, name: str) -> Row:
        with self._held() as rows:
            return rows.get(name, Row())

    def forget(self, name: str) -> Row:
        """Somebody has signed in, or has a new secret; returns what was known."""
        with self._held() as rows:
            return rows.pop(name, Row())

    def fail(self, name: str, now: datetime, *, shuts: bool) -> Told | None:
        """Count a failure unless the name is refused; what one entry of the trail is to tell.

        That is the first of a row, then what has come since each hour, and that an account
        is shut (`shuts`: the name is one).
        """
        with self._held() as rows:
            row = rows.setdefault(name, Row())
            if row.is_refused(now):
                return None
            row.fail(now)
            refused = shuts and row.is_refused(now)
            if not (refused or row.is_to_be_told(now)):
                return None
            for other in [one for one in rows if one != name and rows[one].is_over(now)]:
                del rows[other]
            told = Told(row.untold, refused=refused)
            row.untold, row.told_at = 0, now
            return told

    @contextmanager
    def _held(self) -> Iterator[dict[str, Row]]:
        """The table, held against other processes and written back whole."""
        folder = self._path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (folder / ".sign_ins.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = self._read()
                rows = {name: _row(values) for name, values in before.items()}
                yield rows
                after = {name: _values(row) for name, row in rows.items() if row.failed_at}
                if after != before:
                    self._write(after)
        except OSError as error:
            raise StoreError(
                f"{folder}: failed sign-ins cannot be counted there ({error.strerror}), so nobody "
                "is let in. Give the folder to the user that line 123 runs as, and free some disk."
            ) from error

    def _read(self) -> dict[str, Any]:
        """A table that cannot be read is begun anew: it must shut nobody out for good."""
        try:
            content = json.loads(self._path.read_text("utf-8"))
            {name: _row(values) for name, values in content.items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return dict(content)

    def _write(self, content: dict[str, Any]) -> None:
        new = self._path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            json.dump(content, file)
        new.replace(self._path)


def _row(values: dict[str, Any]) -> Row:
    told_at = values["told_at"]
    return Row(
        failed_at=[_instant(text) for text in values["failed_at"]],
        untold=int(values["untold"]),
        told_at=_instant(told_at) if told_at else None,
    )


def _values(row: Row) -> dict[str, Any]:
    return {
        "failed_at": [at.astimezone(UTC).isoformat() for at in row.failed_at],
        "untold": row.untold,
        "told_at": row.told_at.astimezone(UTC).isoformat() if row.told_at else None,
    }


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError
    return at
