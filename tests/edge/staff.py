"""One account of each role, all with one password, for commands that ask who acts."""

from datetime import UTC, datetime

from ivr.model import DeskId, ProvinceId
from ivr.people import Grant, Person, Role
from ivr.store.people import PeopleStore
from ivr.store.store import Store

PASSWORD = "four plain words here"
MARKAZI, ILAM = ProvinceId("markazi"), ProvinceId("ilam")
SAVEH, ARAK = DeskId("markazi-saveh"), DeskId("markazi-arak")


def person(name: str, *grants: Grant, desks: tuple[DeskId, ...] = ()) -> Person:
    values = {"id": name, "name_fa": "نمونه", "grants": grants, "desks": desks}
    return Person.model_validate(values)


def grant(role: Role, province: ProvinceId | None = None, desk: DeskId | None = None) -> Grant:
    return Grant(role=role, province=province, desk=desk)


STAFF = {
    one.id: one
    for one in (
        person("sara", desks=(SAVEH,)),  # counsellors
        person("omid", desks=(ARAK,)),
        person("boss", grant(Role.SUPERVISOR, MARKAZI)),
        person("desk-boss", grant(Role.SUPERVISOR, MARKAZI, SAVEH)),
        person("ilam-boss", grant(Role.SUPERVISOR, ILAM)),
        person("chief", grant(Role.SUPERVISOR)),
        person("keeper", grant(Role.ADMIN, MARKAZI)),
        person("admin", grant(Role.ADMIN)),
        person("manager", grant(Role.MANAGER)),
        person("auditor", grant(Role.AUDITOR)),
        person("nobody"),
    )
}


async def take_in_staff(store: Store) -> None:
    await PeopleStore(store).take_in(
        tuple(STAFF.values()),
        by="local",
        now=datetime.now(UTC),
        passwords=dict.fromkeys(STAFF, PASSWORD),
    )
