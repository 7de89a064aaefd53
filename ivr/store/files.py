import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """A new name is on disk only once its directory is (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
