"""Dispatches, visits and follow-ups for programs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ivr.dispatching import AskedBy, Dispatch, chosen_team
from ivr.in_force import InForce
from ivr.model import CallId, DeskId, ProvinceId
from ivr.rest_ports.calls import own_key
from ivr.rest_ports.within import province_of_event, seen, wanted
from ivr.rules.schema import ProvinceRules
from ivr.store.dispatches import DispatchStore
from ivr.store.follow_ups import FollowUp, FollowUpKind, FollowUpStore
from ivr.store.pages import PageStore
from ivr.store.store import Store
from ivr.store.visits import VisitStore
from ivr.tokens import Token
from ivr.visits import Visit
from ivr.web.rest import referrals as it
from ivr.web.rest.problems import FieldProblem, Missing, WrongFields


class RestReferrals:
    """`ivr.web.rest.ports.ReferralPorts`."""

    def __init__(
        self, store: Store, in_force: Callable[[], InForce], now: Callable[[], datetime]
    ) -> None:
        self._pages = PageStore(store)
        self._dispatches = DispatchStore(store)
        self._visits = VisitStore(store)
        self._follow_ups = FollowUpStore(store)
        self._in_force = in_force
        self._now = now

    async def dispatches(self, token: Token, asked: it.DispatchesAsked) -> it.DispatchPage:
        page = await self._pages.dispatches(wanted(token, asked), under_way=asked.under_way)
        trips = [it.DispatchAnswer.model_validate(dict(row)) for row in page.rows]
        return it.DispatchPage(dispatches=trips, next=page.next)

    async def dispatch(self, token: Token, number: int) -> it.DispatchAnswer:
        row = seen(token, await self._pages.dispatch(number), f"dispatch {number}")
        return it.DispatchAnswer.model_validate(dict(row))

    async def request_dispatch(
        self, token: Token, new: it.NewDispatch, key: str
    ) -> it.DispatchAnswer:
        province = province_of_event(token, new.county)
        await self._check_call(token, new.call)
        now = self._now()
        at = new.at or now
        choice = chosen_team(self._rules(province), new.county, new.team, at)
        trip = Dispatch(
            id=0,
            key=own_key(token, key),
            call=new.call,
            province=province,
            county=new.county,
            team=choice.team,
            team_county=choice.county,
            cover=choice.cover,
            asked_by=new.asked_by or (AskedBy.CALL if new.call else AskedBy.OTHER),
            requested_at=at,
            note=new.note,
            by=token.acts_as,
            at=now,
        )
        return it.DispatchAnswer.model_validate(asdict(await self._dispatches.request(trip)))

    async def step_dispatch(self, token: Token, number: int, step: it.NewStep) -> it.DispatchAnswer:
        await self.dispatch(token, number)
        trip = await self._dispatches.step(
            number,
            step.step,
            step.at or self._now(),
            vehicle=step.vehicle,
            result=step.result,
            served=step.persons,
        )
        return it.DispatchAnswer.model_validate(asdict(trip))

    async def visits(self, token: Token, asked: it.VisitsAsked) -> it.VisitPage:
        page = await self._pages.visits(wanted(token, asked), staying=asked.staying)
        found = [it.VisitAnswer.model_validate(dict(row)) for row in page.rows]
        return it.VisitPage(visits=found, next=page.next)

    async def begin_visit(self, token: Token, new: it.NewVisit, key: str) -> it.VisitAnswer:
        province = province_of_event(token, new.county)
        await self._check_call(token, new.call)
        named = [centre.id for centre in self._rules(province).crisis_centres]
        if named and new.centre not in named:
            what = f"{province} has no such crisis centre; choose one of: {', '.join(named)}"
            raise WrongFields([FieldProblem(field="centre", what=what)])
        now = self._now()
        visit = Visit(
            id=0,
            key=own_key(token, key),
            call=new.call,
            province=province,
            county=new.county,
            centre=new.centre,
            kind=new.kind,
            services=tuple(dict.fromkeys(new.services)),
            from_at=new.from_at or now,
            until_at=new.until_at,
            note=new.note,
            by=token.acts_as,
            at=now,
        )
        return _visit(await self._visits.begin(visit, new.persons))

    async def end_visit(self, token: Token, number: int, end: it.VisitEnd) -> it.VisitAnswer:
        seen(token, await self._pages.visit(number), f"visit {number}")
        return _visit(await self._visits.end(number, end.how, end.at or self._now()))

    async def follow_ups(self, token: Token, asked: it.FollowUpsAsked) -> it.FollowUpPage:
        page = await self._pages.follow_ups(wanted(token, asked), done=asked.done)
        found = [it.FollowUpAnswer.model_validate(dict(row)) for row in page.rows]
        return it.FollowUpPage(follow_ups=found, next=page.next)

    async def add_follow_up(self, token: Token, new: it.NewFollowUp, key: str) -> it.FollowUpAnswer:
        call = await self._seen_call(token, new.call)
        follow_up = FollowUp(
            id=0,
            key=own_key(token, key),
            call=new.call,
            province=ProvinceId(call["province"]),
            desk=DeskId(call["desk"]) if call["desk"] else None,
            kind=FollowUpKind(new.kind),
            due_at=new.due_at,
            note=new.note,
            by=token.acts_as,
            at=self._now(),
        )
        return _follow_up(await self._follow_ups.add(follow_up))

    async def end_follow_up(
        self, token: Token, number: int, done: it.FollowUpDone
    ) -> it.FollowUpAnswer:
        seen(token, await self._pages.follow_up(number), f"follow-up {number}")
        return _follow_up(
            await self._follow_ups.done(number, by=token.acts_as, at=self._now(), note=done.note)
        )

    async def _check_call(self, token: Token, call: CallId | None) -> None:
        if call is not None:
            await self._seen_call(token, call)

    async def _seen_call(self, token: Token, call: CallId) -> Mapping[Any, Any]:
        return seen(token, await self._pages.call(call), f"call {call!r}")

    def _rules(self, province: ProvinceId) -> ProvinceRules:
        for rules in self._in_force().rules:
            if rules.id == province:
                return rules
        raise Missing(f"This line has no rules of {province}.")


def _visit(visit: Visit) -> it.VisitAnswer:
    return it.VisitAnswer.model_validate(asdict(visit))


def _follow_up(follow_up: FollowUp) -> it.FollowUpAnswer:
    return it.FollowUpAnswer.model_validate(asdict(follow_up))
