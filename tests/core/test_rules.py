"""Markazi's rules as shipped, what a slip of the pen in them gives, and the command line."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli.rules import app
from ivr.errors import RulesError
from ivr.limits import Limits as FloorLimits
from ivr.model import CountyId, Lane
from ivr.rules.counties import gazetteer
from ivr.rules.findings import Severity
from ivr.rules.hours import gregorian
from ivr.rules.limits import Limits
from ivr.rules.load import inspect, inspect_all, load_all, load_rules
from ivr.rules.schema import CentreState, ProvinceRules
from ivr.settings import PROJECT

MARKAZI = PROJECT / "deploy" / "provinces" / "markazi.yaml"
COMMON = MARKAZI.with_name("common.yaml")
DATA = Path(__file__).parent / "data"
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def rules() -> ProvinceRules:
    return load_rules(MARKAZI)


def test_markazi_has_the_counties_of_its_source(rules: ProvinceRules) -> None:
    by_state: dict[CentreState, set[str]] = {}
    for county in rules.counties:
        by_state.setdefault(county.centre.state, set()).add(county.id.removeprefix("markazi-"))
    assert by_state == {
        CentreState.OPEN: {
            "arak", "khomeyn", "delijan", "saveh", "shazand", "mahallat", "zarandiyeh", "khondab",
        },
        CentreState.PLANNED: {"tafresh", "ashtian", "farahan", "komijan"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("county", "planned", "levels", "supporter"),
    [
        ("komijan", date(2026, 3, 20), (1, 2), "khondab"),
        ("tafresh", date(2026, 3, 20), (1, 2), "saveh"),
        ("farahan", date(2027, 3, 20), (), "arak"),
        ("ashtian", date(2027, 3, 20), (), "arak"),
    ],
)
def test_markazi_plans_and_supporting_counties(
    rules: ProvinceRules, county: str, planned: date, levels: tuple[int, ...], supporter: str
) -> None:
    found = rules.county(CountyId(f"markazi-{county}"))
    assert found is not None
    assert found.centre.planned is not None
    assert gregorian(found.centre.planned) == planned
    assert found.centre.levels == levels
    assert [(item.county, item.proposal) for item in found.supporting] == [
        (f"markazi-{supporter}", True)
    ]


def test_names_come_from_the_published_list(rules: ProvinceRules) -> None:
    assert rules.name_fa == "مرکزی"
    assert {county.id: county.name_fa for county in rules.counties} == {
        county.id: county.name_fa for county in gazetteer().counties_of("markazi")
    }


def test_called_numbers(rules: ProvinceRules) -> None:
    assert rules.numbers("markazi") == ("086123", "123")
    assert rules.numbers("qom") == ("086123",)


def test_only_a_life_in_danger_is_the_danger_lane(rules: ProvinceRules) -> None:
    lanes = [(choice.category, choice.lane) for choice in rules.menus.category_choices]
    assert lanes[0] == ("suicide_attempt", Lane.DANGER)
    assert {lane for _, lane in lanes[1:]} == {Lane.ORDINARY}


def test_prompts_and_desks_are_derived(rules: ProvinceRules) -> None:
    assert rules.counties[0].prompt == "county-markazi-arak"
    assert len(rules.desks) == 8


def test_a_planned_day_that_passed_is_a_warning_and_opens_nothing() -> None:
    findings = inspect(MARKAZI, date(2027, 3, 21)).findings
    passed = [item for item in findings if "nobody has confirmed" in item.message]
    assert len(passed) == 4
    assert {item.severity for item in passed} == {Severity.WARNING}
    assert len(load_rules(MARKAZI).desks) == 8


def test_a_planned_day_has_not_passed_on_the_day_itself() -> None:
    assert not [f for f in inspect(MARKAZI, date(2026, 3, 20)).findings if "passed" in f.message]


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Markazi's file with the common one beside it, to be changed; the folder of both."""
    for file in (MARKAZI, COMMON):
        shutil.copy(file, tmp_path)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_version_follows_the_content_and_not_the_comments(copies: Path) -> None:
    mine, before = copies / MARKAZI.name, load_rules(MARKAZI).version
    change(mine, "id: markazi\n", "# a comment\nid: markazi\n")
    assert load_rules(mine).version == before
    assert len(before) == 12
    change(copies / COMMON.name, "own, lasts_s: 20", "own, lasts_s: 21")
    assert load_rules(mine).version != before


def test_persian_digits_are_the_same_rules(copies: Path) -> None:
    change(copies / COMMON.name, "own, lasts_s: 20", "own, lasts_s: ۲۰")
    change(copies / MARKAZI.name, '["086123"]', "[۰۸۶۱۲۳]")
    assert load_rules(copies / MARKAZI.name).version == load_rules(MARKAZI).version


def test_a_province_may_say_itself_what_is_common(copies: Path) -> None:
    mine = copies / MARKAZI.name
    own = "steps: [{ring: own, lasts_s: 11}, {ring: province}]\nlimits: {ring_s: 11}\nstated:\n"
    change(mine, "stated:\n", own)
    change(copies / COMMON.name, "steps:\n", "limits: {ring_s: 12, wrap_up_s: 13}\nsteps:\n")
    rules = load_rules(mine)
    assert [(step.ring, step.lasts_s) for step in rules.steps] == [("own", 11), ("province", 20)]
    assert (rules.limits.ring_s, rules.limits.wrap_up_s) == (11, 13)


def test_a_file_is_whole_without_a_common_one() -> None:
    assert not (DATA / COMMON.name).exists()
    assert load_rules(DATA / "good.yaml").outcomes


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("steps:\n", "counties: []\nsteps:\n", "counties: only a province's own file"),
        ("outcomes:\n", "outcome:\n", "outcome: only a province's own file can say this. Did you"),
        ("steps:\n", "steps: [\n", "not YAML"),
        ("{ring: own, ", "{ring: own, ring: own, ", "ring: written twice"),
    ],
)
def test_mistakes_in_the_common_file_stand_there(
    copies: Path, old: str, new: str, expected: str
) -> None:
    change(copies / COMMON.name, old, new)
    findings = [str(item) for item in inspect(copies / MARKAZI.name, TODAY).findings]
    assert [item for item in findings if "common.yaml:" in item and expected in item], findings
    with pytest.raises(RulesError):
        load_rules(copies / MARKAZI.name)


def test_a_copy_without_the_common_file_is_told_what_it_lacks(copies: Path) -> None:
    (copies / COMMON.name).unlink()
    findings = [str(item) for item in inspect(copies / MARKAZI.name, TODAY).findings]
    assert len([item for item in findings if "no common.yaml stands beside it" in item]) == 1
    whole = [str(item) for item in inspect(DATA / "good.yaml", TODAY).findings]
    assert not [item for item in whole if "common.yaml" in item]


def test_a_mistake_in_the_common_file_is_told_once(copies: Path) -> None:
    qom = (DATA / "good.yaml").read_text("utf-8").split("categories:")[0]
    menus = "menus: {county_pages: [[{key: 1, county: qom-qom}]]}\n"
    (copies / "qom.yaml").write_text(qom + menus, "utf-8")
    change(copies / COMMON.name, "urgency: P1", "urgency: high")
    findings = [str(item) for one in inspect_all(copies, TODAY) for item in one.findings]
    assert len([item for item in findings if "'high' is not known here" in item]) == 1
    with pytest.raises(RulesError, match="cannot be used"):
        load_all(copies)


def test_the_common_file_is_no_province(copies: Path) -> None:
    with pytest.raises(RulesError, match="judged with each province"):
        inspect(copies / COMMON.name)
    assert [one.file.name for one in inspect_all(copies)] == [MARKAZI.name]
    (copies / MARKAZI.name).unlink()
    with pytest.raises(RulesError, match="no province would be served"):
        inspect_all(copies)


@pytest.mark.parametrize("content", ["[]", "x", "", "null"])
def test_a_common_file_that_is_no_table_is_refused(copies: Path, content: str) -> None:
    (copies / COMMON.name).write_text(content)
    with pytest.raises(RulesError, match=r"common\.yaml:1"):
        load_rules(copies / MARKAZI.name)


def test_limits_are_those_of_the_floor() -> None:
    assert FloorLimits(**Limits().model_dump()) == FloorLimits()


def test_good_rules_in_few_lines() -> None:
    qom = load_rules(DATA / "good.yaml")
    assert qom.lines == ("025123", "025124")
    assert (qom.steps[0].lasts_s, qom.limits.ring_s, qom.limits.rona_alarm_after) == (15, 20, 4)
    assert qom.counties[0].centre.levels == (1, 2)
    assert qom.menus.first_question.danger_key == "1"


# A slip of the pen (first occurrence of `old` becomes `new`), and what is said of its line.
SLIPS = [
    ("id: markazi\n", "id: markasi\n", "no province of Iran"),
    (
        "id: markazi\n",
        "id: [markazi\n",
        "while parsing a flow sequence from line",
        "answering: county",
    ),
    ("id: markazi\n", "id:\tmarkazi: x\n", "not YAML"),
    ("id: markazi\n", "di: markazi\n", "not a known field"),
    ("answering: county", "answering: counties", "Write 'central' or 'county'"),
    ("answering: county", "answering:", "an empty value is not known"),
    ("answering: county", "answering: {county: yes}", "a table is not known"),
    ('["086123"]', '["086123", "۰۸۶۱۲۳"]', "is there twice"),
    ('["086123"]', '["123"]', "default province"),
    ('["086123"]', '["086-123"]', "3 to 15 digits"),
    ('["086123"]', "086123", "is not a list"),
    ("markazi-arak\n", "markazi-arac\n", "Did you mean markazi-arak?"),
    ("markazi-arak\n", "qom-qom\n", "lies in the province qom"),
    ("markazi-khomeyn\n", "markazi-arak\n", "is there twice"),
    ("markazi-arak\n", "MARKAZI ARAK\n", "small Latin letters"),
    ("state: open", "state: opened", "Write 'open', 'none', 'planned' or 'unknown'"),
    ("state: open", "stat: open", "Did you mean state?"),
    ("state: open", "state: none", "Name a supporting county"),
    ("state: open", "state: open, planned: 1405/12/29", "year-month-day"),
    ("state: planned", "state: none", "does not go with 'state: none'", "1404-12-29"),
    ("1404-12-29", "1404-12-30", "no day 1404-12-30"),
    ("1404-12-29", "2026-03-20", "year-month-day"),
    ("levels: [1, 2]", "levels: [1, 4]", "Write 3 or less"),
    ("levels: [1, 2]", "levels: one", "is not a list"),
    ("county: markazi-khondab, proposal", "county: markazi-ashtian, proposal", "no open centre"),
    ("county: markazi-khondab, proposal", "county: markazi-komijan, proposal", "in a circle"),
    ("county: markazi-khondab, proposal", "county: khondab, proposal", "no county of this file"),
    ("county: markazi-khondab, proposal", "markazi-khondab, proposal", "Known here: county"),
    ("proposal: true", "proposal: maybe", "Write true or false"),
    ("lasts_s: 20", "lasts_s: twenty", "is not a number"),
    ("lasts_s: 20", "lasts_s: 2000", "Write 300 or less"),
    ("lasts_s: 20", "lasts_s: -1", "Write 0 or more"),
    ("lasts_s: 20", "last_s: 20", "Did you mean lasts_s?"),
    ("urgency: P1", "urgency: high", "'P1', 'P2', 'P3' or 'P4'"),
    ("id: suicide_attempt", "id: unknown", "chose nothing"),
    ("id: suicide_thoughts", "id: suicide_attempt", "is there twice"),
    ("name_fa: طلاق", "name_fa: ''", "is empty"),
    ("enabled: false", "enabled: of", "Write true or false"),
    ("id: prank", "id: joke", "not known here"),
    ("id: prank", "id: external", "is there twice"),
    ("danger_key: 1", "danger_key: 0", "0 always leads to a person"),
    ("danger_key: 1", "danger_key: 2", "both danger and no danger", "ordinary_key"),
    ("key: 8, county", "key: 7, county", "is there twice"),
    ("key: 8, county", "key: 9, county", "9 is the next page"),
    ("key: 8, county", "county", "is missing"),
    ("{key: 4, county: markazi-ashtian}", "{key: 4, county: markazi-arak}", "is there twice"),
    ("      - {key: 4, county: markazi-ashtian}\n", "", "on no page", "id: markazi-ashtian"),
    ("lane: danger", "lane: urgent", "Write danger or ordinary"),
    ("      lane: danger\n", "", "wait as ordinary", "key: 1 # somebody"),
    ("[family_dispute, divorce]", "[family_dispute, divorces]", "Did you mean divorce?"),
    ("[family_dispute, divorce]", "[family_dispute, elder_abuse]", "is switched off"),
    ("[family_dispute, divorce]", "[]", "too few items"),
    ("prompt: choice-family", "prompt: ../choice", "small Latin letters"),
    ("prompt: choice-family", "prompt: [choice", "not YAML", "- key: 5"),
]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: f"{slip[1].strip()[:30]}: {slip[2]}")
def test_a_slip_of_the_pen_is_named_with_its_line(copies: Path, slip: tuple[str, ...]) -> None:
    old, new, expected, *anchor = slip
    province, common = copies / MARKAZI.name, copies / COMMON.name
    file = province if old in province.read_text("utf-8") else common
    before = file.read_text("utf-8")
    change(file, old, new)
    text = file.read_text("utf-8")
    place = text.index(anchor[0]) if anchor else before.index(old)
    where = (str(file), text[:place].count("\n") + 1)
    found = [((item.file, item.line), item.message) for item in inspect(province, TODAY).findings]
    assert [item for item in found if item[0] == where and expected in item[1]], found


@pytest.mark.parametrize("name", [MARKAZI.name, COMMON.name])
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.long)])
def test_no_line_left_out_or_garbled_ends_in_a_traceback(
    copies: Path, name: str, every: int
) -> None:
    """Of the three ways in which a line is spoilt each in its turn; `make long` tries them all."""
    file = copies / name
    lines = file.read_text("utf-8").splitlines(keepends=True)
    for index, line in enumerate(lines):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        spoilt = ("", line[: len(line) // 2] + "\n", line.replace(":", ": -", 1))
        for instead in spoilt[index % every :: every]:
            file.write_text("".join([*lines[:index], instead, *lines[index + 1 :]]), "utf-8")
            inspection = inspect(copies / MARKAZI.name, TODAY)
            errors = [item for item in inspection.findings if item.severity is Severity.ERROR]
            assert (inspection.rules is None) == bool(errors)


def test_two_files_may_not_claim_one_number_or_province(tmp_path: Path) -> None:
    text = (DATA / "good.yaml").read_text("utf-8")
    (tmp_path / "a.yaml").write_text(text, "utf-8")
    (tmp_path / "b.yaml").write_text(text, "utf-8")
    found = [str(item) for one in inspect_all(tmp_path) for item in one.findings]
    clashes = [item for item in found if "is already in a.yaml" in item]
    assert [item.split(": ")[1] for item in clashes] == ["id", "lines[1]", "lines[2]"]
    assert all("b.yaml:" in item for item in clashes)
    with pytest.raises(RulesError, match="is already in a"):
        load_all(tmp_path)


def test_all_shipped_rules_load() -> None:
    assert "markazi" in {rules.id for rules in load_all(MARKAZI.parent)}


def test_a_directory_without_rules_serves_nobody(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="no province would be served"):
        load_all(tmp_path)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that has never run: people come from the files."""
    monkeypatch.setenv("IVR_HOME", str(tmp_path))


@pytest.mark.usefixtures("fresh")
def test_command_prints_warnings_and_open_questions() -> None:
    result = CliRunner().invoke(app, ["check"], env={"IVR_RULES_DIR": str(MARKAZI.parent)})
    assert result.exit_code == 0
    assert f"markazi.yaml: fit for use, version {load_rules(MARKAZI).version}" in result.output
    questions = result.output.partition("Open questions")[2]
    for county in ("komijan", "farahan", "tafresh", "ashtian"):
        assert f"the supporting county (شهرستان معین) of markazi-{county}?" in questions


def test_command_ends_with_status_2_on_errors() -> None:
    result = CliRunner().invoke(app, ["check", str(DATA / "menus.yaml")])
    assert result.exit_code == 2
    assert "menus.yaml:18: menus.first_question.ordinary_key: key 1 would mean" in result.output


def test_command_gives_findings_as_json() -> None:
    result = CliRunner().invoke(app, ["check", str(DATA / "lines.yaml"), "--json"])
    report = json.loads(result.output)
    assert (result.exit_code, report["ok"], report["files"][0]["version"]) == (2, False, None)
    assert {item["severity"] for item in report["findings"]} == {"error", "warning"}
    first = report["findings"][0]
    assert (first["line"], first["field"]) == (5, "lines[2]")


@pytest.mark.usefixtures("fresh")
def test_command_tells_what_people_and_catalogue_leave_open() -> None:
    result = CliRunner().invoke(app, ["check", str(DATA / "good.yaml")])
    assert result.exit_code == 2
    told = [line.partition(f"{DATA / 'good.yaml'}:")[2] for line in result.output.splitlines()]
    assert told == [
        (
            "22: menus: the catalogue lacks county-qom-jafarabad, county-qom-kahak, "
            "county-qom-qom: where it belongs, nothing would be heard. Add the text to "
            "prompts/fa/catalogue.yaml, then run `ivr prompts build`."
        ),
        (
            "3: id: nobody belongs to any desk of qom: its callers would wait for ever. Give the "
            "desks their people, then check again."
        ),
        " 2 error(s), not fit for use",
    ]
