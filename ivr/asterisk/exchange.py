"""Asterisk as the controller sees it: rings and hangs up legs, tells what is true and what happens.

Nothing here retries: what cannot be carried out comes back as an event, and after a loss of the
link a snapshot says what is true.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog

from ivr.asterisk import wire
from ivr.asterisk.ami import AmiLink, AmiTiming, Fields, LoginRefused, Message, NoAnswer
from ivr.asterisk.live_calls import VARIABLES
from ivr.asterisk.telephones import TRUNK_ENDPOINT
from ivr.asterisk.translate import (
    Translator,
    created_leg,
    device_channel,
    leg_channel,
    refused_leg,
)
from ivr.dialplan.static import SHORT_NUMBER
from ivr.errors import AsteriskError, LineError
from ivr.events import Event, ExchangeLost, ExchangeSeen, OfferFailed
from ivr.model import CallId, Device, DeviceId, DeviceKind, Offer, OfferId, OfferResult
from ivr.settings import Settings

log = structlog.get_logger()

LINE_CONTEXT = "line"
LINE_AGAIN = "ask"  # the label in [line] where our conversation begins anew
OFFER_CONTEXT = "offer"
# Asterisk gives up a moment before the offer's deadline: only it knows whether the phone rang in
# vain (not answered) or said nothing at all (unreachable).
GIVE_UP_EARLIER_S = 0.5
# A channel's first event comes some milliseconds after its end by the response, where it does.
CHANNEL_COMES_S = 0.5
# Asterisk's AST_CAUSE_ANSWERED_ELSEWHERE: res_pjsip_rfc3326 then adds to the CANCEL
# `Reason: SIP;cause=200;text="Call completed elsewhere"` (RFC 3326).
_CAUSES: Mapping[OfferResult, Mapping[str, str]] = {OfferResult.ANSWERED_ELSEWHERE: {"Cause": "26"}}


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Exchange:
    """One Asterisk over AMI. `post` gets every event, in order, and must not block.

    `set_numbers` says which telephones there are.
    """

    def __init__(
        self,
        settings: Settings,
        secret: str,
        post: Callable[[Event], None],
        *,
        now: Callable[[], datetime] = _utc_now,
        timing: AmiTiming | None = None,
    ) -> None:
        self.translator = Translator()
        self._post = post
        self._now = now
        self._rings_telephones = settings.trunk_outbound is not None
        self._group = asyncio.TaskGroup()
        # What happens while a snapshot is taken may be older than it: told after it.
        self._held: list[Message] | None = []
        self._link = AmiLink(
            host=settings.host,
            port=settings.ami_port,
            user=settings.ami_user,
            secret=secret,
            on_event=self._on_message,
            on_up=self._take_snapshot,
            on_down=self._on_down,
            timing=timing,
        )

    async def run(self) -> None:
        """Stay linked until cancelled; raises LoginRefused if the first login is refused."""
        try:
            async with self._group:
                self._group.create_task(self._link.run(), name="ami-link")
        except BaseExceptionGroup as group:
            if refused := group.subgroup(LoginRefused):
                raise refused.exceptions[0] from None
            raise

    def set_numbers(self, numbers: Mapping[DeviceId, str]) -> None:
        """The counsellors' telephones from now on: the number to dial of each device.

        Tell the floor of the people first: it forgets the state of a device that it does not know.
        """
        if numbers and not self._rings_telephones:
            log.warning("telephones_not_rung", telephones=len(numbers), set="IVR_TRUNK_OUTBOUND")
            numbers = {}
        self._post_all([*self.translator.telephones.replace(numbers)])

    async def ring(self, offer: Offer, whisper_name: str) -> None:
        """Ring the offer's device; `whisper_name` (the county) is shown on it, not on a telephone.

        Ends as OfferFailed or LegEnded, also where the Originate could not be sent.
        """
        self.translator.expect_leg(offer.id, _contact_of(offer.device))
        try:
            await self._link.action(self._originate(offer, whisper_name))
        except LineError as error:
            log.warning("offer_not_rung", offer=offer.id, why=str(error))
            may_exist = isinstance(error, NoAnswer)
            self._post_all(self.translator.leg_failed(offer.id, may_exist=may_exist))

    async def hang_up_leg(self, offer: OfferId, why: OfferResult = OfferResult.WITHDRAWN) -> None:
        """End the offer's leg at whatever stage, also one that is only about to come to be.

        The phone is told where somebody else has answered: it shows no missed call.
        """
        self.translator.withdraw_leg(offer)
        await self._hang_up(offer, why)

    async def recall(self, call: CallId) -> None:
        """Fetch a caller out of a room: the dialplan asks our conversation anew, place kept.

        The caller's present AGI session ends with HungUp, though the caller lives.
        """
        channel = wire.identifier(call, "a call's id")
        phase = {"Variable": "IVR_PHASE", "Value": "line"}
        await self._try({"Action": "Setvar", "Channel": channel, **phase}, call=call)
        target = {"Context": LINE_CONTEXT, "Exten": "s", "Priority": LINE_AGAIN}
        await self._try({"Action": "Redirect", "Channel": channel, **target}, call=call)

    def _originate(self, offer: Offer, whisper_name: str) -> Fields:
        id_ = wire.identifier(offer.id, "an offer's id")
        timeout_s = (offer.deadline_at - self._now()).total_seconds() - GIVE_UP_EARLIER_S
        variables = {"IVR_OFFER": id_, "IVR_CALL": offer.call, "IVR_COUNSELLOR": offer.counsellor}
        shown = "" if _is_telephone(offer.device) else whisper_name
        return {
            "Action": "Originate",
            "ActionID": leg_channel(offer.id),
            "Channel": self._channel_of(offer),
            "ChannelId": leg_channel(offer.id),
            "Context": OFFER_CONTEXT,
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(max(1, round(timeout_s * 1000))),
            "CallerID": wire.caller_id(shown, SHORT_NUMBER),
            "Async": "true",
            "Variable": [f"{name}={wire.identifier(text)}" for name, text in variables.items()],
        }

    def _channel_of(self, offer: Offer) -> str:
        device = wire.identifier(offer.device.id, "a device's id")
        if _is_telephone(offer.device):
            return self.translator.telephones.channel(device)
        return device_channel(device)

    async def _hang_up(self, offer: OfferId, why: OfferResult) -> None:
        channel = leg_channel(wire.identifier(offer, "an offer's id"))
        cause = _CAUSES.get(why, {})
        await self._try({"Action": "Hangup", "Channel": channel, **cause}, offer=offer)

    async def action(self, fields: Fields) -> None:
        """Any other action, for what is no part of a call; raises LinkDown or ActionFailed."""
        await self._link.action(fields)

    async def _try(self, fields: Fields, **ids: str) -> None:
        """An action whose failure means that there is nothing left to act on."""
        try:
            await self._link.action(fields)
        except AsteriskError as error:
            log.info("ami_action_without_effect", action=fields["Action"], why=str(error), **ids)

    async def _take_snapshot(self) -> None:
        self._held = []
        status = await self._link.list_action({"Action": "Status", "Variables": VARIABLES})
        devices = await self._link.list_action({"Action": "DeviceStateList"})
        held, self._held = self._held, None
        self._post(ExchangeSeen(snapshot=self.translator.snapshot(status, devices)))
        for message in held:
            self._on_message(message)

    def _on_down(self) -> None:
        if self._held is None:
            self._held = []
            self._post(ExchangeLost())

    def _on_message(self, message: Message) -> None:
        if self._held is not None:
            self._held.append(message)
            return
        offer = created_leg(message)
        self._post_all(self.translator.feed(message))
        if offer and self.translator.is_withdrawn(offer):  # the hang-up came before the channel
            self._group.create_task(self._hang_up(offer, OfferResult.WITHDRAWN), name="hang-up")
        if refused := refused_leg(message):
            self._group.create_task(self._conclude(refused), name="no-channel")

    async def _conclude(self, offer: OfferId) -> None:
        await asyncio.sleep(CHANNEL_COMES_S)
        self._post_all(self.translator.no_channel_came(offer))

    def _post_all(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, OfferFailed) and event.result is OfferResult.NO_SUCH_NUMBER:
                log.warning("telephone_number_not_known_to_the_network", offer=event.offer)
            self._post(event)


def _is_telephone(device: Device) -> bool:
    return device.kind is DeviceKind.TELEPHONE


def _contact_of(device: Device) -> DeviceId:
    """Whose contact a leg depends on: the device's own, or the trunk's."""
    return DeviceId(TRUNK_ENDPOINT) if _is_telephone(device) else device.id
