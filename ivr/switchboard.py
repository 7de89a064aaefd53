"""Controller, conversations and Asterisk's edges put together; where records go is an argument."""

import asyncio
from dataclasses import dataclass

from ivr.asterisk.agi import AgiChannel, AgiSession
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.instance import ami_secret
from ivr.asterisk.pauses import PauseMirror
from ivr.asterisk.signals import own_signals, read_signals
from ivr.asterisk.telephones import telephone_numbers
from ivr.controller import Clock, Controller, Journal
from ivr.deployment import Deployment, take_in
from ivr.desk_phone import CheckPin, DeskPhones, KeepSignedOut, no_pin, not_kept
from ivr.earlier_calls import EarlierCalls, FindEarlier, nothing_earlier
from ivr.model import CallId, Offer, OfferId, OfferResult
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.reception import Reception, Seal
from ivr.settings import Settings
from ivr.view import Names
from ivr.watchman import Watchman


class Switchboard:
    """Everything between Asterisk and the journal. `agi.open()` takes the port, `run` serves.

    `seal` turns a caller's number into what may be kept of it; `find_earlier` looks up what the
    same caller's earlier calls tell. `check_pin` and `keep_signed_out` are for counsellors who
    sign in and out at their phones.
    """

    def __init__(
        self,
        settings: Settings,
        deployment: Deployment,
        journal: Journal,
        clock: Clock,
        *,
        epoch: int,
        seal: Seal,
        find_earlier: FindEarlier = nothing_earlier,
        check_pin: CheckPin = no_pin,
        keep_signed_out: KeepSignedOut = not_kept,
    ) -> None:
        floor = Floor(
            epoch=epoch,
            limits=deployment.limits,
            limits_by_province=deployment.limits_by_province,
        )
        self.controller = controller = Controller(
            floor,
            clock,
            journal,
            Planner(deployment.rules, deployment.people, deployment.in_force.book),
        )
        self._exchange = Exchange(settings, ami_secret(settings), controller.post, now=clock.now)
        self.pauses = PauseMirror(self._exchange.action)
        self._ports = _NamedExchange(self._exchange, deployment.names)
        self._earlier_calls = EarlierCalls(find_earlier)
        self._reception = Reception(
            controller=controller,
            lines=deployment.lines,
            default_province=deployment.default_province,
            seal=seal,
            tables=deployment.tables,
            earlier_calls=self._earlier_calls,
        )
        self.watchman = Watchman(controller, deployment.in_force)
        self._geolocation = settings.trunk_geolocation
        self._desk_phones = DeskPhones(
            controller=controller, check_pin=check_pin, keep_signed_out=keep_signed_out
        )
        handlers = {"call": self._take_call, "offer": self._take_leg, "desk": self._take_desk}
        self.agi = AgiServer(settings.host, settings.agi_port, handlers)

    def take(self, deployment: Deployment) -> None:
        """Go by this from now on (`take_in`)."""
        self._ports.names = deployment.names
        self.watchman.take(deployment.in_force)
        self.watchman.not_taken_in(deployment.not_taken_in)
        take_in(deployment, self._reception, self.controller)
        self._exchange.set_numbers(telephone_numbers(deployment.in_force.people))

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self._earlier_calls, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.controller.run(self._ports), name="controller")
            tasks.create_task(self._exchange.run(), name="exchange")
            tasks.create_task(self.agi.run(), name="agi")
            tasks.create_task(self.watchman.run(), name="watchman")

    async def _take_call(self, session: AgiSession) -> None:
        await self._reception.take_call(
            CallId(session.uniqueid),
            session.arguments,
            AgiChannel(session),
            own_signals(session),
            lambda: read_signals(session, geolocation=self._geolocation),
        )

    async def _take_leg(self, session: AgiSession) -> None:
        await self._reception.take_leg(session.uniqueid, AgiChannel(session))

    async def _take_desk(self, session: AgiSession) -> None:
        await self._desk_phones.take(session.arguments, AgiChannel(session))


@dataclass(slots=True)
class _NamedExchange:
    """The exchange as the controller wants it: phones show the county's name, never a number."""

    exchange: Exchange
    names: Names

    async def ring(self, offer: Offer) -> None:
        county, province = offer.facts.county, offer.facts.province
        place = self.names.counties.get(county) if county else None
        await self.exchange.ring(offer, place or self.names.provinces.get(province, province))

    async def hang_up_leg(self, offer: OfferId, why: OfferResult) -> None:
        await self.exchange.hang_up_leg(offer, why)

    async def recall(self, call: CallId) -> None:
        await self.exchange.recall(call)
