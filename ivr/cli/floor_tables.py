"""The floor as tables for a terminal: times in Tehran, Persian at the end of its row only.

Right-to-left text at the end of a line cannot disturb the columns before it.
"""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from ivr.calendar import TEHRAN, plain_day, plain_minute
from ivr.cli.floor_alarms import alarm_notes
from ivr.cli.floor_following import Json, Picture, waited_s
from ivr.cli.floor_listing import Listing, Row
from ivr.cli.floor_words import (
    CLOSURES,
    HOLDS,
    OVERTAKEN,
    PRECEDENCES,
    PROTECTIONS,
    RELIEFS,
    WITHHELD,
)

_STYLES = {"urgent": "bold red", "warning": "yellow", "danger": "bold red", "silence": "magenta"}


def floor_tables(picture: Picture) -> Group:
    return Group(*_parts(picture))


def _parts(picture: Picture) -> Iterator[RenderableType]:
    floor = picture.floor
    yield _headline(picture)
    if not floor["exchange_up"]:
        yield Text("Asterisk is not connected: nobody is rung from here.", "bold red")
    if floor["lost"]:
        yield _titled(_lost(picture))
    if alarms := _other_alarms(floor):
        yield _titled(_alarms(floor, alarms))
    if floor["closed_desks"]:
        yield _titled(_closed(floor))
    yield _titled(_waiting(picture) if floor["waiting"] else Text("Nobody waits."))
    if floor["talks"]:
        yield _titled(_talks(picture))
    if floor["desks"]:
        yield _titled(_desks(picture))
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


def _lost(picture: Picture) -> Group:
    """On top of everything: somebody may still be in danger."""
    rows = (
        Row(
            cells=(
                _minute(call["lost_at"]),
                _duration(_since_s(call["lost_at"], picture)),
                call["province"],
                call["category"],
                call["counsellor"],
                call["call"],
            ),
            style="bold red",
        )
        for call in picture.floor["lost"]
    )
    columns = ("lost at", "ago", "province", "category", "talked with", "call")
    return Group(
        Text(
            "LOST IN DANGER before the place was known. Somebody may still be in danger: trace the "
            "number the lawful way, send help, then `ivr floor acknowledge CALL`.",
            "bold red",
        ),
        Listing(columns, rows),
    )


def _other_alarms(floor: Json) -> list[Json]:
    lost = {call["call"] for call in floor["lost"]}
    return [
        alarm
        for alarm in floor["alarms"]
        if alarm["code"] != "lost_in_danger" or alarm["subject"] not in lost
    ]


def _alarms(floor: Json, alarms: list[Json]) -> Listing:
    rows = (
        Row(
            cells=(alarm["severity"], alarm["code"], _minute(alarm["since_at"])),
            notes=alarm_notes(alarm, floor),
            style=_STYLES.get(alarm["severity"], ""),
        )
        for alarm in alarms
    )
    return Listing(("severity", "alarm", "since"), rows, "what is so, and how to mend it")


def _closed(floor: Json) -> Listing:
    rows = (
        Row(
            cells=(
                desk["desk"],
                CLOSURES.get(desk["kind"], desk["kind"]),
                _minute(desk["until_at"]),
            )
        )
        for desk in floor["closed_desks"]
    )
    return Listing(("closed desk", "why", "until"), rows)


def _waiting(picture: Picture) -> Listing:
    calls = picture.floor["waiting"]
    places = {call["call"]: place for place, call in enumerate(calls, start=1)}
    rows = (
        Row(
            cells=(
                place,
                call["lane"],
                _duration(waited_s(call, picture)),
                call["county"] or call["province"],
                call["category"],
                call["phase"],
            ),
            notes=tuple(_notes_on_waiting(call, places)),
            style=_STYLES.get(call["lane"], ""),
        )
        for place, call in enumerate(calls, start=1)
    )
    return Listing(("no", "lane", "waited", "county", "category", "phase"), rows)


def _notes_on_waiting(call: Json, places: dict[str, int]) -> Iterator[str]:
    yield from map(_ringing, call["offered_to"])
    if call["broken_off"]:
        yield "its talk broke off with the counsellor's device"
    if call["left_open"]:
        yield "parked: the handset was left off after the talk"
    yield from _order(call, places)
    if call["overtaken"]:
        yield (
            f"behind number {places[call['behind']]}, which joined later: "
            f"{OVERTAKEN.get(call['overtaken'], call['overtaken'])}"
        )
    yield _said(call["said"])
    yield f"step {call['step'] + 1} of its plan, call {call['call']}"


def _ringing(one: Json) -> str:
    desk = f" of {one['desk']}" if one["desk"] else ""
    found = f"rings {one['counsellor']}{desk} on {one['device']} ({one['kind']})"
    if one["picked_up"]:
        found += ", picked up"
    return found + (", back with the same counsellor" if one["back"] else "")


def _order(call: Json, places: dict[str, int]) -> Iterator[str]:
    if call["precedence"]:
        why, place = PRECEDENCES[call["precedence"]], places.get(call["ahead_of"])
        whom = f"number {place}" if place is not None else f"call {call['ahead_of']}"
        yield f"before {whom}, which joined earlier: {why}"


def _said(said: Json) -> str:
    """What the caller was told of place and wait, or why they were told none."""
    found = []
    if said["place"] is not None:
        found.append(f"place {said['place']}")
    if said["until_at"]:
        found.append(f"until {_second(said['until_at'])}")
    if said["longer"]:
        found.append("longer than was said")
    if said["withheld"] and not said["until_at"]:
        found.append(f"no time: {WITHHELD[said['withheld']]}")
    return f"told {', '.join(found)}" if found else "told nothing yet"


def _talks(picture: Picture) -> Listing:
    places = {call["call"]: at for at, call in enumerate(picture.floor["waiting"], start=1)}
    rows = (
        Row(
            cells=(
                talk["counsellor"],
                _duration(_since_s(talk["connected_at"], picture)),
                talk["desk"],
                talk["county"],
                talk["category"],
            ),
            notes=tuple(_notes_on_talk(talk, places)),
        )
        for talk in picture.floor["talks"]
    )
    return Listing(("talking", "for", "desk", "county", "category"), rows)


def _notes_on_talk(talk: Json, places: dict[str, int]) -> Iterator[str]:
    if talk["back"]:
        yield "back with the same counsellor"
    yield from _order(talk, places)
    yield f"call {talk['call']}"


def _desks(picture: Picture) -> Listing:
    rows = (
        Row(
            cells=(
                desk["desk"],
                desk["there"],
                desk["free"],
                desk["waiting"],
                _duration(_since_s(since_at, picture))
                if (since_at := desk["waiting_since_at"])
                else None,
                _expected(desk),
            )
        )
        for desk in sorted(picture.floor["desks"], key=lambda one: (-one["waiting"], one["desk"]))
    )
    return Listing(("desk", "there", "free", "waiting", "longest", "expected wait"), rows)


def _expected(desk: Json) -> str | None:
    if desk["withheld"]:
        return f"unknown: {WITHHELD[desk['withheld']]}"
    minutes = desk["expected_min"]
    if minutes is None:
        return None
    return f"up to {minutes} min" if minutes else "less than a minute"


def _counsellors(picture: Picture) -> Listing:
    """Whoever is off duty is only counted: a province has hundreds."""
    there = [one for one in picture.floor["counsellors"] if one["state"] != "off_duty"]
    rows = (
        Row(
            cells=(
                one["counsellor"],
                one["state"],
                _duration(_since_s(one["since_at"], picture)),
                " ".join(one["desks"]),
            ),
            notes=tuple(_notes_on_counsellor(one)),
        )
        for one in sorted(there, key=lambda one: (one["desks"], one["counsellor"]))
    )
    return Listing(("counsellor", "state", "for", "desks"), rows)


def _notes_on_counsellor(one: Json) -> Iterator[str]:
    if one["hold"]:
        yield f"not rung until {_second(one['held_until_at'])}: {HOLDS[one['hold']]}"
    if one["wrap_up_until_at"]:
        yield _wrap_up(one)
    for protection in one["protections"]:
        words, at = PROTECTIONS[protection]
        yield words.format(at=_second(one[at]))
    if one["device_state"] == "unreachable":
        yield "the phone cannot be reached"
    if not one["signed_in"]:
        yield "has signed out"
    if one["relief"]:
        yield RELIEFS[one["relief"]]
    if sparing := one["sparing"]:
        why, other = sparing["why"], sparing["counsellor"]
        yield "nobody else was free" if sparing["gave_way"] else f"spares {other}: {why}"
    if one["will_pause"]:
        yield f"pause after this call: {one['will_pause']}"
    yield one["name_fa"] + (f" ({one['pause_reason']})" if one["pause_reason"] else "")


def _wrap_up(one: Json) -> str:
    words = f"wraps up until {_second(one['wrap_up_until_at'])}"
    if times := one["wrap_up_lengthened"]:
        words += f", lengthened {times} times, {_second(one['wrap_up_latest_at'])} at the latest"
    return words


def _since_s(instant: str, picture: Picture) -> float:
    return (picture.now - datetime.fromisoformat(instant)).total_seconds()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"


def _minute(instant: str) -> str:
    return plain_minute(datetime.fromisoformat(instant))


def _second(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(TEHRAN):%H:%M:%S}" if instant else "-"


def _titled(part: RenderableType) -> Group:
    return Group(Text(), part)
