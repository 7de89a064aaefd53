"""`ivr calls locate`: the county that a call was about, as whoever served it found out."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption
from ivr.cli.find_call import find_call
from ivr.cli.recording import check_call, signed_in
from ivr.errors import BadInput
from ivr.location_files import gazette
from ivr.model import CountyId
from ivr.rights import Action
from ivr.store.records import Correction


def locate_call(
    call: Annotated[str, typer.Argument(help="A call's id, or its beginning.")],
    county: Annotated[str, typer.Argument(help="The county's id, such as markazi-saveh.")],
    *,
    who: WhoOption = None,
) -> None:
    """Set right which county a call was about; what it was before is kept and counted.

    Whoever may record the call's outcome may do so. The county may lie in another province: near a
    border its neighbour's line may ring. "Saved" is printed once it is on disk.
    """
    if county not in gazette().provinces:
        raise BadInput(f"{county!r} is no county's id (such as markazi-saveh); nothing was saved.")
    entry = asyncio.run(_correct(call, CountyId(county), who))
    typer.echo(f"Saved: {entry.call} {entry.county} (before: {entry.previous_county or '-'})")


async def _correct(text: str, county: CountyId, who: str | None) -> Correction:
    async with signed_in(who, Action.OUTCOME_WRITE) as (store, person):
        record = await find_call(store, text)
        check_call(person, Action.OUTCOME_WRITE, record)
        return await store.correct_county(record.call, county, by=person.id, at=datetime.now(UTC))
