"""Which team is proposed for a county at an hour, and how a trip goes on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ivr.dispatching import (
    AskedBy,
    CoverKind,
    Dispatch,
    TripStep,
    chosen_team,
    stepped,
    team_choices,
)
from ivr.errors import BadInput
from ivr.jalali import parse_instant
from ivr.model import CountyId, ProvinceId
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT

DAY, NIGHT = parse_instant("1405-09-01 10:00"), parse_instant("1405-09-01 23:30")
AT = datetime(2026, 11, 22, tzinfo=UTC)


def minutes(count: int) -> datetime:
    return AT + timedelta(minutes=count)


@pytest.fixture(scope="module")
def qazvin() -> ProvinceRules:
    return load_rules(PROJECT / "deploy" / "provinces" / "qazvin.yaml")


@pytest.mark.parametrize(
    ("county", "at", "team", "cover"),
    [
        ("qazvin-avaj", DAY, "team-avaj", CoverKind.OWN),
        ("qazvin-avaj", NIGHT, "team-qazvin", CoverKind.COVER),
        ("qazvin-qazvin", DAY, "team-qazvin", CoverKind.OWN),
        ("qazvin-qazvin", NIGHT, "team-qazvin", CoverKind.OWN),
    ],
)
def test_at_night_the_team_of_the_provincial_capital_goes(
    qazvin: ProvinceRules, county: str, at: datetime, team: str, cover: CoverKind
) -> None:
    first = team_choices(qazvin, CountyId(county), at)[0]
    assert (first.team, first.cover, first.on_shift) == (team, cover, True)


def test_at_night_no_team_is_named_that_does_not_work(qazvin: ProvinceRules) -> None:
    choices = team_choices(qazvin, CountyId("qazvin-avaj"), NIGHT)
    assert [choice.team for choice in choices] == ["team-qazvin"]


def changed(rules: ProvinceRules, **changes: Any) -> ProvinceRules:
    return ProvinceRules.model_validate(rules.model_dump(mode="json") | changes)


def test_a_supporting_countys_team_goes_before_one_that_covers_all(qazvin: ProvinceRules) -> None:
    counties = qazvin.model_dump(mode="json")["counties"]
    for county in counties:
        if county["id"] == "qazvin-avaj":
            county["supporting"] = [{"county": "qazvin-takestan", "proposal": True}]
    teams = [
        team for team in qazvin.model_dump(mode="json")["mobile_teams"] if team["id"] != "team-avaj"
    ]
    rules = changed(qazvin, counties=counties, mobile_teams=teams)
    first = team_choices(rules, CountyId("qazvin-avaj"), DAY)[0]
    assert (first.team, first.cover, first.to_confirm) == (
        "team-takestan",
        CoverKind.SUPPORTING,
        True,
    )


def test_where_no_team_is_named_any_is_sent_by_its_id_as_the_countys_own() -> None:
    markazi = load_rules(PROJECT / "deploy" / "provinces" / "markazi.yaml")
    saveh = CountyId("markazi-saveh")
    choice = chosen_team(markazi, saveh, "team-saveh", DAY)
    assert (choice.team, choice.county, choice.cover) == ("team-saveh", saveh, CoverKind.OWN)
    assert (choice.on_shift, choice.to_confirm) == (None, True)
    with pytest.raises(BadInput, match=r"^No team is known for markazi-saveh.*by an id"):
        chosen_team(markazi, saveh, None, DAY)
    with pytest.raises(BadInput, match=r"'the red van' cannot be sent.*by an id"):
        chosen_team(markazi, saveh, "the red van", DAY)


def test_a_team_of_unknown_shifts_is_named_as_to_be_confirmed(qazvin: ProvinceRules) -> None:
    teams = [{"id": "team-avaj", "county": "qazvin-avaj"}]
    (only,) = team_choices(changed(qazvin, mobile_teams=teams), CountyId("qazvin-avaj"), NIGHT)
    assert (only.on_shift, only.to_confirm) == (None, True)


def trip(**changes: Any) -> Dispatch:
    fields: dict[str, Any] = {
        "id": 1,
        "key": "k",
        "call": None,
        "province": ProvinceId("qazvin"),
        "county": CountyId("qazvin-avaj"),
        "team": "team-avaj",
        "team_county": CountyId("qazvin-avaj"),
        "cover": CoverKind.OWN,
        "asked_by": AskedBy.POLICE,
        "requested_at": AT,
        "by": "sara",
        "at": AT,
    }
    return Dispatch(**(fields | changes))


def test_a_step_brings_those_left_out_and_is_said_only_once() -> None:
    sent = stepped(trip(), TripStep.SENT, minutes(5))
    assert (sent.accepted_at, sent.sent_at, sent.arrived_at) == (minutes(5), minutes(5), None)
    assert stepped(sent, TripStep.SENT, minutes(9)) == sent
    closed = stepped(sent, TripStep.CLOSED, minutes(30))
    assert (closed.sent_at, closed.arrived_at, closed.is_over) == (minutes(5), minutes(30), True)


def test_a_trip_that_is_over_goes_no_further() -> None:
    cancelled = stepped(trip(), TripStep.CANCELLED, minutes(1))
    with pytest.raises(BadInput, match="is over"):
        stepped(cancelled, TripStep.SENT, minutes(2))
    with pytest.raises(BadInput, match="is over"):
        stepped(stepped(trip(), TripStep.CLOSED, minutes(1)), TripStep.CANCELLED, minutes(2))


def test_no_step_lies_before_an_earlier_one() -> None:
    with pytest.raises(BadInput, match="earlier step"):
        stepped(trip(accepted_at=minutes(10)), TripStep.SENT, minutes(5))
