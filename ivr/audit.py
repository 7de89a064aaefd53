"""What people decided, as a chain: each entry is sealed together with the seal of the one before.

The seal is an HMAC, so that whoever can write the database alone cannot make the chain anew: the
key lies outside it. What is cut off at the end is shown by the head that is kept beside the key.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from ivr.calendar import plain_minute
from ivr.errors import BadInput
from ivr.model import DeskId, ProvinceId

FIRST = "0" * 64  # what the first entry has before it


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, when; `detail` is plain JSON and never holds a caller's number."""

    at: datetime
    by: str
    action: str
    subject: str
    province: ProvinceId | None = None
    desk: DeskId | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEntry:
    """An entry as the trail has it; `entry` is None where what is kept cannot even be read."""

    seq: int
    entry: AuditEntry | None
    previous: str
    seal: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry that is known outside the database."""

    seq: int
    seal: str


class TamperingKind(StrEnum):
    CHANGED = "changed"  # the seal does not fit: changed, put in, or sealed with another key
    MISSING = "missing"  # numbers that nobody has
    BROKEN = "broken"  # made after another entry than the one that stands before it
    CUT_OFF = "cut_off"  # the head knows entries that are no longer there
    REPLACED = "replaced"  # the entry that the head knows has another seal
    NO_HEAD = "no_head"  # so nobody could see what was cut off
    # What people decided, in its table, is not as its newest decision (entry `first`) has left it.
    ROW_CHANGED = "row_changed"
    ROW_REMOVED = "row_removed"
    ROW_PUT_IN = "row_put_in"  # and nobody has decided it: `first` is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """One place where the trail is not as it was written: entries `first` to `last`."""

    kind: TamperingKind
    first: int
    last: int
    message: str


def seal(entry: AuditEntry, *, seq: int, previous: str, key: bytes) -> str:
    """64 hexadecimal digits: HMAC-SHA256 (RFC 2104) over the entry, its number and `previous`.

    Raises BadInput for a text that is no Unicode, as a terminal may hand over.
    """
    content = {
        "seq": seq,
        "at": entry.at.astimezone(UTC).isoformat(),
        "by": entry.by,
        "action": entry.action,
        "subject": entry.subject,
        "province": entry.province,
        "desk": entry.desk,
        "detail": dict(entry.detail),
        "previous": previous,
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    except UnicodeEncodeError:
        raise BadInput(
            f"{entry.action} {entry.subject!a}: a text in it is not UTF-8; nothing was saved. "
            "Type it again in a terminal that is set to UTF-8."
        ) from None


class TamperingChecker:
    """Recomputes the chain, entry by entry in the order of their numbers, and looks at its end.

    Neighbouring entries whose seals do not fit are one finding. Entries after the head are none:
    the head is written after them.
    """

    def __init__(self, key: bytes, head: Head | None) -> None:
        self._key = key
        self._head = head
        self._last = SealedEntry(seq=0, entry=None, previous="", seal=FIRST)
        self._changed: list[SealedEntry] = []
        self._found: list[Tampering] = []

    def take(self, item: SealedEntry) -> None:
        if not _fits(item, self._key):
            self._changed.append(item)
        else:
            self._tell_changed()
        self._found += self._gap_before(item)
        if self._head and item.seq == self._head.seq and item.seal != self._head.seal:
            message = f"entry {item.seq} is not the one that was written: its seal is another."
            self._add(TamperingKind.REPLACED, item.seq, item.seq, message)
        self._last = item

    def finish(self) -> tuple[Tampering, ...]:
        """What is not as it was written; empty where all is."""
        self._tell_changed()
        last = self._last.seq
        if self._head is None and last:
            message = (
                "no head is kept outside the database, so what was cut off could not be seen. The "
                "next decision keeps one; find out who removed it."
            )
            self._add(TamperingKind.NO_HEAD, last, last, message)
        elif self._head and last < self._head.seq:
            message = (
                f"{_range(last + 1, self._head.seq)} cut off: the trail ends with {last}, and the "
                f"head knows {self._head.seq}."
            )
            self._add(TamperingKind.CUT_OFF, last + 1, self._head.seq, message)
        return tuple(self._found)

    def _gap_before(self, item: SealedEntry) -> Iterator[Tampering]:
        expected = self._last.seq + 1
        if item.seq > expected:
            yield Tampering(
                kind=TamperingKind.MISSING,
                first=expected,
                last=item.seq - 1,
                message=f"{_range(expected, item.seq - 1)} missing.",
            )
        elif item.previous != self._last.seal:
            yield Tampering(
                kind=TamperingKind.BROKEN,
                first=item.seq,
                last=item.seq,
                message=f"entry {item.seq} was not made after entry {item.seq - 1} as it stands.",
            )

    def _tell_changed(self) -> None:
        if not self._changed:
            return
        first, last = self._changed[0], self._changed[-1]
        self._changed = []
        message = f"the seal of entry {first.seq} does not fit what it says ({_words(first)})."
        if last.seq > first.seq:
            message += f" Nor do those after it, up to {last.seq}."
        self._add(TamperingKind.CHANGED, first.seq, last.seq, message)

    def _add(self, kind: TamperingKind, first: int, last: int, message: str) -> None:
        self._found.append(Tampering(kind=kind, first=first, last=last, message=message))


def _fits(item: SealedEntry, key: bytes) -> bool:
    """What stands in a database that was tampered with need not even be text."""
    if item.entry is None:
        return False
    try:
        return seal(item.entry, seq=item.seq, previous=item.previous, key=key) == item.seal
    except (TypeError, ValueError, BadInput):
        return False


def _words(item: SealedEntry) -> str:
    if item.entry is None:
        return "what it says cannot be read"
    entry = item.entry
    return f"{entry.action} {entry.subject} by {entry.by}, {plain_minute(entry.at)} in Tehran"


def _range(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
