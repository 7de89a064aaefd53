"""Saving a call again: nothing that was known of it is lost, whoever knew it."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.model import (
    CallEnd,
    CallerRef,
    CallFacts,
    CallPhase,
    CategoryId,
    CounsellorId,
    CountyId,
    CountySource,
    DeskId,
    EndedBy,
    Lane,
    OfferId,
    OfferResult,
    ProvinceId,
)
from ivr.model.location import CallLocation, LocationNote, LocationNoteCode
from ivr.model.record import CallRecord, OfferEntry
from ivr.store.overlay import newest, overlay
from ivr.store.records import call_from_row, call_to_row
from tests.edge.store_examples import FACTS, PLAN, at, call, full_call

CALLER = CallerRef(pseudonym="ab" * 16, ciphertext="1.a", raw_ciphertext="1.b", withheld=True)
NOTED = CallLocation(notes=(LocationNote(LocationNoteCode.NUMBER_WITHHELD),))
ILAM = CallFacts(province=ProvinceId("ilam"), lane=Lane.DANGER)
OPEN: dict[str, Any] = {"ended_at": None, "ended_by": None, "end": None}


def laid_over(known: CallRecord, new: CallRecord) -> CallRecord:
    return call_from_row(overlay(call_to_row(known), call_to_row(new)))


def offer(number: int, ended_at: datetime) -> OfferEntry:
    return OfferEntry(
        offer=OfferId(f"1-{number}"),
        counsellor=CounsellorId("maryam"),
        offered_at=at(0),
        ended_at=ended_at,
        result=OfferResult.RONA,
    )


@pytest.mark.parametrize(
    "known",
    [
        {"caller": CALLER},
        {"facts": FACTS},
        {"plan": PLAN},
        {"location": NOTED},
        {"offers": (offer(1, at(5)),)},
        {"joined_at": at(1), "first_offered_at": at(2), "connected_at": at(3)},
        {"talk_ended_at": at(4), "counsellor": CounsellorId("reza"), "desk": DeskId("ilam")},
        {"fallback_s": 3.5},
    ],
    ids=lambda known: next(iter(known)),
)
def test_what_only_the_older_record_knows_stays(known: dict[str, Any]) -> None:
    new = call("1", phase=CallPhase.TALKING)
    assert laid_over(call("1", **known), new) == replace(new, **known)


def test_the_newer_record_tells_where_both_do() -> None:
    older = replace(full_call(), **OPEN)
    newer = replace(older, plan=replace(PLAN, rules_version="markazi-8"), talk_ended_at=at(400))
    assert laid_over(older, newer) == newer


def test_blank_facts_of_a_talk_that_was_adopted_are_no_facts() -> None:
    blank = call("1", facts=CallFacts(province=ProvinceId("markazi")))
    assert laid_over(call("1", facts=FACTS), blank).facts == FACTS


@pytest.mark.parametrize(
    ("new", "kept"),
    [
        (replace(FACTS, county=None, county_source=CountySource.UNKNOWN), FACTS),
        (replace(FACTS, category=CategoryId("unknown")), FACTS),
        (replace(FACTS, lane=Lane.SILENCE), replace(FACTS, lane=Lane.SILENCE)),
        (ILAM, ILAM),
    ],
)
def test_facts_grow(new: CallFacts, kept: CallFacts) -> None:
    assert laid_over(call("1", facts=FACTS), call("1", facts=new)).facts == kept


def test_a_county_that_a_counsellor_set_right_stays() -> None:
    right = replace(FACTS, county=CountyId("markazi-arak"), county_source=CountySource.COUNSELLOR)
    merged = laid_over(call("1", facts=right), call("1", facts=FACTS))
    assert merged.facts == right


def test_offers_of_both_in_the_order_of_their_ends() -> None:
    known = call("1", offers=(offer(1, at(5)), offer(2, at(9.5))))
    new = call("1", offers=(offer(3, at(9)), replace(offer(2, at(9.5)), result=OfferResult.BUSY)))
    merged = laid_over(known, new)
    assert [entry.offer for entry in merged.offers] == ["1-1", "1-3", "1-2"]
    assert merged.offers[-1].result is OfferResult.BUSY


def test_a_header_is_not_lost_with_another_caller_it_is_not_mixed() -> None:
    plain = replace(CALLER, raw_ciphertext=None)
    other = CallerRef(pseudonym="cd" * 16, ciphertext="1.c")
    assert laid_over(call("1", caller=CALLER), call("1", caller=plain)).caller == CALLER
    assert laid_over(call("1", caller=CALLER), call("1", caller=other)).caller == other


@pytest.mark.parametrize(
    ("known", "end", "told"),
    [
        ({"connected_at": at(9)}, CallEnd.FALLBACK_ABANDONED, CallEnd.CONNECTED),
        ({"joined_at": at(9)}, CallEnd.IN_MENU, CallEnd.ABANDONED),
        ({"joined_at": at(9)}, CallEnd.FALLBACK_ABANDONED, CallEnd.FALLBACK_ABANDONED),
        ({}, CallEnd.IN_MENU, CallEnd.IN_MENU),
    ],
)
def test_an_end_goes_by_all_that_is_known(
    known: dict[str, Any], end: CallEnd, told: CallEnd
) -> None:
    ended = call("1", phase=CallPhase.ENDED, ended_at=at(60), ended_by=EndedBy.UNKNOWN, end=end)
    assert laid_over(call("1", **known), ended).end is told


def test_a_talk_that_only_asterisk_saw_stays_and_who_served_is_told_by_the_end() -> None:
    seen = call("1", end=CallEnd.FALLBACK_CONNECTED, connected_at=at(3), ended_at=at(5))
    row = overlay(call_to_row(seen), call_to_row(call("1", end=CallEnd.ABANDONED, ended_at=at(5))))
    assert (call_from_row(row), row["served_by"]) == (seen, "fallback")


def test_many_rows_as_one_a_call() -> None:
    rows = [call("1", facts=FACTS), call("2"), call("1", phase=CallPhase.WAITING)]
    found = [call_from_row(row) for row in newest(map(call_to_row, rows)).values()]
    assert found == [call("1", facts=FACTS, phase=CallPhase.WAITING), call("2")]


instants = st.none() | st.integers(0, 50).map(at)
facts = st.none() | st.builds(
    CallFacts,
    province=st.sampled_from([ProvinceId("markazi"), ProvinceId("ilam")]),
    county=st.sampled_from([None, CountyId("markazi-arak"), CountyId("markazi-saveh")]),
    county_source=st.sampled_from(CountySource),
    category=st.sampled_from([CategoryId("unknown"), CategoryId("suicide")]),
    lane=st.sampled_from(Lane),
)
records = st.builds(
    lambda **changes: call("1", **changes),
    phase=st.sampled_from(CallPhase),
    caller=st.sampled_from([None, CALLER, replace(CALLER, raw_ciphertext=None)]),
    facts=facts,
    plan=st.sampled_from([None, PLAN]),
    joined_at=instants,
    first_offered_at=instants,
    connected_at=instants,
    talk_ended_at=instants,
    ended_at=instants,
    counsellor=st.sampled_from([None, CounsellorId("reza")]),
    desk=st.sampled_from([None, DeskId("ilam")]),
    ended_by=st.none() | st.sampled_from(EndedBy),
    end=st.none() | st.sampled_from(CallEnd),
    offers=st.lists(st.integers(1, 4), unique=True, max_size=3).map(
        lambda numbers: tuple(offer(number, at(number)) for number in sorted(numbers))
    ),
    fallback_s=st.sampled_from([0.0, 2.5]),
    location=st.sampled_from([None, CallLocation(), NOTED]),
)


@given(records, records)
def test_saving_twice_changes_nothing_and_nothing_is_ever_lost(
    known: CallRecord, new: CallRecord
) -> None:
    merged = laid_over(known, new)
    assert laid_over(merged, new) == merged
    for name in (field.name for field in fields(CallRecord)):
        told = {getattr(record, name) for record in (known, new)} - {None, (), CallLocation()}
        assert not told or getattr(merged, name) not in (None, (), CallLocation()), name
    offers = {entry.offer for record in (known, new) for entry in record.offers}
    assert {entry.offer for entry in merged.offers} == offers
    assert (merged.ended_at is None) == (known.ended_at is None and new.ended_at is None)
