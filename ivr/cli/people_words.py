"""How skills, devices and roles are written on the command line, and how people are shown there."""

from collections.abc import Callable, Iterable
from typing import Any

from ivr.accounts import shown
from ivr.cli.acting import grant_words
from ivr.errors import BadInput
from ivr.model import DeskId, DeviceKind
from ivr.people import EVERYWHERE, Grant, Person, Role, province_of
from ivr.rules.counties import gazetteer
from ivr.rules.judging import did_you_mean

SKILL_HELP = "A skill with its level from 1 to 3, such as child:2."
DEVICE_HELP = (
    "A device: its id (a SIP phone), id:browser, or id:telephone:NUMBER (key 1 accepts a call)."
)
GRANT_HELP = "A role and where it holds: supervisor@markazi, supervisor@markazi-saveh, admin@all."


def skill_values(text: str) -> dict[str, Any]:
    """The values of a skill as typed; what is wrong with them the account's check says."""
    name, _, level = text.partition(":")
    return {"id": name, "level": level or "1"}


def device_values(text: str) -> dict[str, Any]:
    """The values of a device as typed; telephones are confirmed: a voicemail might answer."""
    name, _, rest = text.partition(":")
    kind, _, number = rest.partition(":")
    confirm = kind == DeviceKind.TELEPHONE
    return {"id": name, "kind": kind or "sip", "confirm": confirm, "number": number or None}


def grant_of(text: str) -> Grant:
    """The grant as typed; raises BadInput."""
    name, at, place = text.partition("@")
    roles = [role.value for role in Role]
    if not at or not place:
        raise BadInput(f"{text!r} does not say where the role holds. {GRANT_HELP}")
    if name not in roles:
        raise BadInput(f"{text!r}: {name!r} is no role. {did_you_mean(name, roles)}")
    role = Role(name)
    known = gazetteer()
    if place == EVERYWHERE:
        return Grant(role=role)
    if place in known.provinces:
        return Grant(role=role, province=known.provinces[place].id)
    if place in known.counties:
        return Grant(role=role, province=province_of(DeskId(place)), desk=DeskId(place))
    places = [EVERYWHERE, *known.provinces, *known.counties]
    raise BadInput(f"{text!r}: {place!r} is no province or desk. {did_you_mean(place, places)}")


def without(
    option: str, things: Iterable[Any], names: Iterable[str], key: Callable[[Any], str]
) -> list[Any]:
    """`things` but those of these names; raises BadInput for a name that is none of them."""
    kept = {key(thing): thing for thing in things}
    for name in names:
        if name not in kept:
            held = ", ".join(kept) or "none"
            raise BadInput(
                f"--drop-{option} {name}: is not there; nothing was changed. Held: {held}."
            )
        del kept[name]
    return list(kept.values())


def person_lines(person: Person) -> Iterable[str]:
    """Everything of a person but secrets, for people to read."""
    plain = shown(person)
    yield f"{person.id}  {person.name_fa}{'' if person.enabled else '  (disabled)'}"
    yield f"  desks    {', '.join(person.desks) or '-'}"
    yield f"  skills   {', '.join(f'{it.id}:{it.level}' for it in person.skills) or '-'}"
    yield f"  devices  {', '.join(_device_words(it) for it in plain['devices']) or '-'}"
    yield f"  roles    {', '.join(grant_words(it) for it in person.grants) or '-'}"


def person_row(person: Person) -> str:
    """A person in one line of a list."""
    state = "" if person.enabled else "disabled"
    desks = ", ".join(person.desks) or "-"
    roles = ", ".join(grant_words(grant) for grant in person.grants) or "-"
    return f"{person.id:<26} {state:<8} {desks:<24} {roles:<30} {person.name_fa}"


def _device_words(device: dict[str, Any]) -> str:
    return ":".join(filter(None, (device["id"], device["kind"], device["number"])))
