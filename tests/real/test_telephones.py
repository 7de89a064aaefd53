"""Counsellors on ordinary telephones, and signing in at a phone, through a real Asterisk.

The trunk's far side is ours: it sees what a telephone company would see.
"""

import shutil
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from ivr.asterisk.telephones import TRUNK_ENDPOINT
from ivr.settings import PROJECT
from ivr.simulator.devices import BUSY, DECLINE, NOT_FOUND
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_trunk import Telephone, TrunkSide
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from tests.ports import free_port
from tests.real.parties import Counsellor
from tests.real.product import Product, running_product
from tests.real.scene import Scene, both_hear_each_other, hears_words, offers

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("telephones"),  # one worker, so that the product is started once
]

HOME, NUMBER = "khondab-home", "09187770001"
PIN = "471100"


class HomeScene(Scene):
    """A scene in which somebody is at home all the time, as long as the trunk's far side is up."""

    def _is_quiet(self) -> bool:
        floor = self.product.floor()
        rows = floor["counsellors"]
        at_home = all(row["call"] is None and not row["hold"] for row in rows)
        gone = all(row["state"] == "off_duty" for row in rows if row["counsellor"] != HOME)
        return at_home and gone and not floor["waiting"] and not self.channels()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """A product whose trunk leads out, with one counsellor at home."""
    home = tmp_path_factory.mktemp("telephones") / "home"
    changes = {
        "trunk_outbound": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
        "demo_dir": _people(home / "people"),
    }
    times = {"ring_s": 12, "declined_s": 10, "unreachable_s": 1, "no_such_number_s": 1}
    async with running_product(home, changes=changes, **times) as running:
        await _give_pin(running, "arak-1")
        yield running
    assert _files_with(home, [NUMBER, PIN]) == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def side(product: Product) -> AsyncIterator[TrunkSide]:
    """The trunk's far side, up from the first test that needs it to the end."""
    port = int(str(product.settings.trunk_outbound).rpartition(":")[2])
    async with TrunkSide(product.address, port, {}) as side:
        await _trunk_is(product, "available")
        yield side


@pytest_asyncio.fixture(loop_scope="session")
async def scene(product: Product) -> AsyncIterator[Scene]:
    scene = HomeScene(product)
    await scene.begin()
    yield scene
    await scene.end()


async def _trunk_is(product: Product, state: str) -> None:
    """Wait until the floor knows; Asterisk itself looks every 20 s."""
    product.asterisk.console(f"pjsip qualify {TRUNK_ENDPOINT}")
    await product.until(lambda: product.counsellor_state(HOME) == state)


def _people(directory: Path) -> Path:
    directory.mkdir(parents=True)
    for file in ("markazi.yaml", "staff.yaml"):
        shutil.copy(PROJECT / "deploy" / "demo" / file, directory)
    at_home = {
        "id": HOME,
        "name_fa": "نمونه",
        "desks": ["markazi-khondab"],
        "devices": [{"id": HOME, "kind": "telephone", "number": NUMBER}],
    }
    (directory / "telephones.yaml").write_text(yaml.safe_dump({"counsellors": [at_home]}))
    return directory


async def _give_pin(product: Product, counsellor: str) -> None:
    async with Store(product.settings) as store:
        await PeopleStore(store).set_pin(counsellor, PIN, by="test", now=datetime.now(UTC))


async def test_without_a_far_side_nobody_is_rung_at_home(scene: Scene) -> None:
    await scene.until(lambda: scene.state(HOME) == "off_duty")
    async with scene.counsellor("khondab-1", answer_after_s=0) as person, scene.caller() as caller:
        await caller.presses("284")
        await both_hear_each_other(caller, await person.offered())
    assert offers(await scene.the_call()) == [("khondab-1", "connected")]


async def test_the_telephone_is_rung_and_talks_after_key_1(scene: Scene, side: TrunkSide) -> None:
    side.telephones = {NUMBER: Telephone()}
    async with scene.caller() as caller:
        await caller.presses("284")
        call = await side.offered()
        assert (call.user, call.from_number, call.from_name) == (NUMBER, "123", "")
        await call.answer()
        await hears_words(call)
        assert [row["phase"] for row in scene.waiting()] == ["offered"]
        await scene.product.watcher.pressed(TRUNK_ENDPOINT, "1", call.press)
        await both_hear_each_other(caller, call)
        caller.hang_up()
        assert await call.ended() == "there"
    assert offers(await scene.the_call()) == [(HOME, "connected")]
    told = "".join(map(str, side.invites))
    assert not [number for number in scene.numbers if number.lstrip("0") in told]


async def test_a_voicemail_is_followed_by_a_person(scene: Scene, side: TrunkSide) -> None:
    side.telephones = {NUMBER: Telephone(answers=True)}
    async with scene.caller() as caller:
        await caller.presses("284")
        voicemail = await side.offered()
        await voicemail.answered()
        async with scene.counsellor("khondab-1", answer_after_s=0) as person:
            call = await person.offered()
            assert await voicemail.ended() == "there"
            await both_hear_each_other(caller, call)
            caller.hang_up()
            record = await scene.the_call()
    assert offers(record) == [(HOME, "declined"), ("khondab-1", "connected")]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (BUSY, "busy"),
        (DECLINE, "rejected"),
        (NOT_FOUND, "no_such_number"),
        (503, "unreachable"),
        (None, "rona"),
    ],
)
async def test_a_telephone_that_does_not_take_it_is_followed_by_the_next(
    scene: Scene, side: TrunkSide, answer: int | None, result: str
) -> None:
    side.telephones = {NUMBER: Telephone(refuse=answer)}
    rung = len(side.invites)
    async with scene.caller() as caller:
        await caller.presses("284")
        await scene.until(lambda: len(side.invites) > rung)
        async with scene.counsellor("khondab-1", answer_after_s=0) as person:
            await both_hear_each_other(caller, await person.offered())
            caller.hang_up()
            record = await scene.the_call()
    assert offers(record)[0] == (HOME, result)
    assert offers(record)[-1] == ("khondab-1", "connected")


# ------------------------------------------------------------------ signing in and out


async def say(phone: Counsellor, number: str, keys: str = "") -> SipCall:
    """Dial, hear a sentence, type; over when the line hangs up."""
    call = await phone.dial(number)
    await hears_words(call)
    await phone.presses(call, keys)
    await call.ended()
    return call


async def test_signing_out_and_in_with_a_pin(scene: Scene) -> None:
    async with scene.counsellor("arak-1") as phone:
        await say(phone, "*0")
        assert scene.state("arak-1") == "off_duty"
        await say(phone, "111", "999999#999999#999999#")
        assert scene.state("arak-1") == "off_duty"
        await say(phone, "*1", PIN + "#")
        await scene.available("arak-1")
        await say(phone, "*2")
        assert scene.state("arak-1") == "paused"
        await say(phone, "*3")
        await scene.available("arak-1")


async def test_who_has_signed_out_stays_so_over_a_restart(scene: Scene) -> None:
    product = scene.product
    async with scene.counsellor("arak-1") as phone:
        await say(phone, "*0")
        await product.kill()
        await product.start()
        await scene.until(lambda: product.floor()["counsellors"])
        async with scene.counsellor("arak-2"):
            assert scene.state("arak-1") == "off_duty"
        await say(phone, "*1", PIN)
        await scene.available("arak-1")


async def test_without_a_controller_a_desk_phone_is_told_so(scene: Scene) -> None:
    async with scene.counsellor("arak-1") as phone:
        await scene.product.stop()
        try:
            await say(phone, "*0")
        finally:
            await scene.product.start()
        await scene.available("arak-1")


def _files_with(home: Path, texts: list[str]) -> list[Path]:
    """Whatever could be a log or a record; configuration and accounts are where numbers belong."""
    files = [path for path in (home / "asterisk" / "log").rglob("*") if path.is_file()]
    files += [home / "serve.log", home / "asterisk" / "asterisk.log"]
    looked_for = [text.encode() for text in texts]
    found = [path for path in files if path.is_file()]
    assert found
    return [path for path in found if any(text in path.read_bytes() for text in looked_for)]
