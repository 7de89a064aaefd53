"""What a counsellor's own device may dial: an echo, and signing in and out.

600 is the echo, to try microphone and headset. *1 (or 111) signs in, *2 begins a break, *3 ends it,
*0 signs out; *4 begins a break after this call, *5 asks for one, *6 lengthens a wrap-up, *7 ends
it. A digit after *2 and *4 says why. Whose device it is says the endpoint that Asterisk
authenticated.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.dialplan.desk import Wish
from ivr.floor_acts import PauseReason

NOT_NOW_PROMPT = "desk-try-again"
REASON_KEYS = {
    "1": PauseReason.BREAK,
    "2": PauseReason.MEAL,
    "3": PauseReason.TRAINING,
    "4": PauseReason.ADMINISTRATION,
    "5": PauseReason.OTHER,
}


@dataclass(frozen=True, slots=True)
class Dialled:
    """What a number of [desk] stands for."""

    wish: Wish
    reason: PauseReason = PauseReason.BREAK


def _with_reasons(number: str, wish: Wish) -> Iterator[tuple[str, Dialled]]:
    yield number, Dialled(wish)
    for key, reason in REASON_KEYS.items():
        yield number + key, Dialled(wish, reason)


DIALLED: dict[str, Dialled] = {
    "*1": Dialled(Wish.SIGN_IN),
    "111": Dialled(Wish.SIGN_IN),  # where a phone keeps * to itself
    **dict(_with_reasons("*2", Wish.PAUSE)),
    "*3": Dialled(Wish.RESUME),
    **dict(_with_reasons("*4", Wish.PAUSE_AFTER_CALL)),
    "*5": Dialled(Wish.ASK_FOR_BREAK),
    "*6": Dialled(Wish.EXTEND_WRAP_UP),
    "*7": Dialled(Wish.END_WRAP_UP),
    "*0": Dialled(Wish.SIGN_OUT),
}
_PICKED_UP_S = 0.5  # from the phone's own click to the ear


def desk_rows(agi: str) -> list[str]:
    """The contexts [desk] and [desk-wish]; `agi` is the address without a script."""
    rows = ["", "[desk]", "exten => 600,1,Set(CDR_PROP(disable)=1)"]
    rows += [f" same => n,{step}" for step in ("Answer()", "Echo()", "Hangup()")]
    for number, dialled in DIALLED.items():
        rows += [
            f"exten => {number},1,Set(IVR_WISH={dialled.wish})",
            f" same => n,Set(IVR_REASON={dialled.reason})",
            " same => n,Goto(desk-wish,s,1)",
        ]
    first, *rest = _wish(agi)
    return [
        *rows,
        "",
        "[desk-wish]",
        f"exten => s,1,{first}",
        *(f" same => n,{step}" for step in rest),
    ]


def _wish(agi: str) -> list[str]:
    return [
        "Set(CDR_PROP(disable)=1)",
        "Answer()",
        f"Wait({_PICKED_UP_S})",
        f"AGI({agi}/desk,wish=${{IVR_WISH}},reason=${{IVR_REASON}},device=${{CHANNEL(endpoint)}})",
        # No controller, or one that could not do it: nothing has changed.
        f'ExecIf($["${{IVR_DONE}}" != "1"]?Playback(ivr/{NOT_NOW_PROMPT}))',
        "Hangup()",
    ]
