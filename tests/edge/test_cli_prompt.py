"""A password that is asked for in a terminal, and Ctrl-C in place of an answer."""

import os
import pty
import select
import signal
import sys
from pathlib import Path

ANSWERED_S = 60.0


def _read(terminal: int) -> bytes:
    """What is said next; empty where nothing is for long, or the other end is closed."""
    try:
        said = select.select([terminal], [], [], ANSWERED_S)[0]
        return os.read(terminal, 1024) if said else b""
    except OSError:
        return b""


def test_one_ctrl_c_ends_the_question(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "ivr", "people", "password", "a", "--as", "a"]
    child, terminal = pty.fork()
    if child == 0:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("IVR_")}
        os.execve(words[0], words, {**kept, "IVR_HOME": str(tmp_path)})  # noqa: S606 - our own words
    said = b""
    while b"Password of a" not in said and (part := _read(terminal)):
        said += part
    os.write(terminal, b"\x03")
    while part := _read(terminal):
        said += part
    os.kill(child, signal.SIGKILL)  # nothing where it has ended
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 2, said
    assert b"nothing was changed" in said
