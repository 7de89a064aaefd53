"""`ivr dispatch`: mobile teams, whom to send and how their trips go on."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption
from ivr.cli.places import province_of_county, provinces_asked, rules_of
from ivr.cli.printing import as_plain, print_json, print_rows
from ivr.cli.recording import do, readable, signed_in, told
from ivr.dispatching import (
    AskedBy,
    Dispatch,
    TeamChoice,
    TripStep,
    chosen_team,
    stepped,
    team_choices,
)
from ivr.jalali import parse_instant
from ivr.model import CountyId, DeskId
from ivr.outcome_form import PersonsServed
from ivr.rights import Action
from ivr.rules.schema import ProvinceRules
from ivr.settings import load_settings
from ivr.store.deeds import RequestTrip, StepTrip
from ivr.store.dispatches import DispatchStore

app = typer.Typer(no_args_is_help=True, help="Send mobile teams and follow their trips.")

CountyArgument = Annotated[str, typer.Argument(help="Where it happened, such as qazvin-avaj.")]
AtOption = Annotated[
    str | None, typer.Option(help="When: 1405-09-01 23:30 in Tehran (default: now).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command("propose")
def propose(county: CountyArgument, at: AtOption = None, *, as_json: JsonOption = False) -> None:
    """Show which teams may go to a county at a time, the one to send first.

    The county's own team, then those of its supporting counties, then one that covers the province
    (at night that of Qazvin's capital), then whoever works. With --json an array of objects with
    the keys team, county, cover (own, supporting, cover, other), on_shift (null: nobody knows its
    shifts), to_confirm (the province has not confirmed it).
    """
    when = _instant(at)
    choices = asyncio.run(_choices(county, when))
    if as_json:
        print_json([asdict(choice) for choice in choices])
    else:
        rows = ((one.team, one.county, one.cover, _certainty(one)) for one in choices)
        print_rows(
            ("team", "county", "why", "known"),
            rows,
            f"No team that the rules name works then for {county}. Find out by telephone who goes, "
            "and enter the trip with --team.",
        )


def _certainty(choice: TeamChoice) -> str:
    if choice.on_shift is None:
        return "shifts unknown: ask"
    return "to be confirmed" if choice.to_confirm else "yes"


async def _choices(county: str, at: datetime) -> tuple[TeamChoice, ...]:
    return team_choices(await _rules(county, at), CountyId(county), at)


async def _rules(county: str, at: datetime) -> ProvinceRules:
    return await rules_of(load_settings(), province_of_county(county), at)


@app.command("request")
def request(
    county: CountyArgument,
    *,
    call: Annotated[
        str | None, typer.Option(help="The call that it comes of; left out for none.")
    ] = None,
    team: Annotated[
        str | None,
        typer.Option(
            help="Which team (default: the one that is proposed); any id where the rules name none."
        ),
    ] = None,
    asked_by: Annotated[
        AskedBy | None, typer.Option(help="Who asked (default: the call, or other).")
    ] = None,
    at: AtOption = None,
    step: Annotated[
        TripStep | None, typer.Option(help="How far it is already, such as sent.")
    ] = None,
    note: Annotated[str, typer.Option(help="A remark; no names or numbers of callers.")] = "",
    key: Annotated[
        str | None, typer.Option(help="The request's own key: again it is the same trip.")
    ] = None,
    who: WhoOption = None,
) -> None:
    """Ask for a team's trip, for a call or without one. "Saved" is printed once it is on disk."""
    when = _instant(at)
    choice = asyncio.run(_choose(county, team, when))
    asker = asked_by or (AskedBy.CALL if call else AskedBy.OTHER)
    trip = _trip(county, choice, asker, when, note)
    trip = stepped(trip, step, when) if step else trip
    kept = asyncio.run(do(who, RequestTrip(trip=trip), call=call, key=key))
    saved = kept.done if isinstance(kept.done, Dispatch) else trip
    typer.echo(told(kept, f"dispatch {saved.id}, {saved.team} ({saved.cover}) to {saved.county}"))


def _trip(county: str, choice: TeamChoice, asked_by: AskedBy, at: datetime, note: str) -> Dispatch:
    return Dispatch(
        id=0,
        key="",
        call=None,
        province=province_of_county(county),
        county=CountyId(county),
        team=choice.team,
        team_county=choice.county,
        cover=choice.cover,
        asked_by=asked_by,
        requested_at=at,
        note=note,
        by="",
        at=datetime.now(UTC),
    )


async def _choose(county: str, team: str | None, at: datetime) -> TeamChoice:
    return chosen_team(await _rules(county, at), CountyId(county), team, at)


@app.command("step")
def step(
    number: Annotated[str, typer.Argument(help="The dispatch's number; while none, its key.")],
    what: Annotated[TripStep, typer.Argument(help="What has happened.")],
    *,
    at: AtOption = None,
    vehicle: Annotated[str | None, typer.Option(help="With which vehicle.")] = None,
    result: Annotated[str | None, typer.Option(help="What came of it.")] = None,
    persons: Annotated[int, typer.Option(min=0, max=999, help="How many were helped.")] = 0,
    who: WhoOption = None,
) -> None:
    """Say how a trip goes on; a step that is left out gets the same time."""
    served = (PersonsServed(count=persons),) if persons else ()
    said = StepTrip(
        trip=number, step=what, at=_instant(at), vehicle=vehicle, result=result, served=served
    )
    kept = asyncio.run(do(who, said))
    name = kept.done.id if isinstance(kept.done, Dispatch) else number
    typer.echo(told(kept, f"dispatch {name} {what}"))


@app.command("list")
def under_way(
    province: Annotated[str | None, typer.Option(help="Of this province alone.")] = None,
    *,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the trips that are under way, the oldest first, as far as they are yours to see."""

    async def load() -> list[Dispatch]:
        settings = load_settings()
        provinces = await provinces_asked(settings, province, datetime.now(UTC))
        async with signed_in(who, Action.REFERRAL_READ) as (store, person):
            found = await DispatchStore(store).under_way(provinces)
            placed = ((one, one.province, DeskId(one.county)) for one in found)
            return readable(person, Action.REFERRAL_READ, placed, province)

    found = asyncio.run(load())
    if as_json:
        print_json([as_plain(asdict(trip)) for trip in found])
        return
    rows = (
        (one.id, one.requested_at, one.county, one.team, one.cover, _where(one), one.call)
        for one in found
    )
    headings = ("no", "requested", "county", "team", "why", "is", "call")
    print_rows(headings, rows, "No trip is under way.")


def _where(trip: Dispatch) -> str:
    done = [step for step in TripStep if getattr(trip, f"{step}_at") is not None]
    return done[-1] if done else "requested"


def _instant(text: str | None) -> datetime:
    return parse_instant(text) if text else datetime.now(UTC)
