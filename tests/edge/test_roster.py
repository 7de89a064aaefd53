"""Whom Asterisk rings by itself in each province, and how the console names a desk."""

from datetime import UTC, datetime
from pathlib import Path

from ivr.asterisk.roster import lines_and_devices, lines_and_devices_of
from ivr.duty import NO_BOOK
from ivr.model import (
    Counsellor,
    CounsellorId,
    CounsellorState,
    CountyId,
    DeskId,
    Device,
    DeviceId,
    DeviceKind,
    ProvinceId,
)
from ivr.rules.load import load_all
from ivr.settings import Settings
from ivr.view import CounsellorView, Names
from ivr.web.drawing import _Places


def test_every_province_has_a_line_and_its_own_people_in_the_fallback(tmp_path: Path) -> None:
    lines, accounts = lines_and_devices(Settings(home=tmp_path))
    by_province = {line.province: line for line in lines}
    assert by_province["ilam"].numbers == ("084123",)
    assert by_province["ilam"].devices == ("ilam-1", "ilam-2", "ilam-3", "ilam-4")
    assert "ahvaz-1" in by_province["khuzestan"].devices
    assert "123" in by_province["markazi"].numbers
    rung = [device for line in lines for device in line.devices]
    assert len(rung) == len(set(rung)) == len(accounts)
    assert all(line.devices for line in lines)


def test_rules_and_people_of_the_database_are_taken_as_they_are(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    rules = [one for one in load_all(settings.rules_dir) if one.id == "markazi"]
    devices = (Device(id=DeviceId("new-1")), Device(id=DeviceId("t-1"), kind=DeviceKind.TELEPHONE))
    person = Counsellor(
        id=CounsellorId("new"), name_fa="نو", desks=(DeskId("markazi-saveh"),), devices=devices
    )
    lines, accounts = lines_and_devices_of(rules, [person], NO_BOOK, datetime.now(UTC), settings)
    assert [line.devices for line in lines] == [("new-1",)]
    assert [account.user for account in accounts] == ["new-1"]


def test_a_desk_is_named_after_its_county_or_its_province() -> None:
    places = _Places(
        Names(
            provinces={ProvinceId("ilam"): "ایلام"},
            counties={CountyId("ilam-mehran"): "مهران"},
        )
    )
    person = CounsellorView(
        counsellor=CounsellorId("x"),
        name_fa="نمونه",
        desks=(DeskId("ilam"), DeskId("ilam-mehran")),
        state=CounsellorState.AVAILABLE,
        since_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    assert places.desks(person) == "مرکز پاسخ‌گویی استان ایلام، مهران"
