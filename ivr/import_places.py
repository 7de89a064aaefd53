"""Places, subjects and units as earlier records write them, by id or name; all raise BadInput."""

from collections.abc import Sequence

from ivr.errors import BadInput
from ivr.location.tables import name_key
from ivr.location_files import gazette
from ivr.model import UNKNOWN_CATEGORY, CategoryId, CountyId, DeskId, ProvinceId
from ivr.rules.counties import gazetteer
from ivr.rules.schema import ProvinceRules
from ivr.rules.units import Unit
from ivr.text import search_key


def province_of(text: str) -> ProvinceId:
    known = gazetteer().provinces
    found = text.lower() if text.lower() in known else gazette().province_names.get(name_key(text))
    if found is None:
        raise BadInput(f"{text!r} is no province, such as south-khorasan or خراسان جنوبی")
    return ProvinceId(found)


def county_of(text: str, province: ProvinceId | None) -> CountyId:
    """Names alone would be several counties'; ids say their province."""
    by_id = CountyId(text.lower())
    if by_id in gazette().provinces:
        return by_id
    found = gazette().names.get((province, name_key(text))) if province else None
    if found is None:
        where = f"no county of {province}" if province else "no county's id"
        mend = "" if province else ", or the province beside its name"
        raise BadInput(f"{text!r} is {where}; write its id, such as markazi-saveh{mend}")
    return found


def category_of(text: str, rules: ProvinceRules) -> CategoryId:
    key = search_key(text)
    if key == UNKNOWN_CATEGORY:
        return UNKNOWN_CATEGORY
    for one in rules.categories:
        if key in {one.id, search_key(one.name_fa), search_key(one.name_en or one.id)}:
            return one.id
    known = ", ".join(one.id for one in rules.categories)
    raise BadInput(f"{text!r} is no category; write one of: {known}, {UNKNOWN_CATEGORY}")


def desk_of(text: str, rules: ProvinceRules) -> DeskId:
    known = {str(rules.id), *(str(one.id) for one in rules.counties)}
    if text not in known:
        raise BadInput(f"{text!r} is no desk of {rules.id}; write {rules.id} or a county's id")
    return DeskId(text)


def unit_of(text: str, named: Sequence[Unit]) -> str:
    """Where a province names no such units its list is not complete: any id is taken."""
    ids = [unit.id for unit in named]
    if ids and text not in ids:
        raise BadInput(f"the rules have no {text!r}; write one of: {', '.join(ids)}")
    if not ids and (len(text) > 80 or not text.replace("-", "").replace("_", "").isalnum()):
        raise BadInput(
            f"{text!r} is no id; write letters, digits and hyphens, such as team-birjand"
        )
    return text
