"""The whole table of rights, written out: a right that nobody meant to give would show here."""

from datetime import UTC, datetime, timedelta

import pytest

from ivr.model import DeskId, ProvinceId
from ivr.people import Grant, Person, Role
from ivr.rights import ACTIONS, Action, may, may_manage

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MARKAZI, ILAM = ProvinceId("markazi"), ProvinceId("ilam")
SAVEH, ARAK = DeskId("markazi-saveh"), DeskId("markazi-arak")

# What is asked for, and which grants hold it: E everywhere, P in markazi, D for its desk
# markazi-saveh alone.
PLACES = {
    "own desk": (MARKAZI, SAVEH),
    "other desk": (MARKAZI, ARAK),
    "own province": (MARKAZI, None),
    "other province": (ILAM, None),
    "other province's desk": (ILAM, DeskId("ilam")),
    "everywhere": (None, None),
}
GRANTS = {"E": (None, None), "P": (MARKAZI, None), "D": (MARKAZI, SAVEH)}
HELD = {
    "own desk": "EPD",
    "other desk": "EP-",
    "own province": "EP-",
    "other province": "E--",
    "other province's desk": "E--",
    "everywhere": "E--",
}
TABLE = """
                    counsellor supervisor admin manager auditor
rules.read          -          yes        yes   yes     yes
rules.draft         -          -          yes   -       -
rules.publish       -          -          yes   -       -
rules.rollback      -          -          yes   -       -
rules.review        -          -          yes   -       -
rules.break_glass   -          -          yes   -       -
duty.read           yes        yes        yes   yes     yes
duty.roster         -          yes        yes   -       -
duty.close          -          yes        yes   -       -
people.manage       -          -          yes   -       -
people.break_glass  -          yes        -     -       -
people.review       -          -          yes   -       -
audit.read          -          -          -     -       yes
floor.own           yes        -          -     -       -
floor.others        -          yes        -     -       -
floor.lost          -          yes        -     -       -
calls.import        -          -          yes   -       -
call.read           yes        yes        yes   yes     yes
outcome.read        yes        yes        yes   -       yes
outcome.write       yes        yes        -     -       -
referral.read       yes        yes        yes   -       yes
referral.write      yes        yes        -     -       -
report.read         -          yes        yes   yes     yes
caller.history      yes        yes        yes   -       yes
caller.merge        -          yes        -     -       -
caller.reveal       -          yes        -     -       -
caller.erase        -          -          yes   -       -
hold.write          -          -          yes   -       -
retention.run       -          -          yes   -       -
keys.manage         -          -          yes   -       -
token.manage        -          yes        yes   -       -
webhook.manage      -          -          yes   -       -
"""


def person(name: str, *grants: Grant, **changes: object) -> Person:
    values: dict[str, object] = {"id": name, "name_fa": "نمونه", "grants": grants}
    return Person.model_validate(values | changes)


def grant(role: Role, province: ProvinceId | None = None, desk: DeskId | None = None) -> Grant:
    return Grant(role=role, province=province, desk=desk)


def held(role: Role, action: Action, province: ProvinceId | None, desk: DeskId | None) -> str:
    return "".join(
        name if may(person("x", grant(role, *scope)), action, province=province, desk=desk) else "-"
        for name, scope in GRANTS.items()
    )


def given(role: Role, action: Action) -> bool:
    head, *lines = TABLE.strip("\n").splitlines()
    column = head.split().index(role)
    row = next(line.split() for line in lines if line.split()[0] == action)
    return row[1 + column] == "yes"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_the_whole_matrix(role: Role, action: Action) -> None:
    found = {place: held(role, action, *PLACES[place]) for place in PLACES}
    assert found == (HELD if given(role, action) else dict.fromkeys(PLACES, "---"))


def test_every_role_and_action_stands_in_the_table() -> None:
    head, *lines = TABLE.strip("\n").splitlines()
    assert head.split() == [role.value for role in Role]
    assert [line.split()[0] for line in lines] == [action.value for action in Action]
    assert set(ACTIONS) == set(Role)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("place", PLACES)
def test_nobody_without_a_grant_may_anything(action: Action, place: str) -> None:
    province, desk = PLACES[place]
    assert not may(person("x"), action, province=province, desk=desk, now=NOW)
    disabled = person("x", *(grant(role) for role in Role), desks=[SAVEH], enabled=False)
    assert not may(disabled, action, province=province, desk=desk, now=NOW)


def test_who_sits_at_a_desk_is_its_counsellor() -> None:
    counsellor = person("x", desks=["markazi-saveh"])
    may_read = [
        place
        for place, (province, desk) in PLACES.items()
        if may(counsellor, Action.DUTY_READ, province=province, desk=desk)
    ]
    assert may_read == ["own desk"]


def test_a_desk_asked_for_without_or_with_a_wrong_province() -> None:
    supervisor = person("x", grant(Role.SUPERVISOR, MARKAZI))
    assert may(supervisor, Action.DUTY_CLOSE, desk=SAVEH)
    assert not may(supervisor, Action.DUTY_CLOSE, province=MARKAZI, desk=DeskId("ilam"))
    everywhere = person("x", grant(Role.SUPERVISOR))
    assert not may(everywhere, Action.DUTY_CLOSE, province=ILAM, desk=SAVEH)
    assert not may(everywhere, Action.DUTY_CLOSE, desk=DeskId("nowhere"))


def test_a_grant_that_ends_counts_until_then_and_never_where_a_lasting_one_is_needed() -> None:
    ends = Grant(role=Role.ADMIN, province=MARKAZI, until_at=NOW + timedelta(hours=4))
    admin = person("x", ends)

    def publishes(now: datetime | None) -> bool:
        return may(admin, Action.RULES_PUBLISH, province=MARKAZI, now=now)

    assert publishes(NOW)
    assert publishes(NOW + timedelta(hours=3, minutes=59))
    assert not publishes(NOW + timedelta(hours=4))
    assert not publishes(None)


ADMIN = person("markazi-admin", grant(Role.ADMIN, MARKAZI))
NATIONAL = person("national-admin", grant(Role.ADMIN))
FOR_A_WHILE = person(
    "markazi-supervisor",
    grant(Role.SUPERVISOR, MARKAZI),
    Grant(role=Role.ADMIN, province=MARKAZI, until_at=NOW + timedelta(hours=1)),
)
COUNSELLOR = person("arak-1", desks=[ARAK])
MOVED = person("arak-1", desks=["ilam"])
SUPERVISOR = person("arak-1", grant(Role.SUPERVISOR, MARKAZI), desks=[ARAK])
OTHER_ADMIN = person("markazi-admin-2", grant(Role.ADMIN, MARKAZI))
RENAMED_ADMIN = person("markazi-admin-2", grant(Role.ADMIN, MARKAZI), name_fa="دیگر")


@pytest.mark.parametrize(
    ("actor", "before", "after", "allowed"),
    [
        (ADMIN, None, COUNSELLOR, True),
        (ADMIN, COUNSELLOR, None, True),
        (ADMIN, COUNSELLOR, SUPERVISOR, True),
        (ADMIN, COUNSELLOR, MOVED, False),  # into another province
        (ADMIN, MOVED, COUNSELLOR, False),  # out of another province
        (ADMIN, None, person("nobody-yet"), False),  # belongs to no province
        (ADMIN, None, person("x", grant(Role.ADMIN)), False),  # more than the admin has
        (ADMIN, NATIONAL, NATIONAL, False),  # a password of somebody with more rights
        (ADMIN, None, OTHER_ADMIN, True),
        (ADMIN, OTHER_ADMIN, RENAMED_ADMIN, True),
        (ADMIN, ADMIN, person("markazi-admin"), False),  # their own roles
        (ADMIN, ADMIN, ADMIN.model_copy(update={"name_fa": "دیگر"}), True),
        (NATIONAL, COUNSELLOR, MOVED, True),
        (NATIONAL, None, person("nobody-yet"), True),
        (FOR_A_WHILE, None, COUNSELLOR, True),
        (FOR_A_WHILE, COUNSELLOR, COUNSELLOR, True),
        (FOR_A_WHILE, COUNSELLOR, SUPERVISOR, False),  # roles for good, given for a while
        (FOR_A_WHILE, OTHER_ADMIN, OTHER_ADMIN, False),  # an admin's password
        (FOR_A_WHILE, FOR_A_WHILE, person("markazi-supervisor"), False),
        (SUPERVISOR, COUNSELLOR, COUNSELLOR, False),
        (COUNSELLOR, COUNSELLOR, COUNSELLOR, False),
    ],
)
def test_who_may_change_an_account(
    actor: Person, before: Person | None, after: Person | None, allowed: bool
) -> None:
    assert may_manage(actor, before, after, NOW) is allowed


def test_nobody_manages_by_a_role_that_has_ended() -> None:
    assert not may_manage(FOR_A_WHILE, None, COUNSELLOR, NOW + timedelta(hours=1))
