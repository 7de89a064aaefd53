"""Draws a report as one self-contained HTML file: its font and charts are in it."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr.calendar import clock, jalali_date
from ivr.report_names import Names
from ivr.report_page import words
from ivr.report_page.charts import Bar, bars
from ivr.reports.catalogue import definition_of
from ivr.reports.definitions import Definition, Section
from ivr.reports.figures import Figure, Report
from ivr.reports.period import Period
from ivr.web.drawing import STATIC

TEMPLATES = Path(__file__).parent
MOST_SHOWN = 12  # categories and counties in a chart; the table has all
_CHARTS = (Section.OUTCOMES, Section.CATEGORIES, Section.COUNTIES, Section.HOURS)


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    now: str
    before: str
    change: str
    is_part: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the page; `chart` is empty where a picture would tell nothing more."""

    title: str
    rows: tuple[Row, ...]
    chart: tuple[Bar, ...]
    upright: bool  # hours stand side by side


def report_page(report: Report, names: Names, *, title: str, made_at: datetime) -> str:
    """The page; `title` says of what, such as «خراسان جنوبی»."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    font = base64.b64encode((STATIC / "vazirmatn.woff2").read_bytes()).decode()
    return jinja.get_template("report.html").render(
        title=title,
        period=_days(report.period),
        previous=_days(report.previous),
        published=report.published,
        parts=list(_parts(report, names)),
        definitions=_definitions(report, names),
        made=f"{jalali_date(made_at)}، {clock(made_at)}",
        font=font,
    )


def _days(period: Period) -> str:
    return f"{words.day(period.first)} تا {words.day(period.last)}"


def _parts(report: Report, names: Names) -> Iterator[Part]:
    for section in Section:
        figures = [one for one in report.of_section(section) if _tells(one, section)]
        if figures:
            yield Part(
                title=words.TITLES[section],
                rows=tuple(_row(one, names) for one in figures),
                chart=_chart(section, figures, names) if section in _CHARTS else (),
                upright=section is Section.HOURS,
            )


def _tells(figure: Figure, section: Section) -> bool:
    always = section in {Section.CALLS, Section.HOURS}
    return always or any(one.number or one.hidden for one in (figure.now, figure.before))


def _row(figure: Figure, names: Names) -> Row:
    return Row(
        label=_label(figure, names),
        now=words.value(figure, figure.now),
        before=words.value(figure, figure.before),
        change=words.change(figure),
        is_part=definition_of(figure.id).part_of is not None,
    )


def _label(figure: Figure, names: Names) -> str:
    definition = definition_of(figure.id)
    if not _is_family(definition):
        return names.label_fa(figure.id)
    member = figure.id.partition(".")[2]
    if definition.section is Section.HOURS:
        return words.hour(int(member))
    return names.fa.get(figure.id, member)


def _is_family(definition: Definition) -> bool:
    return definition.id.endswith(".*")


def _chart(section: Section, figures: Sequence[Figure], names: Names) -> tuple[Bar, ...]:
    if section is Section.HOURS:
        return bars((words.whole(hour), one) for hour, one in enumerate(figures))
    counted = [one for one in figures if one.is_counted and _is_whole(one, section)]
    return bars((_label(one, names), one) for one in counted[:MOST_SHOWN])


def _is_whole(figure: Figure, section: Section) -> bool:
    """Of outcomes the kinds of help and the bodies are parts of a bar that is there already."""
    return section is not Section.OUTCOMES or figure.id.count(".") == 1


def _definitions(report: Report, names: Names) -> list[tuple[str, str]]:
    """Labels and what they count, each sentence once, of the figures that tell something."""
    found: dict[str, list[str]] = {}
    for figure in report.figures:
        definition = definition_of(figure.id)
        if _tells(figure, definition.section):
            labels = found.setdefault(definition.sentence_fa, [])
            called = definition.label_fa if _is_family(definition) else names.label_fa(figure.id)
            if called not in labels:
                labels.append(called)
    return [("، ".join(labels), sentence) for sentence, labels in found.items()]
