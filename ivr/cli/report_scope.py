"""Whether there ever was what a report is asked of, so that a slip of the pen is no zero."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from difflib import get_close_matches

from ivr.current import current_in_force
from ivr.errors import BadInput, LineError
from ivr.in_force import InForce
from ivr.model import UNKNOWN_CATEGORY
from ivr.reports.figures import Scope
from ivr.rules.counties import gazetteer
from ivr.settings import Settings
from ivr.store.reports_known import is_recorded, published_categories
from ivr.store.store import Store

_PARTS = ("county", "category", "desk", "counsellor")
SHOWN = 20  # ids; more are not read


async def check_scope(settings: Settings, store: Store, scope: Scope, now: datetime) -> None:
    """Raises BadInput for what no rules in force or earlier and no record ever had."""
    asked = {name: value for name, value in asdict(scope).items() if name in _PARTS and value}
    if not asked:
        return
    try:
        present = await current_in_force(settings, now)
    except LineError:
        return  # reports are told also where rules have mistakes
    for part, name in asked.items():
        there = await _there(store, part, present)
        if name not in there and not await is_recorded(store, part, name):
            raise BadInput(_never_was(part, name, there, _served(present, scope)))


async def _there(store: Store, part: str, present: InForce) -> Collection[str]:
    known = gazetteer()
    if part == "county":
        return known.counties
    if part == "desk":  # it has the id of its county, or of the province for which it answers
        return [*known.provinces, *known.counties]
    if part == "counsellor":
        return {person.id for person in present.people}
    categories = {one.id for rules in present.rules for one in rules.categories}
    return {UNKNOWN_CATEGORY, *categories, *await published_categories(store)}


def _served(present: InForce, scope: Scope) -> set[str]:
    """The provinces and counties that a reader is likely to mean."""
    served = [one for one in present.rules if scope.province in {None, one.id}]
    return {str(one.id) for one in served} | {c.id for one in served for c in one.counties}


def _never_was(part: str, name: str, there: Collection[str], served: Collection[str]) -> str:
    said = f"--{part}: no rules and no record ever had {name!r}"
    if close := get_close_matches(name, there, n=3):
        return f"{said}; did you mean {' or '.join(close)}?"
    if not there:
        return f"{said}; there is none yet."
    likely = served if part in {"county", "desk"} else ()
    shown = sorted(set(there).intersection(likely) or there)
    more = f", and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return f"{said}; there are: {', '.join(shown[:SHOWN])}{more}."
