"""Calls as reports see them, with what counts of each; which of them stand behind a figure."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    or_,
    select,
)

from ivr.model import UNKNOWN_CATEGORY, CallEnd
from ivr.outcomes import OutcomeId, OutsideBody, Relation, ServiceKind
from ivr.reports.catalogue import CRISIS_CENTRE, OTHER_CENTRES
from ivr.reports.figures import Scope
from ivr.reports.period import Period, clock_changes
from ivr.reports.tally import Base
from ivr.store.outcome_tables import forms
from ivr.store.reports_by import By, key_columns, key_name, only
from ivr.store.reports_sql import half_hour, microseconds
from ivr.store.tables import calls, corrections, outcomes

Columns = Any  # of a subquery: its `c`
Condition = Callable[[Columns], ColumnElement[bool]]

UNKNOWN = "unknown"
_HALF_HOURS = 48
_WRAP_UP_AT_MOST_US = 30 * 60 * 1_000_000
_SECOND_US = 1_000_000
_ABANDONED = (CallEnd.ABANDONED.value, CallEnd.FALLBACK_ABANDONED.value)
_CONNECTED = (CallEnd.CONNECTED.value, CallEnd.FALLBACK_CONNECTED.value)


def seen_calls(scope: Scope, period: Period, bys: tuple[By, ...] = ()) -> FromClause:
    """One row a call that arrived in the period; its columns are those of `ix_calls_counted`.

    Then the key columns of `bys`.

    A scope without a province reads all; whoever counts names them (`ReportStore`).
    """
    county = func.coalesce(forms.c.county, calls.c.county)
    category = func.coalesce(forms.c.category, calls.c.category, UNKNOWN_CATEGORY)
    of: dict[By, ColumnElement[Any]] = {
        By.COUNTY: county,
        By.CATEGORY: category,
        By.DESK: calls.c.desk,
        By.COUNSELLOR: calls.c.counsellor,
    }
    limits = [of[by] == value for by, value in only(scope)]
    if scope.province is not None:
        limits.append(calls.c.province == scope.province)
    joined, connected = calls.c.joined_at, calls.c.connected_at
    ended = func.coalesce(connected, calls.c.ended_at)
    return (
        select(
            *(calls.c[name] for name in _PLAIN),
            forms.c.id.label("form"),
            forms.c.relation,
            forms.c.wrong_county,
            forms.c.wrong_category,
            func.coalesce(county, UNKNOWN).label("county"),
            category.label("category"),
            microseconds(joined, ended).label("wait_us"),
            microseconds(connected, calls.c.talk_ended_at).label("talk_us"),
            microseconds(calls.c.arrived_at, joined).label("menu_us"),
            _hour(calls.c.arrived_at, period).label("hour"),
            *key_columns(bys, period, calls.c.arrived_at, of),
        )
        .select_from(calls)
        .outerjoin(forms, and_(forms.c.call == calls.c.call, forms.c.replaced_by.is_(None)))
        .where(calls.c.arrived_at >= period.from_at, calls.c.arrived_at < period.until_at)
        .where(*limits)
        .subquery("seen")
    )


_PLAIN = (
    *("call", "province", "desk", "counsellor", "arrived_at", "joined_at", "connected_at"),
    *("talk_ended_at", "end", "entered", "lost_at", "answered_where", "abandoned_why"),
)


def _hour(at: ColumnElement[Any], period: Period) -> ColumnElement[int]:
    """The hour of Tehran's clocks; the zone's data are Python's, so both databases agree."""
    newest_first = reversed(clock_changes(period))
    ahead = case(*((at >= since, seconds // 1800) for since, seconds in newest_first), else_=0)
    return ((half_hour(at) + ahead) % _HALF_HOURS) // 2


def _every(seen: Columns) -> ColumnElement[bool]:
    return and_(seen.call.is_not(None))


def _relation(relation: Relation) -> Condition:
    return lambda seen: seen.relation == relation.value


def _connected(seen: Columns) -> ColumnElement[bool]:
    """Those that were entered afterwards may lack the instant."""
    return or_(seen.connected_at.is_not(None), func.coalesce(seen.end, "").in_(_CONNECTED))


def _end(*ends: str) -> Condition:
    return lambda seen: and_(seen.connected_at.is_(None), seen.end.in_(ends))


def _why(why: str) -> Condition:
    return lambda seen: and_(_end(CallEnd.ABANDONED)(seen), seen.abandoned_why == why)


def _where(where: str) -> Condition:
    return lambda seen: and_(_connected(seen), seen.answered_where == where)


def _waited(seen: Columns) -> ColumnElement[bool]:
    return and_(seen.connected_at.is_not(None), seen.joined_at.is_not(None))


def _within(seconds: int) -> Condition:
    return lambda seen: and_(_waited(seen), seen.wait_us <= seconds * _SECOND_US)


def _of_level(seen: Columns) -> ColumnElement[bool]:
    left = and_(_end(*_ABANDONED)(seen), seen.wait_us.is_not(None))
    return or_(_waited(seen), left)


# Counted in one reading of the period's calls.
COUNTS: Mapping[str, Condition] = {
    "calls": _every,
    **{f"calls_{relation}": _relation(relation) for relation in Relation},
    "calls_pending": lambda seen: seen.relation.is_(None),
    "calls_paper": lambda seen: seen.entered == "paper",
    "calls_imported": lambda seen: seen.entered == "imported",
    "connected": _connected,
    "abandoned": _end(*_ABANDONED),
    "abandoned_short": _end(CallEnd.SHORT_ABANDONMENT),
    "left_in_menu": _end(CallEnd.IN_MENU),
    "end_unknown": lambda seen: and_(seen.connected_at.is_(None), seen.end.is_(None)),
    "lost_in_danger": lambda seen: seen.lost_at.is_not(None),
    "abandoned.nobody_on_duty": _why("nobody_on_duty"),
    "abandoned.not_taken": _why("not_taken"),
    "abandoned.too_busy": _why("too_busy"),
    "abandoned.in_fallback": _end(CallEnd.FALLBACK_ABANDONED),
    "abandoned.unknown": lambda seen: and_(
        _end(CallEnd.ABANDONED)(seen), seen.abandoned_why.is_(None)
    ),
    **{
        f"where.{where}": _where(where)
        for where in ("own", "supporting", "province", "elsewhere", "fallback")
    },
    "where.unknown": lambda seen: and_(_connected(seen), seen.answered_where.is_(None)),
    "wrong_county": lambda seen: seen.wrong_county.is_(True),
    "wrong_category": lambda seen: seen.wrong_category.is_(True),
}
BASES: Mapping[str, Condition] = {
    Base.WAIT: _waited,
    Base.TALK: lambda seen: seen.talk_us.is_not(None),
    Base.MENU: lambda seen: seen.joined_at.is_not(None),
    Base.JOINED: lambda seen: seen.wait_us.is_not(None),
    Base.LEVEL: _of_level,
    Base.WITHIN_15: _within(15),
    Base.WITHIN_20: _within(20),
}
# Calls of families, by what their ids end in.
GROUPS: Mapping[str, tuple[str, Condition]] = {
    "category": (
        "category",
        lambda seen: or_(seen.relation.is_(None), seen.relation == Relation.RELATED.value),
    ),
    "county": ("county", _every),
    "hour": ("hour", _every),
}


def _outcome(*ids: OutcomeId) -> Condition:
    return lambda of: of.outcome.in_([outcome.value for outcome in ids])


def _with(outcome: OutcomeId, column: str, value: str) -> Condition:
    return lambda of: and_(of.outcome == outcome.value, of[column] == value)


# Of the rows of `outcomes` that count of a call: any of them is enough.
OUTCOMES: Mapping[str, Condition] = {
    **{f"outcome.{outcome}": _outcome(outcome) for outcome in OutcomeId},
    **{
        f"outcome.{OutcomeId.PHONE_RESOLVED}.{kind}": _with(
            OutcomeId.PHONE_RESOLVED, "kind", kind.value
        )
        for kind in ServiceKind
    },
    **{
        f"outcome.{OutcomeId.EXTERNAL}.{body}": _with(OutcomeId.EXTERNAL, "body", body.value)
        for body in OutsideBody
    },
    "outcome.crisis_centre": _outcome(*CRISIS_CENTRE),
    "outcome.other_centres": _outcome(*OTHER_CENTRES),
}


def misrouted_calls(seen: FromClause) -> Select[Any]:
    """Ids of calls as `ivr.store.records.is_misrouted` judges them: the first word and the last."""
    ends = (
        select(func.min(corrections.c.id).label("first"), func.max(corrections.c.id).label("last"))
        .join_from(seen, corrections, corrections.c.call == seen.c.call)
        .group_by(corrections.c.call)
        .subquery("ends")
    )
    first, last = corrections.alias("first"), corrections.alias("last")
    return (
        select(first.c.call)
        .join_from(ends, first, first.c.id == ends.c.first)
        .join(last, last.c.id == ends.c.last)
        .where(first.c.previous_county.is_not(None), first.c.previous_county != last.c.county)
    )


def wrap_ups(seen: FromClause, bys: tuple[By, ...] = ()) -> FromClause:
    """One row a call whose first outcome was saved soon enough after its talk: call, wrap_up_us.

    Then the key columns of `bys`, which `seen` has.
    """
    columns = [seen.c.call, *(seen.c[key_name(by)] for by in bys)]
    saved = func.min(microseconds(seen.c.talk_ended_at, outcomes.c.at)).label("wrap_up_us")
    each = (
        select(*columns, saved)
        .join_from(seen, outcomes, outcomes.c.call == seen.c.call)
        .where(seen.c.connected_at.is_not(None), seen.c.talk_ended_at.is_not(None))
        .where(seen.c.entered.is_(None))
        .group_by(*columns)
        .subquery("saved")
    )
    soon = each.c.wrap_up_us.between(0, _WRAP_UP_AT_MOST_US)
    return select(each).where(soon).subquery("wrap_ups")
