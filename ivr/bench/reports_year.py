"""A year of calls as Khuzestan reports it: 15,700 calls, 9,000 trips of mobile teams."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import Table, insert

from ivr.model import (
    CallEnd,
    CallFacts,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CountyId,
    DeskId,
    OfferId,
    OfferResult,
    ProvinceId,
)
from ivr.model.plan import Reason, ReasonCode, RoutePlan, Step
from ivr.model.record import CallRecord, OfferEntry
from ivr.outcomes import OutcomeId, Relation
from ivr.reports.period import Period
from ivr.store.outcome_tables import dispatches, forms, persons
from ivr.store.records import call_to_row
from ivr.store.store import Store
from ivr.store.tables import calls, outcomes

PROVINCE = ProvinceId("khuzestan")
CALLS, TRIPS = 15_700, 9_000
COUNTIES = tuple(CountyId(f"khuzestan-{number}") for number in range(30))
CATEGORIES = tuple(map(CategoryId, ("family_dispute", "child_abuse", "divorce", "unknown")))
_PEOPLE = tuple(CounsellorId(f"counsellor-{number}") for number in range(200))
_AT_ONCE = 500
_ENDS = [CallEnd.CONNECTED] * 8 + [CallEnd.ABANDONED, CallEnd.IN_MENU]


async def write_year(store: Store, period: Period, first: int = 0) -> int:
    """The calls with their plans, forms, outcomes and trips; returns how many calls.

    They are numbered from `first` on.
    """
    draw = Random(1403)  # noqa: S311 - the same year each time
    found: defaultdict[Table, list[dict[str, Any]]] = defaultdict(list)
    for number in range(first, first + CALLS):
        _call(found, draw, period, number)
    for number in range(first, first + TRIPS):
        _trip(found, draw, period, number)
    async with store.writing() as connection:
        for table in (calls, forms, outcomes, dispatches, persons):
            for start in range(0, len(found[table]), _AT_ONCE):
                await connection.execute(insert(table), found[table][start : start + _AT_ONCE])
    return CALLS


def _call(
    found: defaultdict[Table, list[dict[str, Any]]], draw: Random, period: Period, number: int
) -> None:
    record = _record(draw, period, number)
    found[calls].append(call_to_row(record))
    if record.end is CallEnd.CONNECTED:
        relation = draw.choice((Relation.RELATED, Relation.UNRELATED))
        form = {
            "id": number + 1,
            "key": f"form-{number}",
            "call": record.call,
            "form": {},
            "relation": relation.value,
            "province": PROVINCE,
            "note": "",
            "source": "live",
            "county": draw.choice(COUNTIES),
            "category": draw.choice((None, *CATEGORIES)),
            "wrong_county": False,
            "wrong_category": False,
            "by": record.counsellor,
            "at": record.talk_ended_at,
        }
        found[forms].append(form)
        for outcome in draw.sample([*OutcomeId], draw.choice((1, 1, 2))):
            found[outcomes].append(
                {
                    "call": record.call,
                    "form": number + 1,
                    "outcome": outcome.value,
                    "note": "",
                    "by": record.counsellor,
                    "at": record.talk_ended_at,
                }
            )
        found[persons].append(_person(draw, form=number + 1))


def _record(draw: Random, period: Period, number: int) -> CallRecord:
    arrived_at = period.from_at + (period.until_at - period.from_at) * draw.random()
    end, county = draw.choice(_ENDS), draw.choice(COUNTIES)
    joined_at = None if end is CallEnd.IN_MENU else arrived_at + timedelta(seconds=25)
    waited_at = (joined_at or arrived_at) + timedelta(seconds=draw.expovariate(1 / 12))
    connected_at = waited_at if end is CallEnd.CONNECTED else None
    ended_at = waited_at + timedelta(seconds=draw.expovariate(1 / 240) if connected_at else 0)
    return CallRecord(
        call=CallId(f"17{number:08}.{number}"),
        province=PROVINCE,
        line="061123",
        caller=None,
        arrived_at=arrived_at,
        phase=CallPhase.ENDED,
        facts=CallFacts(province=PROVINCE, county=county, category=draw.choice(CATEGORIES)),
        plan=RoutePlan(steps=tuple(_steps(draw, county)), rules_version="khuzestan-1"),
        joined_at=joined_at,
        first_offered_at=joined_at,
        connected_at=connected_at,
        talk_ended_at=ended_at if connected_at else None,
        ended_at=ended_at,
        counsellor=draw.choice(_PEOPLE) if connected_at else None,
        desk=DeskId(county) if connected_at else None,
        end=end,
        offers=(
            OfferEntry(
                offer=OfferId(f"1-{number}"),
                counsellor=_PEOPLE[0],
                offered_at=arrived_at,
                ended_at=ended_at,
                result=OfferResult.CONNECTED if connected_at else OfferResult.RONA,
            ),
        ),
    )


def _steps(draw: Random, county: CountyId) -> Iterator[Step]:
    """As long as plans of a province with two hundred counsellors are."""
    own = tuple(draw.sample(_PEOPLE, 6))
    yield Step(
        after_s=0,
        lasts_s=20,
        desks=(DeskId(county),),
        counsellors=own,
        reasons=(Reason(ReasonCode.OWN_DESK, county),),
        on_duty=own[:2],
    )
    yield Step(
        after_s=20,
        lasts_s=None,
        desks=tuple(map(DeskId, COUNTIES)),
        counsellors=_PEOPLE,
        reasons=(Reason(ReasonCode.WHOLE_PROVINCE, PROVINCE),),
        on_duty=_PEOPLE[:60],
    )


def _trip(
    found: defaultdict[Table, list[dict[str, Any]]], draw: Random, period: Period, number: int
) -> None:
    at = period.from_at + (period.until_at - period.from_at) * draw.random()
    county = draw.choice(COUNTIES)
    found[dispatches].append(
        {
            "id": number + 1,
            "key": f"trip-{number}",
            "call": None,
            "province": PROVINCE,
            "county": county,
            "team": "team",
            "team_county": county,
            "cover": "own",
            "asked_by": "police",
            "requested_at": at,
            "sent_at": at,
            "note": "",
            "by": "reza",
            "at": at,
        }
    )
    found[persons].append(_person(draw, dispatch=number + 1))


def _person(draw: Random, **of: int) -> dict[str, Any]:
    age, sex = draw.choice(("0-11", "18-59", None)), draw.choice(("female", "male"))
    served = {"form": None, "dispatch": None, "visit": None, **of}
    return {**served, "count": draw.randint(1, 3), "age_band": age, "sex": sex}
