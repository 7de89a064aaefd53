"""What is published tells no hidden count, to whoever knows all sums: random small reports."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.reports.compare import make_report
from ivr.reports.figures import Scope
from ivr.reports.period import parse_period
from ivr.reports.small import SMALL, published
from ivr.reports.tally import Tally
from tests.properties.report_attacker import Attacker

PERIOD = parse_period("1400/01/01", "1400/01/31")
_ENDS = ("connected", "abandoned", "abandoned_short", "left_in_menu", "end_unknown")
_MORE = {
    "connected": ("where.own", "where.supporting", "where.province", "where.unknown"),
    "abandoned": ("abandoned.nobody_on_duty", "abandoned.too_busy", "abandoned.unknown"),
    "outcome.phone_resolved": ("psychology", "social_work", "legal"),
    "outcome.external": ("police", "judiciary"),
}
_OUTCOMES = (
    "phone_resolved",
    "mobile_team",
    "crisis_centre_outpatient",
    "service_base",
    "external",
)
_SERVED = ("line", "mobile_team")


ALIKE = st.fixed_dictionaries(
    {
        "relation": st.sampled_from(("related", "pending", "unrelated", "silent", "prank")),
        "end": st.sampled_from(_ENDS),
        "county": st.sampled_from("abcd"),
        "category": st.sampled_from("xyz"),
        "hour": st.sampled_from(("07", "08", "20")),
        "outcome": st.sampled_from(_OUTCOMES),
        "part": st.integers(0, 3),
        "served": st.sampled_from(_SERVED),
        "age": st.sampled_from(("0-11", "18-59", "unknown")),
        "sex": st.sampled_from(("female", "male")),
        "sent": st.sampled_from((None, "own", "supporting", "cover")),
        "times": st.sampled_from((1, 1, 2, 3, 5, 9, 40)),
    }
)


def counted(groups: Iterable[dict[str, object]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for group in groups:
        times = group["times"]
        assert isinstance(times, int)
        for figure in figures_of(group):
            found[figure] += times
    return found


def figures_of(group: dict[str, object]) -> Iterable[str]:
    relation, end, part = group["relation"], str(group["end"]), group["part"]
    assert isinstance(part, int)
    yield from ("calls", f"calls_{relation}", f"county.{group['county']}", f"hour.{group['hour']}")
    yield end
    if end in _MORE:
        yield _MORE[end][part % len(_MORE[end])]
    if relation in {"related", "pending"}:
        yield f"category.{group['category']}"
    if relation not in {"related", "pending"}:
        yield f"outcome.{relation}"
    if relation == "related":
        yield from _outcome(f"outcome.{group['outcome']}", part)
        yield from _persons(group)
    if group["sent"]:
        yield from ("dispatches", f"dispatches.{group['sent']}")


def _outcome(outcome: str, part: int) -> Iterable[str]:
    yield outcome
    kinds = _MORE.get(outcome, ())
    if part < len(kinds):
        yield f"{outcome}.{kinds[part]}"
    if "crisis_centre" in outcome:
        yield "outcome.crisis_centre"
    if outcome in {"outcome.service_base", "outcome.external"}:
        yield "outcome.other_centres"


def _persons(group: dict[str, object]) -> Iterable[str]:
    whole = f"persons.{group['served']}"
    yield from (whole, f"{whole}.age.{group['age']}", f"{whole}.sex.{group['sex']}")


@settings(max_examples=80, deadline=None)
@given(groups=st.lists(ALIKE, max_size=25), before=st.lists(ALIKE, max_size=5))
def test_no_hidden_count_can_be_worked_out(
    groups: list[dict[str, object]], before: list[dict[str, object]]
) -> None:
    tallies = [Tally(counts=counted(some)) for some in (groups, before)]
    report = make_report(Scope(), PERIOD, *tallies)
    shown = published(report)
    for which in ("now", "before"):
        truth = {
            one.id: int(getattr(one, which).number) for one in report.figures if one.is_counted
        }
        seen = {one.id: getattr(one, which) for one in shown.figures if one.is_counted}
        assert not any(0 < (value.number or 0) < SMALL for value in seen.values())
        hidden = frozenset(figure for figure, value in seen.items() if value.hidden)
        attacker = Attacker(truth, hidden)
        for figure in sorted(hidden):  # zeros are hidden beside them, and may be told
            assert not truth[figure] or attacker.another(figure) is not None, figure
    assert all(one.change is None for one in shown.figures if one.now.hidden or one.before.hidden)
