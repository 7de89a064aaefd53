"""`ivr location`: what a number and headers would say of where a call comes from; checks tables."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ivr.errors import BadInput
from ivr.location import Signals, identify, locate
from ivr.location.number import AREA_CODES
from ivr.location_files import check_table, gazette, load_tables
from ivr.model import CountyId, ProvinceId
from ivr.model.location import CallLocation
from ivr.settings import load_settings
from ivr.store.codec import Json, encode

app = typer.Typer(no_args_is_help=True, help="Where calls come from: try it, check its tables.")

_CIVIC = "civicAddress"  # what GEOLOC_PROFILE(format) says of a civic address


@app.command("show")
def show(
    *,
    number: Annotated[str, typer.Option(help="The number as the exchange has it.")] = "",
    header: Annotated[
        list[str] | None,
        typer.Option(
            help="A header as it came, 'From: …', 'P-Asserted-Identity: …' or "
            "'P-Access-Network-Info: …'; may be given several times."
        ),
    ] = None,
    civic: Annotated[str, typer.Option(help='A civic address: country="IR",A1="…",A2="…".')] = "",
    earlier: Annotated[str, typer.Option(help="The county of an earlier call.")] = "",
    province: Annotated[
        str | None, typer.Option(help="Whose line was called (default: the default province).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Show each source's word on where a call comes from, most trusted first. Prints no number.

    With --json: kind (of the number), candidates (source, confidence, province, county), notes
    (code, subject).
    """
    settings = load_settings()
    line = _province(province or settings.default_province)
    area_code = next(code for code, name in AREA_CODES.items() if name == line)
    signals = _signals(number, header or [], civic, earlier)
    caller, _ = identify(signals, area_code)
    location = locate(signals, caller, line, load_tables(settings.locations_dir))
    if as_json:
        data = {"kind": caller.kind.value, **_fields(location)}
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
    else:
        typer.echo(f"number: {caller.kind}")
        Console().print(candidates_table(location))


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="Tables, CSV with a header line.")],
) -> None:
    """Check tables before they are put into deploy/locations; lists each mistake with its line."""
    for path in files:
        table = check_table(path)
        typer.echo(f"{path}: {len(table.rows)} rows of {table.kind}")


def candidates_table(location: CallLocation) -> Table:
    """Candidates and notes as a table for a terminal."""
    table = Table("source", "confidence", "province", "county", box=None, pad_edge=False)
    for one in location.candidates:
        table.add_row(one.source, f"{one.confidence:.2f}", one.province, one.county or "-")
    for note in location.notes:
        table.add_row(f"note: {note.code}", "", note.subject, "")
    return table


def _fields(location: CallLocation) -> dict[str, Json]:
    data = encode(location)
    assert isinstance(data, dict)
    return data


def _province(name: str) -> ProvinceId:
    if name not in AREA_CODES.values():
        known = ", ".join(sorted(AREA_CODES.values()))
        raise BadInput(f"{name!r} is no province; choose one of {known}")
    return ProvinceId(name)


def _signals(number: str, headers: list[str], civic: str, earlier: str) -> Signals:
    if earlier and earlier not in gazette().provinces:
        raise BadInput(f"{earlier!r} is no county's id; `ivr rules check` lists a province's")
    by_name = [_header(text) for text in headers]
    return Signals(
        caller_id=number,
        asserted=tuple(value for name, value in by_name if name == "p-asserted-identity"),
        from_header=next((value for name, value in by_name if name == "from"), ""),
        access_networks=tuple(value for name, value in by_name if name == "p-access-network-info"),
        location_format=_CIVIC if civic else "",
        location_info=civic,
        earlier_county=CountyId(earlier) if earlier else None,
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name = name.strip().casefold()
    if not colon or name not in {"from", "p-asserted-identity", "p-access-network-info"}:
        raise BadInput(
            "--header is 'From: …', 'P-Asserted-Identity: …' or 'P-Access-Network-Info: …'"
        )
    return name, value.strip()
