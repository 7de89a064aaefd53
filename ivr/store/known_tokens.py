"""Tokens that this machine's line has seen valid lately, for the time when the database is away.

In IVR_HOME/secrets/known_tokens.json, for its owner alone: what the database has of each, and when
it was last asked for there. No secret is in it, only the SHA-256 of one that is random in itself.
It outlives a restart, so programs go on saving; whether they may is judged when the database is
back. It forgets a token a day after the database last said that it was valid.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import TypeAdapter, ValidationError

from ivr.store.files import give, write_synced
from ivr.tokens import Token

log = structlog.get_logger()

KNOWN_FOR: Final = timedelta(days=1)
RENEWED_AFTER: Final = timedelta(hours=1)  # the disk is not written for each request
_TOKEN: Final = TypeAdapter(Token)
_FUTURE: Final = timedelta(minutes=5)  # further ahead no clock was right

_Entries = dict[str, dict[str, Any]]


class KnownTokens:
    """The copy of one IVR_HOME. A disk that takes nothing is logged: then they are not known."""

    def __init__(self, home: Path) -> None:
        self._path = home / "secrets" / "known_tokens.json"
        self._kept: dict[str, tuple[Token, datetime]] = {}

    def is_kept(self, token: Token, now: datetime) -> bool:
        """Whether it was kept as it is, a while ago at most."""
        before = self._kept.get(token.id)
        return before is not None and before[0] == token and now - before[1] < RENEWED_AFTER

    def keep(self, token: Token, now: datetime) -> None:
        """The database says that it is valid."""
        said = {"token": _TOKEN.dump_python(token, mode="json"), "seen_at": now.isoformat()}
        if self._change(now, lambda known: known.update({token.id: said})):
            self._kept[token.id] = (token, now)

    def forget(self, name: str, now: datetime) -> None:
        """It opens nothing any more."""
        self._kept.pop(name, None)
        if name in self._read():
            self._change(now, lambda known: known.pop(name, None))

    def token(self, name: str, now: datetime) -> Token | None:
        """As the database had it, where that is not too long ago."""
        entry = self._read().get(name)
        try:
            if entry is None or not _is_fresh(entry, now):
                return None
            return _TOKEN.validate_python(entry["token"])
        except (ValidationError, ValueError, KeyError, TypeError):
            return None

    def _change(self, now: datetime, how: Any) -> bool:
        try:
            with self._alone():
                known = {name: one for name, one in self._read().items() if _is_fresh(one, now)}
                how(known)
                write_synced(self._path, json.dumps(known).encode())
        except OSError as error:
            log.warning("copy_of_tokens_not_kept", reason=error.strerror)
            return False
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A line that keeps one and a command that forgets another do not undo each other."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_name(".known_tokens.lock").open("w") as lock:
            give(Path(lock.name), self._path.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> _Entries:
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def _is_fresh(entry: dict[str, Any], now: datetime) -> bool:
    try:
        age = now - datetime.fromisoformat(entry["seen_at"])
    except (ValueError, KeyError, TypeError):
        return False
    return -_FUTURE < age < KNOWN_FOR
