import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """A new name is on disk only once its directory is (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, data: bytes) -> None:
    """Under its name whole or not at all, for its owner alone; raises OSError."""
    half = path.with_suffix(f".{os.getpid()}.half")
    try:
        with half.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        give(half, path.parent)
        half.rename(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def give(path: Path, like: Path) -> None:
    """What root adds is the service's, else it could not use it."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
