"""What a bearer may reach: the records of others are as if they were not there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ivr.bearers import Bearer
from ivr.errors import NotAllowed, StoreError, ValueRefused
from ivr.location_files import gazette
from ivr.model import CountyId, DeskId, ProvinceId
from ivr.rights import Action, Reach, may_of, reach
from ivr.store.pages import Wanted
from ivr.web.rest.fields import Paged
from ivr.web.rest.problems import Missing


def places(bearer: Bearer, action: Action, province: ProvinceId | None) -> Reach:
    """Where a list looks; raises NotAllowed where a province is named that is out of reach."""
    everywhere = reach(bearer.person, action, bearer.at)
    if province is None:
        return everywhere
    found = everywhere.within(province)
    if not found:
        raise NotAllowed(f"The token does not reach {province}; nothing was changed.")
    return found


def wanted(bearer: Bearer, action: Action, asked: Paged) -> Wanted:
    return Wanted(
        province=asked.province,
        since_at=asked.since,
        until_at=asked.until,
        cursor=asked.cursor,
        limit=asked.limit,
        reach=places(bearer, action, asked.province),
    )


def seen(
    bearer: Bearer, action: Action, row: Mapping[Any, Any] | None, what: str
) -> Mapping[Any, Any]:
    """The row; raises Missing where there is none, or the bearer may not do this to it."""
    if row is None or not is_reached(bearer, action, row):
        raise Missing(f"There is no {what}.")
    return row


def is_reached(bearer: Bearer, action: Action, row: Mapping[Any, Any]) -> bool:
    """Whether the bearer may do this to the row: by its province, its desk or its county."""
    desk = row.get("desk") or row.get("county")
    return may_of(
        bearer.person, action, row["province"], DeskId(desk) if desk else None, now=bearer.at
    )


def province_of(county: CountyId) -> ProvinceId:
    """Raises Missing for no county."""
    province = gazette().provinces.get(county)
    if province is None:
        raise Missing(f"{county!r} is no county's id (such as markazi-saveh); nothing was saved.")
    return province


def check_event(bearer: Bearer, action: Action, county: CountyId) -> None:
    """Raises NotAllowed for an event out of reach, Missing for no county."""
    if not may_of(bearer.person, action, province_of(county), DeskId(county), now=bearer.at):
        raise NotAllowed(f"The token does not reach {county}; nothing was changed.")


@contextmanager
def judged_later() -> Iterator[None]:
    """What cannot be looked up while the database is away is judged when it is back."""
    try:
        yield
    except ValueRefused:
        raise
    except StoreError:
        return
