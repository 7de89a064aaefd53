"""`ivr admission`: people in a crisis-intervention centre, for hours or to stay."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption
from ivr.cli.places import province_of_county, provinces_asked, rules_of
from ivr.cli.printing import as_plain, print_json, print_rows
from ivr.cli.recording import do, readable, signed_in, told
from ivr.errors import BadInput
from ivr.jalali import parse_instant
from ivr.model import CountyId, DeskId, ProvinceId
from ivr.outcome_form import PersonsServed
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.deeds import BeginVisit, EndVisit, ProlongStay
from ivr.store.visits import VisitStore
from ivr.visits import LONGEST_STAY, CentreService, StayEnd, Visit, VisitKind, checked, due

app = typer.Typer(no_args_is_help=True, help="Admissions to crisis centres, and visits there.")

AtOption = Annotated[
    str | None, typer.Option(help="When: 1405-09-01 23:30 in Tehran (default: now).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command("begin")
def begin(
    centre: Annotated[str, typer.Argument(help="Which centre, such as crisis-qazvin.")],
    county: Annotated[str, typer.Argument(help="Where it happened, such as qazvin-avaj.")],
    *,
    kind: Annotated[VisitKind, typer.Option(help="To stay, or for a visit.")] = VisitKind.ADMISSION,
    service: Annotated[
        list[CentreService] | None, typer.Option(help="What is given; may be repeated.")
    ] = None,
    persons: Annotated[int, typer.Option(min=1, max=999, help="How many people.")] = 1,
    call: Annotated[str | None, typer.Option(help="The call that it comes of, if one.")] = None,
    at: AtOption = None,
    until: Annotated[
        str | None,
        typer.Option(help=f"Until when at the latest (default: {LONGEST_STAY.days} days)."),
    ] = None,
    note: Annotated[str, typer.Option(help="A remark; no names.")] = "",
    key: Annotated[str | None, typer.Option(help="Its own key: again it is the same.")] = None,
    who: WhoOption = None,
) -> None:
    """Enter an admission or a visit. "Saved" is printed once it is on disk."""
    when = parse_instant(at) if at else datetime.now(UTC)
    province = province_of_county(county)
    asyncio.run(_check_centre(centre, province, when))
    visit = Visit(
        id=0,
        key="",
        call=None,
        province=province,
        county=CountyId(county),
        centre=centre,
        kind=kind,
        services=tuple(dict.fromkeys(service or ())),
        from_at=when,
        until_at=parse_instant(until) if until else None,
        note=note,
        by="",
        at=datetime.now(UTC),
    )
    said = BeginVisit(visit=checked(visit), served=(PersonsServed(count=persons),))
    kept = asyncio.run(do(who, said, call=call, key=key))
    saved = kept.done if isinstance(kept.done, Visit) else visit
    typer.echo(told(kept, f"{saved.kind} {saved.id} at {saved.centre}"))


async def _check_centre(centre: str, province: ProvinceId, at: datetime) -> None:
    """Where a province names its centres, a slip of the pen is no new one."""
    named = [unit.id for unit in (await rules_of(load_settings(), province, at)).crisis_centres]
    if named and centre not in named:
        raise BadInput(
            f"{province} has no crisis centre {centre!r}; nothing was saved. Its rules name: "
            f"{', '.join(named)}."
        )


@app.command("prolong")
def prolong(
    number: Annotated[str, typer.Argument(help="The admission's number; while none, its key.")],
    until: Annotated[str, typer.Argument(help="Until when at the latest, in Tehran.")],
    *,
    by_court: Annotated[
        bool, typer.Option("--by-court", help="A court said so: longer than 21 days.")
    ] = False,
    who: WhoOption = None,
) -> None:
    """Give a stay another end; its alarm goes with it. The audit trail says who, and until when."""
    deed = ProlongStay(visit=number, until_at=parse_instant(until), by_court=by_court)
    kept = asyncio.run(do(who, deed))
    saved = kept.done if isinstance(kept.done, Visit) else None
    typer.echo(told(kept, f"admission {saved.id} until {until}" if saved else ""))


@app.command("end")
def end(
    number: Annotated[str, typer.Argument(help="The admission's number; while none, its key.")],
    how: Annotated[StayEnd, typer.Argument(help="Where they went.")],
    at: AtOption = None,
    who: WhoOption = None,
) -> None:
    """Say that a stay has ended, and how."""
    when = parse_instant(at) if at else datetime.now(UTC)
    kept = asyncio.run(do(who, EndVisit(visit=number, how=how, at=when)))
    saved = kept.done if isinstance(kept.done, Visit) else None
    typer.echo(told(kept, f"admission {saved.id} {saved.ended_how}" if saved else ""))


@app.command("list")
def staying(
    province: Annotated[str | None, typer.Option(help="Of this province alone.")] = None,
    *,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """List who stays in a centre, and whose stay comes to its limit, that first.

    As far as they are yours to see.
    """
    now = datetime.now(UTC)

    async def load() -> list[Visit]:
        settings = load_settings()
        provinces = await provinces_asked(settings, province, now)
        async with signed_in(who, Action.REFERRAL_READ) as (store, person):
            found = await VisitStore(store).staying(provinces)
            placed = ((it, it.province, DeskId(it.county) if it.county else None) for it in found)
            return readable(person, Action.REFERRAL_READ, placed, province)

    found = asyncio.run(load())
    if as_json:
        print_json([as_plain(asdict(one)) | {"is_due": due(one, now)} for one in found])
        return
    rows = (
        (one.id, one.centre, one.from_at, one.until_at, "soon over" if due(one, now) else None)
        for one in found
    )
    print_rows(("no", "centre", "since", "until", "note"), rows, "Nobody stays in a centre.")
