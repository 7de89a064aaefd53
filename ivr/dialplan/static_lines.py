"""What Asterisk's own dialplan and queues are rendered from: called numbers, queues, accounts.

A queue is one place's (`fallback-<county>`, `fallback-<province>`); one of silent callers begins
with `fallback-silence-`, that of callers in danger with `fallback-danger-`. Stages after the first
have their number before that: `fallback-1-…`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ivr.errors import UnsafeValue
from ivr.model import Lane

_ID = re.compile(r"[a-z0-9_-]{1,40}")
_QUEUE = re.compile(r"[a-z0-9_-]{1,79}")  # app_queue keeps 79 characters of a name
_NUMBER = re.compile(r"\d{2,20}", re.ASCII)
# A caller's From may be any number; a device that is one would be taken for the caller.
_DEVICE = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,40}")
# A telephone is an extension too: one letter would be special, `_` begins a pattern.
_TELEPHONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,39}")
_INTERFACE = re.compile(r"PJSIP/\+?[0-9]{3,15}@[A-Za-z0-9_-]{1,40}", re.ASCII)

TELEPHONES = "fallback-telephone"  # the context in which they are rung

WEIGHTS = {Lane.DANGER: 2, Lane.SILENCE: 1, Lane.ORDINARY: 0}
_LANES = {Lane.DANGER: "danger-", Lane.SILENCE: "silence-", Lane.ORDINARY: ""}


@dataclass(frozen=True, slots=True)
class StaticMember:
    """A device of a queue. One of a higher penalty is rung when none of a lower one can be.

    `interface`: what rings a telephone (`PJSIP/<number>@<trunk>`); empty for a SIP account.
    """

    device: str
    penalty: int = 0
    interface: str = ""

    @property
    def state(self) -> str:
        """What tells Asterisk whether the device is free."""
        return f"Local/{self.device}@{TELEPHONES}" if self.interface else f"PJSIP/{self.device}"

    @property
    def dialled(self) -> str:
        """The member's name in a queue. `/n`: a telephone's state is its Local channel's."""
        return f"{self.state}/n" if self.interface else self.state


@dataclass(frozen=True, slots=True)
class StaticQueue:
    """One queue; of two that want the same device, the one of the higher weight has it."""

    name: str
    members: tuple[StaticMember, ...]
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """The queues of one line from `from_at` on; of the first stage, until the next one."""

    queues: tuple[StaticQueue, ...]
    from_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StaticLine:
    """A province's line as Asterisk alone serves it.

    `numbers`: called numbers, digits only. `stages`: the queues now, then those after each end (or
    beginning) of a closure, for nobody may be there to render them then.
    """

    province: str
    numbers: tuple[str, ...]
    stages: tuple[Stage, ...] = ()

    @property
    def queues(self) -> tuple[StaticQueue, ...]:
        return tuple(queue for stage in self.stages for queue in stage.queues)

    @property
    def devices(self) -> tuple[str, ...]:
        """Each device of any queue once, in the order in which they first stand there."""
        return tuple(
            dict.fromkeys(member.device for queue in self.queues for member in queue.members)
        )

    @property
    def expires_at(self) -> datetime | None:
        """When the first stage ends; None where nothing will change by itself."""
        return self.stages[1].from_at if len(self.stages) > 1 else None


@dataclass(frozen=True, slots=True)
class SipDevice:
    """A counsellor's SIP account. The user has at least one letter, so that no number is one."""

    user: str
    password: str
    name: str


def fallback_queue(place: str, lane: Lane = Lane.ORDINARY, stage: int = 0) -> str:
    """The name of the queue of a county or province."""
    return f"{stage_prefix(stage)}{_LANES[lane]}{place}"


def stage_prefix(stage: int) -> str:
    return f"fallback-{stage}-" if stage else "fallback-"


def check_lines(lines: Sequence[StaticLine], default_province: str) -> None:
    """Raise UnsafeValue where an id could not be written, a number is served twice, or none is."""
    for line in lines:
        _require(_ID, line.province, "a province's id: small letters, digits, '-' and '_'")
        for number in line.numbers:
            _require(_NUMBER, number, "a called number: 2 to 20 digits")
        check_queues(line)
    served = Counter(number for line in lines for number in line.numbers)
    if twice := [number for number, count in served.items() if count > 1]:
        raise UnsafeValue(f"called number {twice[0]} is listed twice; keep it in one place")
    if not any(line.province == default_province and line.numbers for line in lines):
        raise UnsafeValue(
            f"no line has the default province {default_province!r} (IVR_DEFAULT_PROVINCE): "
            "calls to unknown numbers would go nowhere"
        )


def check_queues(line: StaticLine) -> None:
    """Raise UnsafeValue where a name or a device could not be written."""
    for queue in line.queues:
        _require(_QUEUE, queue.name, "a queue's name: small letters, digits, '-' and '_'")
    for member in _members(line):
        check_device_user(member.device)
        if member.interface:
            _check_telephone(member)
    extensions = Counter(
        device.replace("-", "") for device in _telephones(line)
    )  # as Asterisk has it
    if twice := [name for name, count in extensions.items() if count > 1]:
        raise UnsafeValue(f"two telephones differ in hyphens alone ({twice[0]}): rename one")


def _check_telephone(member: StaticMember) -> None:
    _require(_TELEPHONE, member.device, "a telephone's id: letters, digits, '-', '_', at least two")
    if not _INTERFACE.fullmatch(member.interface):  # it may be somebody's number: not repeated
        raise UnsafeValue(f"{member.device}: what rings it is not PJSIP/<number>@<trunk>")


def _telephones(line: StaticLine) -> set[str]:
    return {member.device for member in _members(line) if member.interface}


def check_device_user(user: str) -> None:
    """Raise UnsafeValue where a SIP user name cannot be a device."""
    _require(_DEVICE, user, "a SIP user: letters, digits, '-' and '_', with at least one letter")


def _members(line: StaticLine) -> Iterator[StaticMember]:
    for queue in line.queues:
        yield from queue.members


def _require(pattern: re.Pattern[str], text: str, rule: str) -> None:
    if not pattern.fullmatch(text):
        raise UnsafeValue(f"{text!r} cannot be {rule}")
