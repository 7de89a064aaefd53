"""Passwords that are made once and kept in a file for its owner alone (IVR_HOME/secrets)."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import BadInput

# 96 random bits in hexadecimal digits: safe in every configuration file and shell.
PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordFile:
    """A table of passwords: `what` they are for, and what becomes necessary if the file is `lost`.

    Every method raises BadInput where the file is not ours or cannot be kept.
    """

    path: Path
    what: str
    lost: str

    def passwords(self, wanted: Iterable[str]) -> dict[str, str]:
        """The password of each name; missing ones are made now and stay afterwards."""
        names = list(wanted)
        with self._locked():
            known = self.known()
            missing = [name for name in names if name not in known]
            if missing:
                known |= {name: secrets.token_hex(PASSWORD_BYTES) for name in missing}
                self._write(known)
        return {name: known[name] for name in names}

    def forget(self, name: str) -> None:
        """What somebody has chosen anew stands here no longer."""
        with self._locked():
            known = self.known()
            if known.pop(name, None) is not None:
                self._write(known)

    def known(self) -> dict[str, str]:
        """All that the file holds; nothing where there is none."""
        if not self.path.exists():
            return {}
        try:
            content = json.loads(self.path.read_text("utf-8"))
        except ValueError:
            content = None
        if not isinstance(content, dict) or not all(isinstance(it, str) for it in content.values()):
            raise BadInput(
                f"{self.path}: not the table of {self.what} passwords that we wrote. Restore it, "
                f"or remove it: {self.lost}."
            )
        return content

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The folder of secrets, held against another process that starts at the same moment."""
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise BadInput(
                f"{folder}: {self.what} passwords cannot be kept there ({error.strerror}). Set "
                "IVR_HOME to a folder of your own."
            ) from error

    def _write(self, passwords: dict[str, str]) -> None:
        """Whole or not at all, and never readable by others, not even for a moment."""
        new = self.path.with_suffix(".new")
        new.unlink(missing_ok=True)
        text = json.dumps(passwords, indent=1, sort_keys=True) + "\n"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:  # noqa: PTH123
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self.path)
