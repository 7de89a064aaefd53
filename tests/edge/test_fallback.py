"""Asterisk's static fallback is kept as it is to be: files, what reads them, and pauses."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ivr.asterisk.ami import Fields, NoAnswer
from ivr.asterisk.configure import configure_existing
from ivr.asterisk.fallback import Fallback
from ivr.asterisk.pauses import PauseMirror
from ivr.dialplan.static_lines import SipDevice, Stage, StaticLine, StaticMember, StaticQueue
from ivr.errors import ActionFailed, LinkDown
from ivr.model import DeviceId
from ivr.settings import Settings
from ivr.store.cdr import merge, parse_line

DEVICES = [SipDevice("arak-1", "s3cret", "آرزو"), SipDevice("saveh-1", "s3cret", "ترانه")]
QUEUES, DIALPLAN, ACCOUNTS = "queue reload all", "dialplan reload", "module reload res_pjsip.so"


def line(*devices: str) -> StaticLine:
    members = tuple(StaticMember(device) for device in devices)
    return StaticLine("markazi", ("123",), (Stage((StaticQueue("fallback-markazi", members),)),))


# ------------------------------------------------------------------ files


class OwnAsterisk:
    """An administrator's: files in `output`, and a program that notes what it is told."""

    def __init__(self, directory: Path) -> None:
        self.output = directory / "line123"
        self.settings = Settings(home=directory / "home", asterisk="existing")
        self.fallback = Fallback(self.settings)
        self._told = directory / "told"
        self._program = directory / "bin" / "asterisk"
        self._program.parent.mkdir()

    @property
    def path(self) -> str:
        return str(self._program.parent)

    def configure(self) -> None:
        configure_existing(
            self.settings, lines=[line("arak-1")], devices=DEVICES, output=self.output
        )

    def runs(self, status: int = 0) -> None:
        self._program.write_text(f'#!/bin/sh\necho "$1 $2" >>"{self._told}"\nexit {status}\n')
        self._program.chmod(0o755)

    def told(self) -> list[str]:
        """The commands since the last time."""
        rows = self._told.read_text().splitlines() if self._told.exists() else []
        self._told.unlink(missing_ok=True)
        assert all(row.startswith("-rx ") for row in rows)
        return [row.removeprefix("-rx ") for row in rows]

    async def refresh(self, *devices: str) -> bool:
        return await self.fallback.refresh([line(*devices)], DEVICES)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnAsterisk:
    own = OwnAsterisk(tmp_path)
    monkeypatch.setenv("PATH", own.path, prepend=":")
    return own


async def test_the_first_refresh_reads_everything_a_later_one_what_changed(
    own: OwnAsterisk,
) -> None:
    own.configure()
    own.runs()
    assert await own.refresh("arak-1")
    assert own.told() == [ACCOUNTS, DIALPLAN, QUEUES]
    assert not await own.refresh("arak-1")
    assert own.told() == []
    assert await own.refresh("arak-1", "saveh-1")
    assert own.told() == [QUEUES]
    assert "PJSIP/saveh-1" in (own.output / "queues.conf").read_text("utf-8")


async def test_a_failure_is_told_and_made_good_by_the_next_change(own: OwnAsterisk) -> None:
    own.configure()
    own.runs(status=1)
    with capture_logs() as logs:
        assert not await own.refresh("arak-1")
    assert [entry["event"] for entry in logs] == ["fallback_not_refreshed"]
    assert "asterisk -rx" in logs[0]["why"]
    own.told()
    own.runs()
    assert await own.refresh("arak-1")
    assert own.told() == [ACCOUNTS, DIALPLAN, QUEUES]


async def test_without_the_program_the_files_are_written_and_the_rest_is_said(
    own: OwnAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.configure()
    monkeypatch.setenv("PATH", own.path)
    with capture_logs() as logs:
        assert not await own.refresh("arak-1", "saveh-1")
    assert "PJSIP/saveh-1" in (own.output / "queues.conf").read_text("utf-8")
    assert "no `asterisk` on PATH" in logs[0]["why"]


async def test_an_asterisk_whose_files_are_nowhere_is_said_what_to_do(own: OwnAsterisk) -> None:
    own.runs()
    with capture_logs() as logs:
        assert not await own.refresh("arak-1")
    assert "ivr asterisk configure --output" in logs[0]["why"]
    assert own.told() == []


async def test_an_unsafe_name_changes_nothing(own: OwnAsterisk) -> None:
    own.configure()
    own.runs()
    before = (own.output / "queues.conf").read_text("utf-8")
    with capture_logs() as logs:
        assert not await own.refresh("a;b")
    assert [entry["event"] for entry in logs] == ["fallback_not_refreshed"]
    assert (own.output / "queues.conf").read_text("utf-8") == before
    assert own.told() == []


async def test_the_simulated_asterisk_has_no_files(tmp_path: Path) -> None:
    fallback = Fallback(Settings(home=tmp_path, asterisk="simulated"))
    with capture_logs() as logs:
        assert not await fallback.refresh([line("arak-1")], DEVICES)
    assert logs == []


# ------------------------------------------------------------------ pauses


class Link:
    """An AMI link that answers as it is told."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.error: Exception | None = None

    async def act(self, fields: Fields) -> None:
        if self.error:
            raise self.error
        assert fields["Action"] == "QueuePause"
        self.sent.append(f"{fields['Interface']} {fields['Paused']}")


ARAK, SAVEH = DeviceId("arak-1"), DeviceId("saveh-1")


def mirror(link: Link) -> PauseMirror:
    mirror = PauseMirror(link.act)
    mirror.take_lines([line("arak-1", "saveh-1")])
    return mirror


async def test_only_differences_are_told() -> None:
    link = Link()
    pauses = mirror(link)
    for off in ({ARAK}, {ARAK}, {ARAK, SAVEH}, set()):
        await pauses.tell(off)
    assert link.sent[:2] == ["PJSIP/arak-1 true", "PJSIP/saveh-1 false"]
    assert link.sent[2:] == ["PJSIP/saveh-1 true", "PJSIP/arak-1 false", "PJSIP/saveh-1 false"]


@pytest.mark.parametrize(
    "again", [PauseMirror.forget, lambda pauses: pauses.take_lines([line("arak-1", "saveh-1")])]
)
async def test_everything_is_told_again_after_a_login_and_after_a_reload(
    again: Callable[[PauseMirror], None],
) -> None:
    link = Link()
    pauses = mirror(link)
    await pauses.tell({ARAK})
    again(pauses)
    await pauses.tell({ARAK})
    assert link.sent == ["PJSIP/arak-1 true", "PJSIP/saveh-1 false"] * 2


@pytest.mark.parametrize("error", [LinkDown("down"), NoAnswer("late")])
async def test_what_could_not_be_told_is_told_later(error: Exception) -> None:
    link = Link()
    pauses = mirror(link)
    link.error = error
    await pauses.tell({ARAK})
    link.error = None
    await pauses.tell({ARAK})
    assert link.sent == ["PJSIP/arak-1 true", "PJSIP/saveh-1 false"]


async def test_a_member_whom_asterisk_does_not_know_stops_nobody() -> None:
    link = Link()
    pauses = mirror(link)
    link.error = ActionFailed("QueuePause: Interface not found.")
    await pauses.tell({ARAK, SAVEH})
    link.error = None
    await pauses.tell({SAVEH})
    assert link.sent == ["PJSIP/arak-1 false"]


async def test_a_reload_in_the_midst_of_telling_is_not_missed() -> None:
    link = Link()
    pauses = PauseMirror(_then(link.act, lambda: pauses.take_lines([line("arak-1")])))
    pauses.take_lines([line("arak-1")])
    await pauses.tell({ARAK})
    pauses._act = link.act
    await pauses.tell({ARAK})
    assert link.sent == ["PJSIP/arak-1 true"] * 2


def _then(
    act: Callable[[Fields], Awaitable[None]], after: Callable[[], None]
) -> Callable[[Fields], Awaitable[None]]:
    async def both(fields: Fields) -> None:
        await act(fields)
        after()

    return both


# ------------------------------------------------------------------ what Asterisk writes of it

# Asterisk 22.10.1: a telephone was picked up and did not accept, then rung again and accepted.
DECLINED = (
    '"1795318976.0","1795318976.737666","1795318976.737958","1795318985.764578","9","9",'
    '"ANSWERED","Local/khondab-mobile@fallback-telephone-00000000;1","markazi","086123",'
    '"markazi-saveh","","1795318976","fallback","",""'
)
ACCEPTED = (
    '"1795318976.0","1795318985.765158","1795318985.765158","1795318992.082594","6","6",'
    '"ANSWERED","Local/khondab-mobile@fallback-telephone-00000001;1","markazi","086123",'
    '"markazi-saveh","","1795318976","fallback","1795318987",""'
)


def test_a_telephone_is_known_by_its_name_and_declining_is_no_talk() -> None:
    [call] = merge([parse_line(DECLINED), parse_line(ACCEPTED)])
    assert call.device == "khondab-mobile"
    assert call.connected_at
    assert call.talk_ended_at == parse_line(ACCEPTED).ended_at
    [alone] = merge([parse_line(DECLINED)])
    assert (alone.device, alone.connected_at, alone.talk_ended_at) == ("", None, None)
