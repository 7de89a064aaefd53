"""What people decided, as a chain: each entry is sealed together with the seal of the one before.

The seal is an HMAC, so that whoever can write the database alone cannot make the chain anew: the
key lies outside it. What is cut off at the end is shown by the head that is kept beside the key.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

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


def seal(entry: AuditEntry, *, seq: int, previous: str, key: bytes) -> str:
    """64 hexadecimal digits: HMAC-SHA256 (RFC 2104) over the entry, its number and `previous`."""
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
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
