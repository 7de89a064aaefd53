"""Whether an old sealing key may be forgotten: nothing that is sealed with it may be left."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ivr.errors import BadInput
from ivr.store.resealing import Resealing
from ivr.store.store import Store

# A running line may hold records for longer than the database is away, as they were sealed.
FORGOTTEN_AFTER: Final = timedelta(days=1)


async def check_not_needed(store: Store, key: str, *, since_at: datetime, now: datetime) -> None:
    """`since_at`: since when another one seals. Raises BadInput that says why it is needed."""
    if now - since_at < FORGOTTEN_AFTER:
        hours = round(FORGOTTEN_AFTER.total_seconds() / 3600)
        raise _needed(key, f"the key of now is younger than {hours} hours")
    work = Resealing(store)
    found = await work.state([key])
    rows = sum(number for (_, named), number in found.items() if named == key)
    if rows:
        raise _needed(key, f"{rows} rows are sealed with it; run `ivr store key rotate`")
    under_way = await work.open_since_before(since_at)
    if under_way:
        raise _needed(key, f"calls go on that came before the key of now: {', '.join(under_way)}")
    for path in _emergency(store.home, key):
        raise _needed(key, f"{path} has not been brought into the database, and is sealed with it")


def _emergency(home: Path, key: str) -> list[Path]:
    """Records that the database could not take (`ivr.store.emergency`)."""
    said = f'ciphertext": "{key}.'.encode()
    files = sorted((home / "emergency").glob("*.jsonl"))
    return [path for path in files if said in path.read_bytes()]


def _needed(key: str, why: str) -> BadInput:
    return BadInput(f"Key {key} is still needed: {why}. Nothing was changed.")
