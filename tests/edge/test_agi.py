import asyncio
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from ivr.asterisk import agi
from ivr.asterisk.agi import AgiChannel, AgiSession
from ivr.dialplan.channel import RoomRole
from ivr.errors import HungUp, SessionLost, UnsafeValue
from tests.edge.agi_peer import PATIENCE_S, connected, serving


class Scene:
    """A peer and the channel that our handler has been given; the handler stays until told."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._sessions: asyncio.Queue[AgiSession] = asyncio.Queue()
        self._done = asyncio.Event()

    async def open(self, *arguments: str) -> "Scene":
        server = await self._stack.enter_async_context(serving({"call": self._handler}))
        self._stack.callback(self._done.set)
        self.peer = await self._stack.enter_async_context(connected(server))
        self.peer.send_environment("call", *arguments)
        self.session = await asyncio.wait_for(self._sessions.get(), PATIENCE_S)
        self.channel = AgiChannel(self.session)
        return self

    async def _handler(self, session: AgiSession) -> None:
        self._sessions.put_nowait(session)
        await self._done.wait()

    async def start(self, coroutine) -> "asyncio.Task[object]":
        """Begin a command and wait until its line has arrived at the peer."""
        task = asyncio.create_task(coroutine)
        task.line = await self.peer.line()
        return task

    async def cancel(self, task) -> None:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture
async def scene():
    async with AsyncExitStack() as stack:
        yield await Scene(stack).open("line=123", "county=markazi-saveh", "pres=", "odd")


async def test_the_environment_is_read(scene):
    assert scene.session.path == "call"
    assert scene.session.uniqueid == "1700000000.1"
    assert scene.session.env["calleridname"] == "hangup"
    assert scene.session.arguments == {"line": "123", "county": "markazi-saveh", "pres": ""}


async def test_play_streams_each_prompt_and_returns_the_key(scene):
    play = await scene.start(scene.channel.play(["welcome", "menu"], "12#"))
    assert play.line == 'STREAM FILE "ivr/welcome" "12#"'
    scene.peer.send("200 result=0 endpos=8000")
    assert await scene.peer.line() == 'STREAM FILE "ivr/menu" "12#"'
    scene.peer.send("200 result=35 endpos=400")
    assert await play == "#"


async def test_a_missing_prompt_does_not_end_the_call(scene):
    with capture_logs() as logs:
        play = await scene.start(scene.channel.play(["missing", "menu"]))
        scene.peer.send("200 result=-1 endpos=0")
        assert await scene.peer.line() == "NOOP"
        scene.peer.send("200 result=0")
        assert await scene.peer.line() == 'STREAM FILE "ivr/menu" ""'
        scene.peer.send("200 result=0 endpos=1")
        assert await play is None
    assert [(entry["event"], entry["prompt"]) for entry in logs] == [
        ("prompt_not_playable", "missing")
    ]


async def test_a_hang_up_in_a_prompt_is_not_a_missing_prompt(scene):
    play = await scene.start(scene.channel.play(["welcome", "menu"]))
    scene.peer.send("200 result=-1 endpos=160", "HANGUP")
    with pytest.raises(HungUp):
        await play


@pytest.mark.parametrize(
    ("timeout_s", "milliseconds", "result", "key"),
    [(None, "-1", 49, "1"), (2.5, "2500", 0, None), (0.0004, "1", 42, "*")],
)
async def test_wait_key(scene, timeout_s, milliseconds, result, key):
    wait = await scene.start(scene.channel.wait_key(timeout_s))
    assert wait.line == f"WAIT FOR DIGIT {milliseconds}"
    scene.peer.send(f"200 result={result}")
    assert await wait == key


async def test_wait_key_ends_with_the_call(scene):
    wait = await scene.start(scene.channel.wait_key(None))
    scene.peer.send("200 result=-1")
    with pytest.raises(HungUp):
        await wait


async def start_room(scene, room, role):
    """Begin to enter; the line's music ends before, or nobody would be heard in the room."""
    entering = await scene.start(scene.channel.enter_room(room, role))
    line = entering.line
    if role is RoomRole.CALLER:
        assert line == "SET MUSIC OFF"
        scene.peer.send("200 result=0")
        line = await scene.peer.line()
    assert line == f'EXEC ConfBridge "{room},ivr_room,ivr_{role}"'
    return entering


async def test_music_variables_and_room(scene):
    music = await scene.start(scene.channel.start_music())
    assert music.line == "SET MUSIC ON ivr"
    scene.peer.send("200 result=0")
    await music
    values = {"IVR_COUNTY": "-", "IVR_OFFER": "", "IVR_LANE": "2"}
    setting = await scene.start(scene.channel.set_variables(values))
    assert setting.line == 'EXEC MSet "IVR_COUNTY=-,IVR_OFFER=,IVR_LANE=2"'
    scene.peer.send("200 result=0")
    await setting
    await scene.channel.set_variables({})
    room = await start_room(scene, "17-3", RoomRole.COUNSELLOR)
    scene.peer.send("200 result=0")
    assert await scene.peer.line() == "NOOP"
    scene.peer.send("200 result=0")
    await room


@pytest.mark.parametrize("result", [0, -1])  # -1: put out; neither tells of a hang-up
async def test_leaving_the_room_alive_and_gone(scene, result):
    room = await start_room(scene, "17-3", RoomRole.CALLER)
    scene.peer.send(f"200 result={result}")
    assert await scene.peer.line() == "NOOP"
    scene.peer.send("200 result=0")
    await room
    room = await start_room(scene, "17-4", RoomRole.CALLER)
    scene.peer.send(f"200 result={result}", "HANGUP")
    with pytest.raises(HungUp):
        await room


async def test_a_missing_application_is_no_hang_up(scene):
    room = await start_room(scene, "17-3", RoomRole.CALLER)
    scene.peer.send("200 result=-2")
    with pytest.raises(SessionLost, match="app_confbridge"):
        await room


async def test_hangup_comes_out_of_band_and_ends_everything(scene):
    wait = await scene.start(scene.channel.wait_key(None))
    scene.peer.send("HANGUP")
    with pytest.raises(HungUp):
        await wait
    with pytest.raises(HungUp):
        await scene.channel.play(["menu"])
    assert await scene.peer.closed()  # at once: the channel lives until then


async def test_a_hangup_line_is_nobodys_reply(scene):
    music = await scene.start(scene.channel.start_music())
    scene.peer.send("HANGUP", "200 result=0")
    with pytest.raises(HungUp):
        await music


async def test_a_broken_connection_is_not_a_hang_up(scene):
    wait = await scene.start(scene.channel.wait_key(None))
    scene.peer.writer.close()
    with pytest.raises(SessionLost):
        await wait
    with pytest.raises(SessionLost):
        await scene.channel.start_music()


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["511 Command Not Permitted on a dead channel or intercept routine"], HungUp),
        (["510 Invalid or unknown command"], SessionLost),
        (
            [
                "520-Invalid command syntax.  Proper usage follows:",
                "Usage: SET MUSIC ON [<on|off>] <class>",
                "520 End of proper usage.",
            ],
            SessionLost,
        ),
    ],
)
async def test_refusals(scene, lines, error):
    music = await scene.start(scene.channel.start_music())
    scene.peer.send(*lines)
    with pytest.raises(error):
        await music


async def test_no_reply_in_time(scene, monkeypatch):
    monkeypatch.setattr(agi, "COMMAND_LIMIT_S", 0.01)
    with pytest.raises(SessionLost, match=r"No reply to SET MUSIC ON within 0\.01 s"):
        await scene.channel.start_music()


@pytest.mark.parametrize("value", ["x\nEXEC Hangup", "a,IVR_DONE=1", "a b", "${CALLERID(num)}"])
async def test_a_value_sets_no_other_variable(scene, value):
    with pytest.raises(UnsafeValue):
        await scene.channel.set_variables({"IVR_COUNTY": value})


async def test_line_ends_never_reach_the_wire(scene):
    with pytest.raises(UnsafeValue):
        await scene.channel.play(["../../etc/x"])
    with pytest.raises(UnsafeValue):
        await scene.channel.enter_room("r,other_profile", RoomRole.CALLER)


# Pre-emption. The peer answers as Asterisk 22 was measured to.


async def test_a_pre_empted_wait_answers_once_before_the_next_command(scene):
    await scene.cancel(await scene.start(scene.channel.wait_key(None)))
    music = await scene.start(scene.channel.start_music())
    assert music.line == "NOOP"
    scene.peer.send("200 result=1", "200 result=0")
    assert await scene.peer.line() == "SET MUSIC ON ivr"
    scene.peer.send("200 result=0")
    await music


async def test_a_pre_empted_prompt_stays_silent(scene):
    await scene.cancel(await scene.start(scene.channel.play(["menu"])))
    wait = await scene.start(scene.channel.wait_key(None))
    assert wait.line == "NOOP"
    scene.peer.send("200 result=0")
    assert await scene.peer.line() == "WAIT FOR DIGIT -1"
    scene.peer.send("200 result=50")
    assert await wait == "2"


async def test_a_prompt_that_ended_by_itself_as_it_was_pre_empted(scene):
    await scene.cancel(await scene.start(scene.channel.play(["menu"])))
    play = await scene.start(scene.channel.play(["other"], "1"))
    scene.peer.send("200 result=0 endpos=8000", "200 result=0")  # the old prompt's, the NOOP's
    assert await scene.peer.line() == 'STREAM FILE "ivr/other" "1"'
    scene.peer.send("200 result=49 endpos=7")
    assert await play == "1"


async def test_a_line_stuck_in_asterisks_buffer_is_pushed_on(scene, monkeypatch):
    """Of two lines read together Asterisk sees the second only when more bytes come."""
    monkeypatch.setattr(agi, "FIRST_NUDGE_S", 0.01)
    await scene.cancel(await scene.start(scene.channel.wait_key(None)))
    music = await scene.start(scene.channel.start_music())
    assert music.line == "NOOP"
    assert await scene.peer.line() == "NOOP"
    scene.peer.send("200 result=1", "200 result=0", "200 result=0")
    while (line := await scene.peer.line()) == "NOOP":  # another push, before it had our answers
        scene.peer.send("200 result=0")
    assert line == "SET MUSIC ON ivr"
    scene.peer.send("200 result=0")
    await music


async def test_cancelled_while_settling(scene):
    await scene.cancel(await scene.start(scene.channel.play(["menu"])))
    await scene.cancel(await scene.start(scene.channel.wait_key(None)))  # its NOOP is out
    music = await scene.start(scene.channel.start_music())
    assert music.line == "NOOP"
    scene.peer.send("200 result=0", "200 result=0")
    assert await scene.peer.line() == "SET MUSIC ON ivr"
    scene.peer.send("200 result=0")
    await music


async def test_hang_up_while_settling(scene):
    await scene.cancel(await scene.start(scene.channel.play(["menu"])))
    music = await scene.start(scene.channel.start_music())
    scene.peer.send("HANGUP")
    with pytest.raises(HungUp):
        await music


async def test_an_application_cannot_be_pre_empted_so_the_session_is_over(scene):
    room = await start_room(scene, "17-3", RoomRole.CALLER)
    await scene.cancel(room)
    with pytest.raises(SessionLost, match="Cancelled during EXEC ConfBridge"):
        await scene.channel.start_music()
    assert await scene.peer.closed()


async def test_a_handler_that_forgets_its_caller_gives_the_channel_back():
    async def forgets(session):
        session._idle_limit_s = 0.01
        await AgiChannel(session).start_music()
        await asyncio.Event().wait()

    with capture_logs() as logs:
        async with serving({"call": forgets}) as server, connected(server) as peer:
            peer.send_environment()
            assert await peer.line() == "SET MUSIC ON ivr"
            peer.send("200 result=0")
            assert await peer.closed()
    assert [entry["event"] for entry in logs] == ["agi_session_idle"]
