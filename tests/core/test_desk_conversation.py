"""What a counsellor hears and must press after dialling a feature code."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from ivr.dialplan.desk import Standing, Wish, converse
from ivr.errors import HungUp
from tests.core.scripted_channel import ScriptedChannel

PIN = "4711"


class Keypad(ScriptedChannel):
    """Types one of `pins` at each question for it; what is not asked for is not typed."""

    def __init__(self, *pins: str) -> None:
        super().__init__()
        self._pins = list(pins)
        self._typed: list[str] = []

    async def play(self, prompts: Sequence[str], keys: str = "") -> str | None:
        await super().play(prompts)
        if keys and self._pins:
            self._typed = list(self._pins.pop(0))
        return self._typed.pop(0) if keys and self._typed else None

    async def wait_key(self, timeout_s: float | None) -> str | None:
        await super().wait_key(timeout_s)
        return self._typed.pop(0) if self._typed else None


@dataclass
class Desk:
    now: Standing = Standing.OFF_DUTY
    then: Standing = Standing.ON_DUTY
    tried: list[str] = field(default_factory=list)
    done: list[Wish] = field(default_factory=list)

    async def check_pin(self, pin: str) -> bool:
        self.tried.append(pin)
        return pin == PIN

    def standing(self, _wish: Wish) -> Standing:
        return self.now

    async def carry_out(self, wish: Wish) -> Standing:
        self.done.append(wish)
        self.now = self.then
        return self.now


@pytest.mark.parametrize("typed", [PIN + "#", PIN])
async def test_the_pin_ends_with_a_key_or_a_pause(typed: str) -> None:
    desk, keypad = Desk(), Keypad(typed)
    await converse(keypad, Wish.SIGN_IN, desk)
    assert (desk.tried, desk.done) == ([PIN], [Wish.SIGN_IN])
    assert keypad.heard == ["desk-pin", "desk-on-duty"]


async def test_a_wrong_pin_may_be_tried_again() -> None:
    desk, keypad = Desk(), Keypad("1#", "", PIN)
    await converse(keypad, Wish.SIGN_IN, desk)
    assert desk.tried == ["1", "", PIN]
    assert keypad.heard == ["desk-pin", "desk-pin-wrong", "desk-pin-wrong", "desk-on-duty"]


async def test_three_wrong_pins_change_nothing_and_say_whom_to_ask() -> None:
    desk, keypad = Desk(), Keypad("1#", "2#", "3#", PIN)
    await converse(keypad, Wish.SIGN_IN, desk)
    assert (desk.tried, desk.done) == (["1", "2", "3"], [])
    assert keypad.heard[-1] == "desk-pin-refused"


async def test_keys_without_end_are_cut_off() -> None:
    desk, keypad = Desk(), Keypad("9" * 50, PIN)
    await converse(keypad, Wish.SIGN_IN, desk)
    assert desk.tried == ["9" * 12, PIN]


@pytest.mark.parametrize(
    ("wish", "now", "then", "said"),
    [
        (Wish.PAUSE, Standing.ON_DUTY, Standing.ON_BREAK, "desk-on-break"),
        (Wish.RESUME, Standing.ON_BREAK, Standing.ON_DUTY, "desk-on-duty"),
        (Wish.SIGN_OUT, Standing.ON_DUTY, Standing.OFF_DUTY, "desk-off-duty"),
        (Wish.SIGN_OUT, Standing.ON_DUTY, Standing.OFF_AFTER_TALK, "desk-off-after-talk"),
        (Wish.SIGN_OUT, Standing.OFF_DUTY, Standing.OFF_DUTY, "desk-off-duty"),
        (Wish.PAUSE, Standing.ON_DUTY, Standing.ON_MEAL, "desk-on-meal"),
        (Wish.PAUSE_AFTER_CALL, Standing.ON_DUTY, Standing.WILL_PAUSE, "desk-will-pause"),
        (Wish.ASK_FOR_BREAK, Standing.ON_DUTY, Standing.BREAK_ASKED, "desk-break-asked"),
        (
            Wish.EXTEND_WRAP_UP,
            Standing.WRAPPING_UP,
            Standing.WRAP_UP_LONGEST,
            "desk-wrap-up-longest",
        ),
        (Wish.END_WRAP_UP, Standing.WRAP_UP_LONGEST, Standing.ON_DUTY, "desk-on-duty"),
    ],
)
async def test_the_other_wishes_need_no_pin_and_say_what_is_true(
    wish: Wish, now: Standing, then: Standing, said: str
) -> None:
    desk, keypad = Desk(now=now, then=then), Keypad()
    await converse(keypad, wish, desk)
    assert (desk.tried, desk.done, keypad.heard) == ([], [wish], [said])


@pytest.mark.parametrize("wish", sorted(set(Wish) - {Wish.SIGN_IN, Wish.SIGN_OUT}))
@pytest.mark.parametrize("now", [Standing.OFF_DUTY, Standing.OFF_AFTER_TALK])
async def test_who_is_off_duty_stays_so(wish: Wish, now: Standing) -> None:
    desk, keypad = Desk(now=now), Keypad()
    await converse(keypad, wish, desk)
    assert desk.done == []
    assert desk.now is now
    assert keypad.heard in (["desk-off-duty"], ["desk-off-after-talk"])


@pytest.mark.parametrize("wish", [Wish.EXTEND_WRAP_UP, Wish.END_WRAP_UP])
@pytest.mark.parametrize(
    ("now", "said"),
    [
        (Standing.ON_DUTY, "desk-no-wrap-up"),
        (Standing.WILL_PAUSE, "desk-no-wrap-up"),
        (Standing.ON_BREAK, "desk-on-break"),
    ],
)
async def test_who_does_not_wrap_up_is_told_so(wish: Wish, now: Standing, said: str) -> None:
    desk, keypad = Desk(now=now), Keypad()
    await converse(keypad, wish, desk)
    assert (desk.done, keypad.heard) == ([], [said])


async def test_who_hangs_up_while_asked_stays_as_before() -> None:
    desk, keypad = Desk(), Keypad()
    keypad.hang_up()
    with pytest.raises(HungUp):
        await converse(keypad, Wish.SIGN_IN, desk)
    assert desk.done == []
