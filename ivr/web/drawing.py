"""Draws the floor as HTML: one set of templates for the first paint and for every live change."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr import calendar
from ivr.model import (
    UNKNOWN_CATEGORY,
    CallEnd,
    CategoryId,
    CounsellorId,
    CounsellorState,
    CountyId,
    DeskId,
    DeviceState,
    ProvinceId,
)
from ivr.notices import Alarm, AlarmCode
from ivr.outcomes import OUTCOME_LABELS
from ivr.view import CallRow, CounsellorView, FloorView, Names
from ivr.web import phrases, words
from ivr.web.alarm_words import Subjects, alarm_text
from ivr.web.ports import DatabaseHealth

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"

FLOOR_REGIONS = (
    *("today", "notices", "lost", "alarms", "closed"),
    *("status", "figures", "line", "talks", "counsellors", "desks"),
)
LATE_S = 20  # the second service level (design §6)
GRAVE_S = 120
A_DAY_S = 86_400

_ANYWHERE = {str(outcome): label for outcome, label in OUTCOME_LABELS.items()}
_CONNECTED = (CallEnd.CONNECTED, CallEnd.FALLBACK_CONNECTED)


class Drawing:
    """Templates and the words they use; holds no floor."""

    def __init__(self) -> None:
        self.build = _fingerprint(sorted([*TEMPLATES.iterdir(), *STATIC.iterdir()]))
        self._jinja = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters.update(
            digits=calendar.persian_digits,
            clock=calendar.clock,
            clock_with_seconds=calendar.clock_with_seconds,
            day=calendar.jalali_date,
            duration=calendar.duration,
            moment=_moment,
        )
        self._jinja.globals.update(
            alarm_text=alarm_text,
            phrases=phrases,
            words=words,
            late_s=LATE_S,
            grave_s=GRAVE_S,
            a_day_s=A_DAY_S,
        )

    def floor(
        self, view: FloorView, names: Names, database: DatabaseHealth, now: datetime
    ) -> dict[str, str]:
        """HTML of each live region of the floor."""
        places = _Places(names)
        context = {
            "view": view,
            "alarms": _others(view),
            "subjects": Subjects(view, places),
            "line_places": phrases.places_of(view),
            "database": database,
            "now": now,
            "date": calendar.jalali_date(now),
            "place": places,
            "name_of": _names_by_id(view.counsellors),
            "on_duty": _on_duty(view.counsellors, names),
            "off_duty": _in_state(view.counsellors, CounsellorState.OFF_DUTY),
            "available": _ready(view.counsellors),
        }
        return {region: self._render(region, context) for region in FLOOR_REGIONS}

    def calls(self, rows: Sequence[CallRow] | None, view: FloorView, names: Names) -> str:
        """HTML of the day's calls; None says that they could not be read."""
        context = {
            "rows": rows,
            "place": _Places(names),
            "name_of": _names_by_id(view.counsellors),
            "connected": _CONNECTED,
        }
        return self._render("calls", context)

    def page(self, regions: Mapping[str, str], now: datetime) -> str:
        """The whole page around its regions."""
        template = self._jinja.get_template("page.html")
        return template.render(regions=regions, now=now, build=self.build)

    def _render(self, region: str, context: Mapping[str, object]) -> str:
        return self._jinja.get_template(f"{region}.html").render(context)


class _Places:
    """Names of places and categories for the templates; an id without a name stands for itself."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def province(self, province: ProvinceId) -> str:
        return self._names.provinces.get(province, province)

    def county(self, county: CountyId | None) -> str:
        return words.NO_COUNTY if county is None else self._names.counties.get(county, county)

    def category(self, category: CategoryId | None) -> str:
        if category in {None, UNKNOWN_CATEGORY}:
            return words.NO_CATEGORY
        return self._names.categories.get(category, category)

    def outcome(self, province: ProvinceId, outcome: str) -> str:
        """In the province's own word; one of a newer version by its id."""
        own = self._names.outcomes.get(province, {}).get(outcome)
        return own or _ANYWHERE.get(outcome, outcome)

    def crisis_centre(self, centre: str) -> str:
        return self._names.crisis_centres.get(centre, centre)

    def desks(self, counsellor: CounsellorView) -> str:
        """A desk has the id of its county, or of the province for which it answers."""
        return "، ".join(self.desk(desk) for desk in counsellor.desks)

    def desk(self, desk: DeskId) -> str:
        province = self._names.provinces.get(ProvinceId(desk))
        return words.PROVINCIAL_DESK.format(province) if province else self.county(CountyId(desk))


def _others(view: FloorView) -> list[Alarm]:
    """Without those that stand above all others, as lost calls."""
    lost = {call.call for call in view.lost}
    return [
        alarm
        for alarm in view.alarms
        if alarm.code is not AlarmCode.LOST_IN_DANGER or alarm.subject not in lost
    ]


def _moment(at: datetime, now: datetime) -> str:
    """The hour, with the day where it is not today."""
    day = calendar.jalali_date(at)
    hour = f"ساعت {calendar.clock(at)}"
    return hour if day == calendar.jalali_date(now) else f"{day} {hour}"


def _names_by_id(counsellors: Iterable[CounsellorView]) -> dict[CounsellorId, str]:
    return {counsellor.counsellor: counsellor.name_fa for counsellor in counsellors}


def _in_state(
    counsellors: Iterable[CounsellorView], state: CounsellorState
) -> list[CounsellorView]:
    return [counsellor for counsellor in counsellors if counsellor.state is state]


def _ready(counsellors: Iterable[CounsellorView]) -> int:
    return sum(
        one.device_state is not DeviceState.UNREACHABLE
        for one in _in_state(counsellors, CounsellorState.AVAILABLE)
    )


def _on_duty(counsellors: Iterable[CounsellorView], names: Names) -> list[CounsellorView]:
    """In an order that no change of state disturbs, so that eyes find a person again."""
    places = _Places(names)
    on_duty = [one for one in counsellors if one.state is not CounsellorState.OFF_DUTY]
    return sorted(on_duty, key=lambda one: (places.desks(one), one.name_fa, one.counsellor))


def _fingerprint(files: Iterable[Path]) -> str:
    """Changes with the page's files, so that a page that is open for months loads itself anew."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
