"""The real Asterisk's static fallback: whom its own queues ring, and what a refresh does to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from ivr.asterisk.ami import AmiLink
from ivr.asterisk.fallback import Fallback
from ivr.asterisk.instance import ami_secret
from ivr.asterisk.pauses import PauseMirror
from ivr.dialplan.static_lines import Stage, StaticLine, StaticMember, StaticQueue
from ivr.model import DeviceId
from ivr.simulator import tone
from ivr.simulator.rtp import RtpStream
from ivr.simulator.sip_agent import SipAgent
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_message import SipMessage
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from tests.fallback_stories import IN_ROUNDS, QUEUES, SAVEH, STORIES, Story, queue
from tests.real.dying_controller import DyingController
from tests.real.exchange import (
    MUSIC_HZ,
    NUMBER,
    Exchange,
    free_settings,
    one_stage,
    running_exchange,
    write_tone,
)

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

# Of waiting, before the controller is asked again: nothing that a story does takes so long.
ROUND_S = 30
NEXT_ROUND_S = 12  # where something waits for the next one
SHORT_ROUND_S = 5  # where a story waits for several
PATIENCE_S = 90.0
ACCEPT_HZ = 1300.0
MARKAZI = one_stage(*QUEUES)


class RealStage:
    """`fallback_stories.Stage` on a real Asterisk; nobody is left when it ends."""

    def __init__(self, exchange: Exchange, controller: DyingController, link: AmiLink) -> None:
        self.exchange = exchange
        self._controller = controller
        self._link = link
        self._parties = AsyncExitStack()
        self.phones: dict[str, CounsellorPhone] = {}
        self.callers: dict[str, CallerPhone] = {}
        self.numbers: dict[str, str] = {}

    async def __aenter__(self) -> "RealStage":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parties.aclose()
        await self.until(lambda: not self.channels())

    @property
    def rings(self) -> list[str]:
        seen = [(call.invited_at, name) for name, one in self.phones.items() for call in one.calls]
        return [name for _, name in sorted(seen)]

    def channels(self) -> str:
        return self.exchange.process.console("core show channels concise").strip()

    async def until(self, condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - what other programs do tells nobody
                await asyncio.sleep(0.02)

    async def arrive(self, *devices: str) -> None:
        for device in devices:
            account = next(one for one in self.exchange.devices if one.user == device)
            phone = CounsellorPhone(self.exchange.address, account.user, account.password)
            self.phones[device] = await self._parties.enter_async_context(phone)

    async def call(self, caller: str, **facts: str) -> None:
        self.numbers[caller] = number = f"0912000{len(self.callers):04}"
        self._controller.facts[number] = facts
        phone = CallerPhone(self.exchange.address, NUMBER, caller=number)
        self.callers[caller] = await self._parties.enter_async_context(phone)
        await phone.answered()
        await phone.hears_tone(MUSIC_HZ, PATIENCE_S)

    async def rung(self, count: int) -> None:
        await self.until(lambda: len(self.rings) >= count)

    async def pick_up(self, device: str) -> None:
        await self.phones[device].calls[-1].answer()

    async def refuse(self, device: str) -> None:
        self.phones[device].calls[-1].refuse(486)

    async def hang_up(self, device: str) -> None:
        self.phones[device].calls[-1].hang_up()

    async def talking(self, caller: str, device: str) -> None:
        await self.callers[caller].hears_tone(tone.COUNSELLOR_HZ, PATIENCE_S)
        await self.phones[device].calls[-1].stream.hears_tone(tone.CALLER_HZ, PATIENCE_S)

    async def pause(self, device: str, *, paused: bool = True) -> None:
        fields = {"Interface": f"PJSIP/{device}", "Paused": str(paused).lower()}
        await self._link.action({"Action": "QueuePause", **fields})

    async def next_round(self, caller: str) -> None:
        sessions = self._controller.sessions
        rounds = sessions[self.numbers[caller]]
        await self.until(lambda: sessions[self.numbers[caller]] > rounds)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def alone(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Exchange, DyingController, AmiLink, SipAgent]]:
    """An Asterisk with the stories' queues, a controller that always dies, and a trunk outwards."""
    home = tmp_path_factory.mktemp("fallback")
    telephone = SipAgent(("127.0.0.1", 0))
    await telephone.open()
    host, port = telephone.address
    settings = free_settings(home).model_copy(update={"trunk_outbound": f"{host}:{port}"})
    telephone.server = (settings.host, settings.sip_port)
    write_tone(settings.home / "sounds" / "ivr" / "press-1-to-accept.wav", ACCEPT_HZ, 4)
    with running_exchange(settings, [MARKAZI]) as exchange:
        async with DyingController(settings.agi_port) as controller, _linked(exchange) as link:
            yield exchange, controller, link, telephone
    telephone.close()


@asynccontextmanager
async def _linked(exchange: Exchange) -> AsyncIterator[AmiLink]:
    up = asyncio.Event()

    async def on_up() -> None:
        up.set()

    link = AmiLink(
        host=exchange.settings.host,
        port=exchange.settings.ami_port,
        user=exchange.settings.ami_user,
        secret=ami_secret(exchange.settings),
        on_event=lambda _message: None,
        on_up=on_up,
        on_down=lambda: None,
    )
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await up.wait()
        yield link
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
def round_s() -> int:
    return ROUND_S


@pytest_asyncio.fixture(loop_scope="module")
async def stage(
    alone: tuple[Exchange, DyingController, AmiLink, SipAgent], round_s: int
) -> AsyncIterator[RealStage]:
    exchange, controller, link, _ = alone
    settings = exchange.settings.model_copy(update={"fallback_round_s": round_s})
    exchange = replace(exchange, settings=settings)
    # Queues that are new know of no pause and of nobody's turn.
    for lines in ([one_stage()], [MARKAZI]):
        await Fallback(exchange.settings).refresh(lines, exchange.devices)
    async with RealStage(exchange, controller, link) as stage:
        yield stage


async def refresh(stage: RealStage, *queues: StaticQueue, later: Stage | None = None) -> None:
    stages = (Stage(queues), *([later] if later else []))
    line = StaticLine("markazi", (NUMBER, "123"), stages)
    assert await Fallback(stage.exchange.settings).refresh([line], stage.exchange.devices)


@pytest.mark.parametrize(
    ("story", "round_s"),
    [(story, SHORT_ROUND_S if story in IN_ROUNDS else ROUND_S) for story in STORIES],
    ids=[story.__name__ for story in STORIES],
)
async def test_a_story(story: Story, stage: RealStage) -> None:
    await story(stage)


async def test_a_caller_who_waits_outlives_a_refresh_and_is_served_by_who_is_new(
    stage: RealStage,
) -> None:
    await stage.arrive("desk-5")
    await stage.call("a")
    await refresh(stage, queue("fallback-markazi", ("desk-5",)))
    await stage.rung(1)
    await stage.pick_up("desk-5")
    await stage.talking("a", "desk-5")


@pytest.mark.parametrize("round_s", [NEXT_ROUND_S])
async def test_a_caller_outlives_the_queue(stage: RealStage) -> None:
    await stage.call("a", county=SAVEH)
    await refresh(stage, queue("fallback-markazi", ("desk-5",)))
    await stage.arrive("desk-5")
    await stage.rung(1)
    await stage.pick_up("desk-5")
    await stage.talking("a", "desk-5")


async def test_a_phone_that_rings_goes_on_ringing_though_its_member_is_gone(
    stage: RealStage,
) -> None:
    await stage.arrive("desk-3")
    await stage.call("a")
    await stage.rung(1)
    await refresh(stage, queue("fallback-markazi", ("desk-5",)))
    await stage.pick_up("desk-3")
    await stage.talking("a", "desk-3")


async def test_only_what_changed_is_read_anew(stage: RealStage) -> None:
    fallback = Fallback(stage.exchange.settings)
    assert await fallback.refresh([MARKAZI], stage.exchange.devices)
    assert not await fallback.refresh([MARKAZI], stage.exchange.devices)


@pytest.mark.parametrize("round_s", [NEXT_ROUND_S])
async def test_an_expired_closure_keeps_no_desk_out_though_nobody_is_there_to_say_so(
    stage: RealStage,
) -> None:
    ends_at = datetime.now(UTC) + timedelta(seconds=3)
    opened = queue(f"fallback-1-{SAVEH}", ("desk-2",))
    await refresh(stage, queue("fallback-markazi", ("desk-1",)), later=Stage((opened,), ends_at))
    await stage.arrive("desk-2")
    await stage.call("a", county=SAVEH)
    await stage.rung(1)
    assert time.time() >= ends_at.timestamp()
    await stage.pick_up("desk-2")
    await stage.talking("a", "desk-2")


async def test_pauses_are_told_once_and_again_after_a_refresh(stage: RealStage) -> None:
    sent: list[str] = []
    link = stage._link

    async def act(fields: dict[str, str]) -> object:
        sent.append(f"{fields['Interface']} {fields['Paused']}")
        return await link.action(fields)

    mirror = PauseMirror(act)
    mirror.take_lines([one_stage(queue("fallback-markazi", ("desk-1", "desk-2")))])
    await mirror.tell({DeviceId("desk-1")})
    await mirror.tell({DeviceId("desk-1")})
    assert sent == ["PJSIP/desk-1 true", "PJSIP/desk-2 false"]
    paused = stage.exchange.process.console("queue show fallback-markazi")
    assert "desk-1 (PJSIP/desk-1) (ringinuse disabled) (paused" in paused
    await mirror.tell(set())
    assert sent[2:] == ["PJSIP/desk-1 false"]


# ------------------------------------------------------------------ telephones


class Telephone:
    """An ordinary telephone behind the trunk: every call to the trunk rings here."""

    def __init__(self, agent: SipAgent) -> None:
        self._agent = agent
        self.calls: list[SipCall] = []
        agent.on_call = self._ring

    def _ring(self, invite: SipMessage) -> None:
        stream = RtpStream(tone.tone(tone.COUNSELLOR_HZ, 1))
        self.calls.append(SipCall.offered(self._agent, "telephone", invite, stream))


async def test_a_telephone_has_to_accept_and_is_rung_again_where_it_did_not(
    stage: RealStage, alone: tuple[Exchange, DyingController, AmiLink, SipAgent]
) -> None:
    telephone = Telephone(alone[3])
    mobile = StaticMember("mobile", 1, "PJSIP/09181112222@line123-trunk")
    await refresh(stage, StaticQueue("fallback-markazi", (StaticMember("desk-1"), mobile)))
    await stage.call("a")
    await stage.until(lambda: telephone.calls)
    assert "0912" not in telephone.calls[0]._invite.encode().decode()
    await telephone.calls[0].answer()
    await telephone.calls[0].stream.hears_tone(ACCEPT_HZ, PATIENCE_S)
    await telephone.calls[0].ended(PATIENCE_S)  # a voicemail presses nothing
    await stage.until(lambda: len(telephone.calls) == 2)
    await telephone.calls[1].answer()
    await telephone.calls[1].stream.hears_tone(ACCEPT_HZ, PATIENCE_S)
    telephone.calls[1].press("1")
    await stage.callers["a"].hears_tone(tone.COUNSELLOR_HZ, PATIENCE_S)
    await stage.call("b")
    assert len(telephone.calls) == 2  # it is busy
    telephone.calls[1].hang_up()
