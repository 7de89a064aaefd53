"""What stands beside the calls of a floor: alarms, and desks that are closed for a while.

An alarm stands from the moment it is raised until its cause is over; nobody can wave it away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from ivr.model import DeskId


class Severity(StrEnum):
    """How soon somebody must do something; the most urgent first."""

    URGENT = "urgent"  # now: somebody may be in danger, or a desk answers nobody
    WARNING = "warning"  # within the hour
    REMINDER = "reminder"  # within days


class AlarmCode(StrEnum):
    """What is wrong; the comment says what the alarm's `subject` is. Texts are made at the edge."""

    # Of the floor itself.
    LOST_IN_DANGER = "lost_in_danger"  # call
    LEFT_OPEN_IN_DANGER = "left_open_in_danger"  # call
    HANDSET_OFF_HOOK = "handset_off_hook"  # call
    NOT_ANSWERING = "not_answering"  # counsellor
    NEEDS_BREAK = "needs_break"  # counsellor
    # Where duty and floor disagree (`ivr.alarms`).
    ABSENT = "absent"  # counsellor, of `desk`
    DESK_EMPTY = "desk_empty"  # desk
    NOBODY_ROSTERED = "nobody_rostered"  # desk
    ROSTER_RUNS_OUT = "roster_runs_out"  # desk, at `due_at`
    ROSTER_RAN_OUT = "roster_ran_out"  # desk
    # Of the rules and of how they are kept.
    CALENDAR_RUNS_OUT = "calendar_runs_out"  # province, at `due_at`
    CALENDAR_RAN_OUT = "calendar_ran_out"  # province
    NOT_REVIEWED = "not_reviewed"  # province: one person alone published its rules
    GLASS_BROKEN = "glass_broken"  # person: made admin in need, until `due_at` at the latest
    ACCOUNT_NOT_REVIEWED = "account_not_reviewed"  # person: was made admin in need
    DECISIONS_UNREACHABLE = "decisions_unreachable"  # "": what people decide does not reach us
    DECISION_NOT_TAKEN_IN = "decision_not_taken_in"  # what was decided; why and the mend: `detail`
    KEPT_COPY = "kept_copy"  # "": the line began without its database, by what it had kept
    # Of what people owe by the records (`ivr.owed`); `count` says how many.
    STAYS_END = "stays_end"  # crisis centre; the first of them at `due_at`
    STAYS_OVER = "stays_over"  # crisis centre
    OUTCOMES_OWED = "outcomes_owed"  # province, of `desk`
    FOLLOW_UPS_LATE = "follow_ups_late"  # province, of `desk`
    CALLERS_NOT_BACK = "callers_not_back"  # province, of `desk`
    WEBHOOK_FAILS = "webhook_fails"  # webhook; why: `detail`
    RETENTION_LATE = "retention_late"  # "": the job that erases; what it failed of: `detail`


SEVERITIES: Mapping[AlarmCode, Severity] = MappingProxyType(
    {
        AlarmCode.LOST_IN_DANGER: Severity.URGENT,
        AlarmCode.LEFT_OPEN_IN_DANGER: Severity.URGENT,
        AlarmCode.HANDSET_OFF_HOOK: Severity.WARNING,
        AlarmCode.NOT_ANSWERING: Severity.WARNING,
        AlarmCode.NEEDS_BREAK: Severity.WARNING,
        AlarmCode.ABSENT: Severity.WARNING,
        AlarmCode.DESK_EMPTY: Severity.URGENT,
        AlarmCode.NOBODY_ROSTERED: Severity.URGENT,
        AlarmCode.ROSTER_RUNS_OUT: Severity.REMINDER,
        AlarmCode.ROSTER_RAN_OUT: Severity.WARNING,
        AlarmCode.CALENDAR_RUNS_OUT: Severity.REMINDER,
        AlarmCode.CALENDAR_RAN_OUT: Severity.WARNING,
        AlarmCode.NOT_REVIEWED: Severity.REMINDER,
        AlarmCode.GLASS_BROKEN: Severity.URGENT,
        AlarmCode.ACCOUNT_NOT_REVIEWED: Severity.REMINDER,
        AlarmCode.DECISIONS_UNREACHABLE: Severity.WARNING,
        AlarmCode.DECISION_NOT_TAKEN_IN: Severity.URGENT,
        AlarmCode.KEPT_COPY: Severity.WARNING,
        AlarmCode.STAYS_END: Severity.REMINDER,
        AlarmCode.STAYS_OVER: Severity.WARNING,
        AlarmCode.OUTCOMES_OWED: Severity.REMINDER,
        AlarmCode.FOLLOW_UPS_LATE: Severity.REMINDER,
        AlarmCode.CALLERS_NOT_BACK: Severity.WARNING,
        AlarmCode.WEBHOOK_FAILS: Severity.WARNING,
        AlarmCode.RETENTION_LATE: Severity.REMINDER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that is wrong since `since_at`.

    `subject` is an id (see `AlarmCode`), "" where the whole line is meant; `due_at` is when
    something is going to happen that can still be prevented. `detail` is a sentence on the
    cause and the mend, where the code alone does not tell them. `count` is how many calls, people
    or messages it is about, 0 where it counts nothing.
    """

    code: AlarmCode
    subject: str
    since_at: datetime
    desk: DeskId | None = None
    due_at: datetime | None = None
    detail: str = ""
    count: int = 0

    @property
    def key(self) -> str:
        """The same for the same cause, however often it is looked at."""
        return ":".join((self.code, self.subject, *((self.desk,) if self.desk else ())))

    @property
    def severity(self) -> Severity:
        return SEVERITIES[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDesk:
    """A closure in force; `kind` is an `ivr.duty.ClosureKind`. It ends by itself at `until_at`."""

    desk: DeskId
    kind: str
    from_at: datetime
    until_at: datetime

    @property
    def key(self) -> str:
        return self.desk
