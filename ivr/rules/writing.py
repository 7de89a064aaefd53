"""Rules as YAML that people edit and `ivr rules draft` reads again as the same rules."""

from typing import Any

import yaml

from ivr.rules.common import SHARED
from ivr.rules.schema import ProvinceRules

WIDTH = 100


def as_yaml(rules: ProvinceRules) -> str:
    """The rules without what is left at its default.

    Sections that a common file could fill in stay whole: beside one they mean the same.
    """
    whole: dict[str, Any] = rules.model_dump(mode="json")
    said: dict[str, Any] = rules.model_dump(mode="json", exclude_defaults=True)
    document = {
        name: _section(value, said.get(name)) if name in SHARED else said[name]
        for name, value in whole.items()
        if name in SHARED or name in said
    }
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=WIDTH)


def _section(whole: Any, said: Any) -> Any:
    """Every field of a section, each in its short form where it has one."""
    if isinstance(whole, dict):
        short = said or {}
        return {name: short.get(name, value) for name, value in whole.items()}
    return whole if said is None else said
