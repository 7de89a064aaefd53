"""All alarms beside the floor's own, for what is in force and who is there."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from ivr.accounts import BrokenGlass
from ivr.calendar import TEHRAN
from ivr.duty import Closure, ClosureKind, DutyBook, duty_at
from ivr.floor_view import Attendance
from ivr.in_force import InForce
from ivr.jalali import parse_day
from ivr.model import CounsellorId, ProvinceId
from ivr.notices import SEVERITIES, Alarm, AlarmCode, ClosedDesk, Severity
from ivr.people import Grant, Person, Role
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from ivr.standing_alarms import closed_desks, standing_alarms
from ivr.versions import Version
from tests.core.duty_kit import ARAK, SAVEH, closure, entry, hour, person

PEOPLE = [person("a", SAVEH), person("b", SAVEH)]
LATER = entry("b", 400, 408)  # so that the roster does not end soon
SHIFT = DutyBook((entry("a", 7, 14), LATER))


def test_the_page_has_every_alarm_with_its_severity() -> None:
    page = (PROJECT / "docs" / "floor.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE)
    severities = {str(severity) for severity in Severity}
    listed = {code: severity for code, severity in rows if severity in severities}
    assert listed == {str(code): str(severity) for code, severity in SEVERITIES.items()}


def seen(in_force: InForce, at: datetime, *present: str, looked: bool = True) -> dict[str, Alarm]:
    attendance = Attendance(present=frozenset(map(CounsellorId, present)), away_since={})
    page = duty_at(PEOPLE, at, in_force.book)
    found = standing_alarms(in_force, page, attendance if looked else None, at)
    assert len({alarm.key for alarm in found}) == len(found)
    return {alarm.key: alarm for alarm in found}


def of_book(*closures: Closure) -> InForce:
    return InForce(rules=(), people=(), book=DutyBook(SHIFT.roster, closures))


def test_somebody_absent_is_named_with_the_desk() -> None:
    found = seen(of_book(), hour(8), "b")
    (alarm,) = found.values()
    assert (alarm.code, alarm.subject, alarm.desk) == (AlarmCode.ABSENT, "a", SAVEH)
    assert alarm.since_at == hour(7)


def test_an_empty_desk_and_whoever_is_missed_there_are_two_alarms() -> None:
    assert set(seen(of_book(), hour(8))) == {"desk_empty:markazi-saveh", "absent:a:markazi-saveh"}


def test_before_anybody_has_looked_nobody_is_missed() -> None:
    assert seen(of_book(), hour(8), looked=False) == {}
    assert set(seen(of_book(), hour(15), looked=False)) == {"nobody_rostered:markazi-saveh"}


def test_a_roster_that_ends_says_when() -> None:
    in_force = InForce(rules=(), people=(), book=DutyBook((entry("a", 0, 24),)))
    (alarm,) = seen(in_force, hour(20), "a").values()
    assert (alarm.code, alarm.due_at) == (AlarmCode.ROSTER_RUNS_OUT, hour(24))
    assert alarm.since_at == hour(24) - timedelta(days=7)
    (alarm,) = seen(in_force, hour(30), "a").values()
    assert (alarm.code, alarm.since_at) == (AlarmCode.ROSTER_RAN_OUT, hour(24))


def test_closed_desks_are_told_with_their_end() -> None:
    book = DutyBook((), (closure(0, 20), closure(0, 9, ClosureKind.SHORT_STAFFED, ARAK)))
    found = closed_desks(duty_at(PEOPLE, hour(1), book))
    assert found == (
        ClosedDesk(desk=ARAK, kind="short_staffed", from_at=hour(0), until_at=hour(9)),
        ClosedDesk(desk=SAVEH, kind="evacuated", from_at=hour(0), until_at=hour(20)),
    )


# Calendars.


@pytest.fixture(scope="module")
def rules() -> ProvinceRules:
    found = load_rules(PROJECT / "deploy" / "provinces" / "markazi.yaml")
    calendar = found.calendar.model_copy(update={"until": "1405-12-29"})
    return found.model_copy(update={"calendar": calendar})


LAST_DAY = parse_day("1405-12-29")


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=TEHRAN)


@pytest.mark.parametrize(
    ("days_before", "code"),
    [
        (31, None),
        (30, AlarmCode.CALENDAR_RUNS_OUT),
        (0, AlarmCode.CALENDAR_RUNS_OUT),
        (-1, AlarmCode.CALENDAR_RAN_OUT),
    ],
)
def test_a_calendar_is_asked_for_in_time(
    rules: ProvinceRules, days_before: int, code: AlarmCode | None
) -> None:
    at = noon(LAST_DAY - timedelta(days=days_before))
    found = seen(InForce(rules=(rules,), people=()), at)
    assert [alarm.code for alarm in found.values()] == ([code] if code else [])
    for alarm in found.values():
        assert alarm.subject == "markazi"
        assert alarm.since_at <= at
        assert alarm.due_at is None or alarm.due_at == noon(LAST_DAY) + timedelta(hours=12)


# Rules that one person alone has published.


def alone(number: int, at: datetime) -> Version:
    return Version(
        province=ProvinceId("markazi"),
        number=number,
        version=f"v{number}",
        note="",
        drafted_by="sara",
        drafted_at=at,
        published_by="sara",
        published_at=at,
        active_from_at=at,
        break_glass="the centre of Saveh burns",
    )


def test_what_nobody_has_reviewed_is_one_alarm_a_province_since_the_first() -> None:
    versions = (alone(3, hour(5)), alone(2, hour(4)))
    found = seen(InForce(rules=(), people=(), to_be_reviewed=versions), hour(6))
    (alarm,) = found.values()
    assert (alarm.code, alarm.subject) == (AlarmCode.NOT_REVIEWED, "markazi")
    assert alarm.since_at == hour(4)


def test_whoever_was_made_admin_in_need_is_an_urgent_alarm_and_a_review_afterwards() -> None:
    broken = BrokenGlass(seq=7, person=CounsellorId("a"), by="a", at=hour(8), reason="nobody")
    role = Grant(role=Role.ADMIN, province=ProvinceId("markazi"), until_at=hour(12))
    account = Person(id=CounsellorId("a"), name_fa="نمونه", grants=(role,))
    in_force = InForce(rules=(), people=(account,), broken_glass=(broken,))
    (alarm,) = seen(in_force, hour(9)).values()
    assert (alarm.code, alarm.subject, alarm.severity) == ("glass_broken", "a", Severity.URGENT)
    assert (alarm.since_at, alarm.due_at) == (hour(8), hour(12))
    (alarm,) = seen(in_force, hour(12)).values()
    assert (alarm.code, alarm.severity) == ("account_not_reviewed", Severity.REMINDER)
    taken_back = replace(in_force, people=(account.model_copy(update={"grants": ()}),))
    (alarm,) = seen(taken_back, hour(9)).values()
    assert alarm.code is AlarmCode.ACCOUNT_NOT_REVIEWED
    assert seen(replace(in_force, broken_glass=()), hour(9)) == {}
