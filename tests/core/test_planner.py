"""Live plans: shared while nothing changes, new when duty, the minute or the rules do."""

from datetime import UTC, datetime, timedelta

import pytest

from ivr.duty import Closure, ClosureKind, Duty, DutyBook
from ivr.model import CallFacts, CountyId, DeskId, ProvinceId
from ivr.model.plan import RoutePlan
from ivr.planner import Planner
from ivr.router import plan
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from tests.core.floor_kit import counsellor

AT = datetime(2026, 11, 22, 6, 30, 10, tzinfo=UTC)
RULES = load_rules(PROJECT / "deploy" / "provinces" / "markazi.yaml")
PEOPLE = (counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak"))
TAFRESH = CallFacts(province=ProvinceId("markazi"), county=CountyId("markazi-tafresh"))
EVACUATED = Closure(
    id=1,
    desk=DeskId("markazi-saveh"),
    kind=ClosureKind.EVACUATED,
    reason="a bomb threat",
    from_at=AT + timedelta(seconds=5),
    until_at=AT + timedelta(seconds=15),
)


def desks(planner: Planner, at: datetime) -> tuple[str, ...]:
    return planner.plan(TAFRESH, at).steps[0].desks


def test_calls_of_the_same_minute_and_kind_share_one_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[datetime] = []

    def counted(rules: ProvinceRules, duty: Duty, facts: CallFacts, at: datetime) -> RoutePlan:
        made.append(at)
        return plan(rules, duty, facts, at)

    monkeypatch.setattr("ivr.planner.plan", counted)
    planner = Planner([RULES], PEOPLE)
    first = planner.plan(TAFRESH, AT)
    assert planner.plan(TAFRESH, AT + timedelta(seconds=20)) is first
    assert len(made) == 1
    planner.plan(TAFRESH, AT + timedelta(minutes=1))
    assert len(made) == 2


def test_a_plan_that_is_the_same_a_minute_later_is_one_plan_in_a_long_line() -> None:
    planner = Planner([RULES], PEOPLE, DutyBook(closures=(EVACUATED,)))
    first = planner.plan(TAFRESH, AT)
    during = planner.plan(TAFRESH, AT + timedelta(seconds=10))
    assert during != first
    for minutes in (1, 3):
        assert planner.plan(TAFRESH, AT + timedelta(minutes=minutes)) == first
    later = planner.plan(TAFRESH, AT + timedelta(minutes=4))
    assert planner.plan(TAFRESH, AT + timedelta(minutes=5)) is later


def test_a_closure_begins_and_ends_by_itself() -> None:
    planner = Planner([RULES], PEOPLE, DutyBook(closures=(EVACUATED,)))
    seen = [desks(planner, AT + timedelta(seconds=s)) for s in (0, 5, 14, 15)]
    assert [("markazi-saveh" in step) for step in seen] == [True, False, False, True]


def test_a_clock_that_steps_back_finds_its_page_again() -> None:
    planner = Planner([RULES], PEOPLE, DutyBook(closures=(EVACUATED,)))
    assert "markazi-saveh" not in desks(planner, AT + timedelta(seconds=5))
    assert "markazi-saveh" in desks(planner, AT)


def test_a_live_call_goes_on_by_the_version_that_it_joined_with() -> None:
    """The duty is that of now all the same."""
    planner = Planner([RULES], PEOPLE)
    joined_with = planner.plan(TAFRESH, AT).rules_version
    shorter = RULES.model_copy(update={"steps": RULES.steps[2:3], "id": RULES.id})
    newer = type(RULES).model_validate(shorter.model_dump())
    planner.take([newer], PEOPLE)
    assert planner.plan(TAFRESH, AT).rules_version == newer.version != joined_with
    again = planner.plan_again(TAFRESH, joined_with, AT)
    assert (again.rules_version, again.steps[0].desks) == (joined_with, ("markazi-saveh",))


def test_a_version_that_this_process_never_saw_gives_way_to_the_present_one() -> None:
    planner = Planner([RULES], PEOPLE)
    assert planner.plan_again(TAFRESH, "000000000000", AT).rules_version == RULES.version


def test_of_earlier_rules_those_stay_by_which_live_calls_go() -> None:
    others = [RULES.model_copy(update={"name_fa": f"نمونه {n}"}) for n in range(4)]
    versions = [item.version for item in others]
    assert len(set(versions)) == 4
    planner = Planner([others[0]], PEOPLE)
    for item in others[1:]:
        planner.take([item], PEOPLE, used=[versions[0]])

    def planned_by(version: str) -> str:
        return planner.plan_again(TAFRESH, version, AT).rules_version

    assert planned_by(versions[0]) == versions[0]  # a live call goes by it
    assert planned_by(versions[1]) == versions[3]  # nobody did
    assert planned_by(versions[2]) == versions[2]  # a call may be on its way to the floor
    planner.take([others[3]], PEOPLE)
    assert planned_by(versions[0]) == versions[3]
