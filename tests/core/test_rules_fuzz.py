"""Whatever stands in a rules file: findings, never a traceback."""

from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ivr.rules.counties import gazetteer
from ivr.rules.document import Document, parse
from ivr.rules.load import judge

GOOD = parse((Path(__file__).parent / "data" / "good.yaml").read_text("utf-8"))
TODAY = date(2026, 11, 22)
JUNK = st.recursive(
    st.none() | st.text(max_size=8) | st.sampled_from(["1", "qom-qom", "open", "۱۴۰۵-۱۲-۳۰"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, value: object = GOOD.data) -> object:
    """The good document with junk at one or several places."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JUNK)
    if isinstance(value, dict):
        changed = draw(st.sampled_from(sorted(value)))
        return value | {changed: draw(spoilt(value[changed]))}
    if isinstance(value, list) and value:
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(spoilt(value[index])), *value[index + 1 :]]
    return draw(JUNK)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=spoilt())
def test_junk_anywhere_is_judged(data: object) -> None:
    rules, problems = judge(Document(data=data, lines=GOOD.lines), gazetteer(), TODAY)
    assert rules is not None or problems
    assert all(problem.message for problem in problems)


@given(text=st.text() | st.text(st.sampled_from("a:-[]{}&*!|>'\"#%@`?, \n\t123")))
@example("a: !!python/object:os.system x")
@example("? {a: b}\n: c")
@example("\x00")
@example("null")
def test_any_text_is_judged(text: str) -> None:
    rules, problems = judge(parse(text), gazetteer(), TODAY)
    assert rules is None
    assert problems
