"""The largest province as it may be once all is known: 22 centres, four hundred shifts a week.

That 22 of 30 counties have a centre is Khuzestan's (its rules file has the source); which they are,
their people, hours and rosters are invented, so that nothing of the rules stays unused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from ivr.calendar import TEHRAN
from ivr.duty import Closure, ClosureKind, DutyBook, DutyKind, RosterEntry
from ivr.model import Counsellor, CounsellorId, DeskId, Skill, SkillId
from ivr.rules.schema import ProvinceRules

CENTRES = 22
ROSTERED_DAYS = 28
_AT_A_DESK = 6
_DAY = timedelta(days=1)
_SKILLS = ("child", "suicide", "violence", "family", "addiction", "legal", "arabic")


@dataclass(frozen=True, slots=True)
class FullProvince:
    rules: ProvinceRules
    people: tuple[Counsellor, ...]
    book: DutyBook


def full_province(khuzestan: ProvinceRules, from_at: datetime) -> FullProvince:
    """Made from the province's own rules; rosters begin on the day of `from_at` in Tehran."""
    document = khuzestan.model_dump(mode="json")
    document |= {"steps": _STEPS, "hours": [*document["hours"], _HOURS]}
    for index, county in enumerate(document["counties"]):
        _fill(county, index, document["counties"])
    for index, category in enumerate(document["categories"]):
        category["centre_level"] = 2 if index % 5 == 0 else None
    rules = ProvinceRules.model_validate(document)
    people = tuple(_people(rules))
    midnight = from_at.astimezone(TEHRAN).replace(hour=0, minute=0, second=0, microsecond=0)
    book = DutyBook(tuple(_roster(rules, midnight)), tuple(_closures(rules, midnight)))
    return FullProvince(rules, people, book)


_STEPS = [
    {"ring": "own", "lasts_s": 20, "skilled_s": 8},
    {"ring": "supporting", "lasts_s": 15},
    {"ring": "neighbours", "lasts_s": 20},
    {"ring": "provincial", "lasts_s": 20},
    {"ring": "province", "lasts_s": 60},
    {"ring": "desks", "desks": ["ilam"]},
    {"ring": "on_call"},
]
_HOURS = {
    "id": "bench",
    "name_fa": "آزمایش",
    "weekly": [
        {
            "days": ["saturday", "sunday", "monday", "tuesday", "wednesday"],
            "starts": "07:30",
            "ends": "14:15",
        },
        {"days": ["thursday"], "starts": "07:30", "ends": "12:30"},
    ],
    "on_holidays": "closed",
}


def _fill(county: dict[str, object], index: int, all_counties: list[dict[str, object]]) -> None:
    if index < CENTRES:
        hours = "bench" if index % 4 == 3 else None
        county["centre"] = {"state": "open", "levels": [1 + index % 2], "hours": hours}
        county["contingency"] = [all_counties[(index + 1) % CENTRES]["id"]]
    else:
        county["centre"] = {"state": "none"}
    helpers = (all_counties[(index + step) % CENTRES]["id"] for step in (2, 5))
    county["supporting"] = [{"county": helper} for helper in helpers]
    county["languages"] = ["arabic"] if index % 3 == 0 else []


def _people(rules: ProvinceRules) -> Iterator[Counsellor]:
    for place, desk in enumerate((*rules.desks, rules.provincial_desk)):
        for number in range(_AT_A_DESK):
            skills = {_SKILLS[(place + number) % 7], _SKILLS[(place + 3 * number + 1) % 7]}
            yield Counsellor(
                id=_name(desk, number),
                name_fa=desk,
                desks=(desk,),
                devices=(),
                skills=tuple(Skill(SkillId(skill), 1 + number % 3) for skill in sorted(skills)),
            )


def _name(desk: DeskId, number: int) -> CounsellorId:
    return CounsellorId(f"{desk}-{number % _AT_A_DESK}")


def _roster(rules: ProvinceRules, midnight: datetime) -> Iterator[RosterEntry]:
    """Three shifts a day at each desk, two people by day, one at night, at staggered hours.

    The last third of the centres has nobody at night.
    """
    ids = count(1)
    for place, desk in enumerate((*rules.desks, rules.provincial_desk)):
        late = timedelta(minutes=5 * (place % 12))
        for day in range(-1, ROSTERED_DAYS):
            for shift, (starts, lasts) in enumerate(((7, 7), (14, 7), (21, 10))):
                if shift == 2 and place % 3 == 2:
                    continue
                from_at = midnight + day * _DAY + timedelta(hours=starts) + late
                until_at = from_at + timedelta(hours=lasts)
                for number in range(1 if shift == 2 else 2):
                    yield RosterEntry(
                        id=next(ids),
                        desk=desk,
                        counsellor=_name(desk, day + 2 * shift + number),
                        kind=DutyKind.DESK,
                        from_at=from_at,
                        until_at=until_at,
                    )
    for week in range(ROSTERED_DAYS // 7):
        from_at = midnight + 7 * week * _DAY
        desk = rules.desks[week % CENTRES]
        yield RosterEntry(
            id=next(ids),
            desk=desk,
            counsellor=_name(desk, week),
            kind=DutyKind.ON_CALL,
            from_at=from_at,
            until_at=from_at + 7 * _DAY,
        )


def _closures(rules: ProvinceRules, midnight: datetime) -> Iterator[Closure]:
    for number, kind in enumerate(ClosureKind):
        from_at = midnight + timedelta(days=number, hours=9)
        yield Closure(
            id=number,
            desk=rules.desks[number],
            kind=kind,
            reason="bench",
            from_at=from_at,
            until_at=from_at + timedelta(hours=30),
        )
