"""The simulated Asterisk: AMI server, FastAGI client, dialplan and devices in one process.

It stands in for the real one wherever SIP and audio do not matter: the controller connects to
it over TCP and cannot tell the difference by messages. Measured behaviour is followed, also
where it is inconvenient.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Self

from ivr.dialplan.static_lines import StaticLine
from ivr.errors import BadInput
from ivr.simulator.agi_client import AgiSession
from ivr.simulator.ami_actions import FORBIDDEN, Actions
from ivr.simulator.ami_server import AmiServer
from ivr.simulator.bridges import Bridges
from ivr.simulator.channel import Channel, EndedBy, Hangup, Identity, Place, State
from ivr.simulator.devices import TRUNK, Device, Devices, Leg
from ivr.simulator.dialplan import Dialplan
from ivr.simulator.faults import Faults
from ivr.simulator.feed import Feed
from ivr.simulator.parties import NEVER, Behaviour, SimulatedCaller, SimulatedCounsellor
from ivr.simulator.static_queues import StaticQueues
from ivr.simulator.timing import Timing
from ivr.simulator.watched import Watched

LINES = {  # called number → province
    "061123": "khuzestan",
    "084123": "ilam",
    "086123": "markazi",
    "056123": "south-khorasan",
    "028123": "qazvin",
    "123": "markazi",
}

DEFAULT_LINE = "123"
ANY_CALLER = "09120000000"

Script = Callable[[SimulatedCaller], Coroutine[object, object, None]]


class SimulatedAsterisk(Watched):
    """`async with SimulatedAsterisk(agi_port=…) as exchange:` runs one.

    `lines` (called number → province) must have DEFAULT_LINE. `devices` are the SIP accounts,
    `static` the queues of the lines (a province without any has one of all devices). Port 0 takes
    a free one; `ami_port` then tells which. `started_at` is its clock at the start, in Unix
    seconds. Leaving the block ends everything it started.
    """

    def __init__(
        self,
        *,
        agi_port: int,
        agi_host: str = "127.0.0.1",
        ami_host: str = "127.0.0.1",
        ami_port: int = 0,
        user: str = "ivr",
        secret: str = "secret",  # noqa: S107 (of a simulation)
        lines: Mapping[str, str] = LINES,
        devices: Iterable[str] = (),
        telephones: Mapping[str, str] | None = None,
        static: Iterable[StaticLine] = (),
        timing: Timing | None = None,
        started_at: float | None = None,
    ) -> None:
        super().__init__()
        self.agi_url = f"agi://{agi_host}:{agi_port}"
        self.ami_port = ami_port
        self.timing = timing or Timing()
        self.faults = Faults()
        self.feed = Feed()
        self.bridges = Bridges(self.feed)
        self.devices = Devices(self.feed, self.timing, devices, telephones or {})
        self.static = StaticQueues(self, static)
        self.dialplan = Dialplan(self)
        self.channels: dict[str, Channel] = {}
        self.variables: dict[str, str] = {}
        self.sessions: set[AgiSession] = set()
        self.counsellors: dict[str, SimulatedCounsellor] = {}
        self._ami_host = ami_host
        self._lines = lines
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._started_at = time.time() if started_at is None else started_at
        self._ami = AmiServer(
            feed=self.feed,
            faults=self.faults,
            timing=self.timing,
            account=(user, secret),
            actions=Actions(self).table,
            forbidden=FORBIDDEN,
            spawn=self.spawn,
        )

    async def __aenter__(self) -> Self:
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._runner = asyncio.create_task(self._run(started), name="simulated asterisk")
        self._runner.add_done_callback(lambda _runner: self.changed())
        await asyncio.wait((self._runner, started), return_when=asyncio.FIRST_COMPLETED)
        if self._runner.done():
            await self._runner
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self.changed()
        await self._runner

    @property
    def failed(self) -> bool:
        """Whether a mistake in the simulation or in a script ended it; leaving the block tells."""
        return self._runner.done() and not self._stopping

    def place_call(
        self, *, number: str = ANY_CALLER, called: str = DEFAULT_LINE, script: Script | None = None
    ) -> SimulatedCaller:
        """Dial the line; `script`, if given, then acts for the caller.

        A number that is no line's goes to DEFAULT_LINE: the dialplan refuses nobody.
        """
        channel = self._new_caller(number, called)
        caller = SimulatedCaller(channel, feed=self.feed, timing=self.timing)
        self.channels[channel.unique_id] = channel
        channel.tell("Newchannel")
        channel.place = Place("line")
        self.spawn(self.dialplan.run(channel), f"call {channel.unique_id}")
        if script:
            self.spawn(script(caller), f"script {channel.unique_id}")
        return caller

    def counsellor(
        self, device: str, behaviour: Behaviour = NEVER, *, registered: bool = True
    ) -> SimulatedCounsellor:
        """Somebody at the device, registered at once unless told otherwise."""
        known = self.devices.get(device)
        if known is None:
            raise BadInput(f"The simulated Asterisk has no device {device}; add it to `devices`.")
        person = SimulatedCounsellor(
            known, behaviour, devices=self.devices, timing=self.timing, spawn=self.spawn
        )
        self.counsellors[device] = person
        if registered:
            person.register()
        return person

    def dial(self, device: str, number: str) -> SimulatedCounsellor:
        """Let whoever is at the device dial a number of [desk], also beside a call."""
        person = self.counsellors[device]
        before = person.leg
        leg = self.new_leg(person.device, state=State.RING)
        leg.place = Place("desk", number)
        self.devices.occupy(person.device, leg)
        person.took(leg)
        self.spawn(self._dialled(person, leg, before), f"desk {leg.unique_id}")
        return person

    async def _dialled(self, person: SimulatedCounsellor, leg: Leg, before: Leg | None) -> None:
        await self.dialplan.run(leg)
        if before is not None and not before.ended:
            person.took(before)
            self.devices.occupy(person.device, before)

    def kill_ami(self) -> None:
        """Break the AMI connections without a word."""
        self._ami.kill()

    def refuse_ami(self) -> None:
        """Let nobody connect to AMI; connections that stand stay."""
        self._ami.refuse()

    async def accept_ami(self) -> None:
        """Listen again, on the same port."""
        await self._ami.listen(self._ami_host, self.ami_port)

    def cut_agi(self) -> None:
        """Break every AGI connection without a word; the channels live on."""
        for session in tuple(self.sessions):
            session.wire.cut()

    def wall_time(self) -> float:
        """Unix seconds; they pass as the loop's time does."""
        return self._started_at + asyncio.get_running_loop().time() - self._loop_started_at

    def new_leg(
        self,
        device: Device,
        *,
        unique_id: str | None = None,
        linked_id: str | None = None,
        state: State = State.DOWN,
    ) -> Leg:
        """A channel of a device, towards it where it is DOWN: not yet ringing."""
        number = next(self._numbers)
        own_id = unique_id or self._unique_id(number)
        leg = Leg(
            feed=self.feed,
            name=f"PJSIP/{device.endpoint}-{number:08x}",
            unique_id=own_id,
            linked_id=linked_id or own_id,
            place=Place("trunk" if device.number else "desk"),
            state=state,
            label=device.name,
            created_at=self.wall_time(),
        )
        self.channels[own_id] = leg
        leg.tell("Newchannel")
        return leg

    def finish(self, channel: Channel) -> None:
        """The channel is over: tell AMI and the party, forget it."""
        if channel.ended:
            return
        self.channels.pop(channel.unique_id, None)
        channel.hang_up(Hangup(EndedBy.MACHINE))
        channel.close()
        if isinstance(channel, Leg):
            self.devices.release(channel)
        channel.note("ended", channel.hung_up.by if channel.hung_up else "")
        self.changed()

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        """Run work as a task of this exchange; its failure ends the exchange loudly."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, started: asyncio.Future[None]) -> None:
        self._loop_started_at = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as self._group:
            self.ami_port = await self._ami.listen(self._ami_host, self.ami_port)
            started.set_result(None)
            try:
                await self.until(lambda: self._stopping)
            finally:
                self._ami.refuse()
                self._ami.kill()
            for task in tuple(self._tasks):
                task.cancel()

    def _new_caller(self, number: str, called: str) -> Channel:
        line = called if called in self._lines else DEFAULT_LINE
        unique_id = self._unique_id(position := next(self._numbers))
        channel = Channel(
            feed=self.feed,
            name=f"PJSIP/{TRUNK}-{position:08x}",
            unique_id=unique_id,
            linked_id=unique_id,
            place=Place("trunk", called),
            state=State.RING,
            label="caller",
            created_at=self.wall_time(),
            caller=Identity(number=number),
        )
        channel.variables.update(IVR_PROVINCE=self._lines[line], IVR_LINE=line)
        return channel

    def _unique_id(self, number: int) -> str:
        return f"{self.wall_time():.0f}.{number}"
