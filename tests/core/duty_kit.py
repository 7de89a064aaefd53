"""Small rosters for tests: hours count from Saturday 1405/08/30 00:00 in Tehran."""

from datetime import datetime, timedelta
from itertools import count

from ivr.duty import Closure, ClosureKind, DutyKind, RosterEntry
from ivr.jalali import JalaliWeek
from ivr.model import Counsellor, CounsellorId, DeskId

WEEK = JalaliWeek(1405, 36)
SAVEH, ARAK, TAFRESH = DeskId("markazi-saveh"), DeskId("markazi-arak"), DeskId("markazi-tafresh")
KNOWN = {SAVEH: "markazi", ARAK: "markazi", TAFRESH: "markazi", DeskId("ilam"): "ilam"}
_numbers = count(1)


def hour(number: float) -> datetime:
    return WEEK.begins_at + timedelta(hours=number)


def entry(
    who: str,
    begins: float,
    ends: float,
    desk: str = SAVEH,
    kind: DutyKind = DutyKind.DESK,
    *,
    number: int | None = None,
) -> RosterEntry:
    return RosterEntry(
        id=next(_numbers) if number is None else number,
        desk=DeskId(desk),
        counsellor=CounsellorId(who),
        kind=kind,
        from_at=hour(begins),
        until_at=hour(ends),
    )


def closure(
    begins: float,
    ends: float,
    kind: ClosureKind = ClosureKind.EVACUATED,
    desk: str = SAVEH,
    *,
    number: int | None = None,
) -> Closure:
    return Closure(
        id=next(_numbers) if number is None else number,
        desk=DeskId(desk),
        kind=kind,
        reason="آتش‌سوزی",
        from_at=hour(begins),
        until_at=hour(ends),
    )


def person(name: str, *desks: str) -> Counsellor:
    return Counsellor(
        id=CounsellorId(name), name_fa=name, desks=tuple(map(DeskId, desks)), devices=()
    )
