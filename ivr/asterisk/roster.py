"""Whom Asterisk rings by itself: called numbers, queues and accounts from rules and people."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ivr.dialplan.static_lines import SipDevice, StaticLine
from ivr.dialplan.static_plan import Interfaces, StaticPlanner
from ivr.duty import NO_BOOK, DutyBook
from ivr.model import Counsellor, DeviceKind
from ivr.people import device_passwords, load_people
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings


def lines_and_devices(settings: Settings) -> tuple[list[StaticLine], list[SipDevice]]:
    """As `lines_and_devices_of`, now, from the files, which know of no roster and no closure.

    Raises RulesError or BadInput where files have mistakes.
    """
    rules, people = load_all(settings.rules_dir), load_people(settings.demo_dir)
    return lines_and_devices_of(rules, people, NO_BOOK, datetime.now(UTC), settings)


def lines_and_devices_of(
    rules: Iterable[ProvinceRules],
    people: Sequence[Counsellor],
    book: DutyBook,
    at: datetime,
    settings: Settings,
    *,
    interfaces: Interfaces | None = None,
) -> tuple[list[StaticLine], list[SipDevice]]:
    """What `configure` needs: a line for each province, an account for each SIP device.

    `interfaces` says what Asterisk dials for a telephone; one that is not in it is not rung.
    Raises BadInput where the devices' passwords cannot be kept.
    """
    planner = StaticPlanner(people, book, at, interfaces or {})
    lines = [planner.line(one, one.numbers(settings.default_province)) for one in rules]
    sip = [
        (device.id, person.name_fa)
        for person in people
        for device in person.devices
        if device.kind is DeviceKind.SIP
    ]
    passwords = device_passwords(settings.home, (device for device, _ in sip))
    return lines, [SipDevice(device, passwords[device], name) for device, name in sip]
