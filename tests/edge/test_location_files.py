"""Tables in files, and the commands that try and check them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli import app
from ivr.errors import BadInput
from ivr.import_places import county_of
from ivr.location_files import gazette, load_tables
from ivr.model import CountyId
from ivr.rules.counties import gazetteer
from ivr.settings import PROJECT, Settings
from ivr.text import ZWNJ

LANDLINE = "prefix,county,source,as_of\n08642,markazi-saveh,plan,1405-01-01\n"
CELLS = (
    "mcc,mnc,kind,area,cell,county,source,as_of\n432,11,tac,1A2B,,markazi-saveh,mci,1405-01-01\n"
)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_line_ships_without_a_single_row() -> None:
    tables = load_tables(Settings().locations_dir)
    assert not tables.landline
    assert not tables.cells
    assert (PROJECT / "deploy" / "locations" / "README.md").exists()


def test_a_directory_that_is_not_there_has_no_tables(tmp_path: Path) -> None:
    assert not load_tables(tmp_path / "none").landline


def test_all_tables_of_all_provinces_are_one(tmp_path: Path) -> None:
    write(tmp_path / "markazi" / "landline.csv", "\ufeff" + LANDLINE)
    write(tmp_path / "markazi" / "cells.csv", CELLS)
    write(
        tmp_path / "ilam" / "x.csv", LANDLINE.replace("08642,markazi-saveh", "0843,ilam-dehloran")
    )
    tables = load_tables(tmp_path)
    assert set(tables.landline) == {"08642", "0843"}
    assert len(tables.cells) == 1


def test_every_mistake_is_told_with_file_and_line(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", LANDLINE + "1,2,3,4\n")
    two = write(tmp_path / "b.csv", LANDLINE)
    with pytest.raises(BadInput) as refused:
        load_tables(tmp_path)
    text = str(refused.value)
    assert f"{one}, line 3: prefix" in text
    assert f"{two}: prefix 08642 stands in another file too" in text


def test_a_file_of_mistakes_does_not_flood_the_screen(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", LANDLINE + "1,2,3\n" * 500)
    with pytest.raises(BadInput) as refused:
        load_tables(tmp_path)
    assert len(str(refused.value).splitlines()) < 60
    assert "and 450 more" in str(refused.value)


def test_every_county_is_found_by_its_names_in_its_province() -> None:
    known = gazette()
    assert len(known.provinces) == len(gazetteer().counties)
    assert len(known.province_names) == 2 * 31
    for county in gazetteer().counties.values():
        found = {known.names.get(key) for key in known.names if known.names[key] == county.id}
        assert found == {county.id}, f"{county.id} has no name of its own"


@pytest.mark.parametrize(
    ("county", "spellings"),
    [
        ("ilam-darreh-shahr", ("دره شهر", f"دره{ZWNJ}شهر", "شهرستان دره شهر")),
        ("south-khorasan-eshqabad", ("عشق آباد", f"عشق{ZWNJ}آباد")),
        ("qazvin-buin-zahra", ("بویین زهرا", "بوئین زهرا", f"بوئین{ZWNJ}زهرا", "Buin Zahra")),
    ],
)
def test_a_name_is_known_in_every_spelling(county: str, spellings: tuple[str, ...]) -> None:
    province = gazette().provinces[CountyId(county)]
    assert [county_of(one, province) for one in spellings] == [county] * len(spellings)


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["location", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_check_counts_rows_and_refuses_mistakes(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", CELLS)
    assert f"{good}: 1 rows of cells" in run("check", str(good))
    bad = write(tmp_path / "bad.csv", CELLS.replace("432,11", "433,11"))
    with pytest.raises(BadInput, match=r"bad\.csv, line 2: mcc"):
        run("check", str(good), str(bad))
    with pytest.raises(BadInput, match="cannot be read"):
        run("check", str(tmp_path / "none.csv"))
    (tmp_path / "latin.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        run("check", str(tmp_path / "latin.csv"))


def test_show_weighs_a_call_and_prints_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "cells.csv", CELLS)
    monkeypatch.setenv("IVR_LOCATIONS_DIR", str(tmp_path))
    words = [
        *("show", "--number", "08433331234", "--province", "markazi"),
        *(
            "--header",
            "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=432111A2B0000001",
        ),
        *("--earlier", "markazi-arak"),
    ]
    shown = json.loads(run(*words, "--json"))
    assert shown["kind"] == "landline"
    assert [one["county"] for one in shown["candidates"]] == [
        *("markazi-saveh", None, "markazi-arak", None)
    ]
    for output in (run(*words), json.dumps(shown)):
        assert "3333" not in output
    assert "markazi-saveh" in run(*words)


@pytest.mark.parametrize(
    "words", [("--header", "Via: x"), ("--province", "tehraan"), ("--earlier", "x")]
)
def test_show_says_what_it_does_not_understand(words: tuple[str, str]) -> None:
    with pytest.raises(BadInput, match=r"--header is|is no province|is no county's id"):
        run("show", *words)
