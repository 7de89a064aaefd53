"""Plans: own desk, supporting county, province; one provincial desk; who could be sent."""

from datetime import datetime
from pathlib import Path

import pytest

from ivr.calendar import TEHRAN
from ivr.duty import duty_at
from ivr.model import (
    CallFacts,
    Counsellor,
    CounsellorId,
    CountyId,
    DeskId,
    Device,
    DeviceId,
    Lane,
    ProvinceId,
)
from ivr.model.plan import Reason, ReasonCode, RoutePlan
from ivr.router import plan
from ivr.rules.load import load_all, load_rules
from ivr.rules.schema import Answering, Centre, CentreState, ProvinceRules
from ivr.rules.units import Shift
from ivr.settings import PROJECT
from tests.core.floor_kit import START

RULES = load_rules(Path(__file__).parents[2] / "deploy/provinces/markazi.yaml")
ALL = {rules.id: rules for rules in load_all(PROJECT / "deploy" / "provinces")}
NIGHT = datetime(2026, 11, 22, 3, 0, tzinfo=TEHRAN)
DAY = datetime(2026, 11, 22, 10, 0, tzinfo=TEHRAN)


def at_desk(desk: str) -> Counsellor:
    return Counsellor(
        id=CounsellorId(f"at-{desk}"),
        name_fa=desk,
        desks=(DeskId(desk),),
        devices=(Device(id=DeviceId(f"{desk}-1")),),
    )


PEOPLE = tuple(at_desk(desk) for desk in RULES.desks if desk != "markazi-khondab")


def plan_for(county: str | None, lane: Lane = Lane.ORDINARY) -> list[tuple[float, list[str]]]:
    steps = _plan(county, lane).steps
    return [(step.after_s, list(step.desks)) for step in steps]


def _plan(county: str | None, lane: Lane = Lane.ORDINARY):  # type: ignore[no-untyped-def]
    facts = CallFacts(
        province=ProvinceId("markazi"), county=CountyId(county) if county else None, lane=lane
    )
    return plan(RULES, duty_at(PEOPLE, START), facts, START)


ALL_DESKS = list(RULES.desks)


@pytest.mark.parametrize(
    ("county", "first_desk"),
    [
        ("markazi-arak", "markazi-arak"),
        ("markazi-saveh", "markazi-saveh"),
        ("markazi-tafresh", "markazi-saveh"),
        ("markazi-ashtian", "markazi-arak"),
        ("markazi-farahan", "markazi-arak"),
    ],
)
def test_own_or_supporting_desk_then_the_province(county: str, first_desk: str) -> None:
    first, last = plan_for(county)
    assert first == (0, [first_desk])
    assert last == (20, ALL_DESKS)


def test_a_step_that_nobody_is_expected_for_lasts_no_time() -> None:
    assert plan_for("markazi-komijan") == [(0, ["markazi-khondab"]), (0, ALL_DESKS)]


def test_a_county_without_a_confirmed_opening_says_so() -> None:
    assert _plan("markazi-tafresh").steps[0].reasons == (
        Reason(ReasonCode.OPENING_NOT_CONFIRMED, "markazi-tafresh"),
        Reason(ReasonCode.SUPPORTING_COUNTY, "markazi-saveh"),
    )


def test_an_unknown_county_goes_to_the_whole_province_at_once() -> None:
    assert plan_for(None) == [(0, ALL_DESKS)]
    assert _plan(None).steps[0].reasons[0] == Reason(ReasonCode.COUNTY_UNKNOWN)


def test_danger_opens_everything_at_once_and_keeps_the_order_of_desks() -> None:
    danger = _plan("markazi-saveh", Lane.DANGER)
    assert danger.all_at_once
    assert danger.steps[0].desks == ("markazi-saveh",)


def test_a_step_without_anyone_rostered_says_so() -> None:
    step = _plan("markazi-khondab").steps[0]
    assert step.counsellors == ()
    assert Reason(ReasonCode.NOBODY_ROSTERED) in step.reasons


def test_the_last_step_has_no_end() -> None:
    for county in RULES.counties:
        assert _plan(county.id).steps[-1].lasts_s is None


def route(rules: ProvinceRules, county: str | None, *desks: str, at: datetime = DAY) -> RoutePlan:
    """The plan of an ordinary call with one person at each of `desks`."""
    facts = CallFacts(province=rules.id, county=CountyId(county) if county else None)
    return plan(rules, duty_at([at_desk(desk) for desk in desks], at), facts, at)


def shape(of: RoutePlan) -> list[tuple[tuple[str, ...], list[str]]]:
    return [(step.desks, [reason.code for reason in step.reasons]) for step in of.steps]


ILAM, KHUZESTAN, QAZVIN = (ALL[ProvinceId(name)] for name in ("ilam", "khuzestan", "qazvin"))


@pytest.mark.parametrize("county", [None, *(county.id for county in ILAM.counties)])
def test_central_answering_is_the_same_for_every_county(county: str | None) -> None:
    assert shape(route(ILAM, county, "ilam")) == [(("ilam",), ["central_answering"])]


def test_whoever_is_on_duty_in_a_county_helps_the_provincial_desk_out() -> None:
    first, last = route(ILAM, "ilam-mehran", "ilam", "ilam-dehloran").steps
    assert (first.desks, first.lasts_s) == (("ilam",), ILAM.steps[0].lasts_s)
    assert (last.desks, last.after_s) == (("ilam", "ilam-dehloran"), ILAM.steps[0].lasts_s)
    assert last.lasts_s is None


def test_an_empty_provincial_desk_still_ends_at_a_human() -> None:
    assert shape(route(ILAM, None, "ilam-dehloran")) == [
        (("ilam",), ["central_answering", "nobody_rostered"]),
        (("ilam", "ilam-dehloran"), ["whole_province"]),
    ]


def test_a_centre_nobody_knows_of_goes_to_the_province_at_once_and_says_so() -> None:
    assert shape(route(KHUZESTAN, "khuzestan-lali", "khuzestan-ahvaz", "khuzestan-dezful")) == [
        (("khuzestan-ahvaz", "khuzestan-dezful"), ["centre_unknown", "whole_province"])
    ]


def test_an_unknown_centre_with_somebody_on_duty_is_rung_with_the_province() -> None:
    (step,) = route(KHUZESTAN, "khuzestan-ahvaz", "khuzestan-ahvaz").steps
    assert step.counsellors == ("at-khuzestan-ahvaz",)
    assert step.reasons[0] == Reason(ReasonCode.CENTRE_UNKNOWN, "khuzestan-ahvaz")


def test_nobody_on_duty_in_a_whole_province_is_said() -> None:
    (step,) = route(KHUZESTAN, "khuzestan-lali", "markazi-arak", "khuzestan").steps
    assert step.desks == ("khuzestan",)
    (step,) = route(KHUZESTAN, "khuzestan-lali", "markazi-arak").steps
    assert (step.desks, step.counsellors) == ((), ())
    assert Reason(ReasonCode.NOBODY_ROSTERED) in step.reasons


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (CentreState.NONE, ReasonCode.NO_OWN_CENTRE),
        (CentreState.PLANNED, ReasonCode.OPENING_NOT_CONFIRMED),
        (CentreState.UNKNOWN, ReasonCode.CENTRE_UNKNOWN),
    ],
)
def test_without_a_supporting_county_the_reason_stands_with_the_province(
    state: CentreState, reason: ReasonCode
) -> None:
    lonely = ILAM.counties[1].model_copy(update={"centre": Centre(state=state)})
    counties = (ILAM.counties[0], lonely)
    rules = ILAM.model_copy(update={"answering": Answering.COUNTY, "counties": counties})
    assert shape(route(rules, lonely.id, "ilam-ilam")) == [
        (("ilam-ilam",), [reason, "whole_province"])
    ]


def test_nobody_on_duty_is_lost_even_where_no_centre_is_confirmed() -> None:
    desks = [step.desks for step in route(RULES, "markazi-komijan", "markazi-komijan").steps]
    assert desks == [("markazi-khondab",), (*RULES.desks, "markazi-komijan")]


TEAM_CASES = [
    ("qazvin-qazvin", DAY, [("local_team", "team-qazvin")]),
    ("qazvin-qazvin", NIGHT, [("local_team", "team-qazvin")]),
    ("qazvin-avaj", DAY, [("local_team", "team-avaj")]),
    (
        "qazvin-avaj",
        NIGHT,
        [("no_local_team_now", "qazvin-avaj"), ("team_covers", "team-qazvin")],
    ),
    (None, NIGHT, []),
]


@pytest.mark.parametrize(("county", "at", "reasons"), TEAM_CASES)
def test_which_team_could_be_sent(
    county: str | None, at: datetime, reasons: list[tuple[str, str]]
) -> None:
    found = route(QAZVIN, county, "qazvin-qazvin", at=at).reasons
    assert [(reason.code, reason.subject) for reason in found] == reasons


def teams(**change: object) -> list[str]:
    """The codes for Avaj at night where its own team is changed."""
    own = [team.model_copy(update=change) for team in QAZVIN.mobile_teams if "avaj" in team.id]
    rules = QAZVIN.model_copy(update={"mobile_teams": tuple(own)})
    return [reason.code for reason in route(rules, "qazvin-avaj", at=NIGHT).reasons]


def test_without_cover_the_plan_says_that_nobody_can_be_sent() -> None:
    assert teams() == ["no_local_team_now"]
    assert teams(shifts=(Shift.NIGHT,)) == ["local_team"]


def test_a_team_whose_shifts_nobody_knows_is_not_denied() -> None:
    assert teams(shifts=None) == ["team_unknown"]
    without_hours = QAZVIN.model_copy(update={"shifts": None})
    codes = [reason.code for reason in route(without_hours, "qazvin-avaj", at=NIGHT).reasons]
    assert codes == ["team_unknown"]


@pytest.mark.parametrize(
    ("province", "codes"),
    [("south-khorasan", ["team_unknown"]), ("markazi", []), ("ilam", []), ("khuzestan", [])],
)
@pytest.mark.parametrize("at", [DAY, NIGHT])
def test_a_province_is_asked_of_its_teams_only_where_a_source_has_some(
    province: str, codes: list[str], at: datetime
) -> None:
    rules = ALL[ProvinceId(province)]
    found = route(rules, rules.counties[0].id, at=at).reasons
    assert [reason.code for reason in found] == codes


def test_danger_and_the_team_stand_together() -> None:
    facts = CallFacts(province=QAZVIN.id, county=CountyId("qazvin-avaj"), lane=Lane.DANGER)
    found = plan(QAZVIN, duty_at([], NIGHT), facts, NIGHT)
    assert [reason.code for reason in found.reasons] == [
        "danger_opens_all",
        "no_local_team_now",
        "team_covers",
    ]
