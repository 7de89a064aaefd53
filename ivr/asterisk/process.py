"""One private Asterisk of one copy: started in mounts of its own, ended by its process id.

`unshare --mount` gives it a mount namespace in which the shared root is read-only and this copy's
directories lie over it; the mounts vanish with the process. It is a session of its own: the death
of whoever started it does not end it.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import structlog

from ivr.asterisk import probe
from ivr.asterisk.instance import Instance, ami_secret
from ivr.asterisk.provision import Root, find_root, why_not_private
from ivr.errors import AsteriskError
from ivr.settings import Settings

log = structlog.get_logger()

START_TIMEOUT_S = 90.0  # on a machine that has much else to do
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.05
_LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

# $1 the root, then pairs of source and mount point; each exec keeps the process id.
_INSIDE = r"""
set -eu
root=$1; shift
mount --bind "$root" "$root"
while [ $# -gt 0 ]; do mount --bind "$1" "$root/$2"; shift 2; done
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
cd "$root"
exec chroot . /usr/sbin/asterisk -f -U asterisk -G asterisk
"""


class AsteriskProcess:
    """The private Asterisk of this copy, running or not.

    As an async context manager it is started and surely stopped again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.instance = Instance(settings.home)

    @property
    def pid(self) -> int | None:
        """The process id, None where it does not run."""
        try:
            kept = json.loads(self.instance.pid_path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        pid = int(kept["pid"])
        return pid if _started_at(pid) == kept["started"] else None

    def start(self) -> int:
        """Start it and wait until it is fully booted; returns the process id.

        One that already runs for this IVR_HOME is kept, calls and all, and reads its files anew.
        Raises AsteriskError where it cannot run here, where a port is taken (naming the setting),
        or where it ends or stays silent.
        """
        root = self._require_root()
        with _one_starter(self.instance):
            if pid := self.pid:
                self.reload()
                return pid
            return self._start(root)

    def _start(self, root: Root) -> int:
        require_free_ports(self._settings)
        pid = _spawn(root, self.instance)
        try:
            self._keep_pid(pid)
            self._wait_booted(pid)
        except BaseException:
            self.stop()
            raise
        log.info("asterisk_started", pid=pid, version=root.version)
        return pid

    def stop(self) -> None:
        """End it, if it runs; it is gone when this returns."""
        if pid := self.pid:
            _end(pid)
            log.info("asterisk_stopped", pid=pid)
        self.instance.pid_path.unlink(missing_ok=True)

    async def wait_ended(self) -> None:
        """Returns when the process is gone (at once where none runs)."""
        pid = self.pid
        if pid is None:
            return
        ended = asyncio.Event()
        descriptor = os.pidfd_open(pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        _reap(pid)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def console(self, command: str, timeout_s: float = 60.0) -> str:
        """What Asterisk's own console answers, over its local control socket."""
        pid = self.pid
        if pid is None:
            raise AsteriskError("Asterisk does not run: start it with `ivr asterisk start`")
        return run_inside(pid, ["asterisk", "-rx", command], timeout_s)

    def reload(self) -> None:
        """Take over freshly rendered devices, dialplan, queues and music; calls go on."""
        for command in (
            "module reload res_pjsip.so",
            "dialplan reload",
            "queue reload all",
            "module reload app_confbridge.so",
            "moh reload",
            "manager reload",
        ):
            self.console(command)

    def _require_root(self) -> Root:
        if reason := why_not_private():
            raise AsteriskError(
                f"{reason}: run as root on Debian, set IVR_ASTERISK=existing for an Asterisk of "
                "your own, or IVR_ASTERISK=simulated for none"
            )
        root = find_root(self._settings)
        if root is None:
            raise AsteriskError("no private Asterisk is installed: run `ivr asterisk install`")
        if not (self.instance.etc / "asterisk.conf").exists():
            raise AsteriskError("Asterisk is not configured: run `ivr asterisk configure`")
        return root

    def _keep_pid(self, pid: int) -> None:
        kept = json.dumps({"pid": pid, "started": _started_at(pid)})
        self.instance.pid_path.write_text(kept, encoding="ascii")

    def _wait_booted(self, pid: int) -> None:
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while True:
            if _started_at(pid) is None:
                raise AsteriskError(self._why_ended())
            try:
                with probe.AmiProbe(self._settings, ami_secret(self._settings)) as ami:
                    ami.wait_event("FullyBooted")
                    return
            except probe.NotListening:
                pass
            if time.monotonic() > give_up_at:
                raise AsteriskError(
                    f"Asterisk did not answer on {self._settings.host}:{self._settings.ami_port} "
                    f"(IVR_AMI_PORT) within {START_TIMEOUT_S:.0f} s; see {self.instance.log_path}"
                )
            time.sleep(_POLL_S)

    def _why_ended(self) -> str:
        words = self.instance.log_path.read_text(encoding="utf-8", errors="replace")
        last = "\n  ".join(words.strip().splitlines()[-5:])
        if "unshare" in words or "permission denied" in words.lower():
            return (
                f"this machine does not let us mount:\n  {last}\nA container needs the capability "
                "SYS_ADMIN; or set IVR_ASTERISK=existing, or IVR_ASTERISK=simulated"
            )
        return (
            f"Asterisk ended while starting; its last words ({self.instance.log_path}):\n  {last}"
        )


def require_free_ports(settings: Settings) -> None:
    """Raise AsteriskError naming the setting of the first port that somebody else has."""
    for name, port, kind in (
        ("IVR_SIP_PORT", settings.sip_port, socket.SOCK_DGRAM),
        ("IVR_AMI_PORT", settings.ami_port, socket.SOCK_STREAM),
    ):
        if not port_is_free(settings.host, port, kind):
            protocol = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
            raise AsteriskError(
                f"{protocol} port {port} of {settings.host} is taken by another program: "
                f"end it, or set {name} to a free one"
            )

    _require_rtp(settings)


def _require_rtp(settings: Settings) -> None:
    """Asterisk passes over a taken port, and fails each call where no pair is left (RFC 3550)."""
    first, last = (int(port) for port in settings.rtp_ports.split("-"))
    pairs = ((port, port + 1) for port in range(first + first % 2, last, 2))
    if not any(
        all(port_is_free(settings.host, port, socket.SOCK_DGRAM) for port in pair) for pair in pairs
    ):
        raise AsteriskError(
            f"no UDP port of {settings.rtp_ports} on {settings.host} is free for audio: set "
            "IVR_RTP_PORTS to another range"
        )


def port_is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as trial:
        if kind == socket.SOCK_STREAM:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
    return True


def run_inside(pid: int, command: list[str], timeout_s: float) -> str:
    """Run a command in the mounts and the root directory of the process."""
    try:
        done = subprocess.run(
            ["nsenter", "--target", str(pid), "--mount", "--root", "--", *command],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AsteriskError(f"{command[0]} could not run beside Asterisk: {error}") from error
    if done.returncode != 0:
        raise AsteriskError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


@contextlib.contextmanager
def _one_starter(instance: Instance) -> Iterator[None]:
    """Of two programs that start this copy at once, the second waits and finds it running."""
    with (instance.base / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _spawn(root: Root, instance: Instance) -> int:
    unshare = shutil.which("unshare")
    if unshare is None:
        raise AsteriskError("the program `unshare` is missing: apt-get install util-linux")
    pairs = [str(part) for mount in instance.mounts() for part in mount]
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _INSIDE, "sh"]
    return os.posix_spawn(
        unshare,
        [*command, str(root.path), *pairs],
        {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        setsid=True,
        setsigdef=list(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}),
        setsigmask=[],
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(instance.log_path), _LOG_FLAGS, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def _end(pid: int) -> None:
    """TERM, then KILL; waits until the process is gone."""
    descriptor = os.pidfd_open(pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(descriptor, number)
            if ended.poll(STOP_TIMEOUT_S * 1000):
                break
    finally:
        os.close(descriptor)
    _reap(pid)


def _reap(pid: int) -> None:
    """Take the exit status of an ended child; nothing where another process started it."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _started_at(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None where it is gone (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])
