"""A report for other programs: JSON, and CSV that spreadsheets read."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from ivr.calendar import plain_minute
from ivr.cli.report_tables import label
from ivr.report_names import Names
from ivr.reports.catalogue import definition_of
from ivr.reports.figures import Figure, Report, Value
from ivr.store.codec import Json, encode
from ivr.store.reports_open import Opened

HIDDEN = "*"
COLUMNS = ("figure", "label", "label_fa", "unit", "now", "before", "change", "definition")


def report_json(report: Report, names: Names) -> dict[str, Any]:
    """`Report.as_json` with labels and definitions beside the figures."""
    found = report.as_json()
    for figure, values in found["figures"].items():
        definition = definition_of(figure)
        values["label"] = label(figure, names).strip()
        values["label_fa"] = names.label_fa(figure)
        values["definition"] = definition.id
    used = {definition_of(figure.id) for figure in report.figures}
    found["definitions"] = {
        it.id: {"sentence": it.sentence_en, "sentence_fa": it.sentence_fa} for it in used
    }
    return found


def report_csv(report: Report, names: Names) -> str:
    """One line a figure (RFC 4180), after one of column names; the scope is in none of them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for figure in report.figures:
        definition = definition_of(figure.id)
        writer.writerow(
            (
                figure.id,
                label(figure.id, names).strip(),
                names.label_fa(figure.id),
                figure.unit.value,
                _cell(figure, figure.now),
                _cell(figure, figure.before),
                "" if figure.change is None else figure.change,
                definition.sentence_en,
            )
        )
    return text.getvalue()


def _cell(figure: Figure, value: Value) -> str | float:
    if value.hidden:
        return HIDDEN
    if value.number is None:
        return ""
    return int(value.number) if figure.is_counted else value.number


_OPENED = ("kind", "id", "call", "at", "county", "what", "wait_s", "of", "seconds", "within")


def opened_json(one: Opened) -> dict[str, Json]:
    return {name: encode(getattr(one, name)) for name in _OPENED}


def opened_csv(opened: Iterable[Opened]) -> str:
    """The same as lines, with the time in Tehran."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_OPENED)
    for one in opened:
        values = {name: getattr(one, name) for name in _OPENED} | {"at": plain_minute(one.at)}
        writer.writerow(["" if value is None else value for value in values.values()])
    return text.getvalue()
