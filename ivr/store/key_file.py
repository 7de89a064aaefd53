"""The file of the keys, changed: a new sealing key, and an old one forgotten.

Changes are whole or not at all: a new file takes the place of the one before. One command changes
it at a time.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ivr.errors import BadInput, StoreError
from ivr.settings import Settings
from ivr.store.files import give, sync_directory
from ivr.store.vault import Vault, new_key, write_private


class KeyFile:
    """Raises StoreError where the file is missing, or no key file: none is made here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, settings: Settings) -> "KeyFile":
        return cls(settings.number_key_file or settings.home / "secrets" / "numbers.key")

    @contextmanager
    def alone(self) -> Iterator[Vault]:
        """No other command changes it, or seals again, meanwhile. Raises BadInput."""
        vault = Vault.read(self.path)
        with self._lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInput(
                    "Another `ivr store key` is under way with these keys; nothing was changed. "
                    "Wait for its end."
                ) from None
            self._sweep()
            yield vault

    def _lock(self) -> IO[str]:
        path = self.path.with_name(f".{self.path.name}.lock")
        try:
            lock = path.open("w")
            give(path, self.path.parent)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror}), so the keys cannot be changed. Do "
                "it as a user who may write there; nothing was changed."
            ) from error
        return lock

    def _sweep(self) -> None:
        """Half-made files of who was killed hold keys."""
        for left in self.path.parent.glob(f".{self.path.name}.{'[0-9a-f]' * 16}"):
            left.unlink(missing_ok=True)

    def next_key(self) -> str:
        """What a new key will be called: a number that none of these keys has or had."""
        data = self._data()
        names = [*data["sealing"], *data.get("made", {})]
        return str(1 + max((int(name) for name in names if name.isdecimal()), default=0))

    def add(self, name: str, at: datetime) -> Vault:
        """A new key of this name, sealed with from now on; the others stay for reading."""
        data = self._data()
        data["sealing"][name], data["current"] = new_key(), name
        data["made"] = {**data.get("made", {}), name: at.isoformat()}
        self._replace(data)
        return Vault.read(self.path)

    def check_old(self, name: str) -> None:
        """Raises BadInput for the key of now, and for none of them."""
        data = self._data()
        if name == data["current"] or name not in data["sealing"]:
            raise BadInput(f"{name!r} is not one of the old keys; nothing was forgotten.")

    def forget(self, name: str) -> None:
        """What is still sealed with it can never be opened again. Raises BadInput."""
        self.check_old(name)
        data = self._data()
        del data["sealing"][name]
        self._replace(data)

    def made_at(self, name: str) -> datetime:
        """When this key was made; of the first one, when the file was written."""
        said = self._data().get("made", {}).get(name)
        if said is not None:
            return datetime.fromisoformat(said)
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)

    def _data(self) -> dict[str, Any]:
        Vault.read(self.path)
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def _replace(self, data: dict[str, Any]) -> None:
        try:
            write_private(self.path, data).replace(self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            raise StoreError(
                f"The key file {self.path} cannot be written ({error.strerror}). It is as it was."
            ) from error
