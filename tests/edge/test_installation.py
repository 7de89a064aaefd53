"""A command in an IVR_HOME that nobody meant."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli import app


def test_a_copy_that_was_not_there_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else somebody looks at invented people and takes them for those on duty."""
    monkeypatch.setenv("IVR_HOME", str(tmp_path / "mistyped"))
    first, second = (CliRunner().invoke(app, ["duty", "now"]) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "new_copy_made_from_files" in first.stderr
    assert str(tmp_path / "mistyped") in first.stderr
    assert second.stderr == ""
