"""What `ivr report` can be told: whose figures, of which days, in which form."""

from pathlib import Path
from typing import Annotated

import typer

_DAY = "such as 1400/01/01 or 2021-03-21, in Tehran"

ProvinceOption = Annotated[
    str | None, typer.Option(help="Only this province, such as south-khorasan.")
]
CountyOption = Annotated[
    str | None, typer.Option(help="Only this county: of the event, else of the call.")
]
CategoryOption = Annotated[
    str | None, typer.Option(help="Only this category: as found, else as heard.")
]
DeskOption = Annotated[str | None, typer.Option(help="Only calls that this desk answered.")]
CounsellorOption = Annotated[
    str | None, typer.Option(help="Only calls that this counsellor answered.")
]
FirstOption = Annotated[
    str | None,
    typer.Option("--from", help=f"The first day, {_DAY} (default: of the present month)."),
]
LastOption = Annotated[
    str | None, typer.Option("--to", help=f"The last day, {_DAY} (default: today).")
]
OpenOption = Annotated[
    str | None,
    typer.Option("--open", help="List what this figure counts, such as outcome.mobile_team."),
]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many, with --open.")]
PublishOption = Annotated[
    bool, typer.Option("--publish", help="Hide small counts: for what leaves the house.")
]
DefinitionsOption = Annotated[
    bool, typer.Option("--definitions", help="Only say what each figure counts.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Only count what is over beforehand (PostgreSQL).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")]
HtmlOption = Annotated[
    Path | None, typer.Option(help="Write a Persian page with charts to this file.")
]
PdfOption = Annotated[Path | None, typer.Option(help="Write the page as PDF (by Chromium).")]
