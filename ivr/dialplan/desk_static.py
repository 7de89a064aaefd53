"""What a counsellor's own device may dial: an echo, and signing in and out.

600 is the echo, to try microphone and headset. *1 (or 111) signs in, *2 begins a break, *3 ends it,
*0 signs out. Whose device it is says the endpoint that Asterisk authenticated.
"""

from ivr.dialplan.desk import Wish

NOT_NOW_PROMPT = "desk-try-again"
DIALLED = {
    "*1": Wish.SIGN_IN,
    "111": Wish.SIGN_IN,  # where a phone keeps * to itself
    "*2": Wish.PAUSE,
    "*3": Wish.RESUME,
    "*0": Wish.SIGN_OUT,
}
_PICKED_UP_S = 0.5  # from the phone's own click to the ear


def desk_rows(agi: str) -> list[str]:
    """The contexts [desk] and [desk-wish]; `agi` is the address without a script."""
    rows = ["", "[desk]", "exten => 600,1,Set(CDR_PROP(disable)=1)"]
    rows += [f" same => n,{step}" for step in ("Answer()", "Echo()", "Hangup()")]
    for number, wish in DIALLED.items():
        rows += [f"exten => {number},1,Set(IVR_WISH={wish})", " same => n,Goto(desk-wish,s,1)"]
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
        f"AGI({agi}/desk,wish=${{IVR_WISH}},device=${{CHANNEL(endpoint)}})",
        # No controller, or one that could not do it: nothing has changed.
        f'ExecIf($["${{IVR_DONE}}" != "1"]?Playback(ivr/{NOT_NOW_PROMPT}))',
        "Hangup()",
    ]
