"""The words that a routing case may say of its province and its hour, and what they mean.

`data/routing_cases.md` lists them for its readers; each is one sentence here.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ivr.duty import Closure, ClosureKind, Duty, DutyBook, DutyKind, RosterEntry, duty_at
from ivr.model import Counsellor, CounsellorId, DeskId, Skill, SkillId
from ivr.rules.schema import ProvinceRules

HOUR = timedelta(hours=1)
KINDS = {
    "is evacuated": ClosureKind.EVACUATED,
    "is without a link": ClosureKind.LINK_LOST,
    "is without staff": ClosureKind.NO_STAFF,
    "is short of staff": ClosureKind.SHORT_STAFFED,
}
WEEK = ["saturday", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday"]


@dataclass
class World:
    """One province at one hour, as a case has changed it."""

    document: dict[str, Any]
    people: list[Counsellor]
    at: datetime
    roster: list[RosterEntry] = field(default_factory=list)
    closures: list[Closure] = field(default_factory=list)

    @property
    def province(self) -> str:
        return str(self.document["id"])

    @property
    def rules(self) -> ProvinceRules:
        return ProvinceRules.model_validate(self.document)

    @property
    def duty(self) -> Duty:
        book = DutyBook(roster=tuple(self.roster), closures=tuple(self.closures))
        return duty_at(self.people, self.at, book)

    def desk(self, name: str) -> DeskId:
        """`saveh`, or `provincial desk`."""
        if name == "provincial desk":
            return DeskId(self.province)
        return DeskId(self.county(name)["id"])

    def county(self, name: str) -> dict[str, Any]:
        counties: list[dict[str, Any]] = self.document["counties"]
        found = [one for one in counties if one["id"] == f"{self.province}-{name}"]
        assert found, f"no county {name}"
        return found[0]

    def person(self, name: str) -> Counsellor:
        return next(one for one in self.people if one.id == name)

    def put_on(self, desk: DeskId, who: str, kind: DutyKind, begins: int, ends: int) -> None:
        self.roster.append(
            RosterEntry(
                id=len(self.roster),
                desk=desk,
                counsellor=CounsellorId(who),
                kind=kind,
                from_at=self.at + begins * HOUR,
                until_at=self.at + ends * HOUR,
            )
        )


def world(rules: ProvinceRules, people: Iterable[Counsellor], at: datetime, given: str) -> World:
    """The province as shipped, then everything that is `given`, sentence by sentence."""
    made = World(rules.model_dump(mode="json"), list(people), at)
    for sentence in (part.strip() for part in given.split(";") if given != "–"):
        _apply(made, sentence)
    return made


def _apply(made: World, sentence: str) -> None:
    for pattern, change in SENTENCES.items():
        match = re.fullmatch(pattern, sentence)
        if match:
            change(made, *match.groups())
            return
    raise AssertionError(f"nobody knows what {sentence!r} means")


def _closed(made: World, name: str, how: str) -> None:
    desks = made.rules.all_desks if name == "everything" else (made.desk(name),)
    for desk in desks:
        made.closures.append(
            Closure(
                id=len(made.closures),
                desk=desk,
                kind=KINDS[how],
                reason="",
                from_at=made.at - HOUR,
                until_at=made.at + HOUR,
            )
        )


def _roster(made: World, name: str, who: str) -> None:
    """A roster that speaks of this hour; nobody: only of the hours around it."""
    every = {desk for one in made.people for desk in one.desks if desk in made.rules.all_desks}
    for desk in sorted(every) if name == "every desk" else [made.desk(name)]:
        if who == "nobody":
            made.put_on(desk, "nobody", DutyKind.DESK, -3, -1)
            made.put_on(desk, "nobody", DutyKind.DESK, 1, 3)
        else:
            for person in who.split(", "):
                made.put_on(desk, made.person(person).id, DutyKind.DESK, -1, 1)


def _on_call(made: World, name: str) -> None:
    person = made.person(name)
    made.put_on(person.desks[0], person.id, DutyKind.ON_CALL, -1, 1)


def _answers(made: World, name: str, starts: str, ends: str, rest: str) -> None:
    days = WEEK[:5] if rest else WEEK
    opening = {"days": days, "starts": starts, "ends": ends}
    made.document["hours"].append({"id": name, "name_fa": name, "weekly": [opening]})
    made.county(name)["centre"]["hours"] = name


def _opened(made: World, name: str) -> None:
    made.county(name)["centre"] |= {"state": "open", "planned": None}


def _helpers(field_name: str, made: World, names: str, name: str) -> None:
    ids = [made.county(one)["id"] for one in names.split(", ")]
    as_list = [{"county": one} for one in ids] if field_name == "supporting" else ids
    made.county(name)[field_name] = as_list


def _sits(made: World, name: str) -> None:
    desk = made.desk(name)
    who = CounsellorId(f"sitter-{name.replace(' ', '-')}")
    made.people.append(Counsellor(id=who, name_fa=who, desks=(desk,), devices=()))


def _steps(made: World, words: str) -> None:
    made.document["steps"] = [_step(word) for word in words.split(", ")]


def _step(words: str) -> dict[str, Any]:
    pattern = r"(own|supporting|neighbours|provincial|province|on call|desk \S+)(?: (\d+) s)?"
    match = re.fullmatch(pattern + r"(?: \(skilled first (\d+) s\))?", words)
    assert match, words
    ring, lasts_s, skilled_s = match.groups()
    step: dict[str, Any] = {"ring": ring.replace(" ", "_")}
    if ring.startswith("desk "):
        step = {"ring": "desks", "desks": [ring.removeprefix("desk ")]}
    return step | {"lasts_s": lasts_s or 20, "skilled_s": skilled_s or 0}


def _needs_level(made: World, category: str, level: str) -> None:
    found = next(one for one in made.document["categories"] if one["id"] == category)
    found["centre_level"] = int(level)


def _gives(made: World, name: str, level: str) -> None:
    made.county(name)["centre"]["levels"] = [int(level)]


def _language(made: World, name: str, language: str) -> None:
    made.county(name)["languages"] = [language]


def _can(made: World, name: str, skill: str) -> None:
    person = made.person(name)
    changed = replace(person, skills=(*person.skills, Skill(SkillId(skill))))
    made.people[made.people.index(person)] = changed


def _supported(made: World, names: str, name: str) -> None:
    _helpers("supporting", made, names, name)


def _taken_over(made: World, names: str, name: str) -> None:
    _helpers("contingency", made, names, name)


SENTENCES: dict[str, Callable[..., None]] = {
    rf"(.+) ({'|'.join(KINDS)})": _closed,
    r"roster of (.+): (.+)": _roster,
    r"on call: (\S+)": _on_call,
    r"(\S+) answers (\d\d:\d\d)–(\d\d:\d\d)( Saturday to Wednesday)?": _answers,
    r"(\S+) has opened": _opened,
    r"(.+) supports (\S+)": _supported,
    r"(.+) takes over for (\S+)": _taken_over,
    r"somebody sits at (.+)": _sits,
    r"steps: (.+)": _steps,
    r"(\S+) needs level (\d)": _needs_level,
    r"(\S+) gives level (\d)": _gives,
    r"callers of (\S+) may need (\S+)": _language,
    r"(\S+) can (\S+)": _can,
}
