"""Calls and their forms for programs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from ivr.calendar import TEHRAN
from ivr.form_check import FormSetting, check_form
from ivr.in_force import InForce
from ivr.location_files import gazette
from ivr.model import CallId, CategoryId, CountyId, Lane
from ivr.outcome_form import OutcomeForm, OutcomeItem, with_outcome
from ivr.rest_ports.within import province_asked, seen, wanted
from ivr.store.forms import FormStore, SavedForm
from ivr.store.pages import PageStore
from ivr.store.pending import PendingStore
from ivr.store.store import Store
from ivr.tokens import Token
from ivr.web.rest.calls import (
    CallAnswer,
    CallPage,
    CallsAsked,
    DraftAnswer,
    FormAnswer,
    PendingAnswer,
    PendingList,
)
from ivr.web.rest.fields import OfProvince
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
        self._in_force = in_force
        self._now = now

    async def calls(self, token: Token, asked: CallsAsked) -> CallPage:
        page = await self._pages.calls(
            wanted(token, asked), county=asked.county, category=asked.category
        )
        return CallPage(calls=[_answer(row) for row in page.rows], next=page.next)

    async def call(self, token: Token, call: CallId) -> CallAnswer:
        return _answer(await self._seen(token, call))

    async def form(self, token: Token, call: CallId) -> FormAnswer:
        await self._seen(token, call)
        saved = (await self._forms.counting(call)).get(call)
        if saved is None:
            raise Missing(f"Nobody has saved a form of {call}.")
        return _saved(saved)

    async def save_form(
        self, token: Token, call: CallId, form: OutcomeForm, key: str
    ) -> FormAnswer:
        row = await self._seen(token, call)
        now = self._now()
        self._check(row, form, now)
        return _saved(
            await self._forms.save(
                form, call=call, by=token.acts_as, at=now, key=own_key(token, key)
            )
        )

    async def add_outcome(
        self, token: Token, call: CallId, item: OutcomeItem, key: str
    ) -> FormAnswer:
        row = await self._seen(token, call)
        now = self._now()
        self._check(row, with_outcome(OutcomeForm(), item), now)
        return _saved(
            await self._forms.add(
                item, call=call, by=token.acts_as, at=now, key=own_key(token, key)
            )
        )

    async def draft(self, token: Token, call: CallId) -> DraftAnswer:
        await self._seen(token, call)
        for draft in await self._forms.drafts(call):
            return DraftAnswer(**{name: getattr(draft, name) for name in DraftAnswer.model_fields})
        raise Missing(f"There is no draft of {call}.")

    async def keep_draft(self, token: Token, call: CallId, form: OutcomeForm) -> DraftAnswer:
        await self._seen(token, call)
        now = self._now()
        await self._forms.draft(call, form, by=token.acts_as, at=now)
        return DraftAnswer(call=call, form=form, by=token.acts_as, at=now)

    async def pending(self, token: Token, asked: OfProvince) -> PendingList:
        """By the hours that each province's rules set."""
        province = province_asked(token, asked.province)
        now = self._now()
        found: list[PendingAnswer] = []
        for rules in self._in_force().rules:
            if province in {None, rules.id}:
                overdue = timedelta(hours=rules.keeping.outcome_overdue_h)
                left = PENDING_AT_MOST - len(found)
                calls = await self._pending.of_supervisor([rules.id], now, overdue, left)
                found += (PendingAnswer.model_validate(asdict(call)) for call in calls)
        return PendingList(pending=sorted(found, key=lambda call: call.talk_ended_at))

    async def _seen(self, token: Token, call: CallId) -> Row:
        return seen(token, await self._pages.call(call), f"call {call!r}")

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


def own_key(token: Token, key: str) -> str:
    """Two programs that count alike do not meet."""
    return f"{token.acts_as}:{key}"


def _answer(row: Row) -> CallAnswer:
    lane = None if row["lane"] is None else Lane(row["lane"]).name.lower()
    return CallAnswer.model_validate({**row, "lane": lane})


def _saved(saved: SavedForm) -> FormAnswer:
    return FormAnswer(**{name: getattr(saved, name) for name in FormAnswer.model_fields})
