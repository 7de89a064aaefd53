"""Callers' numbers: a keyed pseudonym to recognise them, and the number under lock and key.

The keys live in a file of their own, never in the database: whoever has only the database learns
no number. Two keys: one for the pseudonyms, which stays for good (a new one would forget every
earlier call), and one for sealing, which may change; sealed numbers name theirs. A running line
seals with the new one as soon as it stands in the file.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ivr.errors import StoreError
from ivr.model import CallerRef
from ivr.settings import Settings
from ivr.store.files import give, sync_directory

log = structlog.get_logger()

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D §8.2: 96 bits; random ones are safe for 2^32 numbers
PSEUDONYM_BYTES: Final = 16
_BESIDE_SECRETS: Final = "secret"  # where numbers have their pseudonym


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Keys:
    """What stands in a key file; `stamp` tells whether it is still that file."""

    pseudonym: bytes
    sealing: Mapping[str, AESGCM]
    current: str
    stamp: tuple[int, int] | None


class Vault:
    """Seals and reveals callers' numbers; made by `Vault.open`."""

    def __init__(self, path: Path, keys: _Keys) -> None:
        self._path = path
        self._keys = keys

    @classmethod
    def open(cls, settings: Settings) -> "Vault":
        """The vault of this copy; its key file is made at first run.

        IVR_NUMBER_KEY_FILE names the file, by default IVR_HOME/secrets/numbers.key. Raises
        StoreError where the file is missing although it was named, cannot be made, or is no key
        file.
        """
        path = settings.number_key_file or settings.home / "secrets" / "numbers.key"
        if settings.number_key_file is None and not path.exists():
            try:
                _make_key_file(path)
            except OSError as error:
                raise StoreError(
                    f"The key file {path} cannot be made: {error.strerror}. Make IVR_HOME a "
                    "directory that we may write to, or set IVR_NUMBER_KEY_FILE."
                ) from error
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> "Vault":
        """The vault of this key file; raises StoreError where it cannot be read."""
        return cls(path, _read(path))

    @property
    def current(self) -> str:
        """The key that is sealed with."""
        return self._keys.current

    @property
    def keys(self) -> tuple[str, ...]:
        """All that it can open."""
        return tuple(self._keys.sealing)

    def _look(self) -> None:
        """The file as it is now; one that cannot be read, or is another's, changes nothing."""
        stamp = _stamp(self._path)
        if stamp in {None, self._keys.stamp}:
            return
        try:
            found = _read(self._path)
            if not hmac.compare_digest(found.pseudonym, self._keys.pseudonym):
                raise StoreError(f"{self._path} is another one: it has other pseudonyms.")  # noqa: TRY301
        except StoreError as error:
            log.error("key_file_not_read_again", reason=str(error))  # noqa: TRY400
            found = replace(self._keys, stamp=stamp)
        self._keys = found

    def pseudonym(self, number: str) -> str:
        """The same for every call of this national number (HMAC-SHA256, 16 bytes as hex)."""
        digest = hmac.digest(self._keys.pseudonym, number.encode(), hashlib.sha256)
        return digest[:PSEUDONYM_BYTES].hex()

    def seal(self, number: str, *, raw: str = "", withheld: bool = False) -> CallerRef:
        """What may be kept of a caller's national number (AES-256-GCM).

        `raw`: the header that it was read from, sealed as well. `withheld`: the caller's own wish.
        """
        pseudonym = self.pseudonym(number)
        return CallerRef(
            pseudonym=pseudonym,
            ciphertext=self._seal(number, pseudonym),
            raw_ciphertext=self._seal(raw, pseudonym) if raw else None,
            withheld=withheld,
        )

    def _seal(self, text: str, pseudonym: str) -> str:
        self._look()
        return self._sealed(text, pseudonym)

    def _sealed(self, text: str, pseudonym: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        name = self._keys.current
        sealed = self._keys.sealing[name].encrypt(nonce, text.encode(), pseudonym.encode())
        return f"{name}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def seal_secret(self, secret: str) -> str:
        """Another program's secret, that we must be able to use ourselves (AES-256-GCM)."""
        return self._seal(secret, _BESIDE_SECRETS)

    def reveal_secret(self, sealed: str) -> str:
        """Raises StoreError where our keys do not fit."""
        return self._reveal(sealed, _BESIDE_SECRETS)

    def seal_again(self, sealed: str, pseudonym: str) -> str:
        """The same with the current key. Raises StoreError where our keys do not fit."""
        return self._sealed(self._reveal(sealed, pseudonym), pseudonym)

    def seal_secret_again(self, sealed: str) -> str:
        """As `seal_again`, of another program's secret."""
        return self.seal_again(sealed, _BESIDE_SECRETS)

    def reveal(self, ref: CallerRef) -> str:
        """The number; whoever calls this has recorded who asked, and why.

        Raises StoreError where our keys do not fit.
        """
        return self._reveal(ref.ciphertext, ref.pseudonym)

    def reveal_raw(self, ref: CallerRef) -> str:
        """The header that the number was read from, "" where none was kept; else as `reveal`."""
        return self._reveal(ref.raw_ciphertext, ref.pseudonym) if ref.raw_ciphertext else ""

    def _reveal(self, ciphertext: str, pseudonym: str) -> str:
        name, _, text = ciphertext.partition(".")
        if name not in self._keys.sealing:
            self._look()
        if name not in self._keys.sealing:
            raise StoreError(
                f"A number was sealed with key {name!r}, which {self._path} does not hold; "
                "restore the key file of that time."
            )
        try:
            data = base64.urlsafe_b64decode(text)
            nonce, sealed = data[:NONCE_BYTES], data[NONCE_BYTES:]
            number = self._keys.sealing[name].decrypt(nonce, sealed, pseudonym.encode())
        except (InvalidTag, ValueError):
            raise StoreError(
                f"A number cannot be revealed: key {name!r} of {self._path} is not the one that "
                "sealed it, or the record was changed. Restore the right key file."
            ) from None
        return number.decode()


def _read(path: Path) -> _Keys:
    stamp = _stamp(path)
    try:
        data = json.loads(path.read_text())
        sealing = {str(name): AESGCM(_key(text)) for name, text in data["sealing"].items()}
        pseudonym, current = _key(data["pseudonym"]), str(data["current"])
        is_private = not path.stat().st_mode & 0o077
    except OSError as error:
        raise StoreError(f"The key file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _not_a_key_file(path) from None
    if current not in sealing:
        raise _not_a_key_file(path)
    if not is_private:
        log.warning("key_file_readable_by_others", path=str(path))
    return _Keys(pseudonym=pseudonym, sealing=sealing, current=current, stamp=stamp)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Another one for another file of this name: it is never written in its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _make_key_file(path: Path) -> None:
    """Two processes may come here at once: the first one's file stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = {"current": "1", "pseudonym": new_key(), "sealing": {"1": new_key()}}
    fresh = write_private(path, data)
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    sync_directory(path.parent)


def write_private(path: Path, data: object) -> Path:
    """A complete, synced file beside `path`: for its owner alone, or for those of the one there."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    there = path.exists()
    give(fresh, path if there else path.parent)
    if there:
        fresh.chmod(path.stat().st_mode & 0o777)
    return fresh


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _key(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError from error
    if len(key) != KEY_BYTES:
        raise ValueError
    return key


def _not_a_key_file(path: Path) -> StoreError:
    return StoreError(
        f"{path} is not a key file of line 123 (JSON with current, pseudonym and sealing, keys of "
        f"{KEY_BYTES} bytes in base64). Restore it from a copy; without it numbers stay sealed."
    )
