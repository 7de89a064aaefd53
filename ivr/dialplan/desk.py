"""The counsellor's own conversation after dialling *1, *2, *3 or *0: in, break, back, out."""

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
    SIGN_OUT = "sign_out"


class Standing(StrEnum):
    """What is true of a counsellor."""

    ON_DUTY = "on_duty"
    ON_BREAK = "on_break"
    OFF_DUTY = "off_duty"
    OFF_AFTER_TALK = "off_after_talk"  # the talk under way is the last one


_SAID: Mapping[Standing, str] = {
    Standing.ON_DUTY: "desk-on-duty",
    Standing.ON_BREAK: "desk-on-break",
    Standing.OFF_DUTY: "desk-off-duty",
    Standing.OFF_AFTER_TALK: "desk-off-after-talk",
}
DESK_PROMPTS = frozenset({_PIN_QUESTION, _WRONG_PIN, _PIN_REFUSED, UNKNOWN_PHONE, *_SAID.values()})


class Place(Protocol):
    """The counsellor at the phone, as the rest of the line knows them."""

    async def check_pin(self, pin: str) -> bool: ...

    def standing(self) -> Standing: ...

    async def carry_out(self, wish: Wish) -> Standing:
        """Do as wished; returns what is true once the floor has taken it in."""


async def converse(channel: Channel, wish: Wish, place: Place) -> None:
    """From the answer to what is now true; the dialplan hangs up afterwards.

    Signing in asks for the PIN, three times at most. Raises HungUp and SessionLost.
    """
    if wish is Wish.SIGN_IN and not await _knows_pin(channel, place):
        await channel.play((_PIN_REFUSED,))
        return
    standing = place.standing()
    # Who is off duty has nothing to rest from and nothing to come back to.
    if wish in (Wish.SIGN_IN, Wish.SIGN_OUT) or standing in (Standing.ON_DUTY, Standing.ON_BREAK):
        standing = await place.carry_out(wish)
    await channel.play((_SAID[standing],))


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
