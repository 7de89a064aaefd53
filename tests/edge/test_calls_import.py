"""`ivr calls import`: earlier records out of a file, all or nothing, and never twice."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import Table, func, select
from typer.testing import CliRunner

from ivr.audit import AuditEntry
from ivr.calls_import import ImportSetting
from ivr.cli import app
from ivr.current import current_in_force
from ivr.errors import BadInput, NotAllowed
from ivr.import_check import PROBLEMS_TOLD, ImportFile
from ivr.import_columns import COLUMNS
from ivr.model import CallId, CounsellorId, ProvinceId
from ivr.people import Grant, Person, Role
from ivr.settings import Settings
from ivr.store.calls_import import ImportCounts, ImportStore
from ivr.store.outcome_tables import dispatches, forms, persons, visits
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import audit, calls, outcomes
from tests.edge.store_examples import call, settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PASSWORD = "specimen words for a test"
HEAD = "record,key,call,county,at,relation,outcomes,persons,team,centre,kind"
LINES = (
    "call,1,,qazvin-avaj,1403/02/01 00:00,,phone_resolved:psychology;mobile_team,2:18-59:female,,,",
    "call,2,,qazvin-avaj,1403/02/31 23:59,prank,,,,,",
    "dispatch,3,1,qazvin-avaj,1403/02/01 01:00,,,3,team-qazvin,,",
    "dispatch,4,,qazvin-alborz,1403/02/02,,,,team-qazvin,,",
    "visit,5,1,qazvin-avaj,1403/02/03 10:00,,,1:0-11,,crisis-qazvin,admission",
)
Run = Callable[..., str]


def _person(name: str, role: Role) -> Person:
    grant = Grant(role=role, province=ProvinceId("qazvin"))
    return Person(id=CounsellorId(name), name_fa="نمونه", grants=(grant,))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with an admin and a supervisor; passwords take a while to hash, so only once."""
    home = tmp_path_factory.mktemp("installed")
    people = [_person("admin", Role.ADMIN), _person("boss", Role.SUPERVISOR)]

    async def take_in() -> None:
        async with await Store.open(Settings(home=home)) as store:
            passwords = dict.fromkeys(("admin", "boss"), PASSWORD)
            await PeopleStore(store).take_in(people, by="local", now=NOW, passwords=passwords)

    asyncio.run(take_in())
    return home


@pytest.fixture
def home(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copytree(installed, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setenv("IVR_USER", "admin")
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    return tmp_path


def run(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["calls", "import", *words], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output


def written(home: Path, *lines: str, name: str = "records.csv", head: str = HEAD) -> str:
    path = home / name
    path.write_text("\n".join((head, *lines)) + "\n", encoding="utf-8")
    return str(path)


def rows(home: Path, table: Table) -> list[dict[str, Any]]:
    async def load() -> list[dict[str, Any]]:
        async with await Store.open(Settings(home=home)) as store:
            return [dict(row) for row in await store.rows(select(table))]

    return asyncio.run(load())


def test_every_kind_of_record_is_saved_with_what_came_of_it(home: Path) -> None:
    file = written(home, *LINES)
    told = json.loads(run(file, "--json"))
    assert (told["saved"], told["lines"], told["known"]) == (True, 5, 0)
    assert (told["calls"], told["dispatches"], told["visits"]) == (2, 2, 1)
    one, two = rows(home, calls)
    assert (one["call"], one["entered"], one["line"]) == ("imported-qazvin-1", "imported", "")
    assert one["caller_pseudonym"] is None
    assert (one["end"], one["connected_at"], one["talk_ended_at"]) == ("connected", None, None)
    assert two["arrived_at"] == datetime(2024, 5, 20, 20, 29, tzinfo=UTC)
    related, prank = rows(home, forms)
    assert (related["relation"], related["county"]) == ("related", "qazvin-avaj")
    assert (prank["relation"], prank["source"], prank["by"]) == ("prank", "imported", "admin")
    said = [(row["outcome"], row["kind"]) for row in rows(home, outcomes)]
    assert said == [("phone_resolved", "psychology"), ("mobile_team", None), ("prank", None)]
    caused, other = rows(home, dispatches)
    assert (caused["call"], caused["cover"], caused["asked_by"]) == (one["call"], "other", "call")
    assert (other["call"], other["asked_by"], other["team_county"]) == (
        *(None, "other", "qazvin-qazvin"),
    )
    assert caused["sent_at"] == caused["closed_at"] == caused["requested_at"]
    (stay,) = rows(home, visits)
    assert (stay["call"], stay["kind"], stay["ended_at"]) == (
        *(one["call"], "admission", stay["until_at"]),
    )
    counted = {
        (row["form"], row["dispatch"], row["visit"]): row["count"] for row in rows(home, persons)
    }
    assert counted == {
        (related["id"], None, None): 2,
        (None, caused["id"], None): 3,
        (None, None, stay["id"]): 1,
    }


def test_the_trail_has_how_many_and_the_files_sum_and_nothing_of_it(home: Path) -> None:
    file = written(home, *LINES)
    run(file)
    entry = rows(home, audit)[-1]
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert (entry["action"], entry["by"], entry["province"]) == ("calls.import", "admin", "qazvin")
    assert entry["subject"] == f"sha256:{digest}"
    assert entry["detail"] == {
        "calls": 2,
        "dispatches": 2,
        "visits": 1,
        "known": 0,
        "lines": 5,
        "provinces": ["qazvin"],
    }


def test_the_same_records_again_are_no_second_ones(home: Path) -> None:
    file = written(home, *LINES)
    run(file)
    entries = len(rows(home, audit))
    again = json.loads(run(file, "--json"))
    assert (again["calls"], again["dispatches"], again["visits"], again["known"]) == (0, 0, 0, 5)
    assert len(rows(home, calls)) == 2
    assert len(rows(home, persons)) == 3
    assert len(rows(home, audit)) == entries, "nothing was decided"
    more = written(home, *LINES, "call,6,,qazvin-avaj,1403/02/04,silent,,,,,", name="more.csv")
    assert "1 calls, 0 dispatches and 0 visits are new; 5 records" in run(more)


def test_lines_without_keys_are_known_by_what_they_say(home: Path) -> None:
    line = ",,,qazvin-avaj,1403/02/04,silent,,,,,"
    file = written(home, line)
    run(file)
    crlf = home / "other.csv"
    crlf.write_bytes(b"\xef\xbb\xbf" + Path(file).read_bytes().replace(b"\n", b"\r\n"))
    assert json.loads(run(str(crlf), "--json"))["known"] == 1
    with pytest.raises(BadInput, match=r"line 3, key: it is the same record as line 2"):
        run(written(home, line, line))


def test_a_dry_run_saves_nothing(home: Path) -> None:
    told = run(written(home, *LINES), "--dry-run")
    assert told.startswith("Checked, nothing saved: 2 calls, 2 dispatches and 1 visits are new")
    assert not rows(home, calls)


def test_json_lines_persian_words_and_digits_say_the_same(home: Path) -> None:
    records = [
        {
            "key": "۱",
            "province": "قزوين",  # with the letter of Arabic keyboards
            "county": "آوج",
            "at": "۱۴۰۳/۰۲/۰۱ ۰۰:۰۰",
            "outcomes": ["حل‌شده با مداخلهٔ تلفنی کارشناس:روان‌شناسی", "mobile_team"],
            "persons": "۲:18-59:زن",
            "category": "كودك‌آزاري",
            "reporter": "همسایه",
        },
        {
            "record": "call",
            "province": "qazvin",
            "at": "2024-05-20T23:59+03:30",
            "relation": "مزاحم",
        },
    ]
    path = home / "records"  # no end of a name says what it is
    path.write_text("\n".join(json.dumps(one) for one in records), encoding="utf-8-sig")
    run(str(path))
    one, two = rows(home, calls)
    assert (one["call"], one["county"]) == ("imported-qazvin-1", "qazvin-avaj")
    assert two["arrived_at"] == datetime(2024, 5, 20, 20, 29, tzinfo=UTC)
    found = rows(home, forms)
    assert (found[0]["category"], found[0]["reporter"]) == ("child_abuse", "neighbour")
    assert [one["relation"] for one in found] == ["related", "prank"]
    (served,) = rows(home, persons)
    assert (served["count"], served["age_band"], served["sex"]) == (2, "18-59", "female")


def test_all_bad_lines_are_named_with_the_mend_and_nothing_is_saved(home: Path) -> None:
    file = written(
        home,
        LINES[0],
        "call,11,,qazvin-nowhere,1403/02/01,,phone_resolved,,,,",
        "call,12,,qazvin-avaj,1403/13/01,,phone_resolved,,,,",
        "call,13,,qazvin-avaj,1403/02/01,,solved,,,,",
        "call,14,,qazvin-avaj,1403/02/01,prank,phone_resolved,,,,",
        "dispatch,15,99,qazvin-avaj,1403/02/01,,,,team-qazvin,,",
        "dispatch,16,,qazvin-avaj,1403/02/01,,,,team-nowhere,,",
        "visit,17,,qazvin-avaj,1403/02/01,,,,,crisis-qazvin,",
        "visit,18,,qazvin-avaj,1403/02/01,prank,,,,crisis-qazvin,outpatient",
        "call,19,,qazvin-avaj,1499/02/01,prank,,,,,",
        "call,20,,qazvin-avaj,1403/02/01,,phone_resolved,2:adult,,,",
        "call,1,,qazvin-avaj,1403/02/09,prank,,,,,",
        "call,22",
        "call,09990000147,,qazvin-avaj,1403/02/01,prank,,,,,",
        "call,24,,tehran-tehran,1403/02/01,prank,,,,,",
    )
    with pytest.raises(BadInput) as caught:
        run(file)
    said = str(caught.value).splitlines()
    assert said[0].endswith("records.csv: nothing was saved.")
    for number, (beginning, mend) in enumerate(
        [
            ("line 3, county: 'qazvin-nowhere'", "write its id"),
            ("line 4, at: '1403/13/01'", "there is no such day"),
            ("line 5, outcomes: 'solved'", "phone_resolved"),
            ("line 6, outcomes: ", "prank as its only outcome"),
            ("line 7, call: there is no call '99'", "put the call's line first"),
            ("line 8, team: ", "team-qazvin"),
            ("line 9, kind: it is missing", "outpatient, admission"),
            ("line 10, relation: a visit has no such column", "leave it empty"),
            ("line 11, at: '1499/02/01'", "is the year right?"),
            ("line 12, persons: 'adult'", "18-59"),
            ("line 13, key: it is the same record as line 2", "a key of its own"),
            ("line 14: it has 2 values", "11 columns"),
            ("line 15, key: it holds a telephone number", "take it out"),
            ("line 16, province: this line does not serve tehran", "qazvin"),
        ],
        start=1,
    ):
        assert said[number].startswith(beginning), said[number]
        assert mend in said[number]
    assert len(said) == 15
    assert "0147" not in str(caught.value)
    assert not rows(home, calls)
    told = json.loads(run(file, "--json", status=2))
    assert (told["saved"], told["more"]) == (False, 0)
    assert told["problems"][0]["line"] == 3
    assert told["problems"][11] == {
        "line": 14,
        "column": None,
        "what": told["problems"][11]["what"],
    }


def test_so_many_bad_lines_are_counted(home: Path) -> None:
    many = [f"call,{number},,qazvin-avaj,never,prank,,,,," for number in range(PROBLEMS_TOLD + 7)]
    with pytest.raises(BadInput, match=r"and 7 more; these are the first 100$"):
        run(written(home, *many))


def test_a_key_belongs_to_one_record_for_ever(home: Path) -> None:
    run(written(home, LINES[0]))
    with pytest.raises(BadInput, match=r"line 2, key: this key was imported before with a record"):
        run(written(home, "call,1,,qazvin-avaj,1404/02/01,prank,,,,,"))


def test_a_trip_may_come_of_a_call_that_the_line_had(home: Path) -> None:
    async def save() -> None:
        async with await Store.open(Settings(home=home)) as store:
            await store.save_calls([call("170.5")])

    asyncio.run(save())
    run(written(home, "dispatch,3,170.5,qazvin-avaj,1403/02/01,,,,team-qazvin,,"))
    assert rows(home, dispatches)[0]["call"] == "170.5"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1 must name the columns"),
        (b"record,when\n", "unknown: 'when'"),
        (b"at,at\n", "twice: at"),
        (b"at,county\n", "holds no records"),
        (b"at,county\n\xff\xfe,x\n", "is not UTF-8"),
        (b'{"at": 1}\n{"what": 2}\n[]\n', r"line 2: there is no column 'what'"),
        (b'{"at": "1403/01/01", "province": {}}', "line 1, province: write a text"),
        (b"{\n", "line 1: it is no JSON"),
    ],
)
def test_what_is_no_file_of_records_is_said(home: Path, content: bytes, words: str) -> None:
    path = home / "records"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=words):
        run(str(path))


def test_it_takes_the_admin_role_of_every_province(home: Path) -> None:
    file = written(home, *LINES)
    with pytest.raises(NotAllowed, match="boss may not import records of qazvin"):
        run(file, "--as", "boss")
    ilam = written(home, "call,1,,ilam-ilam,1403/02/01,prank,,,,,", name="ilam.csv")
    with pytest.raises(NotAllowed, match="may not import records of ilam"):
        run(ilam)
    assert not rows(home, calls)
    with pytest.raises(BadInput, match="cannot be read"):
        run(str(home / "nowhere.csv"))
    with pytest.raises(BadInput, match="Which file"):
        run()


def test_the_schema_names_every_column() -> None:
    told = run("--schema")
    assert all(column.name in told for column in COLUMNS)
    listed = json.loads(run("--schema", "--json"))
    assert [one["name"] for one in listed] == [column.name for column in COLUMNS]
    assert {"name": "team", "of": ["dispatch"], "required": ["dispatch"]}.items() <= next(
        one.items() for one in listed if one["name"] == "team"
    )


async def _import(store: Store, home: Path, file: str) -> ImportCounts:
    rules = {one.id: one for one in (await current_in_force(settings(home), NOW)).rules}
    imports = ImportStore(store)
    source = ImportFile(Path(file), ImportSetting(rules=rules, by="admin", now=NOW), imports)
    found = await source.check()
    assert not found.problems

    def decided(_counts: ImportCounts) -> AuditEntry:
        return AuditEntry(at=NOW, by="admin", action="calls.import", subject="file")

    return await imports.save(source.batches(), decided, by="admin", at=NOW)


async def test_both_databases_keep_the_same(store: Store, tmp_path: Path) -> None:
    many = [f"call,k{number},,qazvin-avaj,1403/02/05,silent,,,,," for number in range(1200)]
    file = written(tmp_path, *LINES, *many)
    first = await _import(store, tmp_path, file)
    assert (first.calls, first.dispatches, first.visits, first.known) == (1202, 2, 1, 0)
    again = await _import(store, tmp_path, file)
    assert (again.new, again.known) == (0, 1205)
    (row,) = await store.rows(select(func.count().label("forms")).select_from(forms))
    assert row["forms"] == 1202
    found = await store.load_call(CallId("imported-qazvin-1"))
    assert found is not None
    assert found.facts is not None


async def test_a_file_that_changes_meanwhile_leaves_nothing_behind(
    store: Store, tmp_path: Path
) -> None:
    file = written(tmp_path, *LINES)
    rules = {one.id: one for one in (await current_in_force(settings(tmp_path), NOW)).rules}
    imports = ImportStore(store)
    source = ImportFile(Path(file), ImportSetting(rules=rules, by="admin", now=NOW), imports)
    await source.check()

    def changing() -> Iterator[list[Any]]:
        for some in source.batches():
            yield some
            written(tmp_path, LINES[0])

    with pytest.raises(BadInput, match="was changed meanwhile"):
        await imports.save(changing(), lambda _: pytest.fail("decided"), by="admin", at=NOW)
    assert not await store.rows(select(calls))
