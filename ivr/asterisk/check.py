"""Is Asterisk as the line needs it? Each failure says what to do."""

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.asterisk.instance import Instance, ami_secret, looked_up_names
from ivr.asterisk.modules import NEEDED
from ivr.asterisk.probe import AmiProbe
from ivr.asterisk.process import AsteriskProcess, port_is_free, run_inside
from ivr.asterisk.provision import MAJOR, major_of
from ivr.dialplan.static import CLOSING_PROMPT
from ivr.errors import LineError
from ivr.settings import Settings

RESOLVE_LIMIT_S = 0.5  # each channel waits for it
NEEDED_ACTIONS = {
    "BridgeList",
    "DeviceStateList",
    "Hangup",
    "Originate",
    "QueuePause",
    "Redirect",
    "Setvar",
    "Status",
}
_ALLOWED = {"call", "originate", "agent", "<none>"}
_RIGHTS = re.compile(r"\(Priv: ([^)]*)\)\s*$")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One question about Asterisk. `mend` says what to do where it is not ok."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


def run_checks(settings: Settings) -> list[CheckResult]:
    """All checks against the running Asterisk, private or existing; raises nothing of its own."""
    private = settings.asterisk in {"private", "auto"}
    process = AsteriskProcess(settings)
    checks: list[Callable[[], CheckResult]] = [
        *([lambda: _running(process)] if private else []),
        lambda: _sip_port(settings),
        *([lambda: _names(process.pid)] if process.pid or not private else []),
        lambda: _prompts(Instance(settings.home)),
        lambda: _fastagi(settings),
    ]
    return [check() for check in checks] + list(_over_ami(settings))


def _running(process: AsteriskProcess) -> CheckResult:
    pid = process.pid
    if pid is None:
        return CheckResult("process", False, "not running", "start it: `ivr asterisk start`")
    return CheckResult("process", True, f"process {pid}, log {process.instance.log}")


def _sip_port(settings: Settings) -> CheckResult:
    where = f"UDP {settings.host}:{settings.sip_port}"
    if port_is_free(settings.host, settings.sip_port, socket.SOCK_DGRAM):
        mend = "start Asterisk, or set IVR_SIP_PORT to the port on which it takes SIP"
        return CheckResult("sip", False, f"nobody listens on {where} (IVR_SIP_PORT)", mend)
    return CheckResult("sip", True, f"{where} is taken, as it should be")


def _names(pid: int | None) -> CheckResult:
    """Asterisk looks these up for each channel; where there is no DNS that can take seconds."""
    mend = "add the names to Asterisk's /etc/hosts as 127.0.0.1"
    try:
        slowest_s = max(_lookup_s(name, pid) for name in looked_up_names())
    except (LineError, OSError, subprocess.SubprocessError) as error:
        return CheckResult("names", False, f"a name does not resolve: {error}", mend)
    detail = f"own name and a.root-servers.net resolve in {slowest_s * 1000:.0f} ms"
    ok = slowest_s < RESOLVE_LIMIT_S
    return CheckResult("names", ok, detail, "" if ok else mend)


def _lookup_s(name: str, pid: int | None) -> float:
    begun = time.monotonic()
    if pid is not None:
        run_inside(pid, ["getent", "ahosts", name], 20)
    else:
        socket.getaddrinfo(name, None)
    return time.monotonic() - begun


def _prompts(instance: Instance) -> CheckResult:
    prompts = _wav_names(instance.sounds / "ivr")
    music = _wav_names(instance.moh)
    detail = f"{len(prompts)} prompts, {len(music)} pieces of hold music in {instance.home}"
    ok = CLOSING_PROMPT in prompts and bool(music)
    return CheckResult("prompts", ok, detail, "" if ok else "build them: `ivr prompts build`")


def _wav_names(directory: Path) -> set[str]:
    return {path.stem for path in directory.glob("*.wav")}


def _fastagi(settings: Settings) -> CheckResult:
    where = f"{settings.host}:{settings.agi_port} (IVR_AGI_PORT)"
    try:
        socket.create_connection((settings.host, settings.agi_port), timeout=2).close()
    except OSError:
        detail = f"nobody listens on {where}: callers go to Asterisk's own fallback queue"
        return CheckResult("fastagi", False, detail, "start the controller: `ivr serve`")
    return CheckResult("fastagi", True, f"the controller listens on {where}")


def _over_ami(settings: Settings) -> Iterator[CheckResult]:
    try:
        with AmiProbe(settings, ami_secret(settings)) as ami:
            ami.wait_event("FullyBooted")
            yield CheckResult("ami", True, f"logged in as {settings.ami_user!r}")
            yield _rights(ami.action("ListCommands"))
            yield _version(ami.value_of("VERSION()"))
            yield _modules(ami)
    except LineError as error:
        mend = "compare IVR_AMI_PORT, IVR_AMI_USER, IVR_AMI_SECRET with Asterisk's manager.conf"
        yield CheckResult("ami", False, str(error), mend)


def _rights(commands: dict[str, str]) -> CheckResult:
    mend = (
        "manager.conf: read = system,call,user,dtmf and write = call,originate,agent, nothing else"
    )
    missing = sorted(NEEDED_ACTIONS - commands.keys())
    excess = sorted(name for name, text in commands.items() if _is_excess(text))
    if missing:
        return CheckResult("rights", False, f"not allowed: {', '.join(missing)}", mend)
    if excess:
        return CheckResult("rights", False, f"too much is allowed: {', '.join(excess)}", mend)
    return CheckResult("rights", True, "write = call,originate,agent and no more")


def _is_excess(text: str) -> bool:
    """Whether an action of ListCommands needs a right beyond ours."""
    rights = _RIGHTS.search(text)
    return rights is not None and not _ALLOWED & set(rights[1].split(","))


def _version(version: str) -> CheckResult:
    ok = major_of(version) == MAJOR
    mend = "" if ok else f"install Asterisk {MAJOR}: `ivr asterisk install`"
    return CheckResult("version", ok, f"Asterisk {version}", mend)


def _modules(ami: AmiProbe) -> CheckResult:
    missing = [name for name in NEEDED if ami.value_of(f"IFMODULE({name}.so)") != "1"]
    if missing:
        mend = "load them in modules.conf (and func_module, which tells), then restart Asterisk"
        return CheckResult("modules", False, f"not loaded: {', '.join(missing)}", mend)
    return CheckResult("modules", True, f"all {len(NEEDED)} that the line needs are loaded")
