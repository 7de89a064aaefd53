"""The counsellor's own conversation after dialling a feature code (ivr.dialplan.desk_static)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from ivr.dialplan.channel import Channel

UNKNOWN_PHONE = "desk-unknown-phone"
_PIN_QUESTION = "desk-pin"
_WRONG_PIN = "desk-pin-wrong"
_PIN_REFUSED = "desk-pin-refused"

PIN_TRIES = 3
PIN_MOST = 12  # digits
_PIN_KEYS = "0123456789#"
_END_KEY = "#"
_FIRST_KEY_S = 8.0
_NEXT_KEY_S = 4.0


class Wish(StrEnum):
    """What was dialled (ivr.dialplan.desk_static)."""

    SIGN_IN = "sign_in"
    PAUSE = "pause"
    RESUME = "resume"
    PAUSE_AFTER_CALL = "pause_after_call"
    ASK_FOR_BREAK = "ask_for_break"
    EXTEND_WRAP_UP = "extend_wrap_up"
    END_WRAP_UP = "end_wrap_up"
    SIGN_OUT = "sign_out"


class Standing(StrEnum):
    """What is true of a counsellor."""

    ON_DUTY = "on_duty"
    ON_BREAK = "on_break"
    ON_MEAL = "on_meal"
    ON_TRAINING = "on_training"
    ON_ADMINISTRATION = "on_administration"
    NOT_RUNG = "not_rung"  # paused for another reason
    WILL_PAUSE = "will_pause"
    BREAK_ASKED = "break_asked"  # and not granted yet
    WRAPPING_UP = "wrapping_up"
    WRAP_UP_LONGEST = "wrap_up_longest"  # it cannot be lengthened any more
    OFF_DUTY = "off_duty"
    OFF_AFTER_TALK = "off_after_talk"  # the talk under way is the last one


_SAID: Mapping[Standing, str] = {
    Standing.ON_DUTY: "desk-on-duty",
    Standing.ON_BREAK: "desk-on-break",
    Standing.ON_MEAL: "desk-on-meal",
    Standing.ON_TRAINING: "desk-on-training",
    Standing.ON_ADMINISTRATION: "desk-on-administration",
    Standing.NOT_RUNG: "desk-not-rung",
    Standing.WILL_PAUSE: "desk-will-pause",
    Standing.BREAK_ASKED: "desk-break-asked",
    Standing.WRAPPING_UP: "desk-wrap-up-longer",
    Standing.WRAP_UP_LONGEST: "desk-wrap-up-longest",
    Standing.OFF_DUTY: "desk-off-duty",
    Standing.OFF_AFTER_TALK: "desk-off-after-talk",
}
_NOT_ON_DUTY = frozenset({Standing.OFF_DUTY, Standing.OFF_AFTER_TALK})
_WRAPS_UP = frozenset({Standing.WRAPPING_UP, Standing.WRAP_UP_LONGEST})
_NOT_PAUSED = frozenset({Standing.ON_DUTY, Standing.WILL_PAUSE})
_NO_WRAP_UP = "desk-no-wrap-up"
DESK_PROMPTS = frozenset(
    {_PIN_QUESTION, _WRONG_PIN, _PIN_REFUSED, _NO_WRAP_UP, UNKNOWN_PHONE, *_SAID.values()}
)


class Place(Protocol):
    """The counsellor at the phone, as the rest of the line knows them."""

    async def check_pin(self, pin: str) -> bool: ...

    def standing(self, wish: Wish) -> Standing:
        """What is true, as far as the wish goes: there may be several things to say."""

    async def carry_out(self, wish: Wish) -> Standing:
        """Do as wished; returns what is true once the floor has taken it in."""


async def converse(channel: Channel, wish: Wish, place: Place) -> None:
    """From the answer to what is now true; the dialplan hangs up afterwards.

    Signing in asks for the PIN, three times at most. Raises HungUp and SessionLost.
    """
    if wish is Wish.SIGN_IN and not await _knows_pin(channel, place):
        await channel.play((_PIN_REFUSED,))
        return
    await channel.play((await _done(wish, place),))


async def _done(wish: Wish, place: Place) -> str:
    """Does it where it makes sense now; returns what to say."""
    standing = place.standing(wish)
    if wish in (Wish.EXTEND_WRAP_UP, Wish.END_WRAP_UP):
        if standing in _NOT_PAUSED:
            return _NO_WRAP_UP
        wanted = standing in _WRAPS_UP
    else:
        # Who is off duty has nothing to rest from and nothing to come back to.
        wanted = wish in (Wish.SIGN_IN, Wish.SIGN_OUT) or standing not in _NOT_ON_DUTY
    return _SAID[await place.carry_out(wish) if wanted else standing]


async def _knows_pin(channel: Channel, place: Place) -> bool:
    question = (_PIN_QUESTION,)
    for _ in range(PIN_TRIES):
        if await place.check_pin(await _read_pin(channel, question)):
            return True
        question = (_WRONG_PIN,)
    return False


async def _read_pin(channel: Channel, question: tuple[str, ...]) -> str:
    """Digits up to # or a pause; "" where nothing was pressed."""
    pin = ""
    key = await channel.play(question, _PIN_KEYS) or await channel.wait_key(_FIRST_KEY_S)
    while key is not None and key != _END_KEY and len(pin) < PIN_MOST:
        pin += key
        key = await channel.wait_key(_NEXT_KEY_S)
    return pin
