"""Dispatches and visits as reports see them: of the period in which a team left, a visit began."""

from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, and_, case, func, select

from ivr.model import UNKNOWN_CATEGORY
from ivr.reports.figures import Scope
from ivr.reports.period import Period
from ivr.store.outcome_tables import dispatches, forms, visits
from ivr.store.reports_by import OF_CALLS, By, key_columns, only
from ivr.store.tables import calls


def sent_dispatches(scope: Scope, period: Period, bys: tuple[By, ...] = ()) -> FromClause:
    """One row a dispatch that was sent in the period: id, call, cover, county, team, sent_at.

    Then the key columns of `bys`, here as of visits.
    """
    names = ("id", "call", "cover", "county", "team", "sent_at")
    return _in_scope(dispatches.c.sent_at, names, scope, period, bys).subquery("sent")


def began_visits(scope: Scope, period: Period, bys: tuple[By, ...] = ()) -> FromClause:
    """One row a visit that began in the period: id, call, kind, county, centre, from_at."""
    names = ("id", "call", "kind", "county", "centre", "from_at")
    return _in_scope(visits.c.from_at, names, scope, period, bys).subquery("began")


def _in_scope(
    at: Column[Any], names: tuple[str, ...], scope: Scope, period: Period, bys: tuple[By, ...]
) -> Select[Any]:
    """Category, desk and counsellor are those of the call: without one it belongs to none."""
    table = at.table
    limits = dict(only(scope))
    category = func.coalesce(forms.c.category, calls.c.category, UNKNOWN_CATEGORY)
    of: dict[By, ColumnElement[Any]] = {
        By.COUNTY: table.c.county,
        By.CATEGORY: case((calls.c.call.is_not(None), category)),
        By.DESK: calls.c.desk,
        By.COUNSELLOR: calls.c.counsellor,
    }
    statement = (
        select(*(table.c[name] for name in names), *key_columns(bys, period, at, of))
        .select_from(table)
        .where(at >= period.from_at, at < period.until_at)
        .where(*(of[by] == value for by, value in limits.items()))
    )
    if scope.province is not None:
        statement = statement.where(table.c.province == scope.province)
    if {*bys, *limits}.intersection(OF_CALLS):
        counting = and_(forms.c.call == calls.c.call, forms.c.replaced_by.is_(None))
        statement = statement.outerjoin(calls, calls.c.call == table.c.call)
        statement = statement.outerjoin(forms, counting)
    return statement
