"""What a token's province lets it see: another one's records are as if they were not there."""

from collections.abc import Mapping
from typing import Any

from ivr.errors import NotAllowed
from ivr.location_files import gazette
from ivr.model import CountyId, ProvinceId
from ivr.store.pages import Wanted
from ivr.tokens import Token
from ivr.web.rest.fields import Paged
from ivr.web.rest.problems import Missing


def province_asked(token: Token, province: ProvinceId | None) -> ProvinceId | None:
    """The province of a list, None for all; raises NotAllowed where it is not the token's."""
    if token.province is None or province is None:
        return province or token.province
    if province != token.province:
        raise NotAllowed(
            f"The token is for {token.province} alone, not for {province}; nothing was changed."
        )
    return province


def wanted(token: Token, asked: Paged) -> Wanted:
    return Wanted(
        province=province_asked(token, asked.province),
        since_at=asked.since,
        until_at=asked.until,
        cursor=asked.cursor,
        limit=asked.limit,
    )


def seen(token: Token, row: Mapping[Any, Any] | None, what: str) -> Mapping[Any, Any]:
    """The row; raises Missing where there is none, or it lies in another province."""
    if row is None or token.province not in {None, row["province"]}:
        raise Missing(f"There is no {what}.")
    return row


def province_of_event(token: Token, county: CountyId) -> ProvinceId:
    """Raises Missing for no county, NotAllowed for one of another province."""
    province = gazette().provinces.get(county)
    if province is None:
        raise Missing(f"{county!r} is no county's id (such as markazi-saveh); nothing was saved.")
    province_asked(token, province)
    return province
