"""Asterisk's file of calls, line by line: what is new in it, also after it was rotated."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Place:
    """A byte of the file whose first line has this SHA-256: its name changes, that line never.

    It holds a call's id, so no two files share it.
    """

    first_line: str
    offset: int


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line with its end, and where it stands."""

    path: Path
    place: Place
    raw: bytes

    @property
    def after(self) -> Place:
        return Place(self.place.first_line, self.place.offset + len(self.raw))


def new_lines(path: Path, since: Place | None, at_once: int) -> Iterator[list[Line]]:
    """What was written since, `at_once` lines and the rest of the call of the last: never a file.

    Asterisk writes all lines of a call together. Raises OSError.
    """
    some: list[Line] = []
    for _, of_one_call in groupby(
        _lines(path, since), key=lambda line: line.raw.partition(b",")[0]
    ):
        some.extend(of_one_call)
        if len(some) >= at_once:
            yield some
            some = []
    if some:
        yield some


def _lines(path: Path, since: Place | None) -> Iterator[Line]:
    """From `since` on, or all; a file that was rotated away meanwhile comes first.

    A line that is still being written is left for the next time.
    """
    for file in _files(path, since):
        with file.open("rb") as opened:
            first_line = _hash(opened)
            known = since is not None and first_line == since.first_line
            start = since.offset if since is not None and known else 0
            opened.seek(start)
            yield from _whole_lines(opened, file, Place(first_line, start))


def _whole_lines(opened: BinaryIO, path: Path, place: Place) -> Iterator[Line]:
    for raw in opened:
        if not raw.endswith(b"\n"):
            return
        line = Line(path, place, raw)
        yield line
        place = line.after


def _files(path: Path, since: Place | None) -> list[Path]:
    """The file, and before it those that have been rotated away since."""
    present = [path] if path.exists() else []
    if since is None or (present and _first_line(path) == since.first_line):
        return present
    rotated = sorted(path.parent.glob(f"{path.name}.*"), key=lambda file: file.stat().st_mtime_ns)
    for number, file in enumerate(rotated):
        if _first_line(file) == since.first_line:
            return rotated[number:] + present
    return present


def _first_line(path: Path) -> str:
    with path.open("rb") as opened:
        return _hash(opened)


def _hash(opened: BinaryIO) -> str:
    """Of the first line; empty where there is no whole one yet."""
    line = opened.readline(10_000)
    return hashlib.sha256(line).hexdigest() if line.endswith(b"\n") else ""
