"""Dispatches, visits and follow-ups for programs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ivr.bearers import Bearer
from ivr.dispatching import AskedBy, Dispatch, chosen_team
from ivr.errors import NotAllowed
from ivr.in_force import InForce
from ivr.model import CallId, CountyId, ProvinceId
from ivr.rest_ports.calls import own_key
from ivr.rest_ports.within import check_event, is_reached, judged_later, province_of, seen, wanted
from ivr.rights import Action
from ivr.rules.schema import ProvinceRules
from ivr.store.deeds import (
    AddFollowUp,
    BeginVisit,
    Deed,
    EndFollowUp,
    EndVisit,
    ProlongStay,
    RequestTrip,
    Save,
    StepTrip,
    TakeFollowUp,
)
from ivr.store.dispatches import DispatchStore
from ivr.store.doing import Done
from ivr.store.follow_ups import FollowUp, FollowUpKind
from ivr.store.pages import PageStore
from ivr.store.saving import Saving
from ivr.store.store import Store
from ivr.store.visits import VisitStore
from ivr.visits import Visit, checked
from ivr.web.rest import referrals as it
from ivr.web.rest.fields import Spooled
from ivr.web.rest.problems import FieldProblem, Missing, WrongFields


class RestReferrals:
    """`ivr.web.rest.ports.ReferralPorts`."""

    def __init__(
        self, store: Store, in_force: Callable[[], InForce], now: Callable[[], datetime]
    ) -> None:
        self._pages = PageStore(store)
        self._dispatches = DispatchStore(store)
        self._visits = VisitStore(store)
        self._saving = Saving(store, store.home)
        self._in_force = in_force
        self._now = now

    async def dispatches(self, bearer: Bearer, asked: it.DispatchesAsked) -> it.DispatchPage:
        found = wanted(bearer, Action.REFERRAL_READ, asked)
        page = await self._pages.dispatches(found, under_way=asked.under_way)
        trips = [it.DispatchAnswer.model_validate(dict(row)) for row in page.rows]
        return it.DispatchPage(dispatches=trips, next=page.next)

    async def dispatch(self, bearer: Bearer, number: int) -> it.DispatchAnswer:
        """By where it happened, or by the call that it comes of."""
        row, action = await self._pages.dispatch(number), Action.REFERRAL_READ
        call = await self._pages.call(row["call"]) if row and row["call"] else None
        reached = call is not None and is_reached(bearer, action, call)
        found = row if row and reached else seen(bearer, action, row, f"dispatch {number}")
        return it.DispatchAnswer.model_validate(dict(found))

    async def request_dispatch(
        self, bearer: Bearer, new: it.NewDispatch, key: str
    ) -> it.DispatchAnswer | Spooled:
        """What was asked for with the key already is not judged by the rules of today."""
        await self._check_event(bearer, new.county, new.call)
        name, now = own_key(bearer, key), self._now()
        with judged_later():
            earlier = await self._dispatches.with_key(name)
            if earlier is not None:
                await self._check_event(bearer, earlier.county, earlier.call)
                return _trip(earlier)
        province, at = province_of(new.county), new.at or now
        choice = chosen_team(self._rules(province), new.county, new.team, at)
        trip = Dispatch(
            id=0,
            key=name,
            call=None,
            province=province,
            county=new.county,
            team=choice.team,
            team_county=choice.county,
            cover=choice.cover,
            asked_by=new.asked_by or (AskedBy.CALL if new.call else AskedBy.OTHER),
            requested_at=at,
            note=new.note,
            by=bearer.acts_as,
            at=now,
        )
        done = await self._do(bearer, RequestTrip(trip=trip), key=name, call=new.call)
        return _trip(done) if isinstance(done, Dispatch) else Spooled(key=name)

    async def step_dispatch(
        self, bearer: Bearer, number: int, step: it.NewStep, key: str
    ) -> it.DispatchAnswer | Spooled:
        said = StepTrip(
            trip=str(number),
            step=step.step,
            at=step.at or self._now(),
            vehicle=step.vehicle,
            result=step.result,
            served=step.persons,
        )
        name = own_key(bearer, key)
        done = await self._do_to(bearer, f"dispatch {number}", said, name)
        return _trip(done) if isinstance(done, Dispatch) else Spooled(key=name)

    async def visits(self, bearer: Bearer, asked: it.VisitsAsked) -> it.VisitPage:
        found = wanted(bearer, Action.REFERRAL_READ, asked)
        page = await self._pages.visits(found, staying=asked.staying)
        stays = [it.VisitAnswer.model_validate(dict(row)) for row in page.rows]
        return it.VisitPage(visits=stays, next=page.next)

    async def begin_visit(
        self, bearer: Bearer, new: it.NewVisit, key: str
    ) -> it.VisitAnswer | Spooled:
        """As `request_dispatch`, of what was entered with the key already."""
        await self._check_event(bearer, new.county, new.call)
        name, now = own_key(bearer, key), self._now()
        with judged_later():
            earlier = await self._visits.with_key(name)
            if earlier is not None:
                await self._check_event(bearer, new.county, earlier.call)
                return _visit(earlier)
        province = province_of(new.county)
        self._check_centre(province, new.centre)
        visit = Visit(
            id=0,
            key=name,
            call=None,
            province=province,
            county=new.county,
            centre=new.centre,
            kind=new.kind,
            services=tuple(dict.fromkeys(new.services)),
            from_at=new.from_at or now,
            until_at=new.until_at,
            note=new.note,
            by=bearer.acts_as,
            at=now,
        )
        said = BeginVisit(visit=checked(visit), served=new.persons)
        done = await self._do(bearer, said, key=name, call=new.call)
        return _visit(done) if isinstance(done, Visit) else Spooled(key=name)

    def _check_centre(self, province: ProvinceId, centre: str) -> None:
        named = [one.id for one in self._rules(province).crisis_centres]
        if named and centre not in named:
            what = f"{province} has no such crisis centre; choose one of: {', '.join(named)}"
            raise WrongFields([FieldProblem(field="centre", what=what)])

    async def end_visit(
        self, bearer: Bearer, number: int, end: it.VisitEnd, key: str
    ) -> it.VisitAnswer | Spooled:
        name = own_key(bearer, key)
        said = EndVisit(visit=str(number), how=end.how, at=end.at or self._now())
        done = await self._do_to(bearer, f"visit {number}", said, name)
        return _visit(done) if isinstance(done, Visit) else Spooled(key=name)

    async def prolong_visit(
        self, bearer: Bearer, number: int, longer: it.VisitProlonged, key: str
    ) -> it.VisitAnswer | Spooled:
        name = own_key(bearer, key)
        said = ProlongStay(visit=str(number), until_at=longer.until_at, by_court=longer.by_court)
        done = await self._do_to(bearer, f"visit {number}", said, name)
        return _visit(done) if isinstance(done, Visit) else Spooled(key=name)

    async def follow_ups(self, bearer: Bearer, asked: it.FollowUpsAsked) -> it.FollowUpPage:
        found = wanted(bearer, Action.REFERRAL_READ, asked)
        page = await self._pages.follow_ups(found, done=asked.done)
        due = [it.FollowUpAnswer.model_validate(dict(row)) for row in page.rows]
        return it.FollowUpPage(follow_ups=due, next=page.next)

    async def add_follow_up(
        self, bearer: Bearer, new: it.NewFollowUp, key: str
    ) -> it.FollowUpAnswer | Spooled:
        with judged_later():
            await self._seen_call(bearer, new.call)
        name = own_key(bearer, key)
        said = AddFollowUp(kind=FollowUpKind(new.kind), due_at=new.due_at, note=new.note)
        done = await self._do(bearer, said, key=name, call=new.call)
        return _follow_up(done) if isinstance(done, FollowUp) else Spooled(key=name)

    async def end_follow_up(
        self, bearer: Bearer, number: int, done: it.FollowUpDone, key: str
    ) -> it.FollowUpAnswer | Spooled:
        name = own_key(bearer, key)
        said = EndFollowUp(follow_up=str(number), note=done.note)
        ended = await self._do_to(bearer, f"follow-up {number}", said, name)
        return _follow_up(ended) if isinstance(ended, FollowUp) else Spooled(key=name)

    async def take_follow_up(
        self, bearer: Bearer, number: int, key: str
    ) -> it.FollowUpAnswer | Spooled:
        name = own_key(bearer, key)
        said = TakeFollowUp(follow_up=str(number))
        taken = await self._do_to(bearer, f"follow-up {number}", said, name)
        return _follow_up(taken) if isinstance(taken, FollowUp) else Spooled(key=name)

    async def _do(
        self, bearer: Bearer, deed: Deed, *, key: str, call: CallId | None = None
    ) -> Done | None:
        """None: the database is away, and it waits in the spool."""
        save = Save(key=key, call=call, by=bearer.acts_as, at=self._now(), deed=deed)
        return (await self._saving.save(save, bearer.person)).done

    async def _do_to(self, bearer: Bearer, what: str, deed: Deed, key: str) -> Done | None:
        """As `_do`; what is out of reach is as if it were not there."""
        try:
            return await self._do(bearer, deed, key=key)
        except NotAllowed:
            raise Missing(f"There is no {what}.") from None

    async def _check_event(self, bearer: Bearer, county: CountyId, call: CallId | None) -> None:
        """Of a call that the bearer reaches, the event may lie anywhere."""
        if call is None:
            check_event(bearer, Action.REFERRAL_WRITE, county)
            return
        province_of(county)
        with judged_later():
            await self._seen_call(bearer, call)

    async def _seen_call(self, bearer: Bearer, call: CallId) -> Mapping[Any, Any]:
        row = await self._pages.call(call)
        return seen(bearer, Action.REFERRAL_WRITE, row, f"call {call!r}")

    def _rules(self, province: ProvinceId) -> ProvinceRules:
        for rules in self._in_force().rules:
            if rules.id == province:
                return rules
        raise Missing(f"This line has no rules of {province}.")


def _trip(trip: Dispatch) -> it.DispatchAnswer:
    return it.DispatchAnswer.model_validate(asdict(trip))


def _visit(visit: Visit) -> it.VisitAnswer:
    return it.VisitAnswer.model_validate(asdict(visit))


def _follow_up(follow_up: FollowUp) -> it.FollowUpAnswer:
    return it.FollowUpAnswer.model_validate(asdict(follow_up))
