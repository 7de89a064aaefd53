"""Dispatches and visits as reports see them: of the period in which a team left, a visit began."""

from typing import Any

from sqlalchemy import Column, FromClause, Select, Table, func, select

from ivr.model import UNKNOWN_CATEGORY
from ivr.reports.figures import Scope
from ivr.reports.period import Period
from ivr.store.outcome_tables import dispatches, forms, visits
from ivr.store.tables import calls


def sent_dispatches(scope: Scope, period: Period) -> FromClause:
    """One row a dispatch that was sent in the period: id, call, cover, county, team, sent_at."""
    names = ("id", "call", "cover", "county", "team", "sent_at")
    return _in_scope(dispatches, dispatches.c.sent_at, names, scope, period).subquery("sent")


def began_visits(scope: Scope, period: Period) -> FromClause:
    """One row a visit that began in the period: id, call, kind, county, centre, from_at."""
    names = ("id", "call", "kind", "county", "centre", "from_at")
    return _in_scope(visits, visits.c.from_at, names, scope, period).subquery("began")


def _in_scope(
    table: Table, at: Column[Any], names: tuple[str, ...], scope: Scope, period: Period
) -> Select[Any]:
    """Category, desk and counsellor are those of the call: without one it belongs to none."""
    statement = select(*(table.c[name] for name in names)).where(
        at >= period.from_at, at < period.until_at
    )
    if scope.province is not None:
        statement = statement.where(table.c.province == scope.province)
    if scope.county is not None:
        statement = statement.where(table.c.county == scope.county)
    if scope.category or scope.desk or scope.counsellor:
        statement = statement.where(table.c.call.in_(_calls_of(scope)))
    return statement


def _calls_of(scope: Scope) -> Select[Any]:
    statement = select(calls.c.call)
    if scope.category is not None:
        counting = (forms.c.call == calls.c.call) & forms.c.replaced_by.is_(None)
        category = func.coalesce(forms.c.category, calls.c.category, UNKNOWN_CATEGORY)
        statement = statement.outerjoin(forms, counting).where(category == scope.category)
    if scope.desk is not None:
        statement = statement.where(calls.c.desk == scope.desk)
    if scope.counsellor is not None:
        statement = statement.where(calls.c.counsellor == scope.counsellor)
    return statement
