"""What a failed test's report says at its end: of a run on another machine only that is seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

SECTION_CHARS = 1_500
WHY_CHARS = 4_000  # for all failures together
LOGS = ("serve.log", "run.log")


def last_words(log_path: Path, lines: int = 12) -> str:
    """The end of a log."""
    try:
        text = log_path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"no {log_path.name}"
    last = (line[:300] for line in text.splitlines()[-lines:])
    return "\n".join([f"The last words of {log_path.name}:", *last])


def add_to(report: pytest.TestReport, item: pytest.Item) -> None:
    """The controllers' last words, and of what was captured no more than its end."""
    told = [(f"Log of {path}", last_words(path)) for path in _logs(item)]
    report.sections = [(title, text[-SECTION_CHARS:]) for title, text in [*report.sections, *told]]


def _logs(item: pytest.Item) -> Iterator[Path]:
    given = getattr(item, "funcargs", {})
    for name in ("product", "shared", "scene", "chaos"):
        product = getattr(given.get(name), "product", given.get(name))
        if path := getattr(product, "log_path", None):
            yield path
            break
    if home := given.get("tmp_path"):
        yield from sorted(path for name in LOGS for path in home.rglob(name))


def print_why(reporter: pytest.TerminalReporter) -> None:
    """Once more and in short, below all that is long."""
    failed = [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]
    if failed:
        reporter.section("what failed, and why", red=True)
    for report in failed:
        why = str(report.longrepr)[-max(WHY_CHARS // len(failed), 200) :]
        reporter.line(f"--- {report.nodeid} ({report.when}): … {why}")
