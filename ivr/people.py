"""Who works with the line: accounts with roles, desks, skills and devices; read from files.

The database is the truth once a copy has been installed (`ivr.store.people`); the files are what a
first start installs, for now the invented people of a demonstration.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field

from ivr.errors import BadInput
from ivr.kept_passwords import PasswordFile
from ivr.model import (
    Counsellor,
    CounsellorId,
    DeskId,
    Device,
    DeviceId,
    DeviceKind,
    ProvinceId,
    Skill,
    SkillId,
)
from ivr.rules.counties import gazetteer
from ivr.rules.document import parse, read_text
from ivr.rules.fields import ID, Count, Name, Number, Record
from ivr.rules.findings import FieldPath, Finding, Problem, locate, without_echoes
from ivr.rules.judging import did_you_mean
from ivr.rules.validation import validate

PersonId = Annotated[
    CounsellorId,
    Field(pattern=ID, description="the person's name in records; it never changes"),
]
PersonName = Annotated[Name, Field(description="the person's name as colleagues read it")]
EVERYWHERE = "all"  # how files write a grant for every province


class Role(StrEnum):
    """What somebody may do; `ivr.rights` has the table."""

    COUNSELLOR = "counsellor"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    MANAGER = "manager"
    AUDITOR = "auditor"


class SkillEntry(Record):
    id: Annotated[SkillId, Field(pattern=ID)] = Field(
        description="what the counsellor can do, by the name that the rules use"
    )
    level: Annotated[Count, Field(ge=1, le=3)] = Field(
        1, description="1 for who knows it, 2 for who is practised, 3 for a specialist"
    )


class DeviceEntry(Record):
    """The number of a telephone stays here and at the edges; `model.Device` never has it."""

    id: Annotated[DeviceId, Field(pattern=ID)] = Field(
        description="the user name under which the phone registers"
    )
    kind: DeviceKind = Field(DeviceKind.SIP, description="what kind of phone it is")
    confirm: bool = Field(
        False, description="true where key 1 must accept, because a voicemail might answer"
    )
    number: Number | None = Field(
        None, description="the number under which an ordinary telephone is rung"
    )


class Grant(Record):
    """A role in a scope: one desk, a whole province, or (without a province) everywhere.

    One with `until_at` ends by itself.
    """

    role: Role = Field(description="what the person may do")
    province: Annotated[ProvinceId, Field(pattern=ID)] | None = Field(
        None, description="the province in which the role holds"
    )
    desk: Annotated[DeskId, Field(pattern=ID)] | None = Field(
        None, description="the one desk for which the role holds"
    )
    until_at: AwareDatetime | None = Field(None, description="when the role ends by itself")


class Person(Record):
    """One account. Who has left is disabled, never removed: records go on naming them."""

    id: PersonId
    name_fa: PersonName
    enabled: bool = True
    desks: tuple[Annotated[DeskId, Field(pattern=ID)], ...] = ()
    skills: tuple[SkillEntry, ...] = ()
    devices: tuple[DeviceEntry, ...] = ()
    grants: tuple[Grant, ...] = ()

    @property
    def takes_calls(self) -> bool:
        return self.enabled and bool(self.desks) and bool(self.devices)


def counsellor_of(person: Person) -> Counsellor:
    """The person as the floor knows them: without rights and without telephone numbers."""
    return Counsellor(
        id=person.id,
        name_fa=person.name_fa,
        desks=person.desks,
        devices=tuple(
            Device(id=device.id, kind=device.kind, confirm=device.confirm)
            for device in person.devices
        ),
        skills=tuple(Skill(skill.id, skill.level) for skill in person.skills),
    )


def province_of(desk: DeskId) -> ProvinceId | None:
    """The province in which the desk stands; None for one that is no desk of Iran."""
    known = gazetteer()
    if desk in known.provinces:
        return known.provinces[desk].id
    return known.counties[desk].province if desk in known.counties else None


def problems_of(person: Person) -> Iterator[Problem]:
    """What is wrong with a person beyond the form of each field; paths begin within the person."""
    for number, desk in enumerate(person.desks):
        if province_of(desk) is None:
            yield Problem(path=("desks", number), message=_no_desk(desk))
    skills = [skill.id for skill in person.skills]
    for number, skill in enumerate(skills):
        if skill in skills[:number]:
            message = f"'{skill}' is written twice, and only one level can count. Remove one."
            yield Problem(path=("skills", number, "id"), message=message)
    for number, device in enumerate(person.devices):
        yield from _device_problems(device, ("devices", number))
    for number, grant in enumerate(person.grants):
        yield from _grant_problems(grant, ("grants", number))


def _device_problems(device: DeviceEntry, path: FieldPath) -> Iterator[Problem]:
    place, related = (*path, "number"), ((*path, "kind"),)
    if device.kind is DeviceKind.TELEPHONE and device.number is None:
        message = (
            "is missing, so this telephone could never be rung. Write the number with its area "
            "code, such as 02512345678."
        )
        yield Problem(path=place, message=message, related=related)
    if device.kind is not DeviceKind.TELEPHONE and device.number is not None:
        message = (
            f"a {device.kind} device is rung by its id, and the number would never be used. Remove "
            "it, or write kind: telephone."
        )
        yield Problem(path=place, message=message, related=related)


def _grant_problems(grant: Grant, path: FieldPath) -> Iterator[Problem]:
    if grant.province is not None and grant.province not in gazetteer().provinces:
        hint = did_you_mean(grant.province, gazetteer().provinces)
        message = (
            f"'{grant.province}' is no province of Iran, so the role would hold nowhere. {hint}"
        )
        yield Problem(path=(*path, "province"), message=message)
    elif grant.desk is not None and province_of(grant.desk) is None:
        yield Problem(path=(*path, "desk"), message=_no_desk(grant.desk))
    elif grant.desk is not None and province_of(grant.desk) != grant.province:
        message = (
            f"'{grant.desk}' lies in {province_of(grant.desk)}, so the role would hold nowhere. "
            f"Write province: {province_of(grant.desk)}."
        )
        related = ((*path, "province"),)
        yield Problem(path=(*path, "desk"), message=message, related=related)


def _no_desk(desk: str) -> str:
    return (
        f"'{desk}' is no county of Iran and no province, so no call would reach the counsellor "
        "there. See ivr/rules/counties.json for the ids."
    )


class GrantEntry(Record):
    """A grant as files have it: that it holds everywhere has to be written out."""

    role: Role = Field(description="what the person may do")
    province: Annotated[str, Field(pattern=ID)] = Field(
        description=f"the province in which the role holds, or {EVERYWHERE}"
    )
    desk: Annotated[DeskId, Field(pattern=ID)] | None = Field(
        None, description="the one desk for which the role holds; left out for the whole province"
    )

    def grant(self) -> Grant:
        province = None if self.province == EVERYWHERE else ProvinceId(self.province)
        return Grant(role=self.role, province=province, desk=self.desk)


class CounsellorEntry(Record):
    id: PersonId
    name_fa: PersonName
    desks: tuple[Annotated[DeskId, Field(pattern=ID)], ...] = Field(
        min_length=1,
        description="the counties (or province) for whose desks the counsellor takes calls",
    )
    skills: tuple[SkillEntry, ...] = Field(
        (), description="what the counsellor can do beyond what every counsellor can"
    )
    devices: tuple[DeviceEntry, ...] = Field(
        min_length=1, description="where the counsellor is rung, first choice first"
    )
    grants: tuple[GrantEntry, ...] = Field((), description="the roles beside taking calls")

    def person(self) -> Person:
        return Person(
            id=self.id,
            name_fa=self.name_fa,
            desks=self.desks,
            skills=self.skills,
            devices=self.devices,
            grants=tuple(entry.grant() for entry in self.grants),
        )


class StaffEntry(Record):
    id: PersonId
    name_fa: PersonName
    grants: tuple[GrantEntry, ...] = Field(min_length=1, description="the person's roles")

    def person(self) -> Person:
        grants = tuple(entry.grant() for entry in self.grants)
        return Person(id=self.id, name_fa=self.name_fa, grants=grants)


class PeopleFile(Record):
    counsellors: tuple[CounsellorEntry, ...] = Field(
        (), min_length=1, description="everybody who may take calls"
    )
    staff: tuple[StaffEntry, ...] = Field(
        (), min_length=1, description="everybody else who works with the line"
    )

    def persons(self) -> Iterator[tuple[FieldPath, Person]]:
        """Everybody with the place in the file."""
        for index, counsellor in enumerate(self.counsellors):
            yield ("counsellors", index), counsellor.person()
        for index, member in enumerate(self.staff):
            yield ("staff", index), member.person()


def load_people(directory: Path) -> tuple[Counsellor, ...]:
    """The counsellors of every `*.yaml` in `directory`, by file and in the order of the file.

    Raises BadInput that lists all mistakes with file, line and field.
    """
    people = load_persons(directory)
    counsellors = tuple(counsellor_of(person) for person in people if person.takes_calls)
    if not counsellors:
        raise BadInput(f"{directory}: no counsellors in it, so nobody could answer.")
    return counsellors


def load_persons(directory: Path) -> tuple[Person, ...]:
    """Everybody in every `*.yaml` of `directory`: those of a file who take calls, then the others.

    Raises BadInput that lists all mistakes with file, line and field.
    """
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise BadInput(f"{directory}: no *.yaml file, so nobody could answer. Set IVR_DEMO_DIR.")
    return read_people(files)


def read_people(files: Iterable[Path]) -> tuple[Person, ...]:
    """Everybody in these files; raises BadInput that lists all mistakes."""
    people: list[Person] = []
    findings: list[Finding] = []
    taken: dict[tuple[str, str], str] = {}
    for file in files:
        found, wrong = _read(file, taken)
        people += found
        findings += wrong
    if findings:
        lines = "\n  ".join(str(finding) for finding in findings)
        raise BadInput(f"these people cannot be used:\n  {lines}")
    return tuple(people)


def _read(file: Path, taken: dict[tuple[str, str], str]) -> tuple[list[Person], list[Finding]]:
    document = parse(read_text(file))
    problems = document.problems
    people: list[Person] = []
    if document.data is not None or not problems:
        reading = validate(document, PeopleFile, {})
        placed = list(reading.model.persons()) if reading.model else []
        people = [person for _, person in placed]
        judged = map(reading.restored, _check(placed, str(file), taken))
        problems = problems + reading.problems
        problems += without_echoes(judged, problems)
    if not people and not problems:
        problems = [Problem(path=(), message="nobody is in it. Write counsellors: or staff:.")]
    findings = {locate(problem, file, document.lines) for problem in problems}
    return people, sorted(findings, key=lambda finding: (finding.line, finding.field))


def _check(
    placed: Iterable[tuple[FieldPath, Person]], file: str, taken: dict[tuple[str, str], str]
) -> Iterator[Problem]:
    for path, person in placed:
        for place, claim in claims(person):
            if claim in taken:
                message = (
                    f"'{claim[1]}' is already in {taken[claim]}: calls meant for one would ring "
                    "another. Give it an id of its own."
                )
                yield Problem(path=(*path, *place), message=message)
            taken.setdefault(claim, file)
        for problem in problems_of(person):
            yield _within(path, problem)


def _within(path: FieldPath, problem: Problem) -> Problem:
    related = tuple((*path, *place) for place in problem.related)
    return replace(problem, path=(*path, *problem.path), related=related)


def claims(person: Person) -> Iterator[tuple[FieldPath, tuple[str, str]]]:
    """The ids that must be one person's alone."""
    yield ("id",), ("person", person.id)
    for number, device in enumerate(person.devices):
        yield ("devices", number, "id"), ("device", device.id)


def device_passwords(home: Path, devices: Iterable[DeviceId]) -> Mapping[DeviceId, str]:
    """The SIP password of each device; missing ones are made now and stay the same afterwards.

    Kept in `home`/secrets/devices.json, readable by its owner alone. Raises BadInput where that
    file is not ours or cannot be kept.
    """
    file = PasswordFile(
        path=home / "secrets" / "devices.json",
        what="device",
        lost="new passwords are made and every phone must be set up again",
    )
    return {DeviceId(name): word for name, word in file.passwords(devices).items()}


def demo_accounts(home: Path) -> PasswordFile:
    """The passwords with which a first start installs the demonstration's staff.

    Kept in `home`/secrets/accounts.json as devices' are; who chooses another is forgotten there.
    """
    return PasswordFile(
        path=home / "secrets" / "accounts.json",
        what="account",
        lost="an admin then gives new passwords with `ivr people password ID`",
    )
