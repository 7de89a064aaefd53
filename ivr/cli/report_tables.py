"""A report as text within 80 columns: figures section by section, then what each of them counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from rich import box
from rich.table import Table
from rich.text import Text

from ivr.calendar import plain_minute
from ivr.report_names import Names
from ivr.reports.catalogue import DEFINITIONS, definition_of
from ivr.reports.definitions import Definition, Section, Unit
from ivr.reports.figures import Figure, Report, Scope, Value
from ivr.store.reports_open import Opened

WIDTH = 80
HIDDEN = "*"
_TOP = 10  # categories and counties that are shown; all of them are in JSON and CSV
_BUSIEST = 6
_TITLES = {
    Section.CALLS: "Calls",
    Section.ENDS: "How they ended on the line",
    Section.ABANDONED: "Why abandoned calls were not taken",
    Section.WHERE: "Answered where",
    Section.SERVICE: "Service, in seconds and shares",
    Section.OUTCOMES: "Outcomes, in calls",
    Section.PERSONS: "Persons",
    Section.DISPATCHES: "Dispatches",
    Section.VISITS: "Crisis centres, in visits",
    Section.CATEGORIES: "Top categories, in calls",
    Section.COUNTIES: "Counties, in calls",
    Section.HOURS: "Busiest hours, in calls",
}
# Shown even where there was none.
_ALWAYS = {Section.CALLS, Section.ENDS, Section.SERVICE}


def report_lines(report: Report, names: Names) -> Iterator[Table | str]:
    """Everything, from the title on."""
    yield f"Line 123, {_scope(report.scope)}"
    yield f"{report.period} in Tehran, compared with {report.previous}"
    if report.published:
        yield f"Counts from 1 to 4, and what they could be told from, are hidden: {HIDDEN}"
    for section in Section:
        figures = list(_shown(section, list(report.of_section(section))))
        if figures:
            yield ""
            yield _table(section, figures, names)
    yield from definition_lines(one.id for one in report.figures if _matters(one))


def _scope(scope: Scope) -> str:
    words = [f"{name} {value}" for name in Scope.__slots__ if (value := getattr(scope, name))]
    return ", ".join(words) or "all provinces"


def _shown(section: Section, figures: list[Figure]) -> Iterable[Figure]:
    if section in _ALWAYS:
        return figures
    some = [figure for figure in figures if _matters(figure)]
    if section is Section.HOURS:
        return sorted(some, key=lambda it: -(it.now.number or 0))[:_BUSIEST]
    return some[:_TOP] if section in {Section.CATEGORIES, Section.COUNTIES} else some


def _matters(figure: Figure) -> bool:
    return any(value.number or value.hidden for value in (figure.now, figure.before))


def _table(section: Section, figures: Iterable[Figure], names: Names) -> Table:
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, show_edge=False)
    table.add_column(_TITLES[section], ratio=1)
    for title in ("now", "before", "change"):
        table.add_column(title, justify="right", no_wrap=True)
    for figure in figures:
        values = (_number(figure, figure.now), _number(figure, figure.before))
        table.add_row(Text(label(figure.id, names)), *values, _change(figure))
    return table


def label(figure: str, names: Names) -> str:
    """The figure's name; parts stand a little to the right of their whole."""
    definition = definition_of(figure)
    if definition.id.endswith(".*"):
        member = figure.partition(".")[2]
        if definition.section is Section.HOURS:
            return f"{member}:00 to {member}:59"
        return names.en.get(figure, member)
    called = names.en.get(figure, definition.label_en)
    return f"  {called}" if definition.part_of else called


def _number(figure: Figure, value: Value) -> str:
    if value.hidden:
        return HIDDEN
    if value.number is None:
        return "-"
    if figure.unit is Unit.SHARE:
        return f"{value.number:.1%}"
    return f"{value.number:,.1f}" if figure.unit is Unit.SECONDS else f"{value.number:,.0f}"


def _change(figure: Figure) -> str:
    if figure.change is None:
        return "-"
    if figure.unit is Unit.SHARE:
        return f"{figure.change * 100:+.1f} pt"
    return f"{figure.change:+.1%}"


def definition_lines(figures: Iterable[str]) -> Iterator[str]:
    """What they count; figures that share a sentence share its line."""
    wanted = {definition_of(figure).id for figure in figures}
    some = [definition for definition in DEFINITIONS if definition.id in wanted]
    if some:
        yield ""
        yield "What the figures count (--open ID shows the calls behind one):"
    for sentence, group in groupby(some, key=lambda it: it.sentence_en):
        yield f"- {', '.join(_id(definition) for definition in group)}: {sentence}"


def _id(definition: Definition) -> str:
    return definition.id.replace(".*", ".ID") if definition.id != "hour.*" else "hour.00 to hour.23"


def opened_table(opened: Sequence[Opened]) -> Table:
    """What stands behind a figure; columns that would be empty are left out."""
    columns = {name: cell for name, cell in _CELLS.items() if any(map(cell, opened))}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in columns:
        table.add_column(title, no_wrap=True)
    for one in opened:
        table.add_row(*(Text(cell(one) or "-") for cell in columns.values()))
    return table


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


_CELLS: Mapping[str, Callable[[Opened], str | None]] = {
    "at": lambda it: plain_minute(it.at),
    "kind": lambda it: it.kind,
    "id": lambda it: it.id,
    "call": lambda it: it.call if it.kind != "call" else None,
    "of": lambda it: it.of,
    "county": lambda it: it.county,
    "what": lambda it: it.what,
    "wait": lambda it: _seconds(it.wait_s),
    "seconds": lambda it: _seconds(it.seconds),
    "in the share": lambda it: {True: "yes", False: "no", None: None}[it.within],
}
