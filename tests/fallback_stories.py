"""What Asterisk does alone with its own queues: stories for the simulated and a real Asterisk.

Each tells what is done and then, by `rings`, which phones rang in what order; both must agree.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from ivr.dialplan.static_lines import StaticMember, StaticQueue

SAVEH, ARAK = "markazi-saveh", "markazi-arak"


def queue(name: str, *circles: tuple[str, ...], weight: int = 0) -> StaticQueue:
    """A queue whose members have the number of their circle as penalty."""
    members = (
        StaticMember(device, penalty) for penalty, circle in enumerate(circles) for device in circle
    )
    return StaticQueue(name, tuple(members), weight)


# The province's queue begins with a phone that comes last in those of the counties.
QUEUES = (
    queue("fallback-markazi", ("desk-3", "desk-1", "desk-2", "desk-4")),
    queue(f"fallback-{SAVEH}", ("desk-2",), ("desk-1",), ("desk-4", "desk-3")),
    queue(f"fallback-{ARAK}", ("desk-1",), ("desk-2", "desk-3", "desk-4")),
    queue("fallback-silence-markazi", ("desk-3", "desk-1", "desk-2", "desk-4"), weight=1),
    queue("fallback-danger-markazi", ("desk-4", "desk-2", "desk-1", "desk-3"), weight=2),
)
DEVICES = ("desk-1", "desk-2", "desk-3", "desk-4")


class Stage(Protocol):
    """Everybody answers only when told to; `facts` are what our conversation had found out."""

    @property
    def rings(self) -> list[str]:
        """The phone of each ringing so far, in order."""

    async def arrive(self, *devices: str) -> None:
        """Phones register."""

    async def call(self, caller: str, **facts: str) -> None:
        """A call that our controller has left in the static queue."""

    async def rung(self, count: int) -> None:
        """Wait until phones have rung so often."""

    async def pick_up(self, device: str) -> None: ...

    async def refuse(self, device: str) -> None: ...

    async def hang_up(self, device: str) -> None: ...

    async def talking(self, caller: str, device: str) -> None: ...

    async def pause(self, device: str, *, paused: bool = True) -> None: ...

    async def next_round(self, caller: str) -> None:
        """Wait until the caller has begun another round."""


Story = Callable[[Stage], Awaitable[None]]


async def own_desk_comes_first(stage: Stage) -> None:
    await stage.arrive(*DEVICES)
    await stage.call("a", county=SAVEH)
    await stage.rung(1)
    await stage.pick_up("desk-2")
    await stage.talking("a", "desk-2")
    assert stage.rings == ["desk-2"]


async def who_talks_is_passed_over_for_the_next_circle(stage: Stage) -> None:
    await stage.arrive(*DEVICES)
    for count, caller, device in ((1, "a", "desk-2"), (2, "b", "desk-1"), (3, "c", "desk-4")):
        await stage.call(caller, county=SAVEH)
        await stage.rung(count)
        await stage.pick_up(device)
        await stage.talking(caller, device)
    assert stage.rings == ["desk-2", "desk-1", "desk-4"]


async def who_is_away_is_passed_over(stage: Stage) -> None:
    await stage.arrive("desk-3")
    await stage.call("a", county=SAVEH)
    await stage.rung(1)
    assert stage.rings == ["desk-3"]


async def who_refuses_is_followed_at_once(stage: Stage) -> None:
    await stage.arrive("desk-1", "desk-2")
    await stage.call("a", county=SAVEH)
    await stage.rung(1)
    await stage.refuse("desk-2")
    await stage.rung(2)
    assert stage.rings == ["desk-2", "desk-1"]


async def who_rings_in_vain_keeps_nobody_from_the_next_circle(stage: Stage) -> None:
    await stage.arrive("desk-1", "desk-2")
    await stage.call("a", county=SAVEH)
    await stage.rung(3)
    assert stage.rings[:3] == ["desk-2", "desk-1", "desk-2"]


async def who_has_waited_long_finds_every_circle_open(stage: Stage) -> None:
    await stage.arrive(*DEVICES)
    await stage.call("a", county=SAVEH, joined_at="1")
    await stage.rung(1)
    await stage.refuse("desk-2")
    await stage.rung(2)
    assert stage.rings == ["desk-2", "desk-1"]


async def an_unknown_county_rings_the_province(stage: Stage) -> None:
    await stage.arrive(*DEVICES)
    for number, county in enumerate(("", "-", "nowhere"), start=1):
        await stage.call(f"caller-{number}", county=county)
        await stage.rung(number)
        await stage.pick_up(stage.rings[-1])
        await stage.talking(f"caller-{number}", stage.rings[-1])
    assert stage.rings == ["desk-3", "desk-1", "desk-2"]


async def danger_has_the_freed_counsellor_before_who_waits_longer(stage: Stage) -> None:
    await stage.arrive("desk-1")
    await stage.call("a", county=ARAK)
    await stage.rung(1)
    await stage.pick_up("desk-1")
    await stage.talking("a", "desk-1")
    await stage.call("ordinary")
    await stage.call("danger", lane="danger", county="-")
    await stage.hang_up("desk-1")
    await stage.rung(2)
    await stage.pick_up("desk-1")
    await stage.talking("danger", "desk-1")


async def silence_goes_before_ordinary_callers(stage: Stage) -> None:
    await stage.arrive("desk-1")
    await stage.call("a", county=ARAK)
    await stage.rung(1)
    await stage.pick_up("desk-1")
    await stage.talking("a", "desk-1")
    await stage.call("ordinary", county=SAVEH)
    await stage.call("silence", lane="silence", county="-")
    await stage.hang_up("desk-1")
    await stage.rung(2)
    await stage.pick_up("desk-1")
    await stage.talking("silence", "desk-1")


async def a_phone_that_several_queues_want_is_rung_once(stage: Stage) -> None:
    await stage.arrive("desk-1")
    await stage.call("a", county=SAVEH)
    await stage.rung(1)
    await stage.call("b", county=ARAK)
    await stage.call("c")
    await stage.pick_up("desk-1")
    await stage.talking("a", "desk-1")
    assert stage.rings == ["desk-1"]


async def whom_we_had_paused_is_rung_only_after_rounds_without_us(stage: Stage) -> None:
    await stage.arrive("desk-1")
    await stage.pause("desk-1")
    await stage.call("a", county=ARAK)
    await stage.next_round("a")
    assert stage.rings == []
    await stage.rung(1)


async def who_is_back_from_a_pause_is_rung(stage: Stage) -> None:
    await stage.arrive("desk-1", "desk-2")
    await stage.pause("desk-1")
    await stage.call("a", county=ARAK)
    await stage.rung(1)
    await stage.pick_up("desk-2")
    await stage.talking("a", "desk-2")
    await stage.pause("desk-1", paused=False)
    await stage.call("b", county=ARAK)
    await stage.rung(2)
    assert stage.rings == ["desk-2", "desk-1"]


# Those that come about by round after round of waiting.
IN_ROUNDS: tuple[Story, ...] = (
    who_rings_in_vain_keeps_nobody_from_the_next_circle,
    whom_we_had_paused_is_rung_only_after_rounds_without_us,
)
STORIES: tuple[Story, ...] = (
    own_desk_comes_first,
    who_talks_is_passed_over_for_the_next_circle,
    who_is_away_is_passed_over,
    who_refuses_is_followed_at_once,
    *IN_ROUNDS,
    who_has_waited_long_finds_every_circle_open,
    an_unknown_county_rings_the_province,
    danger_has_the_freed_counsellor_before_who_waits_longer,
    silence_goes_before_ordinary_callers,
    a_phone_that_several_queues_want_is_rung_once,
    who_is_back_from_a_pause_is_rung,
)
