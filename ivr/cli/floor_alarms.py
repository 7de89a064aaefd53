"""An alarm in words: where and what is so, what it means, and how to mend it."""

from datetime import datetime

from ivr.calendar import plain_minute
from ivr.cli.floor_following import Json
from ivr.cli.floor_words import ALARMS


def alarm_notes(alarm: Json, floor: Json) -> tuple[str, str]:
    """What is so with its consequence, and the mend; a code without words stands for itself."""
    words = ALARMS.get(alarm["code"])
    if words is None:
        return f"{alarm['code']} {alarm['subject']}", "mend: see docs/floor.md"
    known = {
        "subject": alarm["subject"],
        "desk": alarm["desk"] or alarm["subject"],
        "place": _place(alarm["subject"], floor),
        "due": plain_minute(datetime.fromisoformat(alarm["due_at"] or alarm["since_at"])),
        "detail": alarm["detail"],
        "count": alarm["count"],
    }
    what, so, mend = (part.format(**known) for part in words)
    return f"{what}; {so}", f"mend: {mend}"


def _place(subject: str, floor: Json) -> str:
    """Of a call its county or province, of a counsellor the desks."""
    for name in ("waiting", "talks", "lost"):
        for call in floor[name]:
            if call["call"] == subject:
                return str(call.get("county") or call.get("province") or "an unknown place")
    for one in floor["counsellors"]:
        if one["counsellor"] == subject and one["desks"]:
            return " ".join(one["desks"])
    return "an unknown place"
