"""Where channels reach us: callers' conversations and counsellors' legs, from first to last."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ivr import events as ev
from ivr.controller import Controller
from ivr.dialplan.channel import Channel
from ivr.dialplan.conversation import Conversation
from ivr.dialplan.flow import Flow
from ivr.dialplan.resume import Phase, Resume, instant, resume_from, with_location
from ivr.earlier_calls import CallerPast, Earlier, EarlierCalls
from ivr.errors import HungUp
from ivr.location import (
    AREA_CODES,
    CallerNumber,
    LocationTables,
    NumberKind,
    Signals,
    identify,
    locate,
)
from ivr.model import CallerRef, CallFacts, CallId, OfferId, ProvinceId
from ivr.model.location import CallLocation
from ivr.model.plan import RoutePlan
from ivr.rules.schema import ProvinceRules

LEG_PREFIX = "ivr-"  # docs/architecture.md: the leg's channel id


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One province's rules and the conversation made from them."""

    rules: ProvinceRules
    flow: Flow

    @property
    def area_code(self) -> str | None:
        codes = (code for code, province in AREA_CODES.items() if province == self.rules.id)
        return next(codes, None)


class Seal(Protocol):
    """Turns a caller's number, and the header that had it, into what may be kept of them."""

    def __call__(self, number: str, *, raw: str = "", withheld: bool = False) -> CallerRef: ...


@dataclass(slots=True, kw_only=True)
class Reception:
    """Takes channels in; raises nothing of its own."""

    controller: Controller
    lines: Mapping[ProvinceId, Line]
    default_province: ProvinceId
    seal: Seal
    tables: LocationTables = field(default_factory=LocationTables)
    earlier_calls: EarlierCalls = field(default_factory=EarlierCalls)

    async def take_call(
        self,
        call: CallId,
        arguments: Mapping[str, str],
        channel: Channel,
        signals: Signals,
        read_signals: Callable[[], Awaitable[Signals]],
    ) -> None:
        """A caller's channel, new or back: converse until the dialplan is to take it.

        `signals` came with the channel, `read_signals` asks for all of them. Raises HungUp and
        SessionLost after the floor was told.
        """
        province = ProvinceId(arguments.get("province", ""))
        line = self.lines.get(province) or self.lines[self.default_province]
        conversation = self._conversation(call, line, channel)
        arrival = self._arrival(call, signals, arguments, line)
        self.controller.parties.calls[call] = conversation
        self.controller.post(arrival)
        gone: ev.Event = ev.CallDetached(call=call)
        try:
            await conversation.run(await self._resume(call, arguments, line, read_signals))
        except HungUp:
            gone = ev.CallHungUp(call=call)
            raise
        finally:
            # A conversation that was given up for another one has no more say.
            if self.controller.parties.calls.get(call) is conversation:
                del self.controller.parties.calls[call]
                self.controller.post(gone)

    async def _resume(
        self,
        call: CallId,
        arguments: Mapping[str, str],
        line: Line,
        read_signals: Callable[[], Awaitable[Signals]],
    ) -> Resume:
        resume = resume_from(arguments, line.rules)
        if resume.phase is Phase.TALK:  # it was located before
            return resume
        location, silent_before = await self._locate(call, await read_signals(), line)
        located = with_location(resume, location, line.rules)
        return replace(located, silent_before=silent_before)

    async def _locate(
        self, call: CallId, signals: Signals, line: Line
    ) -> tuple[CallLocation, bool]:
        """Where the call comes from, and whether its caller was silent lately."""
        number, raw = identify(signals, line.area_code)
        caller = self._caller(signals, number, raw)
        earlier = await self._look_up(call, caller, line.rules) if caller else Earlier()
        told = replace(signals, earlier_county=earlier.county)
        location = locate(told, number, line.rules.id, self.tables)
        self.controller.post(ev.CallLocated(call=call, location=location, caller=caller))
        return location, earlier.silent

    async def _look_up(self, call: CallId, caller: CallerRef, rules: ProvinceRules) -> Earlier:
        now = self.controller.clock.now()
        past = CallerPast(
            pseudonym=caller.pseudonym,
            county_since_at=now - timedelta(days=rules.location.earlier_call_days),
            silence_since_at=now - timedelta(hours=rules.priority.returning_silence_h),
            not_of=call,
        )
        return await self.earlier_calls.look_up(past)

    async def take_leg(self, uniqueid: str, channel: Channel) -> None:
        """A counsellor's picked-up leg; an offer that is over returns at once, into a hang-up."""
        offer = OfferId(uniqueid.removeprefix(LEG_PREFIX))
        leg = self.controller.parties.legs.get(offer)
        if leg is not None:
            line = self.lines[leg.offer.facts.province]
            await leg.run(channel, line.flow.topics)

    def _conversation(self, call: CallId, line: Line, channel: Channel) -> Conversation:
        return Conversation(
            call=call,
            province=line.rules.id,
            flow=line.flow,
            channel=channel,
            post=self.controller.post,
            plan=self._plan,
            now=self.controller.clock.now,
        )

    def _plan(self, facts: CallFacts) -> RoutePlan:
        """By what is in force when the call joins, whatever it was when the call arrived."""
        return self.controller.planner.plan(facts, self.controller.clock.wall())

    def _arrival(
        self, call: CallId, signals: Signals, arguments: Mapping[str, str], line: Line
    ) -> ev.CallArrived:
        return ev.CallArrived(
            call=call,
            province=line.rules.id,
            line=arguments.get("line", ""),
            caller=self._caller(signals, *identify(signals, line.area_code)),
            arrived_at=self._arrived_at(arguments),
        )

    def _arrived_at(self, arguments: Mapping[str, str]) -> datetime:
        """Asterisk's clock in whole seconds, but never later than ours."""
        now = self.controller.clock.now()
        told = instant(arguments.get("arrived_at", ""))
        return min(told or now, now).astimezone(UTC)

    def _caller(self, signals: Signals, number: CallerNumber, raw: str) -> CallerRef | None:
        if number.kind is NumberKind.ANONYMOUS:
            return None
        return self.seal(number.national or signals.caller_id, raw=raw, withheld=signals.withheld)
