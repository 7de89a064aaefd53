"""Rows for terminals of any width: short cells in columns, and what is longer beside or below.

Nothing is cut: where the words do not fit beside the columns, they stand below their row; where not
even the columns do, each row is a paragraph of its own. Severity and lane are words, so that no
colour is needed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

GAP = 2
NOTES_LEAST = 40  # columns, for words beside a row
INDENT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    cells: tuple[object, ...]
    notes: tuple[str, ...] = ()
    style: str = ""


class Listing:
    """A table of rows, each with as many cells as there are columns."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Row], notes: str = "notes") -> None:
        self._columns, self._notes, self._rows = tuple(columns), notes, tuple(rows)

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        table = [self._columns, *(_texts(row) for row in self._rows)]
        widths = [max(cell_len(line[at]) for line in table) for at in range(len(self._columns))]
        width = sum(widths) + GAP * (len(widths) - 1)
        if width + GAP + NOTES_LEAST <= options.max_width:
            yield self._beside(widths)
        elif width <= options.max_width:
            yield from self._below(widths)
        else:
            yield from self._paragraphs()

    def _beside(self, widths: Sequence[int]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for column, width in zip(self._columns, widths, strict=True):
            table.add_column(Text(column), width=width, no_wrap=True)
        noted = any(row.notes for row in self._rows)
        if noted:
            table.add_column(Text(self._notes))
        for row in self._rows:
            notes = [Text("; ".join(row.notes))] if noted else []
            table.add_row(*map(Text, _texts(row)), *notes, style=row.style)
        return table

    def _below(self, widths: Sequence[int]) -> Iterator[RenderableType]:
        yield Text(_line(self._columns, widths), "bold")
        for row in self._rows:
            yield Text(_line(_texts(row), widths), row.style)
            yield from _indented(row)

    def _paragraphs(self) -> Iterator[RenderableType]:
        for row in self._rows:
            said = zip(self._columns, _texts(row), strict=True)
            words = ", ".join(f"{name} {text}" for name, text in said if text != "-")
            yield Text(words, row.style)
            yield from _indented(row)


def _texts(row: Row) -> tuple[str, ...]:
    """Text as it is: square brackets in a name are no markup."""
    return tuple("-" if cell is None else str(cell) for cell in row.cells)


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(texts, widths, strict=True)
    padded = (text + " " * (width - cell_len(text)) for text, width in cells)
    return (" " * GAP).join(padded).rstrip()


def _indented(row: Row) -> Iterator[RenderableType]:
    for note in row.notes:
        yield Padding(Text(note, row.style), (0, 0, 0, INDENT), expand=False)
