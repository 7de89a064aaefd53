import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli.counsellors import app
from ivr.duty import duty_at
from ivr.errors import BadInput
from ivr.model import (
    CallFacts,
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
from ivr.people import (
    Grant,
    Person,
    Role,
    counsellor_of,
    demo_accounts,
    device_passwords,
    load_people,
    load_persons,
)
from ivr.router import plan
from ivr.rules.load import load_all
from ivr.rules.schema import CentreState
from ivr.settings import PROJECT

DEMO = PROJECT / "deploy" / "demo"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
GOOD = """
counsellors:
  - id: qom-1
    name_fa: نمونه
    desks: [qom-qom]
    devices:
      - {id: qom-1}
      - {id: qom-1-mobile, kind: telephone, number: "۰۲۵۱۲۳۴۵۶۷۸", confirm: yes}
"""


def wrong(tmp_path: Path, text: str) -> str:
    (tmp_path / "people.yaml").write_text(text, "utf-8")
    with pytest.raises(BadInput) as caught:
        load_people(tmp_path)
    return str(caught.value)


def test_a_counsellor_as_written(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_text(GOOD, "utf-8")
    mobile = Device(id=DeviceId("qom-1-mobile"), kind=DeviceKind.TELEPHONE, confirm=True)
    assert load_people(tmp_path) == (
        Counsellor(
            id=CounsellorId("qom-1"),
            name_fa="نمونه",
            desks=(DeskId("qom-qom"),),
            devices=(Device(id=DeviceId("qom-1")), mobile),
        ),
    )


STAFF = """
counsellors:
  - id: qom-1
    name_fa: نمونه
    desks: [qom-qom]
    skills: [{id: child, level: ۳}, {id: legal}]
    devices: [{id: qom-1}]
    grants: [{role: supervisor, province: qom, desk: qom-qom}]
staff:
  - {id: boss, name_fa: نمونه, grants: [{role: admin, province: all}]}
"""


def test_staff_and_skills_as_written(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_text(STAFF, "utf-8")
    counsellor, boss = load_persons(tmp_path)
    assert counsellor_of(counsellor) == Counsellor(
        id=CounsellorId("qom-1"),
        name_fa="نمونه",
        desks=(DeskId("qom-qom"),),
        devices=(Device(id=DeviceId("qom-1")),),
        skills=(Skill(SkillId("child"), 3), Skill(SkillId("legal"), 1)),
    )
    qom = ProvinceId("qom")
    assert counsellor.grants == (Grant(role=Role.SUPERVISOR, province=qom, desk=DeskId("qom-qom")),)
    assert boss == Person(id="boss", name_fa="نمونه", grants=(Grant(role=Role.ADMIN),))
    assert load_people(tmp_path) == (counsellor_of(counsellor),)


def test_a_telephones_number_is_the_accounts_alone(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_text(GOOD, "utf-8")
    (person,) = load_persons(tmp_path)
    assert person.devices[1].number == "02512345678"
    assert "02512345678" not in repr(counsellor_of(person))


def test_people_without_anybody_who_answers_are_refused(tmp_path: Path) -> None:
    text = "staff: [{id: boss, name_fa: نمونه, grants: [{role: admin, province: all}]}]"
    (tmp_path / "people.yaml").write_text(text, "utf-8")
    assert len(load_persons(tmp_path)) == 1
    with pytest.raises(BadInput, match="no counsellors in it"):
        load_people(tmp_path)


def test_roles_skills_and_numbers_that_are_wrong_are_told_by_line(tmp_path: Path) -> None:
    message = wrong(
        tmp_path,
        """counsellors:
  - id: a
    name_fa: الف
    desks: [qom-qom]
    skills: [{id: child, level: 4}, {id: legal}, {id: legal}]
    devices:
      - {id: a, number: "0251234"}
      - {id: b, kind: telephone}
      - {id: c, kind: telephone, number: none}
staff:
  - {id: d, name_fa: ب, grants: [{role: boss, province: all}]}
  - {id: e, name_fa: ب, grants: [{role: admin}]}
  - {id: f, name_fa: ب, grants: [{role: admin, province: }]}
  - {id: g, name_fa: ب, grants: [{role: admin, province: qum}]}
  - {id: h, name_fa: ب, grants: [{role: admin, province: qom, desk: markazi-arak}]}
  - {id: i, name_fa: ب, grants: []}
  - {id: a, name_fa: ب, grants: [{role: admin, province: qom}]}
""",
    )
    for expected in (
        "people.yaml:5: counsellors[1].skills[1].level: '4' is too large",
        "people.yaml:5: counsellors[1].skills[3].id: 'legal' is written twice",
        "people.yaml:7: counsellors[1].devices[1].number: a sip device is rung by its id",
        "people.yaml:8: counsellors[1].devices[2].number: is missing",
        "people.yaml:9: counsellors[1].devices[3].number: 'none' is not written as it must be",
        "people.yaml:11: staff[1].grants[1].role: 'boss' is not known here",
        "people.yaml:12: staff[2].grants[1].province: is missing. What belongs here: the",
        "people.yaml:13: staff[3].grants[1].province: an empty value is not a text",
        "people.yaml:14: staff[4].grants[1].province: 'qum' is no province of Iran",
        "people.yaml:15: staff[5].grants[1].desk: 'markazi-arak' lies in markazi",
        "people.yaml:16: staff[6].grants: a list has too few items",
        "people.yaml:17: staff[7].id: 'a' is already in",
    ):
        assert expected in message
    assert len(message.splitlines()) == 13


def test_every_province_of_the_demonstration_has_supervisor_and_admin() -> None:
    people = load_persons(DEMO)
    for rules in load_all(PROJECT / "deploy" / "provinces"):
        for role in (Role.SUPERVISOR, Role.ADMIN):
            assert [Grant(role=role, province=rules.id) in it.grants for it in people].count(
                True
            ) == 1
    everywhere = [it.grants[0].role for it in people if any(not g.province for g in it.grants)]
    assert everywhere == [Role.ADMIN, Role.MANAGER, Role.AUDITOR]


def test_the_demonstrations_skills_are_those_that_the_rules_know() -> None:
    known = {
        skill.id for rules in load_all(PROJECT / "deploy" / "provinces") for skill in rules.skills
    }
    held = {skill.id for person in load_persons(DEMO) for skill in person.skills}
    assert held
    assert held <= known


def test_every_open_centre_of_the_demonstration_is_staffed() -> None:
    duty = duty_at(load_people(DEMO), NOW)
    for rules in load_all(PROJECT / "deploy" / "provinces"):
        assert [desk for desk in rules.desks if not duty.at_desk(desk)] == []
    assert len(duty.at_desk(DeskId("markazi-arak"))) >= 2
    assert len(duty.at_desk(DeskId("markazi-saveh"))) == 2


def test_nobody_of_the_demonstration_sits_at_a_centre_that_is_known_not_to_be_open() -> None:
    provinces = load_all(PROJECT / "deploy" / "provinces")
    answering = {desk for rules in provinces for desk in rules.desks}
    unknown = {
        county.desk
        for rules in provinces
        for county in rules.counties
        if county.centre.state is CentreState.UNKNOWN
    }
    staffed = {desk for person in load_people(DEMO) for desk in person.desks}
    assert staffed <= answering | unknown


def test_every_province_of_the_demonstration_has_somebody_at_every_hour() -> None:
    duty = duty_at(load_people(DEMO), NOW)
    for rules in load_all(PROJECT / "deploy" / "provinces"):
        for county in (None, *(county.id for county in rules.counties)):
            facts = CallFacts(province=rules.id, county=county)
            assert plan(rules, duty, facts, NOW).steps[-1].counsellors


def test_all_mistakes_are_told_in_one_go(tmp_path: Path) -> None:
    message = wrong(
        tmp_path,
        """counsellors:
  - {id: a, name_fa: "", desks: [], devices: [{id: a, knd: sip}]}
  - {id: b, name_fa: ب, desks: [qom-qim], devices: [{id: a}]}
  - {id: b, name_fa: ب, desks: [qom-qom], devices: [{id: c, kind: fax}]}
""",
    )
    for expected in (
        "people.yaml:2: counsellors[1].name_fa: an empty value is empty",
        "people.yaml:2: counsellors[1].desks: a list has too few items",
        "people.yaml:2: counsellors[1].devices[1].knd: is not a known field",
        "people.yaml:3: counsellors[2].desks[1]: 'qom-qim' is no county of Iran",
        "people.yaml:4: counsellors[3].id: 'b' is already in",
        "people.yaml:4: counsellors[3].devices[1].kind: 'fax' is not known here",
    ):
        assert expected in message


def test_one_device_is_one_persons_over_all_files(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(GOOD, "utf-8")
    message = wrong(tmp_path, GOOD)
    assert "people.yaml:3: counsellors[1].id: 'qom-1' is already in" in message
    assert "people.yaml:7: counsellors[1].devices[1].id: 'qom-1' is already in" in message


@pytest.mark.parametrize(
    "text", ["", "null", "counsellors: []", "counsellors: x", "[", "people: []"]
)
def test_a_file_without_people_is_refused(tmp_path: Path, text: str) -> None:
    assert "people.yaml:1" in wrong(tmp_path, text)


def test_a_directory_without_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nobody could answer"):
        load_people(tmp_path)


def test_everybody_is_always_on_duty_at_all_their_desks() -> None:
    both = Counsellor(
        id=CounsellorId("x"),
        name_fa="نمونه",
        desks=(DeskId("a"), DeskId("b"), DeskId("a")),
        devices=(Device(id=DeviceId("x")),),
    )
    duty = duty_at([both], NOW)
    assert (duty.at_desk(DeskId("a")), duty.at_desk(DeskId("c"))) == (("x",), ())
    assert duty.everybody == ("x",)
    assert duty.at == NOW


def test_passwords_are_made_once_and_stay(tmp_path: Path) -> None:
    first = device_passwords(tmp_path, [DeviceId("a"), DeviceId("b")])
    second = device_passwords(tmp_path, [DeviceId("b"), DeviceId("c")])
    assert second["b"] == first["b"]
    assert len({*first.values(), *second.values()}) == 3
    assert all(len(word) == 24 and word.isalnum() for word in second.values())
    assert set(second) == {"b", "c"}


def test_passwords_are_for_the_owner_alone(tmp_path: Path) -> None:
    device_passwords(tmp_path / "var", [DeviceId("a")])
    folder = tmp_path / "var" / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "devices.json").stat().st_mode & 0o777 == 0o600


def test_first_runs_at_the_same_moment_agree(tmp_path: Path) -> None:
    devices = [DeviceId(f"d{number}") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: device_passwords(tmp_path, devices), range(8)))
    assert all(run == runs[0] for run in runs)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_a_foreign_password_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets" / "devices.json"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(BadInput, match="not the table of device passwords"):
        device_passwords(tmp_path, [DeviceId("a")])
    assert file.read_text() == content


def test_an_accounts_password_stays_until_it_is_forgotten(tmp_path: Path) -> None:
    file = demo_accounts(tmp_path)
    assert file.known() == {}
    first = file.passwords(["a", "b"])
    assert file.passwords(["b"]) == {"b": first["b"]}
    file.forget("b")
    file.forget("never-there")
    assert file.known() == {"a": first["a"]}
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("in the way")
    with pytest.raises(BadInput, match="Set IVR_HOME"):
        device_passwords(tmp_path, [DeviceId("a")])


def test_command_devices(tmp_path: Path) -> None:
    env = {"IVR_HOME": str(tmp_path), "IVR_SIP_PORT": "5099", "IVR_DEMO_DIR": str(DEMO)}
    rows = json.loads(CliRunner().invoke(app, ["devices", "--json"], env=env).output)
    saveh = next(row for row in rows if row["sip_user"] == "saveh-1")
    assert saveh == {
        "name": "ترانه نمونه‌ای",
        "desk": "markazi-saveh",
        "sip_user": "saveh-1",
        "sip_password": device_passwords(tmp_path, [DeviceId("saveh-1")])["saveh-1"],
        "sip_server": "127.0.0.1",
        "sip_port": 5099,
    }
    table = CliRunner().invoke(app, ["devices"], env=env).output
    assert all(row["sip_password"] in table for row in rows)
    assert len(table.splitlines()) == len(rows) == len(load_people(DEMO))


def test_command_list(tmp_path: Path) -> None:
    env = {**os.environ, "IVR_DEMO_DIR": str(DEMO)}
    rows = json.loads(CliRunner().invoke(app, ["list", "--json"], env=env).output)
    assert {row["id"]: row["desks"] for row in rows}["arak-1"] == ["markazi-arak"]
    assert len(CliRunner().invoke(app, ["list"], env=env).output.splitlines()) == len(rows)


def test_no_password_is_committed() -> None:
    assert "password:" not in "".join(file.read_text("utf-8") for file in DEMO.glob("*.yaml"))
