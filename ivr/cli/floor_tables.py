"""The floor as tables for a terminal: times in Tehran, Persian in the last column only.

Right-to-left text at the end of a line cannot disturb the columns before it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ivr.calendar import TEHRAN, plain_day, plain_minute
from ivr.cli.floor_following import Json, Picture, waited_s

_STYLES = {"urgent": "bold red", "warning": "yellow", "danger": "bold red", "silence": "magenta"}


def floor_tables(picture: Picture) -> Group:
    return Group(*_parts(picture))


def _parts(picture: Picture) -> Iterator[RenderableType]:
    floor = picture.floor
    yield _headline(picture)
    if not floor["exchange_up"]:
        yield Text("Asterisk is not connected: nobody is rung from here.", "bold red")
    if floor["alarms"]:
        yield _titled(_alarms(picture))
    if floor["closed_desks"]:
        yield _titled(_closed(floor["closed_desks"]))
    yield _titled(_waiting(picture) if floor["waiting"] else Text("Nobody waits."))
    if floor["talks"]:
        yield _titled(_talks(picture))
    yield _titled(_counsellors(picture))


def _headline(picture: Picture) -> Text:
    floor, there = picture.floor, picture.now.astimezone(TEHRAN)
    away = sum(one["state"] == "off_duty" for one in floor["counsellors"])
    return Text(
        f"{plain_day(there.date())} {there:%H:%M:%S}   {len(floor['waiting'])} waiting, "
        f"{len(floor['talks'])} talking, {floor['in_menu']} in the menu, "
        f"{floor['in_fallback']} in Asterisk's own queue, {away} counsellors off duty",
        "bold",
    )


def _alarms(picture: Picture) -> Table:
    table = _table("severity", "alarm", "of", "at desk", "since", "due")
    for alarm in picture.floor["alarms"]:
        _row(
            table,
            alarm["severity"],
            alarm["code"],
            alarm["subject"],
            alarm["desk"],
            _minute(alarm["since_at"]),
            _minute(alarm["due_at"]),
            style=_STYLES.get(alarm["severity"]),
        )
    return table


def _closed(desks: Iterable[Json]) -> Table:
    table = _table("closed desk", "why", "until")
    for desk in desks:
        _row(table, desk["desk"], desk["kind"], _minute(desk["until_at"]))
    return table


def _waiting(picture: Picture) -> Table:
    table = _table(
        *(
            "place",
            "lane",
            "waited",
            "county",
            "category",
            "step",
            "phase",
            "rung",
            "why before others",
            "call",
        )
    )
    for place, call in enumerate(picture.floor["waiting"], start=1):
        _row(
            table,
            place,
            call["lane"],
            _duration(waited_s(call, picture)),
            call["county"] or call["province"],
            call["category"],
            call["step"] + 1,
            call["phase"],
            " ".join(call["offered_to"]) or None,
            _why(call),
            call["call"],
            style=_STYLES.get(call["lane"]),
        )
    return table


def _talks(picture: Picture) -> Table:
    table = _table("talking", "for", "county", "category", "why before others", "call")
    for talk in picture.floor["talks"]:
        lasted = _duration(_since_s(talk["connected_at"], picture))
        _row(
            table,
            talk["counsellor"],
            lasted,
            talk["county"],
            talk["category"],
            _why(talk),
            talk["call"],
        )
    return table


def _counsellors(picture: Picture) -> Table:
    """Whoever is off duty is only counted: a province has hundreds."""
    table = _table("counsellor", "state", "for", "held back", "until", "notes", "desks", "name")
    there = [one for one in picture.floor["counsellors"] if one["state"] != "off_duty"]
    for one in sorted(there, key=lambda one: (one["desks"], one["counsellor"])):
        _row(
            table,
            one["counsellor"],
            one["state"] + (f" ({one['pause_reason']})" if one["pause_reason"] else ""),
            _duration(_since_s(one["since_at"], picture)),
            one["hold"] or None,
            _second(one["held_until_at"] or one["wrap_up_until_at"]),
            ", ".join(_notes(one)) or None,
            " ".join(one["desks"]),
            one["name_fa"],
        )
    return table


def _notes(one: Json) -> Iterator[str]:
    yield from one["protections"]
    if one["will_pause"]:
        yield f"pause after this call: {one['will_pause']}"
    if one["relief"]:
        yield f"{one['relief']} ended for danger"
    if sparing := one["sparing"]:
        why, other = sparing["why"], sparing["counsellor"]
        yield "nobody else was free" if sparing["gave_way"] else f"spares {other}: {why}"


def _why(call: Json) -> str | None:
    return f"{call['precedence']} (before {call['ahead_of']})" if call["precedence"] else None


def _since_s(instant: str, picture: Picture) -> float:
    return (picture.now - datetime.fromisoformat(instant)).total_seconds()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"


def _minute(instant: str | None) -> str | None:
    return plain_minute(datetime.fromisoformat(instant)) if instant else None


def _second(instant: str | None) -> str | None:
    return f"{datetime.fromisoformat(instant).astimezone(TEHRAN):%H:%M:%S}" if instant else None


def _titled(part: RenderableType) -> Group:
    return Group(Text(), part)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def _row(table: Table, *cells: object, style: str | None = None) -> None:
    """Cells are text as it is: square brackets in a name are no markup."""
    table.add_row(*[Text("-" if cell is None else str(cell)) for cell in cells], style=style)
