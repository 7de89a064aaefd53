"""A province's own words in its reports: text, JSON, CSV and page alike; ids stay."""

import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli import app, own_words
from ivr.errors import LineError
from ivr.in_force import InForce
from ivr.model import ProvinceId
from ivr.outcomes import OutcomeId
from ivr.report_names import names, outcome_labels
from ivr.rules.form_labels import FormLabel
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from tests.edge.test_cli_report import OPTIONS, save

TEAM, CATEGORY, YOUNG, POLICE = "گروه سیار خراسان", "آزار کودک", "خردسال", "کلانتری"
OWN = {
    "outcome.mobile_team": TEAM,
    "category.child_abuse": CATEGORY,
    "persons.line.age.0-11": YOUNG,
    "outcome.external.police": POLICE,
}


@pytest.fixture
def rules() -> ProvinceRules:
    """South Khorasan's, with words of its own."""
    deployed = load_all(PROJECT / "deploy" / "provinces")
    one = next(it for it in deployed if it.id == "south-khorasan")
    outcomes = [
        it.model_copy(update={"name_fa": TEAM}) if it.id is OutcomeId.MOBILE_TEAM else it
        for it in one.outcomes
    ]
    categories = [
        it.model_copy(update={"name_fa": CATEGORY}) if it.id == "child_abuse" else it
        for it in one.categories
    ]
    labels = (
        FormLabel(id="age_band.0-11", name_fa=YOUNG),
        FormLabel(id="body.police", name_fa=POLICE),
    )
    changes = {"outcomes": outcomes, "categories": categories, "form_labels": labels}
    return one.model_copy(update={name: tuple(it) for name, it in changes.items()})


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: ProvinceRules
) -> Callable[..., str]:
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    in_force = InForce.__new__(InForce)
    object.__setattr__(in_force, "rules", (rules,))
    monkeypatch.setattr(own_words, "current", lambda _settings: in_force)
    save(tmp_path)

    def run_command(*words: str) -> str:
        result = CliRunner().invoke(app, ["report", *OPTIONS, *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    return run_command


def test_a_provinces_words_stand_in_its_report_and_in_no_other(rules: ProvinceRules) -> None:
    own = names([rules], rules.id)
    assert {figure: own.label_fa(figure) for figure in OWN} == OWN
    others = names([rules], ProvinceId("ilam"))
    assert others.label_fa("outcome.mobile_team") != TEAM
    assert own.label_fa("calls_silent") == "بی‌صدا"
    assert outcome_labels([rules])[rules.id]["mobile_team"] == TEAM


def test_text_json_csv_and_page_say_the_same(run: Callable[..., str], tmp_path: Path) -> None:
    figures = json.loads(run("--json"))["figures"]
    assert figures["outcome.mobile_team"]["label_fa"] == TEAM
    lines = {row["figure"]: row for row in csv.DictReader(io.StringIO(run("--csv")))}
    page = tmp_path / "report.html"
    run("--html", str(page))
    shown = unescape(re.sub(r"<[^>]+>", "|", page.read_text(encoding="utf-8")))
    text = run()
    for figure, values in figures.items():
        line, value = lines[figure], values["value"]
        assert line["label_fa"] == values["label_fa"]
        assert (line["now"] or None) == (None if value is None else f"{value:g}"), figure
        assert (line["change"] or None) == (
            None if values["change"] is None else str(values["change"])
        )
    for label in (TEAM, POLICE):
        assert label in text
        assert label in shown
    assert re.search(rf"Mobile team \({TEAM}\) +5 +0", text)
    assert re.search(rf"{TEAM}\|+\s*\|*۵\|", shown)


def test_rules_with_mistakes_keep_no_report_back(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_settings: object) -> InForce:
        raise LineError("no rules")

    monkeypatch.setattr(own_words, "current", broken)
    assert "without the provinces' own words (no rules)" in run()


def test_tables_of_calls_say_outcomes_in_the_provinces_words(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(*words: str) -> str:
        result = CliRunner().invoke(app, ["calls", *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    monkeypatch.setenv("COLUMNS", "300")
    assert TEAM in shown("show", "in.1")
    assert TEAM in shown("list", "--since", "1400/01/01")
    (outcome,) = json.loads(shown("show", "in.1", "--json"))["outcomes"]
    assert (outcome["outcome"], outcome["label_fa"]) == ("mobile_team", TEAM)
    assert run()
