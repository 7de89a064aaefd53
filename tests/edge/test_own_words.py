"""A province's own words wherever somebody reads what came of a call; ids stay as they are."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app, own_words
from ivr.deployment import from_files
from ivr.model import CallId, CounsellorId, ProvinceId
from ivr.outcomes import OUTCOME_LABELS, OutcomeId
from ivr.report_names import outcome_labels
from ivr.rules.form_labels import FormLabel
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings
from ivr.store.store import Store
from ivr.view import FloorView, Names, call_row
from ivr.web.drawing import Drawing
from tests.edge.staff import PASSWORD, take_in_staff
from tests.edge.store_examples import FACTS, at, call, settings

TEAM, ABUSE, GREAT, GIRL, POLICE = "گروه سیار", "آزار کودک", "پرخطر", "دختر", "کلانتری"
ILAM = ProvinceId("ilam")
CALL, OWED = "170.5", "170.6"
LONG_AGO_S = -30 * 86_400.0


@dataclass(frozen=True)
class Rules:
    rules: tuple[ProvinceRules, ...]


@pytest.fixture
def rules() -> tuple[ProvinceRules, ...]:
    """The deployed ones; Markazi has words of its own."""

    def worded(one: ProvinceRules) -> ProvinceRules:
        outcomes = [
            it.model_copy(update={"name_fa": TEAM}) if it.id is OutcomeId.MOBILE_TEAM else it
            for it in one.outcomes
        ]
        categories = [
            it.model_copy(update={"name_fa": ABUSE}) if it.id == "child_abuse" else it
            for it in one.categories
        ]
        named = {"risk.high": GREAT, "sex.female": GIRL, "body.police": POLICE}
        labels = [FormLabel(id=name, name_fa=label) for name, label in named.items()]
        changes = {"outcomes": outcomes, "categories": categories, "form_labels": labels}
        return one.model_copy(update={name: tuple(it) for name, it in changes.items()})

    deployed = from_files(Settings()).rules
    return tuple(worded(one) if one.id == "markazi" else one for one in deployed)


@pytest.fixture(autouse=True)
def _copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: tuple[ProvinceRules, ...]
) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setattr(own_words, "current", lambda _settings: Rules(rules))
    for name, value in (("HOME", str(tmp_path)), ("USER", "chief"), ("PASSWORD", PASSWORD)):
        monkeypatch.setenv(f"IVR_{name}", value)
    asyncio.run(_save(tmp_path))


async def _save(home: Path) -> None:
    times = {
        "arrived_at": at(LONG_AGO_S),
        "connected_at": at(LONG_AGO_S + 1),
        "talk_ended_at": at(LONG_AGO_S + 60),
        "ended_at": at(LONG_AGO_S + 61),
    }
    async with await Store.open(settings(home)) as store:
        one = call(CALL, facts=FACTS, counsellor=CounsellorId("sara"), **times)
        other = replace(one, call=CallId("180.1"), province=ILAM)
        await store.save_calls([one, replace(one, call=CallId(OWED)), other])
        await take_in_staff(store)


def run(*arguments: str, text: str = "") -> str:
    result = CliRunner().invoke(app, arguments, input=text, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_whoever_records_an_outcome_reads_their_provinces_word(
    rules: tuple[ProvinceRules, ...],
) -> None:
    assert run("outcome", CALL, "mobile_team") == f"Saved: {CALL} mobile_team {TEAM}\n"
    ilams = outcome_labels(rules)[ILAM]["mobile_team"]
    assert ilams != TEAM
    assert run("outcome", "180.1", "mobile_team") == f"Saved: 180.1 mobile_team {ilams}\n"


def test_a_form_is_shown_in_its_provinces_words_and_without_its_notes() -> None:
    assert run("outcome", "show", CALL) == f"Nobody has saved a form of {CALL}.\n"
    form = {
        "category": "child_abuse",
        "risk": "high",
        "persons": [{"count": 2, "sex": "female"}],
        "outcomes": [
            {"outcome": "mobile_team", "unit": "team-saveh", "note": "نزد مادربزرگ"},
            {"outcome": "external", "body": "police"},
        ],
        "follow_up_on": "2026-12-01",
    }
    run("outcome", "save", CALL, "-", text=json.dumps(form))
    shown = run("outcome", "show", CALL)
    for word in (TEAM, ABUSE, GREAT, GIRL, POLICE, "team-saveh", "2 female", "2026-12-01", "chief"):
        assert word in shown
    assert "مادربزرگ" not in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("notes")] == [
        ["notes", "1", "-"]
    ]


def test_lists_and_earlier_contacts_are_in_the_provinces_words() -> None:
    assert ABUSE in run("outcome", "pending")
    assert "child_abuse" in run("outcome", "pending")
    run("outcome", CALL, "mobile_team")
    assert TEAM in run("calls", "show", CALL)


def test_the_console_names_an_outcome_as_the_calls_province_does(
    rules: tuple[ProvinceRules, ...],
) -> None:
    view = FloorView(sequence=1, at=datetime.now(UTC), exchange_up=True)
    names = Names(outcomes=outcome_labels(rules))
    own = call(CALL, facts=FACTS, ended_at=at(9))
    elsewhere = replace(own, province=ProvinceId("atlantis"))
    for record, label in (
        (own, TEAM),
        (replace(own, province=ILAM), names.outcomes[ILAM]["mobile_team"]),
        (elsewhere, OUTCOME_LABELS[OutcomeId.MOBILE_TEAM]),
    ):
        row = call_row(record, OutcomeId.MOBILE_TEAM)
        assert f"<td>{label}</td>" in Drawing().calls([row], view, names)
