"""What a token may do: its scopes, in its province, and never more than its maker may now."""

from datetime import UTC, datetime, timedelta

import pytest

from ivr.bearers import ACTION_OF, Bearer, bearer, check_maker
from ivr.errors import NotAllowed
from ivr.model import DeskId, ProvinceId
from ivr.people import Grant, Person, Role
from ivr.rights import ACTIONS, EVERYWHERE, Action, Reach, reach
from ivr.tokens import Scope, Token

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MARKAZI, ILAM = ProvinceId("markazi"), ProvinceId("ilam")
SAVEH = DeskId("markazi-saveh")


def maker(*grants: Grant, **changes: object) -> Person:
    values: dict[str, object] = {"id": "boss", "name_fa": "نمونه", "grants": grants}
    return Person.model_validate(values | changes)


def token(province: ProvinceId | None = None, *scopes: Scope) -> Token:
    named = frozenset(scopes or Scope)
    return Token(id="ab", name="x", hash="", scopes=named, province=province, by="boss", at=NOW)


def held(made: Token, by: Person, at: datetime = NOW) -> Bearer:
    found = bearer(made, by, at)
    assert found is not None
    return found


def where(found: Bearer, action: Action) -> Reach:
    return reach(found.person, action, found.at)


def test_every_scope_takes_a_right() -> None:
    assert set(ACTION_OF) == set(Scope)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("role", Role)
def test_a_scope_opens_what_the_makers_role_includes(role: Role, scope: Scope) -> None:
    by = maker(Grant(role=role, province=MARKAZI))
    found = held(token(MARKAZI, scope), by)
    given = ACTION_OF[scope] in ACTIONS[role]
    assert found.may(scope) is given
    assert not any(found.may(other) for other in set(Scope) - {scope})
    if given:
        check_maker(token(MARKAZI, scope), by, NOW)
    else:
        with pytest.raises(NotAllowed, match=rf"boss may not do this .* for markazi.*\({scope}\)"):
            check_maker(token(MARKAZI, scope), by, NOW)


@pytest.mark.parametrize(
    ("grants", "province", "reached"),
    [
        ([Grant(role=Role.SUPERVISOR)], None, EVERYWHERE),
        ([Grant(role=Role.SUPERVISOR)], MARKAZI, Reach(frozenset({MARKAZI}), frozenset())),
        (
            [Grant(role=Role.SUPERVISOR, province=MARKAZI)],
            None,
            Reach(frozenset({MARKAZI}), frozenset()),
        ),
        ([Grant(role=Role.SUPERVISOR, province=MARKAZI)], ILAM, Reach(frozenset(), frozenset())),
        (
            [Grant(role=Role.SUPERVISOR, province=MARKAZI, desk=SAVEH)],
            MARKAZI,
            Reach(frozenset(), frozenset({SAVEH})),
        ),
        ([Grant(role=Role.MANAGER)], None, Reach(frozenset(), frozenset())),
        ([], None, Reach(frozenset(), frozenset())),
    ],
)
def test_a_token_reaches_what_both_reach(
    grants: list[Grant], province: ProvinceId | None, reached: Reach
) -> None:
    assert where(held(token(province), maker(*grants)), Action.OUTCOME_WRITE) == reached


def test_who_sits_at_a_desk_gives_a_token_that_desk_and_no_name() -> None:
    found = held(token(), maker(desks=[SAVEH]))
    assert where(found, Action.OUTCOME_WRITE) == Reach(frozenset(), frozenset({SAVEH}))
    assert (found.person.id, found.person.desks, found.acts_as) == ("token:ab", (), "token:ab")


def test_a_role_that_has_ended_ends_in_the_token() -> None:
    until_at = NOW + timedelta(hours=4)
    by = maker(Grant(role=Role.ADMIN, province=MARKAZI, until_at=until_at))
    assert held(token(MARKAZI), by).may(Scope.CALLS_READ)
    assert not held(token(MARKAZI), by, until_at).scopes


def test_a_token_of_nobody_or_of_who_has_left_opens_nothing() -> None:
    assert bearer(token(), None, NOW) is None
    assert bearer(token(), maker(Grant(role=Role.SUPERVISOR), enabled=False), NOW) is None


def test_a_token_for_everywhere_takes_a_role_everywhere() -> None:
    by = maker(Grant(role=Role.SUPERVISOR, province=MARKAZI))
    with pytest.raises(NotAllowed, match="for all provinces"):
        check_maker(token(None, Scope.CALLS_READ), by, NOW)
