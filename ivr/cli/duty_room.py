"""What every command on duty needs: the store, the desks that there are, the people."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.acting import acting
from ivr.errors import BadInput, NotAllowed
from ivr.installation import opened
from ivr.jalali import parse_end, parse_span
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.people import Person
from ivr.rights import Action, may
from ivr.rules.judging import did_you_mean
from ivr.rules.load import load_all
from ivr.settings import Settings, load_settings
from ivr.store.duty import DutyStore
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.versions import VersionStore

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
INSTANT_HELP = "in Tehran, such as '1405-09-01 07:00'"


@dataclass(frozen=True, slots=True)
class DutyRoom:
    """`desks`: each desk with its province; `people`: everybody, those who are disabled too."""

    store: Store
    duty: DutyStore
    desks: Mapping[DeskId, ProvinceId]
    people: Mapping[CounsellorId, Person]

    @property
    def now(self) -> datetime:
        """The clock, which runs on while a password is asked for."""
        return datetime.now(UTC)

    def desk(self, name: str) -> DeskId:
        """The desk of this id; raises BadInput with the one that may be meant."""
        if name in self.desks:
            return DeskId(name)
        likely = [desk for desk in self.desks if desk.endswith(f"-{name}")]
        hint = f"Did you mean {likely[0]}?" if likely else did_you_mean(name, self.desks)
        raise BadInput(f"{name}: is no desk. {hint}")

    def person(self, name: str) -> CounsellorId:
        if name not in self.people:
            raise BadInput(f"{name}: is not among the people. {did_you_mean(name, self.people)}")
        return CounsellorId(name)

    def desks_of(self, province: str | None) -> tuple[DeskId, ...]:
        """The desks of a province, or all; raises BadInput for one that is not served."""
        if province is not None and province not in self.desks.values():
            hint = did_you_mean(province, set(self.desks.values()))
            raise BadInput(f"--province {province}: is not served here. {hint}")
        return tuple(
            desk for desk, where in self.desks.items() if province is None or where == province
        )

    def enabled(self) -> dict[CounsellorId, bool]:
        return {name: person.enabled for name, person in self.people.items()}

    def names(self, people: Iterable[CounsellorId]) -> str:
        """Names as colleagues read them."""
        known = (self.people.get(name) for name in people)
        return "، ".join(person.name_fa for person in known if person)


@asynccontextmanager
async def duty_room() -> AsyncIterator[DutyRoom]:
    settings = load_settings()
    async with opened(settings) as store:
        desks = await _known_desks(store, settings)
        yield DutyRoom(
            store=store,
            duty=DutyStore(store, desks),
            desks=desks,
            people={person.id: person for person in await PeopleStore(store).people()},
        )


async def _known_desks(store: Store, settings: Settings) -> dict[DeskId, ProvinceId]:
    """Every desk of the rules in force, or of the files before a first start has taken them in."""
    versions = (await VersionStore(store).in_force(datetime.now(UTC))).versions.values()
    rules = [version.rules for version in versions] or load_all(settings.rules_dir)
    return {desk: province.id for province in rules for desk in province.all_desks}


async def allowed(
    room: DutyRoom, who: str | None, action: Action, desks: Sequence[DeskId]
) -> CounsellorId:
    """Who decides, having shown that they are who they say; raises BadInput.

    NotAllowed where they may not do this at each of the desks.
    """
    first, *others = desks
    person = await acting(room.store, who, action, province=room.desks.get(first), desk=first)
    for desk in others:
        if not may(person, action, province=room.desks.get(desk), desk=desk, now=room.now):
            raise NotAllowed(
                f"{person.id} has no right to {action} at {desk}; nothing was changed."
            )
    return person.id


def end_of(begins_at: datetime, until: str | None, for_: str | None) -> datetime:
    """The end that was named in one of two ways; raises BadInput."""
    if (until is None) == (for_ is None):
        raise BadInput(
            "name the end, in one way: --until DAY HOUR (or an hour alone, 07:00), or --for 2h."
        )
    return parse_end(until, begins_at) if until else begins_at + parse_span(for_ or "")
