"""Forms of calls: what was said to be saved is there once, the newest counts, the older stay."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from ivr.errors import BadInput
from ivr.jalali import in_tehran
from ivr.model import CallId
from ivr.outcome_form import OutcomeForm, OutcomeItem, PersonsServed, one_touch
from ivr.outcomes import AgeBand, OutcomeId, Relation, ServiceKind
from ivr.store.forms import FormStore, SavedForm
from ivr.store.outcome_tables import follow_ups, forms, persons
from ivr.store.store import Store
from tests.edge.store_examples import at, call, full_call

CALL = CallId("1")
DAY = date(2026, 12, 1)
SOLVED = OutcomeForm(
    outcomes=(
        OutcomeItem(outcome=OutcomeId.PHONE_RESOLVED, kind=ServiceKind.LEGAL),
        OutcomeItem(outcome=OutcomeId.MOBILE_TEAM),
    ),
    persons=(PersonsServed(count=2, age_band=AgeBand.CHILD), PersonsServed(count=1)),
    follow_up_on=DAY,
)
PRANK = one_touch(Relation.PRANK)


@pytest.fixture
async def kept(store: Store) -> FormStore:
    await store.save_calls([full_call("1"), call("2")])
    return FormStore(store)


async def save(
    kept: FormStore, form: OutcomeForm, key: str = "k1", of: CallId = CALL, second: int = 1
) -> SavedForm:
    return await kept.save(form, call=of, by="sara", at=at(second), key=key)


async def test_a_saved_form_comes_back_with_all_that_belongs_to_it(
    store: Store, kept: FormStore
) -> None:
    saved = await save(kept, SOLVED)
    assert saved.form == SOLVED
    assert await kept.counting(CALL) == {CALL: saved}
    assert [entry.outcome for entry in await store.outcomes(CALL)] == [
        OutcomeId.PHONE_RESOLVED,
        OutcomeId.MOBILE_TEAM,
    ]
    people = await store.rows(select(persons.c.form, persons.c.count, persons.c.age_band))
    assert [tuple(row.values()) for row in people] == [(saved.id, 2, "0-11"), (saved.id, 1, None)]
    (due,) = await store.rows(select(follow_ups.c.due_at, follow_ups.c.call))
    assert tuple(due.values()) == (in_tehran(DAY), CALL)


async def test_a_later_form_counts_and_the_earlier_stays(store: Store, kept: FormStore) -> None:
    first = await save(kept, SOLVED)
    second = await save(kept, PRANK, "k2", second=2)
    assert await kept.counting(CALL) == {CALL: second}
    history = await kept.history(CALL)
    assert [(one.id, one.replaced_by) for one in history] == [
        (first.id, second.id),
        (second.id, None),
    ]
    assert [entry.outcome for entry in await store.outcomes(CALL)] == [OutcomeId.PRANK]
    assert await store.rows(select(follow_ups.c.id)) == []


async def test_a_save_that_is_repeated_is_the_same_save(store: Store, kept: FormStore) -> None:
    first = await save(kept, SOLVED)
    await save(kept, PRANK, "k2", second=2)
    again = await save(kept, SOLVED, second=3)
    assert (again.id, again.at) == (first.id, first.at)
    assert len(await store.rows(select(forms.c.id))) == 2


async def test_saves_of_one_call_at_once_leave_one_that_counts(
    store: Store, kept: FormStore
) -> None:
    await asyncio.gather(*(save(kept, SOLVED, f"k{number}") for number in range(8)))
    counting = await store.rows(select(forms.c.id).where(forms.c.replaced_by.is_(None)))
    assert len(counting) == 1
    assert len(await kept.history(CALL)) == 8


async def test_a_form_needs_a_call_and_a_key_of_its_own(kept: FormStore) -> None:
    with pytest.raises(BadInput, match="no call '9'"):
        await save(kept, SOLVED, of=CallId("9"))
    await save(kept, SOLVED)
    with pytest.raises(BadInput, match="key of its own"):
        await save(kept, SOLVED, of=CallId("2"))


async def test_a_draft_is_kept_until_the_form_is_saved(kept: FormStore) -> None:
    await kept.draft(CALL, OutcomeForm(note="آغاز"), by="sara", at=at(1))
    await kept.draft(CALL, OutcomeForm(note="آغاز و میانه"), by="reza", at=at(2))
    (draft,) = await kept.drafts(CALL)
    assert (draft.form.note, draft.by) == ("آغاز و میانه", "reza")
    item = OutcomeItem(outcome=OutcomeId.CALL_BACK_DUE)
    await kept.add(item, call=CALL, by="ali", at=at(3), key="k0")  # says nothing of the draft
    assert await kept.drafts(CALL) == (draft,)
    await save(kept, SOLVED, second=4)
    assert await kept.drafts(CALL) == ()
    with pytest.raises(BadInput, match="no call '9'"):
        await kept.draft(CallId("9"), OutcomeForm(), by="sara", at=at(1))


async def test_a_follow_up_moves_with_the_form_but_not_once_it_is_done(
    store: Store, kept: FormStore
) -> None:
    later = DAY + timedelta(days=3)
    await save(kept, SOLVED)
    await save(kept, SOLVED.model_copy(update={"follow_up_on": later}), "k2")
    (due,) = await store.rows(select(follow_ups.c.id, follow_ups.c.due_at))
    assert due["due_at"] == in_tehran(later)
    async with store.writing() as connection:
        done = follow_ups.update().values(done_by="reza", done_at=at(9))
        await connection.execute(done)
    await save(kept, SOLVED, "k3")
    dues = await store.rows(select(follow_ups.c.due_at, follow_ups.c.done_by).order_by("id"))
    assert [tuple(row.values()) for row in dues] == [
        (in_tehran(later), "reza"),
        (in_tehran(DAY), None),
    ]


async def test_forms_of_calls_whose_names_begin_alike_keep_their_own_follow_ups(
    store: Store, kept: FormStore
) -> None:
    await store.save_calls([call("1-2026")])
    await save(kept, SOLVED, "k1", CallId("1-2026"))
    await save(kept, PRANK, "k2")
    (due,) = await store.rows(select(follow_ups.c.call))
    assert due["call"] == "1-2026"


async def test_a_form_that_can_hold_no_more_says_so(kept: FormStore) -> None:
    for number in range(20):
        item = OutcomeItem(outcome=OutcomeId.CALL_BACK_DUE, note=str(number))
        await kept.add(item, call=CALL, by="sara", at=at(number), key=f"k{number}")
    item = OutcomeItem(outcome=OutcomeId.CALL_BACK_DUE, note="one more")
    with pytest.raises(BadInput, match="20 outcomes already"):
        await kept.add(item, call=CALL, by="sara", at=at(30), key="k30")
    assert len((await kept.counting(CALL))[CALL].form.outcomes) == 20
