"""Counsellors' ordinary telephones: numbers that are rung through the trunk.

Asterisk knows no state of a telephone: it is idle as long as the trunk's far side answers, and is
busy only through our own offers, which the floor knows of. The numbers are private: they go into
an Originate's channel and nowhere else.
"""

from collections.abc import Iterable, Mapping

from ivr.asterisk import wire
from ivr.errors import BadInput
from ivr.events import DeviceChanged
from ivr.model import DeviceId, DeviceState

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


def _all(devices: Iterable[DeviceId], state: DeviceState) -> list[DeviceChanged]:
    return [DeviceChanged(device=device, state=state) for device in devices]
