"""Where one running copy's Asterisk keeps its files, and its secret."""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import AsteriskError
from ivr.settings import Settings

INCLUDE_DIR = "line123"  # below Asterisk's configuration directory


@dataclass(frozen=True, slots=True)
class Instance:
    """The directories of one copy, below IVR_HOME.

    `base` is root's alone; its subdirectories belong to the user that Asterisk runs as, and are
    mounted over the private root's own ones.
    """

    home: Path

    @property
    def base(self) -> Path:
        return self.home / "asterisk"

    @property
    def etc(self) -> Path:
        return self.base / "etc"

    @property
    def log(self) -> Path:
        return self.base / "log"

    @property
    def log_path(self) -> Path:
        """What Asterisk prints while it starts; its own log is `log/asterisk.log`."""
        return self.base / "start.log"

    @property
    def pid_path(self) -> Path:
        return self.base / "process.json"

    @property
    def sounds(self) -> Path:
        return self.home / "sounds"

    @property
    def moh(self) -> Path:
        return self.home / "moh"

    @property
    def calls_csv(self) -> Path:
        """Asterisk's own records of calls (columns: ivr/asterisk/configure.py)."""
        return self.log / "cdr-custom" / "ivr-calls.csv"

    def mounts(self) -> list[tuple[Path, str]]:
        """What is mounted where inside the private root."""
        return [
            (self.etc, "etc/asterisk"),
            (self.base / "lib", "var/lib/asterisk"),
            (self.log, "var/log/asterisk"),
            (self.base / "spool", "var/spool/asterisk"),
            (self.base / "run", "run/asterisk"),
            (self.sounds, "usr/share/asterisk/sounds"),
            (self.moh, "usr/share/asterisk/moh"),
            (self.base / "hosts", "etc/hosts"),
            (self.base / "resolv.conf", "etc/resolv.conf"),
        ]


def looked_up_names() -> tuple[str, str]:
    """Each channel makes Asterisk look these up; without DNS that takes seconds."""
    return socket.gethostname(), "a.root-servers.net"


def ami_secret(settings: Settings) -> str:
    """The AMI password: from the settings, else made once and kept in IVR_HOME/secrets/ami."""
    if settings.ami_secret is not None:
        return settings.ami_secret
    path = settings.home / "secrets" / "ami"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The first of two starters wins; both then read what stands there.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise AsteriskError(
            f"cannot keep the AMI password in {path}: {error.strerror}; "
            "make IVR_HOME writable or set IVR_AMI_SECRET"
        ) from error
    secret = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    return secret
