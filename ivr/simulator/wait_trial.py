"""What callers of a simulated day were told of their wait, beside how long they then waited.

The day's journal is played again through a new floor; beside it stands what Asterisk's app_queue
would have said at the same moments: its mean wait plus 30 s less what the caller had waited,
without the sign, in whole minutes (app_queue.c: say_position, recalc_holdtime).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ivr import effects as do
from ivr.events import Event
from ivr.expected_wait import seconds_of
from ivr.model import CallId, Lane, ProvinceId, WaitWords
from ivr.model.record import CallRecord
from ivr.queues import Floor

Journal = Iterable[tuple[Event, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One expected wait that one caller was told, in seconds; `waited_s` is what then came.

    Who left before the said time was over does not tell: None.
    """

    call: CallId
    at: datetime
    said_s: float
    waited_s: float | None

    @property
    def enough(self) -> bool:
        return self.waited_s is not None and self.waited_s <= self.said_s


@dataclass(slots=True)
class WaitTrial:
    """Of one or several days: what we said, what app_queue would have said, to how many callers."""

    callers: int = 0  # who waited until there was something to say, danger and silence left out
    told: int = 0  # a wait
    longer: int = 0  # that it takes longer
    rises: int = 0  # of what one caller was told
    app_queue_rises: int = 0
    ours: list[Said] = field(default_factory=list)
    app_queue: list[Said] = field(default_factory=list)

    def add(self, other: "WaitTrial") -> None:
        self.callers += other.callers
        self.told += other.told
        self.longer += other.longer
        self.rises += other.rises
        self.app_queue_rises += other.app_queue_rises
        self.ours += other.ours
        self.app_queue += other.app_queue


def judged(said: Sequence[Said]) -> list[Said]:
    """Those of which it is known whether they were enough."""
    return [one for one in said if one.waited_s is not None]


def share_enough(said: Sequence[Said]) -> float:
    known = judged(said)
    return sum(one.enough for one in known) / len(known) if known else 1.0


def rises(said: Sequence[Said]) -> int:
    """How often a caller was told a later end than the time before, by more than a second."""
    ends: dict[CallId, float] = {}
    count = 0
    for one in said:
        end = one.at.timestamp() + one.said_s
        count += end > ends.get(one.call, end) + 1
        ends[one.call] = end
    return count


def trial_of(journal: Journal, floor: Floor) -> WaitTrial:
    """Play the journal of a whole day through a new floor of the same limits."""
    notes, records = _played(journal, floor)
    trial, means = WaitTrial(), _MeanWaits(records.values())
    told: set[CallId] = set()
    for at, effect in notes:
        record, note = records[effect.call], effect.note
        if record.facts is None or record.facts.lane is not Lane.ORDINARY or _talked(record, at):
            continue
        told.add(effect.call)
        trial.longer += note.words is WaitWords.TAKING_LONGER
        if note.minutes is not None:
            trial.ours.append(_said(record, at, seconds_of(note.minutes)))
        if (app_queue_s := means.said_s(record, at)) is not None:
            trial.app_queue.append(_said(record, at, app_queue_s))
    trial.callers, trial.told = len(told), len({one.call for one in trial.ours})
    trial.rises, trial.app_queue_rises = rises(trial.ours), rises(trial.app_queue)
    return trial


def _talked(record: CallRecord, at: datetime) -> bool:
    """Whoever is back in line: the record has the first connect alone."""
    return record.connected_at is not None and record.connected_at < at


def _played(
    journal: Journal, floor: Floor
) -> tuple[list[tuple[datetime, do.Announce]], dict[CallId, CallRecord]]:
    notes: list[tuple[datetime, do.Announce]] = []
    records: dict[CallId, CallRecord] = {}
    for event, at in journal:
        for effect in floor.decide(event, at):
            if isinstance(effect, do.Announce):
                notes.append((at, effect))
            elif isinstance(effect, do.SaveCall):
                records[effect.record.call] = effect.record
    return notes, records


def _said(record: CallRecord, at: datetime, said_s: float) -> Said:
    connected_at, left_at = record.connected_at, record.ended_at
    waited_s: float | None = None
    if connected_at is not None:
        waited_s = (connected_at - at).total_seconds()
    elif left_at is not None and (left_at - at).total_seconds() > said_s:
        waited_s = (left_at - at).total_seconds()
    return Said(call=record.call, at=at, said_s=said_s, waited_s=waited_s)


class _MeanWaits:
    """app_queue's holdtime of one queue for each province: three parts old, one part new."""

    def __init__(self, records: Iterable[CallRecord]) -> None:
        waits = sorted(
            (one.connected_at, one.province, (one.connected_at - one.joined_at).total_seconds())
            for one in records
            if one.connected_at is not None and one.joined_at is not None
        )
        self._steps: dict[ProvinceId, list[tuple[datetime, int]]] = {}
        for at, province, waited_s in waits:
            steps = self._steps.setdefault(province, [])
            old = steps[-1][1] if steps else 0
            steps.append((at, (3 * old + int(waited_s)) // 4))

    def said_s(self, record: CallRecord, at: datetime) -> float | None:
        """None where it says nothing, below a minute."""
        steps = self._steps.get(record.province, [])
        holdtime = next((mean for since, mean in reversed(steps) if since <= at), 0)
        assert record.joined_at is not None, "who is told something has joined"
        waited = int((at - record.joined_at).total_seconds())
        minutes = abs(holdtime + 30 - waited) // 60
        return 60.0 * minutes if minutes >= 1 else None
