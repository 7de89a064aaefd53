"""Iran's provinces and counties as published: the only ids that rules may use."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ivr.model import CountyId, ProvinceId


@dataclass(frozen=True, slots=True)
class KnownProvince:
    id: ProvinceId
    name_fa: str
    area_code: str
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class KnownCounty:
    """`neighbours`: bordering counties of the same province with the distance in kilometres.

    Known for five provinces; computed from OpenStreetMap boundaries, (c) OpenStreetMap
    contributors, ODbL 1.0.
    """

    id: CountyId
    province: ProvinceId
    name_fa: str
    neighbours: Mapping[CountyId, float]
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Gazetteer:
    provinces: Mapping[str, KnownProvince]
    counties: Mapping[str, KnownCounty]

    def counties_of(self, province: str) -> tuple[KnownCounty, ...]:
        return tuple(county for county in self.counties.values() if county.province == province)


@cache
def gazetteer() -> Gazetteer:
    """All provinces and counties, read once from the file beside this module."""
    raw = json.loads(files("ivr.rules").joinpath("counties.json").read_text("utf-8"))
    provinces = (
        KnownProvince(item["id"], item["name_fa"], item["area_code"], item.get("name_en", ""))
        for item in raw["provinces"]
    )
    counties = (
        KnownCounty(
            item["id"],
            item["province"],
            item["name_fa"],
            item.get("neighbours", {}),
            item.get("name_en", ""),
        )
        for item in raw["counties"]
    )
    return Gazetteer({item.id: item for item in provinces}, {item.id: item for item in counties})
