"""Asterisk's own records of calls (CDR): lines of `ivr-calls.csv`, merged into one a call.

Columns, without a header (deploy/asterisk/line/cdr_custom.conf.j2 writes them):

    linkedid, start, answer, end (Unix seconds with fraction), duration, billsec (whole seconds),
    disposition, dstchannel, ivr_province, ivr_line, ivr_county, ivr_category, ivr_joined_at,
    ivr_phase, ivr_connected_at, ivr_county_source (missing in lines of before it was kept)

The `ivr_` ones are empty where the static queue never had the caller. Asterisk 22 writes all lines
of a call together when the caller's channel ends: one for each counsellor who was rung, and one
more for what the caller heard after a talk that the counsellor ended (measured).
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

COLUMNS = (15, 16)
_ID = re.compile(r"[A-Za-z0-9._-]{1,80}")
_OPTIONAL_ID = re.compile(r"[A-Za-z0-9._-]{0,80}")
# PJSIP/<device>-<8 hex digits>, of a telephone Local/<device>@fallback-telephone-<8>;1
_CHANNEL = re.compile(r"(?:[A-Za-z]+/([^/,\s@]+)(?:@[a-z-]+)?-[0-9a-f]{8,}(?:;[12])?)?")


class BadLine(ValueError):
    """A line that is not ours; the message names the column, never what stands in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrLine:
    """One line; empty texts and None where Asterisk knew nothing. `device` was rung."""

    call: str
    started_at: datetime
    ended_at: datetime
    answered: bool
    device: str
    province: str
    line: str
    county: str
    category: str
    joined_at: datetime | None
    phase: str
    connected_at: datetime | None
    county_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrCall:
    """All lines of one call as one. `in_fallback`: the static queue had the caller."""

    call: str
    arrived_at: datetime
    ended_at: datetime
    province: str
    line: str
    county: str
    county_source: str
    category: str
    joined_at: datetime | None
    in_fallback: bool
    connected_at: datetime | None
    talk_ended_at: datetime | None
    device: str


def parse_line(text: str) -> CdrLine:
    """One line of the file; raises BadLine."""
    try:
        (fields,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise BadLine("it is not one line of comma-separated values") from None
    if len(fields) not in COLUMNS:
        raise BadLine(f"it has {len(fields)} columns, not {COLUMNS[-1]}")
    channel = _CHANNEL.fullmatch(fields[7])
    if channel is None:
        raise BadLine("dstchannel is not a channel")
    for name, number in (("duration", fields[4]), ("billsec", fields[5])):
        if not number.isdecimal():
            raise BadLine(f"{name} is not a whole number")
    return CdrLine(
        call=_text("linkedid", fields[0], _ID),
        started_at=_instant("start", fields[1]),
        ended_at=_instant("end", fields[3]),
        answered=fields[6] == "ANSWERED",
        device=channel[1] or "",
        province=_text("ivr_province", fields[8]),
        line=_text("ivr_line", fields[9]),
        county=_text("ivr_county", fields[10]),
        category=_text("ivr_category", fields[11]),
        joined_at=_instant("ivr_joined_at", fields[12]) if fields[12] else None,
        phase=_text("ivr_phase", fields[13]),
        connected_at=_instant("ivr_connected_at", fields[14]) if fields[14] else None,
        county_source=_text("ivr_county_source", "".join(fields[15:])),
    )


def merge(lines: Iterable[CdrLine]) -> list[CdrCall]:
    """One for each call, in the order in which they first appear."""
    groups: dict[str, list[CdrLine]] = {}
    for line in lines:
        groups.setdefault(line.call, []).append(line)
    return [_merge_one(group) for group in groups.values()]


def _merge_one(lines: list[CdrLine]) -> CdrCall:
    lines = sorted(lines, key=lambda line: line.started_at)
    # A telephone that was picked up, but did not accept, has answered too.
    talks = (line for line in lines if line.answered and line.device and line.connected_at)
    talk = next(talks, None)
    connected = [line.connected_at for line in lines if line.connected_at]
    joined = [line.joined_at for line in lines if line.joined_at]
    known = next((line for line in lines if line.province), lines[0])
    return CdrCall(
        call=known.call,
        arrived_at=lines[0].started_at,
        ended_at=max(line.ended_at for line in lines),
        province=known.province,
        line=known.line,
        county=known.county.removeprefix("-"),  # "-": asked and unknown
        county_source=known.county_source,
        category=known.category,
        joined_at=min(joined, default=None),
        in_fallback=any(line.phase == "fallback" for line in lines),
        connected_at=min(connected, default=None),
        talk_ended_at=talk.ended_at if talk else None,
        device=talk.device if talk else "",
    )


def _text(name: str, text: str, pattern: re.Pattern[str] = _OPTIONAL_ID) -> str:
    if not pattern.fullmatch(text):
        raise BadLine(f"{name} is not an id")
    return text


def _instant(name: str, text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise BadLine(f"{name} is not in Unix seconds") from None
