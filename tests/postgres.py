"""A PostgreSQL server of the tests' own: data in a new directory, a free port, its own process.

It never touches another server on the machine. Debian's package is enough; elsewhere, or without
it, the tests that need it are skipped with the reason.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from tests.ports import free_port

DEBIAN = Path("/usr/lib/postgresql")
NAME = "line123"  # of the user and of the database
READY_S = 300.0
# What a crash of the machine would lose matters to no test; what a killed process loses does.
QUICK = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


def programs() -> Path | None:
    """The directory of `initdb` and `postgres`, of the newest version that is installed."""
    installed = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    if found := shutil.which("initdb"):
        installed.append(Path(found).parent)
    return max(installed, key=_version, default=None)


def _version(directory: Path) -> float:
    with suppress(ValueError):
        return float(directory.parent.name)
    return 0.0


def unusable() -> str | None:
    """Why there can be no server here, None where there can."""
    if programs() is None:
        return "no PostgreSQL server is installed (Debian: apt-get install postgresql)"
    if os.getuid() == 0 and not _postgres_user():
        return "PostgreSQL refuses to run as root, and there is no user `postgres`"
    return None


def _postgres_user() -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam("postgres")
    return None


def _as_unprivileged() -> list[str]:
    """The words before a command: never as root, and ended when the test's process has ended."""
    words = ["setpriv", "--pdeathsig", "INT"]
    if os.getuid() == 0:
        words += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
    return words


@dataclass
class PostgresServer:
    """A server that may be stopped and started again, with one database; `url` has its password."""

    base: Path
    port: int
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.base / "data"

    def url(self) -> str:
        return f"postgresql://{NAME}:{self.password}@127.0.0.1:{self.port}/{NAME}"

    def make(self) -> None:
        """A cluster that lets nobody in without the password; its database as in docs/store.md."""
        if os.getuid() == 0:
            shutil.chown(self.base, "postgres", "postgres")
        self._run(
            *("initdb", "--pgdata", str(self.data), "--username=postgres"),
            *("--auth-host=scram-sha-256", "--auth-local=reject", "--encoding=UTF8"),
            *("--no-locale", "--no-sync", "--no-instructions"),
        )
        self._run(
            *("postgres", "--single", "-F", "-D", str(self.data), "postgres"),
            told=f"CREATE ROLE {NAME} LOGIN PASSWORD '{self.password}'\n"
            f"CREATE DATABASE {NAME} OWNER {NAME}\n",
        )

    def _run(self, program: str, *arguments: str, told: str = "") -> None:
        done = subprocess.run(
            [*_as_unprivileged(), _program(program), *arguments],
            input=told,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.base,
        )
        assert done.returncode == 0, done.stderr
        assert "ERROR" not in done.stderr, done.stderr  # single-user mode goes on after one

    def start(self) -> None:
        """Returns once it takes connections."""
        options = [word for name, value in QUICK.items() for word in ("-c", f"{name}={value}")]
        with (self.base / "log").open("ab") as log:
            command = [_program("postgres"), "-D", str(self.data), "-p", str(self.port), *options]
            self.process = subprocess.Popen(
                [*_as_unprivileged(), *command], stdout=log, stderr=log, cwd=self.base
            )
        deadline = time.monotonic() + READY_S
        while not self._takes_connections():
            told = (self.base / "log").read_text()
            assert self.process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.02)

    def _takes_connections(self) -> bool:
        """Its own sign: the last line of postmaster.pid."""
        with suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and lines[7].strip() == "ready"
        return False

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Connections are broken, what was committed stays; SIGQUIT ends it as a crash does."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(READY_S)
            self.process = None

    async def empty(self) -> None:
        """Nothing of an earlier test is left in the database, nor any connection of it.

        Much quicker than a new database.
        """
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        finally:
            await connection.close()


def _program(name: str) -> str:
    directory = programs()
    assert directory is not None
    return str(directory / name)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server while inside. pytest's own directories are root's alone, so it lies elsewhere."""
    if reason := unusable():
        pytest.skip(reason)
    base = Path(tempfile.mkdtemp(prefix="line123-postgresql-"))
    server = PostgresServer(base, free_port())
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(base)
