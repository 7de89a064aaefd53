"""Who must not be rung is told to Asterisk's own queues too, for the time when we are dead.

Needs AMI's right `agent` (docs/decisions/0005): QueuePause, and nothing that Originate could not
do already. Whoever is still paused when we die is rung all the same after a minute of a caller's
waiting (ivr/dialplan/static_fallback.py).
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

import structlog

from ivr.asterisk.ami import Fields, NoAnswer
from ivr.dialplan.static_lines import StaticLine
from ivr.errors import ActionFailed, LinkDown
from ivr.model import DeviceId

log = structlog.get_logger()

Act = Callable[[Fields], Awaitable[object]]


class PauseMirror:
    """Keeps the pauses of the queues' members as they were last told; one task calls it.

    `act` carries out an AMI action (`AmiLink.action`). What Asterisk has answered is not told
    again, until `take_lines` or `forget`: a pause outlives a reload and our death, but a member
    who is new in a queue begins without one.
    """

    def __init__(self, act: Act) -> None:
        self._act = act
        self._interfaces: Mapping[str, str] = {}
        self._told: dict[str, bool] = {}

    def take_lines(self, lines: Iterable[StaticLine]) -> None:
        """The queues from now on, as Asterisk has read them."""
        self._interfaces = {
            member.device: member.dialled
            for line in lines
            for queue in line.queues
            for member in queue.members
        }
        self.forget()

    def forget(self) -> None:
        """Tell everything again at the next `tell`: after each AMI login."""
        self._told = {}

    async def tell(self, off: Collection[DeviceId]) -> None:
        """The queues ring nobody of `off`, and everybody else; only what changed is sent.

        Without a link nothing is lost: all is sent after the next login.
        """
        told = self._told  # one that is forgotten meanwhile counts for nothing
        for device, interface in self._interfaces.items():
            paused = device in off
            if told.get(device) is paused:
                continue
            fields = {"Interface": interface, "Paused": str(paused).lower()}
            try:
                await self._act({"Action": "QueuePause", **fields})
            except (LinkDown, NoAnswer) as error:
                log.info("fallback_pauses_put_off", why=str(error))
                return
            except ActionFailed as error:  # in no queue of a running Asterisk: nobody rings it
                log.info("fallback_member_not_known", device=device, why=str(error))
            told[device] = paused
