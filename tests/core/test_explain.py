"""`ivr rules explain`: the plan of a call that might come."""

import json

import pytest
from typer.testing import CliRunner, Result

from ivr.cli import app
from ivr.cli.explain import SENTENCES
from ivr.errors import BadInput
from ivr.model.plan import ReasonCode


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rules", "explain", *arguments])


def explained(*arguments: str) -> dict[str, object]:
    result = run("--json", *arguments)
    assert result.exit_code == 0, result.output
    report: dict[str, object] = json.loads(result.output)
    return report


def test_dehlorans_caller_rings_the_provincial_desk() -> None:
    report = explained("--province", "ilam", "--county", "dehloran")
    assert (report["county"], report["asks_county"]) == ("ilam-dehloran", False)
    (step,) = report["steps"]  # type: ignore[misc]
    assert (step["desks"], step["lasts_s"]) == (["ilam"], None)
    assert [reason["code"] for reason in step["reasons"]] == ["central_answering"]
    assert step["counsellors"]


def test_steps_with_times_and_reasons() -> None:
    report = explained("--province", "markazi", "--county", "markazi-ashtian")
    first, last = report["steps"]  # type: ignore[misc]
    assert (first["after_s"], first["lasts_s"], first["desks"]) == (0, 20, ["markazi-arak"])
    assert (last["after_s"], last["lasts_s"]) == (20, None)
    assert first["reasons"][0] == {
        "code": "opening_not_confirmed",
        "subject": "markazi-ashtian",
        "text": "the centre of markazi-ashtian is planned; nobody has said that it opened",
    }


@pytest.mark.parametrize(
    ("at", "team"),
    [
        ("2026-11-22T03:00", "no_local_team_now"),
        ("2026-11-22T10:00", "local_team"),
        ("2026-11-22T10:00+00:00", "local_team"),
        ("2026-11-22T18:00+00:00", "no_local_team_now"),
        ("2026-11-21T23:30Z", "no_local_team_now"),
    ],
)
def test_the_time_is_tehrans_unless_it_says(at: str, team: str) -> None:
    report = explained("--province", "qazvin", "--county", "avaj", "--at", at)
    assert report["reasons"][0]["code"] == team  # type: ignore[index]


def test_the_lane_is_as_the_menu_has_it_unless_given() -> None:
    risk = ("--province", "qazvin", "--category", "suicide_attempt")
    assert explained(*risk)["lane"] == "danger"
    assert explained(*risk)["all_at_once"] is True
    assert explained(*risk, "--lane", "silence")["lane"] == "silence"
    assert explained("--province", "qazvin", "--category", "divorce")["lane"] == "ordinary"


def test_the_text_says_it_in_words() -> None:
    arguments = ("--province", "qazvin", "--county", "avaj", "--at", "2026-11-22T03:00")
    text = run(*arguments).output
    assert "no mobile team of qazvin-avaj is on shift" in text
    assert "team-qazvin is on shift elsewhere and could go instead" in text
    assert "no source says whether qazvin-avaj has a centre; everybody on duty in qazvin" in text
    assert "callers are not asked" in run("--province", "ilam").output


def test_every_reason_has_its_words() -> None:
    assert set(SENTENCES) == set(ReasonCode)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--province", "ilm"), "--province ilm: is not served here. Did you mean ilam?"),
        (("--province", "ilam", "--county", "dehlran"), "Did you mean ilam-dehloran?"),
        (("--province", "ilam", "--county", "qazvin-avaj"), "is no county of ilam"),
        (("--province", "ilam", "--category", "divorcee"), "Did you mean divorce?"),
        (("--province", "ilam", "--lane", "urgent"), "Write danger, silence, ordinary."),
        (("--province", "ilam", "--at", "3 o'clock"), "is no day and time; write 1405-09-01 07:00"),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], message: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, BadInput)
    assert message in str(error)
