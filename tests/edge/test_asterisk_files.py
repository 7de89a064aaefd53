"""What is rendered for Asterisk: least rights, no refusals, nothing unsafe."""

import stat
from pathlib import Path

import pytest

from ivr.asterisk.configure import configure, configure_existing
from ivr.asterisk.instance import ami_secret
from ivr.asterisk.process import AsteriskProcess
from ivr.dialplan.static_lines import SipDevice, Stage, StaticLine, StaticMember, StaticQueue
from ivr.errors import AsteriskError, BadInput, UnsafeValue
from ivr.settings import Settings

DEVICE = SipDevice("arak-1", "s3cret", "آرزو")


def line_of(*members: StaticMember, weight: int = 0) -> StaticLine:
    queue = StaticQueue("fallback-markazi", members, weight)
    return StaticLine("markazi", ("086123", "123"), (Stage((queue,)),))


LINE = line_of(StaticMember("arak-1"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache_dir=tmp_path / "cache")


def rendered(
    settings: Settings,
    tmp_path: Path,
    *,
    devices: tuple[SipDevice, ...] = (DEVICE,),
    line: StaticLine = LINE,
) -> dict[str, str]:
    output = tmp_path / "out"
    configure_existing(settings, lines=[line], devices=devices, output=output)
    return {path.name: path.read_text("utf-8") for path in output.iterdir()}


def section(text: str, name: str) -> dict[str, list[str]]:
    """Settings of all sections of that name."""
    found: dict[str, list[str]] = {}
    inside = False
    for row in text.splitlines():
        if row.startswith("["):
            inside = row.startswith(f"[{name}]")
        elif inside and "=" in row and not row.startswith(";"):
            key, _, value = row.partition("=")
            found.setdefault(key.strip(), []).append(value.lstrip(">").strip())
    return found


def test_the_account_has_the_least_rights(settings: Settings, tmp_path: Path) -> None:
    account = section(rendered(settings, tmp_path)["manager.conf"], settings.ami_user)
    assert account["read"] == ["system,call,user,dtmf"]
    assert account["write"] == ["call,originate,agent"]
    assert account["eventfilter(action(include),name(Hangup))"] == [""]
    assert account["permit"] == ["127.0.0.1/255.255.255.255"]
    assert account["secret"] == [ami_secret(settings)]


def test_a_silent_caller_is_never_cut_off_a_dead_device_is(
    settings: Settings, tmp_path: Path
) -> None:
    pjsip = rendered(settings, tmp_path)["pjsip.conf"]
    assert "rtp_timeout" not in section(pjsip, "line123-trunk")
    assert section(pjsip, "line123-trunk")["timers"] == ["always"]
    assert section(pjsip, "line123-device")["rtp_timeout"] == ["30"]


def test_the_trunk_is_known_by_address_a_device_by_its_password(
    settings: Settings, tmp_path: Path
) -> None:
    pjsip = rendered(settings, tmp_path)["pjsip.conf"]
    assert section(pjsip, "line123-trunk")["identify_by"] == ["ip"]
    assert section(pjsip, "line123-trunk")["match"] == [settings.trunk_match]
    assert section(pjsip, "arak-1")["password"] == ["s3cret"]
    assert "max_contacts = 1" in pjsip


def test_the_fallback_queue_rings_the_devices_and_says_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    text = rendered(settings, tmp_path)["queues.conf"]
    assert section(text, "fallback-markazi")["member"] == ["PJSIP/arak-1,0,arak-1,PJSIP/arak-1"]
    assert "[fallback-markazi](line123-fallback)" in text
    queue = section(text, "line123-fallback")
    assert queue["joinempty"] == ["yes"]
    assert queue["leavewhenempty"] == ["no"]
    assert queue["ringinuse"] == ["no"]
    assert queue["announce-frequency"] == queue["periodic-announce-frequency"] == ["0"]


def test_members_have_their_circle_and_queues_their_weight(
    settings: Settings, tmp_path: Path
) -> None:
    mobile = StaticMember("arak-mobile", 2, "PJSIP/09181112222@line123-trunk")
    line = line_of(StaticMember("arak-1", 1), mobile, weight=2)
    telephone = "Local/arak-mobile@fallback-telephone"
    text = rendered(settings, tmp_path, line=line)["queues.conf"]
    assert section(text, "fallback-markazi") == {
        "weight": ["2"],
        "member": [
            "PJSIP/arak-1,1,arak-1,PJSIP/arak-1",
            f"{telephone}/n,2,arak-mobile,{telephone}",
        ],
    }


def test_no_field_of_asterisks_own_record_holds_a_number(
    settings: Settings, tmp_path: Path
) -> None:
    (fields,) = section(rendered(settings, tmp_path)["cdr_custom.conf"], "ivr-calls.csv")["fields"]
    names = {field.split("(")[0] for field in fields.split(",")}
    assert not names & {"clid", "src", "dst", "channel", "lastdata", "userfield", "accountcode"}
    assert {"linkedid", "start", "end", "dstchannel", "ivr_connected_at"} <= names


@pytest.mark.parametrize("password", ["two\nlines", "a]b", "${X}", " led by a space"])
def test_unsafe_values_are_refused(settings: Settings, tmp_path: Path, password: str) -> None:
    with pytest.raises(UnsafeValue) as caught:
        rendered(settings, tmp_path, devices=(SipDevice("arak-1", password, ""),))
    assert password not in str(caught.value)


def test_a_semicolon_stays_part_of_the_value(settings: Settings, tmp_path: Path) -> None:
    files = rendered(settings, tmp_path, devices=(SipDevice("arak-1", "a;b", ""),))
    assert "password = a\\;b" in files["pjsip.conf"]


def test_a_fallback_with_an_unknown_device_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="saveh-9"):
        rendered(settings, tmp_path, line=line_of(StaticMember("saveh-9")))


def test_secrets_are_private_and_stay(settings: Settings, tmp_path: Path) -> None:
    rendered(settings, tmp_path)
    for path in (settings.home / "secrets" / "ami", tmp_path / "out" / "pjsip.conf"):
        assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO == 0
    assert ami_secret(settings) == ami_secret(settings) != ""
    given = settings.model_copy(update={"ami_secret": "given"})
    assert ami_secret(given) == "given"


def test_an_administrator_is_told_what_to_include(settings: Settings, tmp_path: Path) -> None:
    output = tmp_path / "out"
    words = configure_existing(settings, lines=[LINE], devices=[DEVICE], output=output)
    for name in rendered(settings, tmp_path):
        assert f'#include "line123/{name}"' in words


def test_without_an_installed_asterisk_the_next_step_is_named(settings: Settings) -> None:
    with pytest.raises(AsteriskError, match="ivr asterisk install"):
        configure(settings, lines=[LINE], devices=[DEVICE])


def test_starting_without_root_names_the_way_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(AsteriskError, match="IVR_ASTERISK=simulated"):
        AsteriskProcess(settings).start()
