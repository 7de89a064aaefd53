r"""Asterisk's configuration, rendered from `deploy/asterisk` and the generated dialplan.

`private/` are the main files of the private Asterisk; each of them includes the file of the same
name in `line/`, which is also what an administrator includes in an Asterisk of their own.

Asterisk's own record of a call (`ivr-calls.csv`, one or several lines a call, no caller's number):

    linkedid, start, answer, end (Unix seconds with fraction), duration, billsec (whole seconds),
    disposition, dstchannel, ivr_province, ivr_line, ivr_county, ivr_category, ivr_joined_at,
    ivr_phase, ivr_connected_at, ivr_county_source (all as the dialplan had them, empty where it
    had not)

All lines of a call are written when it ends. Each ringing of a counsellor begins a new one, so a
call's lines follow each other without a gap: it arrived at the first `start` and ended at the last
`end`. `answer` and `billsec` count from the answer to the caller, not from a talk, and
`disposition` is that of the last ringing: whether and when somebody talked is told by
`ivr_connected_at` alone (the device is then in `dstchannel`); a later line repeats it. The
variables are there once a call has been in the fallback; earlier they are empty.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr.asterisk.instance import INCLUDE_DIR, Instance, ami_secret, looked_up_names
from ivr.asterisk.modules import GEOLOCATION, LOADED
from ivr.asterisk.provision import Root, find_root
from ivr.asterisk.translate import Translator
from ivr.asterisk.wire import config_value
from ivr.dialplan.static import CDR_VARIABLES, render_dialplan
from ivr.dialplan.static_lines import (
    SipDevice,
    StaticLine,
    StaticQueue,
    check_device_user,
    check_queues,
)
from ivr.errors import AsteriskError, BadInput
from ivr.settings import Settings

_PRIVATE_MOH = "/usr/share/asterisk/moh"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom the files belong to: the user that Asterisk runs as inside the private root."""

    uid: int
    gid: int


def configure(
    settings: Settings, *, lines: Sequence[StaticLine], devices: Sequence[SipDevice]
) -> None:
    """Render the private Asterisk's files into IVR_HOME/asterisk; a running one needs `reload`.

    Raises AsteriskError where no private Asterisk is installed, UnsafeValue where a value could
    change the meaning of a file.
    """
    root = find_root(settings)
    if root is None:
        raise AsteriskError("no private Asterisk is installed: run `ivr asterisk install`")
    instance = Instance(settings.home)
    owner = asterisk_user(root)
    _make_directories(instance, owner)
    files = {
        **_render("private", settings, lines, devices, _PRIVATE_MOH),
        **{
            f"{INCLUDE_DIR}/{name}": text
            for name, text in line_files(settings, lines, devices).items()
        },
    }
    for name, text in files.items():
        write(instance.etc / name, text, owner)
    write(instance.base / "hosts", _hosts(), owner, mode=0o644)
    write(instance.base / "resolv.conf", "# The line needs no DNS.\n", owner, mode=0o644)


def configure_existing(
    settings: Settings,
    *,
    lines: Sequence[StaticLine],
    devices: Sequence[SipDevice],
    output: Path,
) -> str:
    """Render what an administrator includes in an Asterisk of their own.

    Returns what to do with it, as text. Raises BadInput where `output` cannot be written. It is
    remembered for `existing_output`.
    """
    files = line_files(settings, lines, devices, str(Instance(settings.home).moh))
    note = _output_note(settings)
    try:
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in files.items():
            write(output / name, text, None)
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        note.write_text(str(output), encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"cannot write to {output}: {error.strerror}; choose another --output"
        ) from error
    template = (settings.templates_dir / "INCLUDE.txt").read_text(encoding="utf-8")
    return template.format(
        output=output, sounds=Instance(settings.home).sounds, files=", ".join(sorted(files))
    )


def existing_output(settings: Settings) -> Path:
    """Where `configure_existing` last rendered; raises AsteriskError where it never did."""
    try:
        return Path(_output_note(settings).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AsteriskError(
            "nobody has said where your own Asterisk reads its files: run "
            "`ivr asterisk configure --output DIR`, best with the directory that it includes"
        ) from None


def _output_note(settings: Settings) -> Path:
    return Instance(settings.home).base / "output"


def line_files(
    settings: Settings,
    lines: Sequence[StaticLine],
    devices: Sequence[SipDevice],
    moh_dir: str = _PRIVATE_MOH,
) -> dict[str, str]:
    """File name and text of everything that an Asterisk includes for the line.

    Raises UnsafeValue where a value could change the meaning of a file, BadInput where a queue
    names a device without an account.
    """
    return {
        **_render("line", settings, lines, devices, moh_dir),
        "extensions.conf": _dialplan(settings, lines),
    }


def _render(
    directory: str,
    settings: Settings,
    lines: Sequence[StaticLine],
    devices: Sequence[SipDevice],
    moh_dir: str,
) -> dict[str, str]:
    """File name and text of each template in the directory."""
    environment = Environment(
        loader=FileSystemLoader(settings.templates_dir / directory),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML: `finalize` refuses what is unsafe here
        finalize=_safe,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    values = _values(settings, lines, devices, moh_dir)
    return {
        name.removesuffix(".j2"): environment.get_template(name).render(values)
        for name in environment.list_templates(extensions=["j2"])
    }


def _values(
    settings: Settings,
    lines: Sequence[StaticLine],
    devices: Sequence[SipDevice],
    moh_dir: str,
) -> Mapping[str, object]:
    for device in devices:
        check_device_user(device.user)
    rtp_first, _, rtp_last = settings.rtp_ports.partition("-")
    return {
        "host": settings.host,
        # Every address at once is nothing that could be told to the other side.
        "media_address": "" if settings.host == "0.0.0.0" else settings.host,  # noqa: S104
        "sip_port": settings.sip_port,
        "ami_port": settings.ami_port,
        "ami_user": settings.ami_user,
        "ami_secret": ami_secret(settings),
        "heard_events": Translator().hears,
        "rtp_first": rtp_first,
        "rtp_last": rtp_last,
        "trunk_match": settings.trunk_match,
        "trunk_outbound": settings.trunk_outbound,
        "moh_dir": moh_dir,
        "trunk_geolocation": settings.trunk_geolocation,
        "modules": (*LOADED, *(GEOLOCATION if settings.trunk_geolocation else ())),
        "cdr_variables": CDR_VARIABLES,
        "devices": devices,
        "queues": _queues(lines, devices),
    }


def _queues(lines: Iterable[StaticLine], devices: Iterable[SipDevice]) -> list[StaticQueue]:
    known = {device.user for device in devices}
    queues: list[StaticQueue] = []
    for line in lines:
        check_queues(line)
        for queue in line.queues:
            _require_accounts(queue, known)
            queues.append(queue)
    return queues


def _require_accounts(queue: StaticQueue, known: set[str]) -> None:
    for member in queue.members:
        if not member.interface and member.device not in known:
            raise BadInput(
                f"the queue {queue.name} names the device {member.device!r}, which has no account: "
                "add the device or take it from the list"
            )


def _safe(value: object) -> str:
    return config_value(str(value))


def _dialplan(settings: Settings, lines: Sequence[StaticLine]) -> str:
    return render_dialplan(
        lines,
        default_province=settings.default_province,
        agi_host=settings.host,
        agi_port=settings.agi_port,
        round_s=settings.fallback_round_s,
    )


def _hosts() -> str:
    names = " ".join(looked_up_names())
    return f"127.0.0.1 localhost {names}\n::1 localhost {names}\n"


def asterisk_user(root: Root) -> Owner:
    for row in (root.path / "etc" / "passwd").read_text(encoding="utf-8").splitlines():
        fields = row.split(":")
        if fields[0] == "asterisk":
            return Owner(uid=int(fields[2]), gid=int(fields[3]))
    raise AsteriskError(f"the root {root.path} has no user 'asterisk': remove it and install again")


def _make_directories(instance: Instance, owner: Owner) -> None:
    instance.base.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("lib", "log", "log/cdr-custom", "spool", "run"):
        path = instance.base / name
        path.mkdir(mode=0o750, exist_ok=True)
        shutil.chown(path, owner.uid, owner.gid)
    for path in (instance.etc, instance.etc / INCLUDE_DIR):
        path.mkdir(mode=0o750, exist_ok=True)
        shutil.chown(path, 0, owner.gid)
    for path in (instance.sounds / "ivr", instance.moh):
        path.mkdir(mode=0o755, parents=True, exist_ok=True)


def write(path: Path, text: str, owner: Owner | None, mode: int = 0o640) -> None:
    """Replace the file at once, so that a reload never sees half of it.

    Without `owner` it goes on belonging to whom the old one belonged to. Raises OSError.
    """
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    if owner is not None:
        os.chown(scratch, 0, owner.gid)
    elif path.exists():
        os.chown(scratch, path.stat().st_uid, path.stat().st_gid)
    scratch.chmod(mode)
    scratch.rename(path)
