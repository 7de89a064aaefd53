"""Passwords and PINs are hashed beside the event loop, one after another.

Each takes 64 MiB and four threads (`passwords.HASHER`): as many at once as people sign in, the
memory of a small machine would be gone, and every core taken from those who talk.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="hashing")


async def hashing(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, or raises, in its turn; whoever is cancelled before takes none."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREAD, partial(work, *args, **kwargs))
