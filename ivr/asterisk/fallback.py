"""The static fallback of a running Asterisk follows the rules, the duty and the people.

The files are written and read anew over Asterisk's local control socket, never by AMI: that would
need the right to run any command. A caller who waits in a queue stays in it meanwhile.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from ivr.asterisk.configure import Owner, asterisk_user, existing_output, line_files, write
from ivr.asterisk.instance import INCLUDE_DIR, Instance
from ivr.asterisk.process import AsteriskProcess
from ivr.asterisk.provision import find_root
from ivr.dialplan.static_lines import SipDevice, StaticLine
from ivr.errors import AsteriskError, LineError
from ivr.settings import Settings

log = structlog.get_logger()

QUEUES = "queues.conf"
# File and what makes Asterisk read it, in this order: a member is looked at only when its queue is
# read, so what rings it must be there; the dialplan does without queues that are not there yet.
_RELOADS = {
    "pjsip.conf": "module reload res_pjsip.so",
    "extensions.conf": "dialplan reload",
    QUEUES: "queue reload all",
}
_CONSOLE_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the files are, whose they are, and how Asterisk is told."""

    directory: Path
    owner: Owner | None
    console: Callable[[str], object]


class Fallback:
    """Renders what changed and makes Asterisk take it; one task calls it.

    The first refresh makes Asterisk read everything, for nobody knows what it has read before.
    Nothing is done for the simulated Asterisk, which is told by its own process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._taken: dict[str, str] = {}

    async def refresh(self, lines: Sequence[StaticLine], devices: Sequence[SipDevice]) -> bool:
        """Whether the queues were read anew: then members who are new in one are not paused.

        A failure is logged, and tried again with the next change: calls do not wait for it.
        """
        try:
            return await asyncio.to_thread(self._refresh, lines, devices)
        except LineError as error:
            log.warning("fallback_not_refreshed", why=str(error))
            return False

    def _refresh(self, lines: Sequence[StaticLine], devices: Sequence[SipDevice]) -> bool:
        target = _target(self._settings)
        if target is None:
            return False
        files = line_files(self._settings, lines, devices)
        changed = [name for name in _RELOADS if files[name] != self._taken.get(name)]
        for name in changed:
            _write_if_other(target, name, files[name])
        for name in changed:
            target.console(_RELOADS[name])
            self._taken[name] = files[name]
        if changed:
            log.info("fallback_refreshed", files=changed)
        return QUEUES in changed


def _target(settings: Settings) -> _Target | None:
    if settings.asterisk == "existing":
        return _Target(existing_output(settings), None, _existing_console)
    root = None if settings.asterisk == "simulated" else find_root(settings)
    if root is None:
        return None
    process = AsteriskProcess(settings)
    directory = Instance(settings.home).etc / INCLUDE_DIR
    return _Target(directory, asterisk_user(root), process.console)


def _write_if_other(target: _Target, name: str, text: str) -> None:
    path = target.directory / name
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write(path, text, target.owner)
    except OSError as error:
        raise AsteriskError(
            f"cannot write {path}: {error.strerror}; make it writable for `ivr serve`"
        ) from error


def _existing_console(command: str) -> None:
    program = shutil.which("asterisk")
    if program is None:
        raise AsteriskError(
            "the files are written, but there is no `asterisk` on PATH to read them: run "
            f"`asterisk -rx '{command}'` where it runs"
        )
    try:
        subprocess.run(
            [program, "-rx", command],
            capture_output=True,
            text=True,
            timeout=_CONSOLE_TIMEOUT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise AsteriskError(
            f"`asterisk -rx '{command}'` failed ({error}); run it as a user who may"
        ) from error
