"""Python's collector of cyclic garbage, kept from holding up the line.

A full collection looks at every object. Of those that a start leaves there are some hundred
thousand, and with a thousand callers in line one took 0.3 to 0.8 s, in which no phone was rung
(measured). So what is there at the start is never looked at again, and full collections are made
by us, while nobody waits.
"""

import asyncio
import gc
from collections.abc import Callable

# Young objects are collected often and in small portions, which takes about a millisecond.
_YOUNG, _PORTIONS, _NEVER = 2_000, 10, 1_000_000
TIDY_EVERY_S = 60.0
PUT_OFF_AT_MOST = 4  # then it is done whoever waits: memory must not grow without end


def settle() -> None:
    """Call once, when all that stays has been loaded and before the first call."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _PORTIONS, _NEVER)


async def tidy(somebody_waits: Callable[[], bool]) -> None:
    """Collect all garbage once a minute while nobody waits, every fifth minute anyway."""
    put_off = 0
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        if somebody_waits() and put_off < PUT_OFF_AT_MOST:
            put_off += 1
        else:
            put_off = 0
            gc.collect()
