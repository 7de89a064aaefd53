"""Who should be there at an instant. For now everybody always is; rosters come later."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ivr.model import Counsellor, CounsellorId, DeskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Who is rostered at the instant `at`, desk by desk; one person may be at several."""

    at: datetime
    desks: tuple[tuple[DeskId, tuple[CounsellorId, ...]], ...]

    def at_desk(self, desk: DeskId) -> tuple[CounsellorId, ...]:
        return next((people for name, people in self.desks if name == desk), ())

    @property
    def everybody(self) -> tuple[CounsellorId, ...]:
        """Each rostered counsellor once, in the order of the desks."""
        return tuple(dict.fromkeys(person for _, people in self.desks for person in people))


def duty_at(people: Iterable[Counsellor], at: datetime) -> Duty:
    """The duty at `at`: all of `people` at all of their desks."""
    desks: dict[DeskId, list[CounsellorId]] = {}
    for person in people:
        for desk in dict.fromkeys(person.desks):
            desks.setdefault(desk, []).append(person.id)
    return Duty(at=at, desks=tuple((desk, tuple(names)) for desk, names in desks.items()))
