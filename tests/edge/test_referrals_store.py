"""Trips, stays and follow-ups: each written once, each counted once, with a call or without."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from ivr.dispatching import AskedBy, CoverKind, Dispatch, TripStep
from ivr.errors import BadInput
from ivr.model import CallId, CountyId, ProvinceId
from ivr.outcome_form import PersonsServed
from ivr.store.dispatches import DispatchStore
from ivr.store.follow_ups import FollowUp, FollowUpKind, FollowUpStore
from ivr.store.outcome_tables import persons
from ivr.store.store import Store
from ivr.store.visits import VisitStore
from ivr.visits import CentreService, StayEnd, Visit, VisitKind
from tests.edge.store_examples import at, call

QAZVIN, CALL = ProvinceId("qazvin"), CallId("1")
TWO = (PersonsServed(count=2),)
DAY_S = 86_400


def trip(**changes: Any) -> Dispatch:
    fields: dict[str, Any] = {
        "id": 0,
        "key": "t1",
        "call": None,
        "province": QAZVIN,
        "county": CountyId("qazvin-avaj"),
        "team": "team-avaj",
        "team_county": CountyId("qazvin-avaj"),
        "cover": CoverKind.OWN,
        "asked_by": AskedBy.POLICE,
        "requested_at": at(0),
        "by": "sara",
        "at": at(0),
    }
    return Dispatch(**(fields | changes))


def stay(**changes: Any) -> Visit:
    fields: dict[str, Any] = {
        "id": 0,
        "key": "v1",
        "call": None,
        "province": QAZVIN,
        "county": None,
        "centre": "crisis-qazvin",
        "kind": VisitKind.ADMISSION,
        "services": (CentreService.KEEPING, CentreService.LEGAL),
        "from_at": at(0),
        "by": "sara",
        "at": at(0),
    }
    return Visit(**(fields | changes))


async def served(store: Store) -> int:
    (row,) = await store.rows(select(func.coalesce(func.sum(persons.c.count), 0).label("count")))
    return int(row["count"])


async def test_a_trip_without_a_call_goes_its_way(store: Store) -> None:
    trips = DispatchStore(store)
    asked = await trips.request(trip())
    assert await trips.request(trip(note="again")) == asked
    assert await trips.under_way([QAZVIN]) == (asked,)
    sent = await trips.step(asked.id, TripStep.SENT, at(60), vehicle="ون ۲")
    assert (sent.accepted_at, sent.sent_at, sent.vehicle) == (at(60), at(60), "ون ۲")
    for _ in range(2):
        over = await trips.step(asked.id, TripStep.CLOSED, at(900), result="آرام شد", served=TWO)
    assert (over.arrived_at, over.closed_at, over.vehicle) == (at(900), at(900), "ون ۲")
    assert await served(store) == 2
    await trips.step(asked.id, TripStep.CLOSED, at(950), served=(PersonsServed(count=3),))
    assert await served(store) == 3  # the newest word counts
    assert await trips.under_way([QAZVIN]) == ()


async def test_a_trip_belongs_to_a_call_that_is_there(store: Store) -> None:
    trips = DispatchStore(store)
    with pytest.raises(BadInput, match="no call '1'"):
        await trips.request(trip(call=CALL))
    await store.save_calls([call("1")])
    asked = await trips.request(trip(call=CALL, asked_by=AskedBy.CALL))
    assert await trips.of_call(CALL) == (asked,)
    with pytest.raises(BadInput, match="no dispatch 99"):
        await trips.step(99, TripStep.SENT, at(1))


async def test_a_stay_is_warned_of_and_ended(store: Store) -> None:
    stays = VisitStore(store)
    begun = await stays.begin(stay(), TWO)
    assert await stays.begin(stay(note="again"), TWO) == begun
    assert await served(store) == 2
    assert begun.until_at == at(21 * DAY_S)
    await stays.begin(stay(key="v2", kind=VisitKind.OUTPATIENT, services=()), ())
    assert await stays.staying([QAZVIN]) == (begun,)
    assert await stays.due([QAZVIN], at(17 * DAY_S)) == ()
    assert await stays.due([QAZVIN], at(18 * DAY_S)) == (begun,)
    over = await stays.end(begun.id, StayEnd.HOME, at(19 * DAY_S))
    assert over == replace(begun, ended_at=at(19 * DAY_S), ended_how=StayEnd.HOME)
    assert await stays.due([QAZVIN], at(30 * DAY_S)) == ()
    with pytest.raises(BadInput, match="no visit 99"):
        await stays.end(99, StayEnd.HOME, at(1))


async def test_what_is_to_be_asked_again_stays_on_the_list_until_it_is_done(store: Store) -> None:
    await store.save_calls([call("1")])
    asking = FollowUpStore(store)
    new = FollowUp(
        id=0,
        key="f1",
        call=CALL,
        province=QAZVIN,
        desk=None,
        kind=FollowUpKind.EXPECTED_BACK,
        due_at=at(DAY_S),
        note="",
        by="sara",
        at=at(0),
    )
    kept = await asking.add(new)
    assert await asking.add(replace(new, note="again")) == kept
    assert await asking.open([QAZVIN], at(DAY_S - 1)) == ()
    assert await asking.open([QAZVIN], at(DAY_S)) == (kept,)
    done = await asking.done(kept.id, by="reza", at=at(DAY_S) + timedelta(1), note="تماس گرفت")
    assert await asking.done(kept.id, by="ali", at=at(DAY_S) + timedelta(2)) == done
    assert await asking.open([QAZVIN], at(9 * DAY_S)) == ()
    with pytest.raises(BadInput, match="no follow-up 99"):
        await asking.done(99, by="reza", at=at(0))
