"""Which calls are still owed a form, and calls that were taken on paper."""

from datetime import timedelta
from typing import Any

import pytest

from ivr.errors import BadInput
from ivr.model import CallId, CallPhase, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.model.record import CallRecord
from ivr.outcome_form import OutcomeForm, OutcomeItem, one_touch
from ivr.outcomes import OutcomeId, Relation
from ivr.store.entered import EnteredCall, EnteredStore
from ivr.store.forms import FormStore, Source
from ivr.store.pending import PendingStore
from ivr.store.store import Store
from tests.edge.store_examples import at, call

SARA, MARKAZI = CounsellorId("sara"), ProvinceId("markazi")
HOUR = timedelta(hours=1)


def talked(name: str, ended_s: int, **changes: Any) -> CallRecord:
    fields = {"connected_at": at(1), "talk_ended_at": at(ended_s), "counsellor": SARA} | changes
    return call(name, **fields)


@pytest.fixture
async def owed(store: Store) -> PendingStore:
    await store.save_calls(
        [
            talked("old", 10),
            talked("new", 5000),
            talked("ilam", 10, province=ProvinceId("ilam")),
            talked("fallback", 5000, counsellor=None),
            talked("reza", 20, counsellor=CounsellorId("reza")),
            talked("talking", 0, talk_ended_at=None, phase=CallPhase.TALKING),
            talked("ended", 0, talk_ended_at=None, ended_at=at(30)),
            talked("left", 0, connected_at=None, talk_ended_at=None, ended_at=at(30)),
        ]
    )
    return PendingStore(store)


async def of_sara(owed: PendingStore) -> list[str]:
    return [pending.call for pending in await owed.of_counsellor(SARA)]


async def of_supervisor(owed: PendingStore) -> list[str]:
    found = await owed.of_supervisor([MARKAZI], at(5000), HOUR)
    return [pending.call for pending in found]


async def test_a_call_stands_on_its_counsellors_list_from_the_end_of_its_talk(
    owed: PendingStore,
) -> None:
    assert await of_sara(owed) == ["ilam", "old", "ended", "new"]


async def test_what_is_overdue_or_nobodys_stands_on_the_supervisors_list(
    owed: PendingStore,
) -> None:
    assert await of_supervisor(owed) == ["old", "reza", "ended", "fallback"]


async def test_a_saved_form_takes_a_call_off_both_lists_and_a_draft_does_not(
    store: Store, owed: PendingStore
) -> None:
    kept = FormStore(store)
    await kept.draft(CallId("old"), OutcomeForm(note="…"), by=SARA, at=at(20))
    (old,) = [one for one in await owed.of_counsellor(SARA) if one.call == "old"]
    assert old.has_draft
    form = one_touch(Relation.PRANK)
    await kept.save(form, call=CallId("old"), by=SARA, at=at(30), key="k")
    assert "old" not in await of_sara(owed)
    assert "old" not in await of_supervisor(owed)


PAPER = EnteredCall(
    key="slip-17",
    province=MARKAZI,
    county=CountyId("markazi-saveh"),
    desk=DeskId("markazi-saveh"),
    counsellor=SARA,
    arrived_at=at(0),
    connected_at=at(20),
    ended_at=at(300),
)


async def test_a_call_taken_on_paper_is_entered_once_with_its_form(store: Store) -> None:
    entering = EnteredStore(store)
    form = OutcomeForm(outcomes=(OutcomeItem(outcome=OutcomeId.MOBILE_TEAM),))
    for _ in range(2):
        found = await entering.enter(PAPER, form, source=Source.PAPER, by=SARA, at=at(900))
        assert found == "paper-slip-17"
    (record,) = await store.calls(at(0), at(900))
    assert (record.connected_at, record.talk_ended_at, record.caller) == (at(20), at(300), None)
    (saved,) = await FormStore(store).history(found)
    assert (saved.form, saved.source) == (form, Source.PAPER)
    await store.save_calls([record])  # as an import of the fallback might
    assert await PendingStore(store).of_counsellor(SARA) == ()


async def test_a_paper_call_without_a_form_is_owed_one(store: Store) -> None:
    call_id = await EnteredStore(store).enter(PAPER, None, source=Source.PAPER, by=SARA, at=at(900))
    (pending,) = await PendingStore(store).of_counsellor(SARA)
    assert pending.call == call_id


def test_times_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadInput, match="not in order"):
        EnteredCall(key="1", province=MARKAZI, arrived_at=at(5), ended_at=at(4))
