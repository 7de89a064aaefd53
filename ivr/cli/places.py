"""What several commands need: whose province a county is, and the rules in force there."""

from datetime import datetime

from ivr.current import current_in_force
from ivr.errors import BadInput
from ivr.location_files import gazette
from ivr.model import CountyId, ProvinceId
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings


def province_of_county(county: str) -> ProvinceId:
    """Raises BadInput for what is no county."""
    province = gazette().provinces.get(CountyId(county))
    if province is None:
        raise BadInput(f"{county!r} is no county's id (such as markazi-saveh); nothing was saved.")
    return province


async def rules_of(settings: Settings, province: ProvinceId, at: datetime) -> ProvinceRules:
    """Raises BadInput for a province that this line does not serve."""
    known = {one.id: one for one in (await current_in_force(settings, at)).rules}
    if province not in known:
        raise BadInput(
            f"{province!r} is no province of this line; write one of: {', '.join(known)}."
        )
    return known[province]


async def provinces_asked(
    settings: Settings, province: str | None, at: datetime
) -> tuple[ProvinceId, ...]:
    """The province asked for, or all that this line serves; raises BadInput."""
    if province is not None:
        return ((await rules_of(settings, ProvinceId(province), at)).id,)
    return tuple(one.id for one in (await current_in_force(settings, at)).rules)
