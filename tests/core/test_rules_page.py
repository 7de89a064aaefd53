"""The page for those who write rules: its examples are rules that can be used."""

import re
from datetime import date
from pathlib import Path

import pytest

from ivr.rules.counties import gazetteer
from ivr.rules.document import Document, parse
from ivr.rules.findings import Severity
from ivr.rules.load import judge
from ivr.settings import PROJECT

PAGE = (PROJECT / "docs" / "rules.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
GOOD = parse((Path(__file__).parent / "data" / "good.yaml").read_text("utf-8"))
TODAY = date(2026, 11, 22)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition(":")[0])
def test_an_example_makes_rules_without_errors(example: str) -> None:
    written = parse(example)
    assert not written.problems
    assert isinstance(GOOD.data, dict)
    assert isinstance(written.data, dict)
    calendar = {} if "calendar" in written.data else {"calendar": {"until": "1406-12-29"}}
    whole = Document(data=GOOD.data | calendar | written.data, lines=written.lines)
    _, problems = judge(whole, gazetteer(), TODAY)
    errors = [one.message for one in problems if one.severity is Severity.ERROR]
    assert errors == []
