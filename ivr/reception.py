"""Where channels reach us: callers' conversations and counsellors' legs, from first to last."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ivr import events as ev
from ivr.controller import Controller
from ivr.dialplan.channel import Channel
from ivr.dialplan.conversation import Conversation
from ivr.dialplan.flow import Flow
from ivr.dialplan.resume import instant, resume_from
from ivr.duty import duty_at
from ivr.errors import HungUp
from ivr.location import AREA_CODES, NumberKind, normalise_number
from ivr.model import (
    CallerRef,
    CallFacts,
    CallId,
    Counsellor,
    OfferId,
    ProvinceId,
    RoutePlan,
)
from ivr.router import plan
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


@dataclass(slots=True, kw_only=True)
class Reception:
    """Takes channels in. `seal` turns a caller's number into what may be kept of it."""

    controller: Controller
    lines: Mapping[ProvinceId, Line]
    default_province: ProvinceId
    people: tuple[Counsellor, ...]
    seal: Callable[[str], CallerRef]

    async def take_call(
        self, call: CallId, number: str, arguments: Mapping[str, str], channel: Channel
    ) -> None:
        """A caller's channel, new or back: converse until the dialplan is to take it.

        Raises HungUp and SessionLost after the floor was told.
        """
        province = ProvinceId(arguments.get("province", ""))
        line = self.lines.get(province) or self.lines[self.default_province]
        conversation = self._conversation(call, line, channel)
        self.controller.parties.calls[call] = conversation
        self.controller.post(self._arrival(call, number, arguments, line))
        gone: ev.Event = ev.CallDetached(call=call)
        try:
            await conversation.run(resume_from(arguments, line.rules))
        except HungUp:
            gone = ev.CallHungUp(call=call)
            raise
        finally:
            # A conversation that was given up for another one has no more say.
            if self.controller.parties.calls.get(call) is conversation:
                del self.controller.parties.calls[call]
                self.controller.post(gone)

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
            plan=lambda facts: self._plan(line.rules, facts),
            now=self.controller.clock.now,
        )

    def _plan(self, rules: ProvinceRules, facts: CallFacts) -> RoutePlan:
        now = self.controller.clock.now()
        return plan(rules, duty_at(self.people, now), facts, now)

    def _arrival(
        self, call: CallId, number: str, arguments: Mapping[str, str], line: Line
    ) -> ev.CallArrived:
        return ev.CallArrived(
            call=call,
            province=line.rules.id,
            line=arguments.get("line", ""),
            caller=self._caller(number, line),
            arrived_at=self._arrived_at(arguments),
        )

    def _arrived_at(self, arguments: Mapping[str, str]) -> datetime:
        """Asterisk's clock in whole seconds, but never later than ours."""
        now = self.controller.clock.now()
        told = instant(arguments.get("arrived_at", ""))
        return min(told or now, now).astimezone(UTC)

    def _caller(self, raw: str, line: Line) -> CallerRef | None:
        number = normalise_number(raw, line.area_code)
        if number.kind is NumberKind.ANONYMOUS:
            return None
        return self.seal(number.national or raw)
