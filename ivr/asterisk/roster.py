"""Whom Asterisk rings by itself: called numbers and devices from the rules and the people."""

from ivr.dialplan.static import SipDevice, StaticLine
from ivr.model import DeviceKind
from ivr.people import device_passwords, load_people
from ivr.rules.load import load_all
from ivr.settings import Settings


def lines_and_devices(settings: Settings) -> tuple[list[StaticLine], list[SipDevice]]:
    """What `configure` needs: a line for each province, an account for each SIP device.

    A province's fallback rings the first SIP device of everybody who sits at one of its desks, in
    the order of the people's files. Raises RulesError or BadInput where files have mistakes.
    """
    people = [
        (person, [device.id for device in person.devices if device.kind is DeviceKind.SIP])
        for person in load_people(settings.demo_dir)
    ]
    lines = []
    for rules in load_all(settings.rules_dir):
        desks = set(rules.all_desks)
        devices = tuple(sip[0] for person, sip in people if sip and desks & set(person.desks))
        lines.append(StaticLine(rules.id, rules.numbers(settings.default_province), devices))
    passwords = device_passwords(settings.home, (device for _, sip in people for device in sip))
    accounts = [
        SipDevice(device, passwords[device], person.name_fa)
        for person, sip in people
        for device in sip
    ]
    return lines, accounts
