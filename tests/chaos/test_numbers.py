"""The search for callers' numbers finds them: else its silence would mean nothing."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.chaos.numbers import CHUNK, files_with_numbers

PROJECT = Path(__file__).resolve().parents[2]
NUMBER = "0912" + "1110042"


@pytest.fixture
def tree() -> Iterator[Path]:
    """Not below pytest's own directory, whose files are searched when the run ends."""
    with TemporaryDirectory(prefix="line123-numbers-") as path:
        yield Path(path)


@pytest.mark.parametrize(
    "text", [NUMBER, f"+98{NUMBER[1:]}", f"0098{NUMBER[1:]}", f"x{NUMBER}9", f"086123{NUMBER}"]
)
def test_each_form_of_a_number_is_found(tree: Path, text: str) -> None:
    path = tree / "asterisk" / "log" / "messages"
    path.parent.mkdir(parents=True)
    path.write_text(f"a call of {text} came\n")
    assert files_with_numbers(tree) == [path]


def test_other_numbers_are_let_pass(tree: Path) -> None:
    (tree / "log").write_text("086123 1764812111.0421110042 0912 0918 0000000 ivr-1764812111-42")
    assert files_with_numbers(tree) == []


def test_a_number_across_two_pieces_of_a_large_file_is_found(tree: Path) -> None:
    path = tree / "large"
    path.write_bytes(b"." * (CHUNK - 5) + NUMBER.encode())
    assert files_with_numbers(tree) == [path]


def test_a_number_is_found_within_a_database_and_its_log_of_changes(tree: Path) -> None:
    path = tree / "line123.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE calls (line TEXT, caller TEXT)")
        database.execute("INSERT INTO calls VALUES ('086123', ?)", (NUMBER,))
        database.commit()
        assert files_with_numbers(tree) == [Path(f"{path}-wal")]
    database.close()
    assert files_with_numbers(tree) == [path]


def test_what_the_tests_own_telephones_write_is_left_out(tree: Path) -> None:
    path = tree / "line123-sipp-x" / "messages"
    path.parent.mkdir()
    path.write_text(NUMBER)
    assert files_with_numbers(tree) == []


@pytest.mark.parametrize("options", [(), ("-n", "2")])
@pytest.mark.parametrize("planted", [False, True])
def test_a_run_that_leaves_a_number_fails_and_names_the_file(
    tree: Path, options: tuple[str, ...], *, planted: bool
) -> None:
    text = NUMBER[:4] + NUMBER[4:] * planted
    (tree / "test_it.py").write_text(
        f"def test_it(tmp_path):\n    (tmp_path / 'left.log').write_text({text!r})\n"
    )
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "tests.conftest",
                "-p",
                "no:cacheprovider",
            ),
            *("--rootdir", str(tree), "--basetemp", str(tree / "base"), *options),
            str(tree / "test_it.py"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,  # two more test processes on a machine that has enough to do
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert ("left.log holds a caller's number" in done.stdout) == planted
    assert done.returncode == int(planted)
