"""Figures of reports: what adds up, what is compared, what is too small to leave the house."""

from datetime import date

import pytest

from ivr.errors import BadInput
from ivr.model import CounsellorId, ProvinceId
from ivr.reports.catalogue import DEFINITIONS, definition_of
from ivr.reports.compare import make_report
from ivr.reports.figures import Report, Scope
from ivr.reports.period import Period
from ivr.reports.small import published
from ivr.reports.tally import Tally, added_up, measured, percentile_s, tenths

PERIOD = Period(date(2021, 3, 21), date(2021, 6, 21))
SCOPE = Scope(province=ProvinceId("south-khorasan"))


def report(counts: dict[str, int], then: dict[str, int] | None = None, **now: object) -> Report:
    tally = Tally(counts=counts, **now)  # type: ignore[arg-type]
    return make_report(SCOPE, PERIOD, tally, Tally(counts=then or {}))


def numbers(shown: Report, *ids: str) -> list[float | None]:
    return [shown.figure(one).now.number for one in ids]


def test_each_figure_says_in_both_languages_what_it_counts() -> None:
    for definition in DEFINITIONS:
        texts = (definition.label_en, definition.label_fa)
        sentences = (definition.sentence_en, definition.sentence_fa)
        assert all(texts)
        assert all(sentence.rstrip().endswith(".") for sentence in sentences)
        if definition.part_of is not None:
            assert definition_of(definition.part_of).unit is definition.unit


def test_what_reports_do_not_have_is_no_figure() -> None:
    with pytest.raises(KeyError):
        definition_of("happiness")


def test_a_report_has_every_figure_even_where_nothing_was_counted() -> None:
    shown = report({})
    assert {one.id for one in shown.figures} >= {
        one.id for one in DEFINITIONS if not one.id.endswith(".*")
    }
    assert numbers(shown, "calls", "persons.line", "hour.23") == [0, 0, 0]
    assert numbers(shown, "asa", "service_level_20", "wait_p95") == [None, None, None]


def test_parts_of_a_period_add_up_to_the_whole() -> None:
    one = Tally(
        counts={"calls": 3}, bases={"wait": 2}, sums_us={"wait": 5_000_000},
        waits={10: 1, 40: 1}, longest_us=4_000_000,
    )  # fmt: skip
    other = Tally(
        counts={"calls": 1, "connected": 1}, bases={"wait": 1}, sums_us={"wait": 1_000_000},
        waits={10: 1}, longest_us=1_000_000,
    )  # fmt: skip
    both = added_up([one, Tally.from_json(other.as_json())])
    assert both.counts == {"calls": 4, "connected": 1}
    assert (both.waits, both.longest_us) == ({10: 2, 40: 1}, 4_000_000)
    assert measured(both)["asa"] == (2.0, 3)
    assert Tally.from_json(both.as_json()) == both


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, None),
        ({7: 1}, 0.7),
        (dict.fromkeys(range(1, 21), 1), 1.9),  # the nineteenth of twenty
        (dict.fromkeys(range(1, 22), 1), 2.0),  # the twentieth of twenty-one
        ({5: 95, 90: 5}, 0.5),
        ({5: 94, 90: 6}, 9.0),
    ],
)
def test_a_percentile_is_that_of_the_nearest_rank(
    times: dict[int, int], expected: float | None
) -> None:
    assert percentile_s(times, 95) == expected


def test_times_are_rounded_half_up() -> None:
    assert [tenths(us) for us in (0, 49_999, 50_000, 149_999, 150_000)] == [0, 0, 1, 1, 2]


def test_the_service_level_is_a_share_and_its_change_a_difference() -> None:
    now = Tally(bases={"level": 10, "within_15": 8, "within_20": 9})
    then = Tally(bases={"level": 4, "within_15": 4, "within_20": 4})
    shown = make_report(SCOPE, PERIOD, now, then)
    assert numbers(shown, "service_level_15", "service_level_20") == [0.8, 0.9]
    assert shown.figure("service_level_15").change == -0.2


def test_handling_is_talk_and_wrap_up() -> None:
    tally = Tally(
        bases={"talk": 2, "wrap_up": 1}, sums_us={"talk": 300_000_000, "wrap_up": 30_000_000}
    )
    found = {name: measured(tally)[name][0] for name in ("talk_mean", "wrap_up_mean", "aht")}
    assert found == {"talk_mean": 150.0, "wrap_up_mean": 30.0, "aht": 180.0}


def test_changes_of_counts_are_relative() -> None:
    shown = report({"calls": 150, "dispatches": 3}, {"calls": 100})
    assert shown.figure("calls").change == 0.5
    assert shown.figure("dispatches").change is None  # there was none before


def test_the_largest_categories_come_first_and_gone_ones_stay() -> None:
    shown = report(
        {"category.child_abuse": 5, "category.family_dispute": 9}, {"category.runaway": 7}
    )
    found = [one.id for one in shown.figures if one.id.startswith("category.")]
    assert found == ["category.family_dispute", "category.child_abuse", "category.runaway"]


def test_small_counts_do_not_leave_the_house_but_none_and_enough_do() -> None:
    shown = published(report({"calls": 5, "calls_paper": 4, "admissions": 1}, {"calls": 2}))
    assert numbers(shown, "calls", "calls_paper", "admissions", "dispatches") == [5, None, None, 0]
    assert shown.figure("calls_paper").now.hidden
    assert shown.figure("calls").before.hidden
    assert shown.figure("calls").change is None
    assert not shown.figure("dispatches").now.hidden


def test_no_hidden_part_can_be_told_from_the_whole_and_the_others() -> None:
    counts = {"calls": 100, "calls_related": 60, "calls_unrelated": 30, "calls_prank": 7}
    shown = published(report({**counts, "calls_silent": 3}))
    assert numbers(shown, "calls_silent", "calls_prank") == [None, None]
    assert numbers(shown, "calls", "calls_related", "calls_unrelated") == [100, 60, 30]


def test_two_hidden_parts_of_one_each_hide_a_third() -> None:
    ages = {"persons.line.age.0-11": 1, "persons.line.age.12-17": 1, "persons.line.age.18-59": 20}
    shown = published(report({"persons.line": 22, **ages}))
    assert numbers(shown, *ages) == [None, None, None]
    assert numbers(shown, "persons.line") == [22]


def test_means_of_few_calls_are_hidden() -> None:
    few = Tally(counts={"calls": 9}, bases={"wait": 4, "joined": 9}, sums_us={"wait": 8_000_000})
    shown = published(make_report(SCOPE, PERIOD, few, Tally()))
    assert shown.figure("asa").now.hidden
    assert not shown.figure("wait_longest").now.hidden


def hidden(shown: Report) -> set[str]:
    return {figure.id for figure in shown.figures if figure.now.hidden}


def test_who_is_hidden_in_one_table_cannot_be_told_by_another() -> None:
    """Categories are of the calls related or pending: the same sum stands in two tables."""
    found = report(
        {"calls": 100, "calls_related": 57, "calls_pending": 3, "calls_unrelated": 40,
         "category.divorce": 20, "category.runaway": 40},
    )  # fmt: skip
    assert hidden(published(found)) == {"calls_pending", "calls_related"}


def test_one_touch_writes_the_same_number_twice() -> None:
    counts = {"calls": 100, "calls_related": 60, "calls_unrelated": 37, "calls_silent": 3}
    found = report({**counts, "outcome.unrelated": 37, "outcome.silent": 3})
    names = {"calls_silent", "calls_unrelated", "outcome.silent", "outcome.unrelated"}
    assert hidden(published(found)) == names


def test_two_outcomes_taken_together_do_not_tell_the_smaller() -> None:
    found = report(
        {"outcome.crisis_centre": 9, "outcome.crisis_centre_outpatient": 5,
         "outcome.crisis_centre_admission": 4, "calls": 50, "calls_related": 50},
    )  # fmt: skip
    crisis = {"outcome.crisis_centre_outpatient", "outcome.crisis_centre_admission"}
    assert hidden(published(found)) == crisis


def test_a_whole_is_hidden_where_its_parts_leave_nothing_else() -> None:
    found = report({"dispatches": 12, "dispatches.own": 12, "dispatches.without_call": 12})
    assert hidden(published(found)) == set()
    few = published(report({"persons.line": 4, "persons.line.age.0-11": 4}))
    assert {"persons.line", "persons.line.age.0-11", "persons.line.age.60+"} <= hidden(few)


def test_each_period_hides_its_own_whatever_stands_beside_it() -> None:
    counts = {"calls": 100, "calls_related": 97, "calls_prank": 3}
    both = published(report(counts, counts))
    assert all(one.now.hidden == one.before.hidden for one in both.figures)
    assert hidden(both) == hidden(published(report(counts)))


def test_hidden_members_of_a_family_stand_last_in_no_order_of_size() -> None:
    sizes = {"county.a": 1, "county.b": 9, "county.c": 3, "county.d": 30}
    shown = published(report({"calls": 43, "calls_unrelated": 43, **sizes}))
    found = [one.id for one in shown.figures if one.id.startswith("county.")]
    assert found == ["county.d", "county.a", "county.b", "county.c"]
    assert hidden(shown) & sizes.keys() == {"county.a", "county.c", "county.b"}


def test_shares_and_means_of_what_is_hidden_are_hidden() -> None:
    counts = {"calls": 100, "connected": 60, "abandoned": 38, "end_unknown": 2}
    bases = {"wait": 60, "talk": 60, "level": 98, "within_15": 50, "within_20": 55}
    times = {"bases": bases, "sums_us": {"wait": 6_000_000, "talk": 60_000_000}}
    shown = published(report({**counts, "calls_related": 100}, **times))
    assert shown.figure("abandoned").now.hidden
    assert shown.figure("service_level_20").now.hidden
    assert numbers(shown, "asa") == [0.1]


@pytest.mark.parametrize(
    ("within_15", "within_20", "expected"),
    [
        (50, 60, [0.5, 0.6]),
        (3, 60, [None, 0.6]),  # few were so quick
        (50, 97, [0.5, None]),  # few were slower
        (50, 52, [None, 0.52]),  # few were between
        (0, 100, [0.0, 1.0]),
    ],
)
def test_a_share_does_not_tell_of_few(
    within_15: int, within_20: int, expected: list[float | None]
) -> None:
    bases = {"level": 100, "within_15": within_15, "within_20": within_20}
    shown = published(report({"calls": 100, "connected": 100}, bases=bases))
    assert numbers(shown, "service_level_15", "service_level_20") == expected


def test_of_a_sum_of_means_both_are_hidden_or_none() -> None:
    bases = {"talk": 50, "wrap_up": 3}
    sums_us = {"talk": 500_000_000, "wrap_up": 30_000_000}
    shown = published(report({"calls": 50, "connected": 50}, bases=bases, sums_us=sums_us))
    assert numbers(shown, "talk_mean", "wrap_up_mean", "aht") == [10.0, None, None]


def test_figures_of_one_counsellor_stay_inside() -> None:
    scope = Scope(counsellor=CounsellorId("maryam"))
    with pytest.raises(BadInput, match="counsellor"):
        published(make_report(scope, PERIOD, Tally(), Tally()))
