"""Records and events as JSON and back: exact, or refused."""

import dataclasses
import json
import types
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import StoreError
from ivr.events import CallHungUp, DeviceChanged, Event, TimePassed
from ivr.model import CallPhase, DeviceState, Lane
from ivr.model.plan import Reason, ReasonCode
from ivr.model.record import CallRecord
from ivr.store.codec import decode, decode_event, encode, encode_event

NOW = datetime(2026, 11, 22, 0, 30, 12, 345678, tzinfo=UTC)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that fits the annotation."""
    if isinstance(hint, NewType):
        return values(hint.__supertype__)
    if get_origin(hint):
        return containers(hint)
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{name: values(item) for name, item in hints.items()})
    return scalars(hint)


def containers(hint: Any) -> st.SearchStrategy[Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([values(arg) for arg in args])
    if origin is frozenset:
        return st.frozensets(values(args[0]), max_size=3)
    if args[-1] is Ellipsis:
        return st.lists(values(args[0]), max_size=3).map(tuple)
    return st.tuples(*[values(arg) for arg in args])


def scalars(hint: Any) -> st.SearchStrategy[Any]:
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return {
        str: st.text(max_size=8),
        bool: st.booleans(),
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        types.NoneType: st.none(),
        datetime: st.datetimes(timezones=st.just(UTC)),
    }[hint]


@settings(deadline=None)
@given(event=st.one_of([values(kind) for kind in get_args(Event)]))
def test_every_event_survives_the_journal(event: Event) -> None:
    kind, data = encode_event(event)
    assert decode_event(kind, json.loads(json.dumps(data))) == event


@settings(deadline=None)
@given(record=values(CallRecord))
def test_every_record_survives_the_emergency_file(record: CallRecord) -> None:
    assert decode(CallRecord, json.loads(json.dumps(encode(record)))) == record


def test_instants_are_written_in_utc() -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))
    assert encode(NOW.astimezone(tehran)) == "2026-11-22T00:30:12.345678+00:00"


@pytest.mark.parametrize("value", [NOW.replace(tzinfo=None), float("nan"), object(), b"x"])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(StoreError, match="cannot be kept"):
        encode(value)


@pytest.mark.parametrize(
    ("kind", "data", "complaint"),
    [
        (CallHungUp, {"call": "1", "why": 16}, r"CallHungUp.*\['why'\]"),
        (CallHungUp, {}, r"CallHungUp lacks.*\['call'\]"),
        (CallHungUp, {"call": 1}, "CallHungUp.call is not a str but a int"),
        (CallHungUp, ["1"], "CallHungUp is not an object"),
        (DeviceChanged, {"device": "a", "state": "melted"}, "DeviceChanged.state is not a Device"),
        (Lane, True, "Lane is not"),
        (datetime, "2026-11-22T00:30:12", "with its zone"),
        (datetime, "today", "an ISO time"),
        (datetime, 7, "an ISO time"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(kind: type, data: object, complaint: str) -> None:
    with pytest.raises(StoreError, match=complaint):
        decode(kind, data)


def test_an_event_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(StoreError, match="'CallTeleported'"):
        decode_event("CallTeleported", {})


def test_a_missing_field_takes_its_default() -> None:
    assert decode(Reason, {"code": "own_desk"}) == Reason(ReasonCode.OWN_DESK)


def test_examples_of_the_format() -> None:
    assert encode_event(TimePassed()) == ("TimePassed", {})
    assert encode((CallPhase.MENU, Lane.DANGER, DeviceState.IDLE)) == ["menu", 0, "idle"]
    assert encode(frozenset({"b", "a"})) == ["a", "b"]
