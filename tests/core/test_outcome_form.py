"""What may be saved of a call, and what a person is told where it may not."""

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from ivr.form_check import FormSetting, check_form
from ivr.model import CategoryId, CountyId
from ivr.outcome_form import ONE_TOUCH, OutcomeForm, OutcomeItem, one_touch, with_outcome
from ivr.outcomes import (
    FORM_LABELS,
    AgeBand,
    OutcomeId,
    OutsideBody,
    Relation,
    Reporter,
    Risk,
    ServiceKind,
    Sex,
)
from ivr.rules.form_labels import FormLabel, labels
from ivr.rules.load import load_rules
from ivr.settings import PROJECT
from ivr.text import ZWNJ

TODAY = date(2026, 11, 22)
ENUMS = {
    "relation": Relation,
    "risk": Risk,
    "reporter": Reporter,
    "kind": ServiceKind,
    "body": OutsideBody,
    "age_band": AgeBand,
    "sex": Sex,
}


@pytest.fixture(scope="module")
def setting() -> FormSetting:
    rules = load_rules(PROJECT / "deploy" / "provinces" / "qazvin.yaml")
    return FormSetting(
        rules=rules,
        known_counties=frozenset(county.id for county in rules.counties),
        heard_county=CountyId("qazvin-avaj"),
        heard_category=CategoryId("family_dispute"),
        today=TODAY,
    )


def form(**fields: Any) -> OutcomeForm:
    return OutcomeForm.model_validate(fields)


def solved(**fields: Any) -> dict[str, Any]:
    return {"outcomes": [{"outcome": "phone_resolved", "kind": "legal"}], **fields}


FULL = solved(
    category="child_abuse",
    county="qazvin-alborz",
    reporter="neighbour",
    persons=[{"count": 2, "age_band": "0-11", "sex": "female"}, {"count": 1}],
    risk="high",
    note="  همسايه‌ها خبر داده‌اند  ",
    follow_up_on=TODAY,
    wrong_county=True,
    wrong_category=True,
)


def test_a_full_form_may_be_saved_and_comes_back_from_json(setting: FormSetting) -> None:
    full = form(**FULL)
    assert check_form(full, setting) == ()
    assert full.note == f"همسایه{ZWNJ}ها خبر داده{ZWNJ}اند"
    assert OutcomeForm.model_validate_json(full.model_dump_json()) == full


@pytest.mark.parametrize("relation", ONE_TOUCH)
def test_one_touch_is_a_whole_form(relation: Relation, setting: FormSetting) -> None:
    assert check_form(one_touch(relation), setting) == ()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({}, "outcomes", "choose at least one"),
        ({"outcomes": [{"outcome": "prank"}]}, "outcomes", "set the relation to prank"),
        ({"relation": "silent"}, "outcomes", "silent as its only outcome"),
        (solved(relation="unrelated"), "outcomes", "unrelated as its only outcome"),
        (
            {"relation": "test", "outcomes": [{"outcome": "test"}], "persons": [{"count": 1}]},
            "persons",
            "nobody is helped",
        ),
        (solved(county="nowhere"), "county", "no county 'nowhere'"),
        (solved(wrong_county=True), "county", "say which is right"),
        (solved(wrong_county=True, county="qazvin-avaj"), "county", "say which is right"),
        (solved(category="weather"), "category", "no category 'weather'"),
        (solved(wrong_category=True), "category", "say which is right"),
        (solved(wrong_category=True, category="family_dispute"), "category", "say which"),
        (
            {"outcomes": [{"outcome": "mobile_team", "kind": "legal"}]},
            "outcomes.0",
            "belongs to phone_resolved alone",
        ),
        (
            {"outcomes": [{"outcome": "service_base", "body": "police"}]},
            "outcomes.0",
            "belongs to external alone",
        ),
        (
            {"outcomes": [{"outcome": "external", "body": "police", "unit": "crisis-qazvin"}]},
            "outcomes.0",
            "no centre, base or team belongs to external",
        ),
        (
            {"outcomes": [{"outcome": "crisis_centre_admission", "unit": "crisis-arak"}]},
            "outcomes.0",
            "choose one of: crisis-qazvin",
        ),
        (
            {"outcomes": [{"outcome": "service_base"}, {"outcome": "service_base"}]},
            "outcomes.1",
            "there twice",
        ),
        (solved(note="دوباره زنگ بزنید: ۰۹۱۲ ۱۱۱ ۲۲۳۳"), "note", "take it out"),
        (
            {"outcomes": [{"outcome": "service_base", "note": "+98 86 3312 3456"}]},
            "outcomes.0.note",
            "a telephone number",
        ),
        (solved(follow_up_on=TODAY - timedelta(days=400)), "follow_up_on", "a year ago"),
        (solved(follow_up_on=TODAY + timedelta(days=400)), "follow_up_on", "more than a year"),
    ],
)
def test_a_wrong_form_is_told_field_and_mend(
    fields: dict[str, Any], field: str, words: str, setting: FormSetting
) -> None:
    (problem,) = check_form(form(**fields), setting)
    assert problem.field == field
    assert words in problem.what


@pytest.mark.parametrize(
    "fields",
    [
        {"persons": [{"count": 0}]},
        {"persons": [{"count": 1000}]},
        {"note": "ا" * 4001},
        {"outcomes": [{"outcome": "solved"}]},
        {"county": "Not An Id"},
        {"colour": "red"},
    ],
)
def test_what_no_form_can_hold_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        form(**fields)


def test_a_note_keeps_nothing_that_a_database_refuses() -> None:
    assert form(note="a\0b\ud800c").note == "abc"


def test_an_outcome_more_stands_beside_the_others_once() -> None:
    team = OutcomeItem(outcome=OutcomeId.MOBILE_TEAM)
    phone = OutcomeItem(outcome=OutcomeId.PHONE_RESOLVED, kind=ServiceKind.LEGAL)
    both = with_outcome(with_outcome(with_outcome(OutcomeForm(), team), phone), team)
    assert both.outcomes == (phone, team)
    assert both.relation is Relation.RELATED


def test_an_outcome_of_one_touch_replaces_what_was_said_and_is_replaced() -> None:
    prank = with_outcome(form(**FULL), OutcomeItem(outcome=OutcomeId.PRANK))
    assert prank == one_touch(Relation.PRANK)
    again = with_outcome(prank, OutcomeItem(outcome=OutcomeId.CALL_BACK_DUE))
    assert (again.relation, [item.outcome for item in again.outcomes]) == (
        Relation.RELATED,
        [OutcomeId.CALL_BACK_DUE],
    )


def test_everything_that_a_form_asks_has_a_label() -> None:
    assert {field: list(labels) for field, labels in FORM_LABELS.items()} == {
        field: list(enum) for field, enum in ENUMS.items()
    }


def test_a_province_has_its_own_labels_and_the_ids_stay() -> None:
    own = labels([FormLabel(id="risk.high", name_fa="پرخطر")])
    assert own["risk"]["high"] == "پرخطر"
    assert own["risk"]["low"] == FORM_LABELS["risk"][Risk.LOW]
    with pytest.raises(ValidationError, match="no such answer of the form"):
        FormLabel(id="risk.enormous", name_fa="بسیار")
