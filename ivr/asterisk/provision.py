"""A private Asterisk 22: Debian's own packages in a directory of their own, kept in the cache.

Debian 12 has no `asterisk` package, its testing and unstable suites do. The packages are unpacked
with mmdebstrap into `cache_dir/asterisk-root`; the machine's own packages are not touched. The
root is shared, read-only, by every copy that runs on the machine.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import AsteriskError
from ivr.settings import PROJECT, Settings

MAJOR = 22
SUITES = ("testing", "unstable")
PACKAGES = ("asterisk", "asterisk-config", "asterisk-modules")
STAMP = ".line123-asterisk"  # the version; written last, so a root that has it is whole
MOUNT_POINTS = (
    "etc/asterisk",
    "var/lib/asterisk",
    "var/log/asterisk",
    "var/spool/asterisk",
    "run/asterisk",
    "usr/share/asterisk/sounds",
    "usr/share/asterisk/moh",
)
MOUNT_FILES = ("etc/hosts", "etc/resolv.conf")
BUILD_TIMEOUT_S = 1200
_UNUSED_FILES = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
# Asterisk's user in the root gets an id that no user of the machine is likely to have: adduser
# counts up from 100, systemd down from 999.
_USER_ID = 612
_ADD_USER = (
    f"echo 'asterisk:x:{_USER_ID}:{_USER_ID}::/var/lib/asterisk:/usr/sbin/nologin'"
    f' >>"$1/etc/passwd"; echo "asterisk:x:{_USER_ID}:" >>"$1/etc/group"'
)
_HINT = "or set IVR_ASTERISK=existing for one of your own, IVR_ASTERISK=simulated for none"


@dataclass(frozen=True, slots=True)
class Root:
    """An installed private Asterisk: its root directory and the version it says it has."""

    path: Path
    version: str


def root_path(settings: Settings) -> Path:
    return settings.cache_dir / "asterisk-root"


def find_root(settings: Settings) -> Root | None:
    """The private Asterisk in the cache, if a whole one of the right version is there."""
    return _stamped(root_path(settings))


def _stamped(path: Path) -> Root | None:
    try:
        version = (path / STAMP).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    return Root(path, version) if major_of(version) == MAJOR else None


def major_of(version: str) -> int | None:
    """The first number of a version such as "22.10.1~dfsg-1"; None where it is not one."""
    match = re.match(r"(\d+)\.", version)
    return int(match[1]) if match else None


def why_not_private() -> str | None:
    """Why a private Asterisk cannot be installed or started here; None where it can."""
    if os.geteuid() != 0:
        return "a private Asterisk needs root (it runs in a root directory of its own)"
    if shutil.which("apt-get") is None:
        return "a private Asterisk needs Debian or one of its kin (there is no apt-get here)"
    return None


def install(settings: Settings) -> Root:
    """Build the private Asterisk if the cache has none. About a minute and 350 MB the first time.

    Two installs side by side are harmless: each builds beside the cache's place and the first one
    done moves its work there.

    Raises AsteriskError where this machine cannot, where the download fails, or where no suite has
    Asterisk 22.
    """
    if found := find_root(settings):
        return found
    if reason := why_not_private():
        raise AsteriskError(f"{reason[0].upper()}{reason[1:]}: run as root on Debian, {_HINT}")
    _require_mmdebstrap()
    mirror = choose_mirror(_index_targets())
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    failures = []
    for suite in SUITES:
        try:
            return _build(suite, mirror, root_path(settings))
        except AsteriskError as error:
            failures.append(f"  {suite}: {error}")
    raise AsteriskError(
        "No private Asterisk could be built:\n"
        + "\n".join(failures)
        + f"\nMend the package sources (/etc/apt) and run `ivr asterisk install` again, {_HINT}"
    )


def choose_mirror(index_targets: str) -> str:
    """The address of the Debian main repository in the output of `_index_targets`.

    Each line is origin, label, codename, component, address, parted by tabs. Security, updates,
    backports and other people's repositories carry no Asterisk and are passed over.
    """
    for line in index_targets.splitlines():
        fields = line.split("\t")
        if len(fields) != 5:
            continue
        origin, label, codename, component, address = fields
        if (origin, label, component) == ("Debian", "Debian", "main") and "-" not in codename:
            return address
    raise AsteriskError(
        "apt knows no Debian main repository: run `apt-get update`, or add a Debian mirror to "
        f"/etc/apt/sources.list, {_HINT}"
    )


def _index_targets() -> str:
    fields = ("ORIGIN", "LABEL", "CODENAME", "COMPONENT", "REPO_URI")
    form = "\t".join(f"$({field})" for field in fields)
    return _run(["apt-get", "indextargets", "--format", form, "Identifier: Packages"], 60)


def _require_mmdebstrap() -> None:
    if shutil.which("mmdebstrap") is None:
        _run([str(PROJECT / "deploy" / "system-packages"), "serve"], BUILD_TIMEOUT_S)
    if shutil.which("mmdebstrap") is None:
        raise AsteriskError("mmdebstrap is missing: apt-get install mmdebstrap")


def _build(suite: str, mirror: str, place: Path) -> Root:
    with tempfile.TemporaryDirectory(prefix=f"{place.name}.", dir=place.parent) as scratch:
        path = Path(scratch) / "root"
        _run(_mmdebstrap(suite, path, mirror), BUILD_TIMEOUT_S)
        version = _version_inside(path)
        if major_of(version) != MAJOR:
            raise AsteriskError(f"has Asterisk {version}, we need {MAJOR}.x")
        for mount_point in MOUNT_POINTS:
            (path / mount_point).mkdir(parents=True, exist_ok=True)
        for mount_file in MOUNT_FILES:
            (path / mount_file).touch()
        (path / STAMP).write_text(version + "\n", encoding="utf-8")
        return _move_into_place(path, place, version)


def _mmdebstrap(suite: str, path: Path, mirror: str) -> list[str]:
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        # Mirrors that are frozen at a date serve a Release file whose time is up.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNUSED_FILES),
        f"--essential-hook={_ADD_USER}",
        f"--include={','.join(PACKAGES)}",
        suite,
        str(path),
        mirror,
    ]


def _version_inside(path: Path) -> str:
    words = _run(["chroot", str(path), "asterisk", "-V"], 30).split()
    return words[1] if len(words) > 1 and words[0] == "Asterisk" else "of an unknown version"


def _move_into_place(path: Path, place: Path, version: str) -> Root:
    if place.exists() and _stamped(place) is None:
        shutil.rmtree(place)  # half a root, or one of another major version
    try:
        path.rename(place)
    except OSError as error:
        # Another install was faster (a directory cannot be moved over a full one).
        if found := _stamped(place):
            return found
        raise AsteriskError(f"cannot move the new root to {place}: {error.strerror}") from error
    return Root(place, version)


def _run(command: Sequence[str], timeout_s: float) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AsteriskError(f"{command[0]} could not run: {error}") from error
    if done.returncode != 0:
        last_words = "\n    ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise AsteriskError(f"{command[0]} failed ({done.returncode}):\n    {last_words}")
    return done.stdout
