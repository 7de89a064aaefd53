"""Does in the database what somebody asked to be saved, if they may."""

from dataclasses import replace
from typing import Any

from ivr.bearers import ACTION_OF, bearer
from ivr.dispatching import Dispatch
from ivr.errors import BadInput, NotAllowed, NotThere
from ivr.model import CallId, DeskId, ProvinceId
from ivr.model.record import CallRecord
from ivr.people import Person
from ivr.rights import may_of, may_of_call, not_allowed, reach
from ivr.store.deeds import (
    AddFollowUp,
    BeginVisit,
    EndFollowUp,
    EndVisit,
    EnterCall,
    ProlongStay,
    Referral,
    RequestTrip,
    Save,
    StepTrip,
    TakeFollowUp,
)
from ivr.store.dispatches import DispatchStore
from ivr.store.entered import EnteredStore
from ivr.store.follow_ups import FollowUp, FollowUpStore
from ivr.store.forms import FormStore, SavedForm, Source
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tokens import TokenStore
from ivr.store.visits import VisitStore
from ivr.tokens import TOKEN_NAME
from ivr.visits import Visit

Done = SavedForm | Dispatch | Visit | FollowUp | CallId


def check_somewhere(save: Save, actor: Person) -> None:
    """Raises NotAllowed for who may do this nowhere at all."""
    if not reach(actor, save.action, save.at):
        raise not_allowed(actor, save.action)


class Doing:
    """Raises NotThere, NotAllowed and other BadInput, and StoreError; then nothing was changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._forms = FormStore(store)
        self._trips = DispatchStore(store)
        self._visits = VisitStore(store)
        self._follow_ups = FollowUpStore(store)

    async def actor(self, save: Save) -> Person:
        """Who asked for a save that has waited, with the rights of now; raises NotAllowed."""
        people = PeopleStore(self._store)
        if not save.by.startswith(TOKEN_NAME):
            person = await people.person(save.by)
            if person is not None:
                return person
            raise NotAllowed(f"{save.by!r} is no account here, so it is not known who may do this.")
        token = await TokenStore(self._store).token(save.by.removeprefix(TOKEN_NAME))
        if token is not None and token.is_valid(save.at):
            found = bearer(token, await people.person(token.by), save.at)
            if found and any(ACTION_OF[scope] is save.action for scope in found.scopes):
                return found.person
        raise NotAllowed(f"{save.by} may not do this ({save.action}), or not any more.")

    async def do(self, save: Save, actor: Person) -> Done:
        """On disk when this returns; the same key again gives what was done the first time."""
        check_somewhere(save, actor)
        call = None if save.call is None else await self._call(save.call)
        if save.deed is None:
            return await self._record(save, _there(call), actor)
        if isinstance(save.deed, EnterCall):
            return await self._enter(save.deed, save, actor)
        return await self._refer(save.deed, call, save, actor)

    async def _refer(
        self, deed: Referral, call: CallRecord | None, save: Save, actor: Person
    ) -> Done:
        match deed:
            case RequestTrip():
                return await self._request(deed.trip, call, save, actor)
            case StepTrip():
                return await self._step(deed, save, actor)
            case BeginVisit():
                return await self._begin(deed, call, save, actor)
            case ProlongStay() | EndVisit():
                return await self._change_stay(deed, save, actor)
            case AddFollowUp():
                return await self._follow(deed, _there(call), save, actor)
            case EndFollowUp() | TakeFollowUp():
                return await self._change_follow_up(deed, save, actor)

    async def _call(self, text: CallId) -> CallRecord:
        """Also by the beginning of its id: while the database was away nobody could look it up."""
        if exact := await self._store.load_call(text):
            return exact
        found = await self._store.find_calls(text, limit=2)
        if len(found) != 1:
            raise NotThere(f"There is no call {text!r}, or several begin so; nothing was saved.")
        return found[0]

    async def _record(self, save: Save, call: CallRecord, actor: Person) -> SavedForm:
        _check_call(actor, save, call)
        whose: dict[str, Any] = {"call": call.call, "by": save.by, "at": save.at, "key": save.key}
        if save.item is not None:
            return await self._forms.add(save.item, **whose)
        if save.form is None:
            raise BadInput(f"The save {save.key!r} holds nothing.")
        return await self._forms.save(save.form, **whose)

    async def _request(
        self, trip: Dispatch, call: CallRecord | None, save: Save, actor: Person
    ) -> Dispatch:
        self._check_event(trip, call, save, actor)
        of = call.call if call else None
        return await self._trips.request(replace(trip, key=save.key, by=save.by, call=of))

    async def _step(self, said: StepTrip, save: Save, actor: Person) -> Dispatch:
        trip = await self._trips.one(said.trip)
        self._check_event(trip, await self._call_of(trip), save, actor)
        return await self._trips.step(
            trip.id,
            said.step,
            said.at,
            vehicle=said.vehicle,
            result=said.result,
            served=said.served,
            key=save.key,
        )

    async def _begin(
        self, said: BeginVisit, call: CallRecord | None, save: Save, actor: Person
    ) -> Visit:
        of = call.call if call else None
        visit = replace(said.visit, key=save.key, by=save.by, call=of)
        self._check_event(visit, call, save, actor)
        return await self._visits.begin(visit, said.served)

    async def _change_stay(self, said: ProlongStay | EndVisit, save: Save, actor: Person) -> Visit:
        visit = await self._visits.one(said.visit)
        self._check_event(visit, await self._call_of(visit), save, actor)
        if isinstance(said, EndVisit):
            return await self._visits.end(visit.id, said.how, said.at, key=save.key)
        return await self._visits.prolong(
            visit.id, said.until_at, by_court=said.by_court, by=save.by, at=save.at, key=save.key
        )

    async def _follow(
        self, said: AddFollowUp, call: CallRecord, save: Save, actor: Person
    ) -> FollowUp:
        _check_call(actor, save, call)
        new = FollowUp(
            id=0,
            key=save.key,
            call=call.call,
            province=call.province,
            desk=call.desk,
            kind=said.kind,
            due_at=said.due_at,
            note=said.note,
            by=save.by,
            at=save.at,
        )
        return await self._follow_ups.add(new)

    async def _change_follow_up(
        self, said: EndFollowUp | TakeFollowUp, save: Save, actor: Person
    ) -> FollowUp:
        follow_up = await self._follow_ups.one(said.follow_up)
        call = await self._call_of(follow_up)
        if call is None or not may_of_call(actor, save.action, call, save.at):
            _check_place(actor, save, follow_up.province, follow_up.desk)
        whose: dict[str, Any] = {"by": save.by, "at": save.at, "key": save.key}
        if isinstance(said, TakeFollowUp):
            return await self._follow_ups.take(follow_up.id, **whose)
        return await self._follow_ups.done(follow_up.id, note=said.note, **whose)

    async def _enter(self, said: EnterCall, save: Save, actor: Person) -> CallId:
        entered = said.entered
        desk = entered.desk or (DeskId(entered.county) if entered.county else None)
        _check_place(actor, save, entered.province, desk)
        entering = EnteredStore(self._store)
        return await entering.enter(entered, said.form, source=Source.PAPER, by=save.by, at=save.at)

    async def _call_of(self, of: Dispatch | Visit | FollowUp) -> CallRecord | None:
        return None if of.call is None else await self._store.load_call(of.call)

    def _check_event(
        self, of: Dispatch | Visit, call: CallRecord | None, save: Save, actor: Person
    ) -> None:
        """By where it happened, or by the call that it comes of."""
        if call is None or not may_of_call(actor, save.action, call, save.at):
            _check_place(actor, save, of.province, DeskId(of.county) if of.county else None)


def _there(call: CallRecord | None) -> CallRecord:
    if call is None:
        raise BadInput("No call was named; nothing was saved.")
    return call


def _check_call(actor: Person, save: Save, call: CallRecord) -> None:
    if not may_of_call(actor, save.action, call, save.at):
        raise not_allowed(actor, save.action, call.desk or call.province)


def _check_place(actor: Person, save: Save, province: ProvinceId, desk: DeskId | None) -> None:
    if not may_of(actor, save.action, province, desk, now=save.at):
        raise not_allowed(actor, save.action, desk or province)
