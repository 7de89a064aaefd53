"""The five provinces as their sources describe them: no more, no less."""

from collections import Counter

import pytest

from ivr.deployment import centre_names
from ivr.dialplan.flow import Fact, Flow, Question, Then
from ivr.dialplan.script import build_flow
from ivr.model import CountyId, ProvinceId
from ivr.rules.counties import gazetteer
from ivr.rules.findings import Finding, Severity
from ivr.rules.load import inspect_all, load_all
from ivr.rules.menus import AskCounty
from ivr.rules.schema import Answering, CentreState, ProvinceRules
from ivr.rules.units import Care, Shift
from ivr.settings import PROJECT
from ivr.text import ZWNJ

DEPLOYED = PROJECT / "deploy" / "provinces"
ALL = {rules.id: rules for rules in load_all(DEPLOYED)}
FINDINGS = {one.rules.id: one.findings for one in inspect_all(DEPLOYED) if one.rules}
AREA_CODES = {
    "khuzestan": "061",
    "ilam": "084",
    "markazi": "086",
    "south-khorasan": "056",
    "qazvin": "028",
}


def province(name: str) -> ProvinceRules:
    return ALL[ProvinceId(name)]


def states(name: str) -> Counter[CentreState]:
    return Counter(county.centre.state for county in province(name).counties)


def questions(name: str) -> list[Finding]:
    return [item for item in FINDINGS[ProvinceId(name)] if item.severity is Severity.QUESTION]


def asked(name: str, part: str) -> bool:
    return any(part in item.message for item in questions(name))


def test_the_five_provinces_are_served() -> None:
    assert {rules.id: rules.lines for rules in ALL.values()} == {
        name: (f"{code}123",) for name, code in AREA_CODES.items()
    }


@pytest.mark.parametrize("name", AREA_CODES)
def test_each_has_all_its_counties_with_their_published_names(name: str) -> None:
    known = {county.id: county.name_fa for county in gazetteer().counties_of(name)}
    assert {county.id: county.name_fa for county in province(name).counties} == known


def test_names_that_people_read_are_spelt_as_persian_is() -> None:
    names = {one.id: one.name_fa for rules in ALL.values() for one in rules.counties}
    assert names[CountyId("ilam-darreh-shahr")] == f"دره{ZWNJ}شهر"
    assert names[CountyId("south-khorasan-eshqabad")] == f"عشق{ZWNJ}آباد"
    assert names[CountyId("qazvin-buin-zahra")] == f"بوئین{ZWNJ}زهرا"


def test_a_crisis_centre_is_called_after_its_place() -> None:
    named = "مرکز مداخله در بحران قزوین"
    rules = province("qazvin")
    assert dict(centre_names(rules)) == {"crisis-qazvin": named}
    (centre,) = rules.crisis_centres
    second = centre.model_copy(update={"id": "crisis-2", "city": None})
    two = rules.model_copy(update={"crisis_centres": (centre, second)})
    assert dict(centre_names(two)) == {
        "crisis-qazvin": f"{named} (crisis-qazvin)",
        "crisis-2": f"{named} (crisis-2)",
    }


def test_the_states_of_centres() -> None:
    assert states("khuzestan") == {CentreState.UNKNOWN: 30}
    assert states("ilam") == {
        CentreState.OPEN: 8, CentreState.PLANNED: 2, CentreState.UNKNOWN: 2,
    }  # fmt: skip
    assert states("markazi") == {CentreState.OPEN: 8, CentreState.PLANNED: 4}
    assert states("south-khorasan") == {CentreState.UNKNOWN: 12}
    assert states("qazvin") == {CentreState.UNKNOWN: 6}


def test_only_ilam_answers_in_one_place() -> None:
    central = {rules.id for rules in ALL.values() if rules.answering is Answering.CENTRAL}
    assert central == {"ilam"}
    assert province("ilam").desks == ("ilam",)
    assert asked("ilam", "in which centre does the desk that answers for the province sit?")


def test_ilams_openings_have_no_day_and_its_youngest_counties_no_state() -> None:
    ilam = province("ilam")
    for name in ("badreh", "sirvan"):
        county = ilam.county(CountyId(f"ilam-{name}"))
        assert county is not None
        assert (county.centre.state, county.centre.planned) == (CentreState.PLANNED, None)
        assert asked("ilam", f"when is the centre of ilam-{name} to open?")
    assert asked("ilam", "which of these 2 counties have a centre? The sources do not say: ilam-ho")


def test_khuzestans_22_are_counted_and_not_named() -> None:
    assert province("khuzestan").stated.open_centres == 22
    assert province("khuzestan").desks == ()
    assert asked("khuzestan", "They count 22 centres; 0 are known here.")


def test_south_khorasan() -> None:
    rules = province("south-khorasan")
    without = [county.id for county in rules.counties if county.line_24h is None]
    assert without == ["south-khorasan-eshqabad"]
    assert (rules.stated.vehicles, rules.stated.service_bases) == (10, 16)
    assert (rules.mobile_teams, rules.service_bases, rules.crisis_centres) == ((), (), ())
    assert asked("south-khorasan", "does the line serve south-khorasan-eshqabad at any hour")
    assert asked("south-khorasan", "16 social service bases")
    assert asked("south-khorasan", "10 vehicles")


def test_qazvin() -> None:
    rules = province("qazvin")
    shifts = {team.county: set(team.shifts or ()) for team in rules.mobile_teams}
    by_day = {Shift.MORNING, Shift.EVENING}
    assert shifts == {county.id: by_day for county in rules.counties} | {
        "qazvin-qazvin": by_day | {Shift.NIGHT}
    }
    (residential,) = rules.crisis_centres
    assert (residential.county, residential.care) == ("qazvin-qazvin", Care.RESIDENTIAL)
    assert (rules.stated.mobile_teams, rules.stated.outpatient_crisis_centres) == (14, 8)
    assert asked("qazvin", "14 mobile teams")
    assert asked("qazvin", "8 outpatient crisis centres, and 0 of them")
    assert asked("qazvin", "does team-qazvin go to counties whose own team is not on shift?")


@pytest.mark.parametrize("name", AREA_CODES)
def test_nothing_is_wrong_and_every_question_says_whom_to_ask_and_what_happens(name: str) -> None:
    errors = [item for item in FINDINGS[ProvinceId(name)] if item.severity is Severity.ERROR]
    assert errors == []
    assert len(questions(name)) >= 4
    for item in questions(name):
        assert " Ask the " in item.message
        assert " Until then " in item.message
        assert item.line > 1


def test_whatever_is_only_proposed_is_asked() -> None:
    proposals = "".join(file.read_text("utf-8") for file in DEPLOYED.glob("*.yaml"))
    supporting = [item for county in province("markazi").counties for item in county.supporting]
    assert len(supporting) == 4
    assert all(item.proposal for item in supporting)
    # Four supporting counties, the hours of the shifts, who covers Qazvin at night, and the lunar
    # holidays of 1406.
    assert proposals.count("proposal: true") == 4 + 1 + 1 + 17
    assert asked("qazvin", "at which hours do the teams' shifts begin and end?")


@pytest.mark.parametrize("name", AREA_CODES)
def test_what_is_common_is_the_same_everywhere(name: str) -> None:
    rules, markazi = province(name), province("markazi")
    assert rules.categories == markazi.categories
    assert rules.outcomes == markazi.outcomes
    assert rules.menus.category_choices == markazi.menus.category_choices


# ------------------------------------------------------------------ the county menu


def county_question(rules: ProvinceRules) -> Question | None:
    flow: Flow = build_flow(rules)
    return next((one for one in flow.questions if one.settles is Fact.COUNTY), None)


@pytest.mark.parametrize("name", AREA_CODES)
def test_the_county_is_asked_only_where_it_may_decide_who_answers(name: str) -> None:
    question = county_question(province(name))
    assert (question is None) == (name == "ilam")


@pytest.mark.parametrize("name", sorted(set(AREA_CODES) - {"ilam"}))
def test_at_most_two_pages_and_a_way_to_a_human_on_each(name: str) -> None:
    question = county_question(province(name))
    assert question is not None
    assert 1 <= len(question.pages) <= 2
    for number, page in enumerate(question.pages, start=1):
        assert page.answers["0"].then is Then.LINE
        assert ("9" in page.answers) == (number < len(question.pages))
    assert question.silence.then is Then.LINE


def test_who_does_not_hear_their_county_is_not_told_to_know_nothing() -> None:
    khuzestan = county_question(province("khuzestan"))
    assert khuzestan is not None
    first, last = khuzestan.pages
    assert first.prompts[-1] == "county-human"
    assert last.prompts[-1] == "county-not-named"
    markazi = county_question(province("markazi"))
    assert markazi is not None
    assert [page.prompts[-1] for page in markazi.pages] == ["county-human"] * 2


def test_khuzestans_menu_is_in_the_order_that_its_file_states() -> None:
    rules = province("khuzestan")
    heard = [item.county for page in rules.menus.county_pages for item in page]
    listed = [county.id for county in rules.counties]
    capital = "khuzestan-ahvaz"
    assert heard == [capital, *(county for county in listed if county != capital)][:16]
    assert list(rules.unheard_counties) == [county for county in listed if county not in heard]
    assert asked("khuzestan", "which 16 of the 30 counties should callers hear?")


@pytest.mark.parametrize(
    ("name", "ask", "expected"),
    [
        ("ilam", AskCounty.AUTO, False),
        ("ilam", AskCounty.ALWAYS, True),
        ("ilam", AskCounty.NEVER, False),
        ("markazi", AskCounty.AUTO, True),
        ("markazi", AskCounty.ALWAYS, True),
        ("markazi", AskCounty.NEVER, False),
    ],
)
def test_a_province_may_decide_otherwise(name: str, ask: AskCounty, expected: bool) -> None:
    pages = province("markazi").menus.county_pages
    menus = province(name).menus.model_copy(update={"ask_county": ask, "county_pages": pages})
    rules = province(name).model_copy(update={"menus": menus})
    assert (county_question(rules) is not None) == expected
