"""What the calendar's end means on which day, and the holidays that are shipped."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from ivr.rules.check_hours import HOUR_CHECKS
from ivr.rules.counties import gazetteer
from ivr.rules.document import parse
from ivr.rules.findings import Problem, Severity
from ivr.rules.hours import Calendar, HolidayKind, Opening, Timetable, Weekday, gregorian
from ivr.rules.judging import Subject
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT

DATA = Path(__file__).parent / "data"
LAST_DAY = date(2027, 3, 20)  # 29 Esfand 1405
PROVINCES = PROJECT / "deploy" / "provinces"
COMMON = PROVINCES / "common.yaml"


def rules(*, hours: bool, until: str | None) -> ProvinceRules:
    """A province whose only open centre is shut on holidays, if `hours`."""
    good = load_rules(DATA / "good.yaml")
    office = Timetable(
        id="office",
        name_fa="ساعت اداری",
        weekly=(Opening(days=(Weekday.SATURDAY,), starts="07:30", ends="14:00"),),
        on_holidays="closed",
    )
    qom = good.counties[0]
    centre = qom.centre.model_copy(update={"hours": "office"})
    changed = {
        "hours": (office,),
        "counties": (qom.model_copy(update={"centre": centre}), *good.counties[1:]),
    }
    return good.model_copy(update={"calendar": Calendar(until=until)} | (changed if hours else {}))


def judged(subject: ProvinceRules, today: date) -> list[Problem]:
    return [
        problem for check in HOUR_CHECKS for problem in check(Subject(subject, gazetteer(), today))
    ]


@pytest.mark.parametrize(
    ("left", "hours", "severity"),
    [
        (31, True, None),
        (30, True, Severity.WARNING),
        (0, True, Severity.WARNING),
        (-1, True, Severity.ERROR),
        (31, False, None),
        (30, False, Severity.WARNING),
        (-1, False, Severity.WARNING),
    ],
)
def test_a_calendar_that_runs_out_warns_first_and_then_stops_publishing(
    left: int, hours: bool, severity: Severity | None
) -> None:
    subject = rules(hours=hours, until="1405-12-29")
    found = judged(subject, LAST_DAY - timedelta(days=left))
    assert [item.severity for item in found] == ([severity] if severity else [])
    if found:
        when = f"in {left} days" if left >= 0 else "ended on 1405-12-29"
        what = "callers are kept for desks" if hours else "no centre's hours depend on holidays"
        assert found[0].path == ("calendar", "until")
        for part in (when, what, "Add the holidays of the next year and move 'until'."):
            assert part in found[0].message


def test_no_calendar_is_an_error_only_where_hours_need_one() -> None:
    assert judged(rules(hours=False, until=None), LAST_DAY) == []
    (problem,) = judged(rules(hours=True, until=None), LAST_DAY)
    assert problem.severity is Severity.ERROR
    assert "nobody says up to which day the holidays are listed" in problem.message


def test_a_timetable_may_open_on_dated_days_alone_while_they_lie_ahead() -> None:
    text = (
        "{id: office, name_fa: x, exceptions: [{day: 1405-12-29, openings: "
        "[{starts: 08:00, ends: 12:00}], reason: x}]}"
    )
    dated = Timetable.model_validate(parse(text).data)
    subject = rules(hours=True, until="1499-12-29").model_copy(update={"hours": (dated,)})
    assert judged(subject, LAST_DAY) == []
    messages = [item.message for item in judged(subject, LAST_DAY + timedelta(days=1))]
    assert any("'office' is never open: the callers of qom-qom" in one for one in messages)


def shipped() -> Calendar:
    """The calendar of the common file."""
    data = parse(COMMON.read_text("utf-8")).data
    assert isinstance(data, dict)
    return Calendar.model_validate(data["calendar"])


# The lunar month and day of each occasion; 30 Safar is the last day of the month.
LUNAR: Mapping[str, tuple[int, int]] = {
    "تاسوعای حسینی": (1, 9),
    "عاشورای حسینی": (1, 10),
    "اربعین حسینی": (2, 20),
    "رحلت حضرت رسول اکرم (ص) و شهادت امام حسن مجتبی (ع)": (2, 28),
    "شهادت امام رضا (ع)": (2, 30),
    "شهادت امام حسن عسکری (ع)": (3, 8),
    "ولادت حضرت رسول اکرم (ص) و امام جعفر صادق (ع)": (3, 17),
    "شهادت حضرت فاطمهٔ زهرا (س)": (6, 3),
    "ولادت امام علی (ع)": (7, 13),
    "مبعث حضرت رسول اکرم (ص)": (7, 27),
    "ولادت حضرت قائم (عج)": (8, 15),
    "شهادت حضرت علی (ع)": (9, 21),
    "عید سعید فطر": (10, 1),
    "تعطیل به مناسبت عید سعید فطر": (10, 2),
    "شهادت امام جعفر صادق (ع)": (10, 25),
    "عید سعید قربان": (12, 10),
    "عید سعید غدیر خم": (12, 18),
}
# By law, of every Jalali year.
JALALI = {
    "01-01", "01-02", "01-03", "01-04", "01-12", "01-13", "03-14", "03-15", "11-22", "12-29",
}  # fmt: skip


def tabular(year: int, month: int, day: int) -> date:
    """The day by the arithmetical lunar calendar (30-year cycle, epoch 16 July 622 Julian).

    Months of 30 and 29 days by turns and eleven leap years in thirty: within a day or so of the
    moon that is seen.
    """
    days = (11 * year + 3) // 30 + 354 * year + 30 * month - (month - 1) // 2 + day
    return date.fromordinal(days + 1948440 - 385 - 1721425)


def test_the_tabular_calendar_meets_a_published_day() -> None:
    """10 Muharram 1448 was 4 Tir 1405 (25 June 2026) in the official calendar of 1405."""
    assert abs((tabular(1448, 1, 10) - date(2026, 6, 25)).days) <= 1


def test_lunar_holidays_lie_where_the_moon_may_put_them() -> None:
    lunar = [item for item in shipped().days if item.kind is HolidayKind.LUNAR]
    for item in lunar:
        day = gregorian(item.day)
        assert day is not None
        month_and_day = LUNAR[item.name_fa]
        off = min(abs((tabular(year, *month_and_day) - day).days) for year in (1448, 1449))
        assert off <= 1, item
    assert {item.name_fa for item in lunar if item.day.startswith("1406")} == set(LUNAR)


def test_the_holidays_fixed_by_law_are_those_of_the_law() -> None:
    fixed = [item.day for item in shipped().days if item.kind is HolidayKind.JALALI]
    assert fixed == sorted(fixed)
    assert {day[5:] for day in fixed if day.startswith("1406")} == JALALI
    assert [day for day in fixed if day.startswith("1405")] == ["1405-11-22", "1405-12-29"]


def test_what_is_only_computed_is_marked() -> None:
    """No source at hand has the official calendar of 1406; that of 1405 is published."""
    for item in shipped().days:
        computed = item.kind is HolidayKind.LUNAR and item.day.startswith("1406")
        assert item.proposal is computed, item
