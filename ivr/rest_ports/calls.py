"""Calls and their forms for programs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from ivr.bearers import Bearer
from ivr.calendar import TEHRAN
from ivr.form_check import FormSetting, check_form
from ivr.in_force import InForce
from ivr.location_files import gazette
from ivr.model import CallId, CategoryId, CountyId, DeskId, Lane
from ivr.outcome_form import OutcomeForm, OutcomeItem, with_outcome
from ivr.rest_ports.within import judged_later, places, seen, wanted
from ivr.rights import Action, may_of
from ivr.store.deeds import Save
from ivr.store.forms import FormStore, SavedForm
from ivr.store.pages import PageStore
from ivr.store.pending import PendingCall, PendingStore
from ivr.store.saving import Saving
from ivr.store.store import Store
from ivr.web.rest.calls import (
    CallAnswer,
    CallPage,
    CallsAsked,
    DraftAnswer,
    FormAnswer,
    PendingAnswer,
    PendingList,
)
from ivr.web.rest.fields import OfProvince, Spooled
from ivr.web.rest.problems import FieldProblem, Missing, WrongFields

Row = Mapping[Any, Any]


PENDING_AT_MOST = 1000


class RestCalls:
    """`ivr.web.rest.ports.CallPorts`."""

    def __init__(
        self, store: Store, in_force: Callable[[], InForce], now: Callable[[], datetime]
    ) -> None:
        self._pages = PageStore(store)
        self._forms = FormStore(store)
        self._pending = PendingStore(store)
        self._saving = Saving(store, store.home)
        self._in_force = in_force
        self._now = now

    async def calls(self, bearer: Bearer, asked: CallsAsked) -> CallPage:
        page = await self._pages.calls(
            wanted(bearer, Action.CALL_READ, asked), county=asked.county, category=asked.category
        )
        return CallPage(calls=[_answer(row) for row in page.rows], next=page.next)

    async def call(self, bearer: Bearer, call: CallId) -> CallAnswer:
        return _answer(await self._seen(bearer, Action.CALL_READ, call))

    async def form(self, bearer: Bearer, call: CallId) -> FormAnswer:
        await self._seen(bearer, Action.OUTCOME_READ, call)
        saved = (await self._forms.counting(call)).get(call)
        if saved is None:
            raise Missing(f"Nobody has saved a form of {call}.")
        return _saved(saved)

    async def save_form(
        self, bearer: Bearer, call: CallId, form: OutcomeForm, key: str
    ) -> FormAnswer | Spooled:
        return await self._save(bearer, call, form, key, form=form)

    async def add_outcome(
        self, bearer: Bearer, call: CallId, item: OutcomeItem, key: str
    ) -> FormAnswer | Spooled:
        return await self._save(bearer, call, with_outcome(OutcomeForm(), item), key, item=item)

    async def _save(
        self, bearer: Bearer, call: CallId, whole: OutcomeForm, key: str, **what: Any
    ) -> FormAnswer | Spooled:
        """What was saved with the key already is not checked again: rules and days go on."""
        name, now = own_key(bearer, key), self._now()
        with judged_later():
            row = await self._seen(bearer, Action.OUTCOME_WRITE, call)
            if await self._forms.with_key(name, call) is None:
                self._check(row, whole, now)
        save = Save(key=name, call=call, by=bearer.acts_as, at=now, **what)
        kept = await self._saving.save(save, bearer.person)
        return _saved(kept.done) if isinstance(kept.done, SavedForm) else Spooled(key=name)

    async def draft(self, bearer: Bearer, call: CallId) -> DraftAnswer:
        await self._seen(bearer, Action.OUTCOME_READ, call)
        for draft in await self._forms.drafts(call):
            return DraftAnswer(**{name: getattr(draft, name) for name in DraftAnswer.model_fields})
        raise Missing(f"There is no draft of {call}.")

    async def keep_draft(self, bearer: Bearer, call: CallId, form: OutcomeForm) -> DraftAnswer:
        await self._seen(bearer, Action.OUTCOME_WRITE, call)
        now = self._now()
        await self._forms.draft(call, form, by=bearer.acts_as, at=now)
        return DraftAnswer(call=call, form=form, by=bearer.acts_as, at=now)

    async def pending(self, bearer: Bearer, asked: OfProvince) -> PendingList:
        """By the hours that each province's rules set."""
        where = places(bearer, Action.OUTCOME_READ, asked.province)
        now = self._now()
        found: list[PendingCall] = []
        for rules in self._in_force().rules:
            if where.within(rules.id):
                overdue = timedelta(hours=rules.keeping.outcome_overdue_h)
                left = PENDING_AT_MOST - len(found)
                found += await self._pending.of_supervisor([rules.id], now, overdue, left)
        mine = (PendingAnswer.model_validate(asdict(one)) for one in found if _is_of(bearer, one))
        return PendingList(pending=sorted(mine, key=lambda call: call.talk_ended_at))

    async def _seen(self, bearer: Bearer, action: Action, call: CallId) -> Row:
        return seen(bearer, action, await self._pages.call(call), f"call {call!r}")

    def _check(self, row: Row, form: OutcomeForm, now: datetime) -> None:
        """Raises WrongFields; without rules of the province nothing is held against a form."""
        rules = next((one for one in self._in_force().rules if one.id == row["province"]), None)
        if rules is None:
            return
        setting = FormSetting(
            rules=rules,
            known_counties=frozenset(CountyId(county) for county in gazette().provinces),
            heard_county=row["county"] and CountyId(row["county"]),
            heard_category=row["category"] and CategoryId(row["category"]),
            today=now.astimezone(TEHRAN).date(),
        )
        problems = check_form(form, setting)
        if problems:
            raise WrongFields([FieldProblem(field=one.field, what=one.what) for one in problems])


def _is_of(bearer: Bearer, one: PendingCall) -> bool:
    desk = one.desk or (DeskId(one.county) if one.county else None)
    return may_of(bearer.person, Action.OUTCOME_READ, one.province, desk, now=bearer.at)


def own_key(bearer: Bearer, key: str) -> str:
    """Two programs that count alike do not meet."""
    return f"{bearer.acts_as}:{key}"


def _answer(row: Row) -> CallAnswer:
    lane = None if row["lane"] is None else Lane(row["lane"]).name.lower()
    return CallAnswer.model_validate({**row, "lane": lane})


def _saved(saved: SavedForm) -> FormAnswer:
    return FormAnswer(**{name: getattr(saved, name) for name in FormAnswer.model_fields})
