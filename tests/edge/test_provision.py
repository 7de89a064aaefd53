"""Installing a private Asterisk: which mirror, which version, and clear words where it cannot."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ivr.asterisk import provision
from ivr.asterisk.provision import STAMP, choose_mirror, find_root, install, major_of
from ivr.errors import AsteriskError
from ivr.settings import Settings

HERE = "http://mirror.invalid/debian/"


def target(origin: str, codename: str, address: str, *, label: str = "", part: str = "main") -> str:
    return "\t".join((origin, label or origin, codename, part, address))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache_dir=tmp_path / "cache")


class Builder:
    """Stands in for the programs that install: writes a root with the version of each suite."""

    def __init__(self, versions: dict[str, str]) -> None:
        self.versions = versions
        self.suites: list[str] = []

    def run(self, command: Sequence[str], _timeout_s: float) -> str:
        if command[0] == "apt-get":
            return target("Debian", "bookworm", HERE)
        if command[0] == "mmdebstrap":
            suite, path, mirror = command[-3:]
            assert mirror == HERE
            self.suites.append(suite)
            if suite not in self.versions:
                raise AsteriskError("mmdebstrap failed (1): no such suite")
            (Path(path) / "etc").mkdir(parents=True)
            return ""
        return f"Asterisk {self.versions[self.suites[-1]]}\n"


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> Builder:
    builder = Builder({})
    monkeypatch.setattr(provision, "_run", builder.run)
    monkeypatch.setattr(provision, "why_not_private", lambda: None)
    monkeypatch.setattr(provision, "_require_mmdebstrap", lambda: None)
    return builder


def test_the_main_repository_is_taken_and_no_other() -> None:
    rows = [
        target("Somebody", "bookworm", "http://other.invalid/apt"),
        target("Debian", "bookworm-security", "http://no.invalid/", label="Debian-Security"),
        target("Debian", "bookworm-updates", "http://no.invalid/"),
        target("Debian", "bookworm", "http://no.invalid/", part="contrib"),
        "",
        target("Debian", "bookworm", HERE),
    ]
    assert choose_mirror("\n".join(rows)) == HERE


def test_no_main_repository_says_what_to_do() -> None:
    with pytest.raises(AsteriskError, match="apt-get update"):
        choose_mirror(target("Somebody", "bookworm", HERE))


@pytest.mark.parametrize(
    ("version", "major"), [("22.10.1~dfsg-1", 22), ("GIT-master", None), ("", None), ("23.0", 23)]
)
def test_major_of(version: str, major: int | None) -> None:
    assert major_of(version) == major


def test_testing_is_tried_first_then_unstable(settings: Settings, building: Builder) -> None:
    building.versions = {"testing": "23.1.0-1", "unstable": "22.10.1-1"}
    root = install(settings)
    assert root.version == "22.10.1-1"
    assert building.suites == ["testing", "unstable"]
    assert find_root(settings) == root
    assert [path.name for path in settings.cache_dir.iterdir()] == ["asterisk-root"]


def test_what_is_in_the_cache_is_kept(settings: Settings, building: Builder) -> None:
    building.versions = {"testing": "22.1.0"}
    assert install(settings) == install(settings)
    assert building.suites == ["testing"]


def test_no_suite_with_22_says_what_was_found(settings: Settings, building: Builder) -> None:
    building.versions = {"testing": "23.1.0"}
    with pytest.raises(AsteriskError) as caught:
        install(settings)
    words = str(caught.value)
    assert "testing: has Asterisk 23.1.0, we need 22.x" in words
    assert "unstable: mmdebstrap failed" in words
    assert "IVR_ASTERISK=simulated" in words
    assert list(settings.cache_dir.iterdir()) == []


def test_half_a_root_is_replaced(settings: Settings, building: Builder) -> None:
    building.versions = {"testing": "22.1.0"}
    half = settings.cache_dir / "asterisk-root" / "etc"
    half.mkdir(parents=True)
    (half / "left-over").touch()
    assert find_root(settings) is None
    install(settings)
    assert not (half / "left-over").exists()


def test_two_installs_side_by_side_keep_one_whole_root(
    settings: Settings, building: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    building.versions = {"testing": "22.1.0"}

    def overtaken(command: Sequence[str], timeout_s: float) -> str:
        if command[0] == "chroot":  # ours is built, the other's is already in place
            place = settings.cache_dir / "asterisk-root"
            place.mkdir(exist_ok=True)
            (place / STAMP).write_text("22.2.0\n")
        return building.run(command, timeout_s)

    monkeypatch.setattr(provision, "_run", overtaken)
    assert install(settings).version == "22.2.0"
    assert [path.name for path in settings.cache_dir.iterdir()] == ["asterisk-root"]


def test_without_root_the_way_out_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision.os, "geteuid", lambda: 1000)
    with pytest.raises(AsteriskError, match="IVR_ASTERISK=simulated"):
        install(settings)
