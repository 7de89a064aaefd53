"""Which counsellor's phone each caller of a load talked to.

Asterisk tells it afterwards, by a record of calls that only the benchmark's copy writes. By their
order alone it can be guessed while the load goes on: where a machine stands still for a moment,
the calls that it had before it are put through all at once, and in no order.
"""

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.bench.calls_traces import CallSeen, LegSeen, Talk

RECORDS_FILE = "bench-calls.csv"
RECORDS = f"""[{RECORDS_FILE}]
format = dsv
quoting_method = all
fields = src,dstchannel
"""
_CHANNEL = re.compile(r"PJSIP/(.+)-([0-9a-f]{8,})")


@dataclass(frozen=True, slots=True)
class Record:
    """A caller's number, and the channel of a counsellor that was called for them."""

    caller: str
    device: str
    channel: int  # Asterisk counts them


def read_records(path: Path) -> list[Record]:
    """In the order of the counsellors' channels; none where nobody has called yet."""
    text = path.read_text() if path.exists() else ""
    found = []
    for caller, channel in csv.reader(text.splitlines()):
        if match := _CHANNEL.fullmatch(channel):
            found.append(Record(caller, match[1], int(match[2], 16)))
    return sorted(found, key=lambda record: record.channel)


def by_record(
    calls: Sequence[CallSeen], legs: Iterable[LegSeen], records: Sequence[Record]
) -> list[Talk]:
    """Every call with its leg, None where no phone that was picked up was called for it.

    A phone may have been picked up for another before, and told that somebody was quicker: of
    those that it rang for while the caller was there the last is the talk. So the last goes first.
    """
    at_device: dict[str, list[LegSeen]] = defaultdict(list)
    for leg in sorted((leg for leg in legs if leg.up_at), key=lambda leg: leg.rung_at):
        at_device[leg.device].append(leg)
    found: dict[str, LegSeen] = {}
    callers = {call.number: call for call in calls}
    for record in reversed(records):
        call, there = callers.get(record.caller), at_device[record.device]
        if call is None or record.caller in found:
            continue
        left_at = call.left_at or math.inf
        own = [leg for leg in there if call.started_at <= leg.rung_at <= left_at]
        if own:
            found[record.caller] = own[-1]
            there.remove(own[-1])
    return [Talk(call, found.get(call.number)) for call in calls]


def by_order(calls: Iterable[CallSeen], legs: Iterable[LegSeen]) -> list[Talk]:
    """As if the n-th call that was answered had the n-th phone that was picked up."""
    begun = sorted(calls, key=lambda call: call.answered_at or float("inf"))
    up = sorted((leg for leg in legs if leg.up_at), key=lambda leg: leg.up_at or 0.0)
    return [Talk(call, up[n] if n < len(up) else None) for n, call in enumerate(begun)]
