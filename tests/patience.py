"""Limits of the product's that a stalled test machine must not reach.

In one process both ends of a connection stand still together: a limit of two seconds then lapses
although nobody was slow to answer. A test that is about a limit sets it itself.
"""

import inspect

import pytest

from ivr import controller, desk_phone, earlier_calls, webhook_sender
from ivr.asterisk import agi, agi_server, signals
from ivr.asterisk.agi import AgiSession
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.ami import AmiTiming
from ivr.cli import floor_following
from ivr.dialplan import conversation, whisper
from ivr.simulator import agi_client
from ivr.store import database, spool, sqlite_dialect
from ivr.web import app, days_calls
from ivr.web.rest import serve

PATIENCE_S = 300.0  # only ever waited out by a failing test

# Who waits so long is given up, or does without.
_LIMITS = (
    (agi, "COMMAND_LIMIT_S"),
    (agi, "FIRST_NUDGE_S"),
    (agi_client, "CONNECT_LIMIT_S"),
    (agi_server, "AFTERWARDS_LIMIT_S"),
    (app, "SEND_S"),
    (controller, "ROOM_LEAVE_S"),
    (conversation, "VERDICT_S"),
    (database, "CONNECT_S"),
    (database, "LOCK_WAIT_S"),
    (days_calls, "KEPT_S"),
    (desk_phone, "FLOOR_S"),
    (floor_following, "ANSWER_S"),
    (earlier_calls, "LOOK_UP_S"),
    (serve, "ANSWER_WITHIN_S"),
    (signals, "READING_S"),
    (spool, "DRAINS_WITHIN_S"),
    (sqlite_dialect, "STOP_S"),
    (webhook_sender, "ANSWER_WITHIN_S"),
    (whisper, "CONNECT_WAIT_S"),
    (whisper, "SAY_WHY_S"),
)
_AMI = ("connect_s", "answer_s", "list_s", "booted_s", "heartbeat_s")


def be_patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test on the machine's own clock; in virtual time (no coroutine) limits stay."""
    if not inspect.iscoroutinefunction(request.function):
        return
    for module, name in _LIMITS:
        monkeypatch.setattr(module, name, PATIENCE_S)
    _default(monkeypatch, AmiTiming, **dict.fromkeys(_AMI, PATIENCE_S))
    _default(monkeypatch, AgiServer, environment_limit_s=PATIENCE_S)
    _default(monkeypatch, AgiSession, idle_limit_s=PATIENCE_S)


def _default(monkeypatch: pytest.MonkeyPatch, made: type, **values: float) -> None:
    """What `made` is made with where a test says nothing."""
    begin = made.__init__  # type: ignore[misc]
    monkeypatch.setattr(begin, "__kwdefaults__", begin.__kwdefaults__ | values)
