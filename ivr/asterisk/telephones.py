"""Counsellors' ordinary telephones: numbers that are rung through the trunk.

Asterisk knows no state of a telephone: it is idle as long as the trunk's far side answers, and is
busy only through our own offers, which the floor knows of. The numbers are private: they go into
an Originate's channel and nowhere else.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from ivr.asterisk import wire
from ivr.errors import BadInput, UnsafeValue
from ivr.events import DeviceChanged
from ivr.model import DeviceId, DeviceKind, DeviceState
from ivr.people import Person

TRUNK_ENDPOINT = "line123-trunk"


class Telephones:
    """The telephones that may be rung at this moment, by device."""

    def __init__(self) -> None:
        self._numbers: dict[DeviceId, str] = {}
        self._trunk_up = True

    def channel(self, device: DeviceId) -> str:
        """Where an Originate rings the device.

        Raises BadInput where no number is known, UnsafeValue where it is none; neither shows it.
        """
        number = self._numbers.get(device)
        if number is None:
            raise BadInput(f"the telephone {device!r} has no number: enter it with its person")
        return f"PJSIP/{wire.telephone_number(number)}@{TRUNK_ENDPOINT}"

    def replace(self, numbers: Mapping[DeviceId, str]) -> list[DeviceChanged]:
        """The telephones from now on, and what that changes."""
        gone = self._numbers.keys() - numbers.keys()
        self._numbers = dict(numbers)
        return [*_all(sorted(gone), DeviceState.UNREACHABLE), *self.states()]

    def trunk_is(self, *, up: bool) -> list[DeviceChanged]:
        if up == self._trunk_up:
            return []
        self._trunk_up = up
        return self.states()

    def states(self) -> list[DeviceChanged]:
        return _all(self._numbers, DeviceState.IDLE if self._trunk_up else DeviceState.UNREACHABLE)


def telephone_numbers(people: Iterable[Person]) -> dict[DeviceId, str]:
    """The number of each telephone of everybody who takes calls."""
    return {
        device.id: device.number
        for person in people
        if person.takes_calls
        for device in person.devices
        if device.kind is DeviceKind.TELEPHONE and device.number is not None
    }


def dialled(people: Iterable[Person]) -> dict[DeviceId, str]:
    """What Asterisk dials for each telephone; one whose number is none is left out."""
    found: dict[DeviceId, str] = {}
    for device, number in telephone_numbers(people).items():
        with suppress(UnsafeValue):
            found[device] = f"PJSIP/{wire.telephone_number(number)}@{TRUNK_ENDPOINT}"
    return found


def _all(devices: Iterable[DeviceId], state: DeviceState) -> list[DeviceChanged]:
    return [DeviceChanged(device=device, state=state) for device in devices]
