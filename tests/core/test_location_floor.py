"""The floor keeps where a call comes from, and routes nothing by it."""

from ivr import effects as do
from ivr import events as ev
from ivr.model import CallerRef, CallId, CountySource
from ivr.model.location import CallLocation, LocationCandidate
from tests.core.floor_kit import Kit, plan_of

LOCATION = CallLocation(
    candidates=(LocationCandidate(source=CountySource.TRUNK, confidence=0.9, province="markazi"),)
)
CALLER = CallerRef(pseudonym="p", ciphertext="c")


def located(call: str, caller: CallerRef | None = CALLER) -> ev.CallLocated:
    return ev.CallLocated(call=CallId(call), location=LOCATION, caller=caller)


def saved(effects: list[do.Effect]) -> do.SaveCall:
    [save] = [effect for effect in effects if isinstance(effect, do.SaveCall)]
    return save


def test_the_record_carries_location_and_caller_to_its_end() -> None:
    kit = Kit()
    kit.arrive("1")
    record = saved(kit.post(located("1"))).record
    assert (record.location, record.caller) == (LOCATION, CALLER)
    kit.join("1", plan_of((None, ("ali",))))
    assert saved(kit.hang_up("1")).record.location == LOCATION


def test_a_number_that_is_known_is_not_forgotten() -> None:
    kit = Kit()
    kit.arrive("1")
    kit.post(located("1"))
    assert saved(kit.post(located("1", caller=None))).record.caller == CALLER


def test_the_location_of_a_call_that_is_not_there_changes_nothing() -> None:
    assert Kit().post(located("1")) == []
