"""Versions of a province's rules: which is in force at an instant, and what may be done with one.

A version's content never changes. It is drafted, then published (in force from an instant on) or
withdrawn. What is in force is derived from that, never written down, so that the hour of a
scheduled version needs nobody to be awake.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.calendar import plain_minute
from ivr.errors import BadInput, StoreError
from ivr.model import ProvinceId
from ivr.rules.counties import gazetteer
from ivr.rules.judging import did_you_mean
from ivr.rules.schema import ProvinceRules

LEAST_REASON_LETTERS = 10  # of breaking the glass: a word says nothing to whoever reviews it
_TICK = timedelta(microseconds=1)
# How much later than by our clock somebody else may have decided just before us; what is dated
# later still was dated by a wrong clock, and nobody waits until that hour to put it right.
_MEANWHILE = timedelta(minutes=1)


class VersionState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"  # published, and its time has not come
    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"  # was in force, or another was published for the same instant
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What is known of one version apart from its content.

    `number` counts up within the province, `version` is of the content (`ProvinceRules.version`).
    `base` is the number that was in force when it was drafted.
    `restores` is the number of the earlier version whose content was brought back; `break_glass`
    is the reason why one person alone published.
    """

    province: ProvinceId
    number: int
    version: str
    note: str
    drafted_by: str
    drafted_at: datetime
    base: int | None = None
    published_by: str | None = None
    published_at: datetime | None = None
    active_from_at: datetime | None = None
    restores: int | None = None
    break_glass: str | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None

    @property
    def name(self) -> str:
        return f"version {self.number} of {self.province}"

    @property
    def is_published(self) -> bool:
        return self.active_from_at is not None and self.withdrawn_at is None

    @property
    def awaits_review(self) -> bool:
        return self.is_published and self.break_glass is not None and self.reviewed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion(Version):
    """A version with its content."""

    rules: ProvinceRules


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesInForce:
    """What every province goes by at one instant.

    `unreadable` says of which provinces the version in force cannot be read by this code, and why.
    """

    versions: Mapping[ProvinceId, StoredVersion]
    unreadable: Mapping[ProvinceId, StoreError]


def in_force(versions: Iterable[Version], at: datetime) -> Version | None:
    """The one of a province's versions that counts at `at`; None before the first."""
    reigning = _succession(versions, at)
    return reigning[-1] if reigning else None


def state_of(version: Version, versions: Iterable[Version], at: datetime) -> VersionState:
    """The state at `at`, among all versions of the province."""
    if version.withdrawn_at is not None:
        return VersionState.WITHDRAWN
    if version.active_from_at is None:
        return VersionState.DRAFT
    if version.active_from_at > at:
        return VersionState.SCHEDULED
    now = in_force(versions, at)
    mine = now is not None and now.number == version.number
    return VersionState.IN_FORCE if mine else VersionState.SUPERSEDED


def scheduled(versions: Iterable[Version], at: datetime) -> tuple[Version, ...]:
    """Those whose time is still to come, the next one first."""
    return tuple(item for item in _in_order(versions) if _starts(item) > at)


def next_activation_at(versions: Iterable[Version], after: datetime) -> datetime | None:
    """The first instant after `after` at which another version comes in force."""
    return min((_starts(item) for item in scheduled(versions, after)), default=None)


def decided_at(versions: Iterable[Version], at: datetime) -> datetime:
    """`at`, moved behind the last publishing.

    Somebody else's decision may have been written after we had read our clock: what comes after
    another must not look as if it had been there before.
    """
    published = (item.published_at for item in versions if item.published_at)
    last = max((then for then in published if then <= at + _MEANWHILE), default=None)
    return at if last is None or at > last else last + _TICK


def check_publishing(
    version: Version, *, by: str, alone: bool, at: datetime, active_from_at: datetime
) -> None:
    """Raise BadInput where this person may not publish this version for that instant.

    `alone`: with broken glass, which needs no second person.
    """
    _check_open(version)
    if not alone and by == version.drafted_by:
        raise BadInput(
            f"{version.name} was drafted by {by}, so somebody else must publish it. In an "
            "emergency write --break-glass and --reason; it is reviewed afterwards."
        )
    if active_from_at < at:
        raise BadInput(
            f"{version.name} cannot come in force in the past ({plain_minute(active_from_at)} in "
            "Tehran). Name an instant that is still to come, or leave --at out for now."
        )


def check_base(version: Version, present: Version | None, over: int | None) -> None:
    """Raise BadInput where publishing would undo what was published since it was drafted.

    `present` is what it would replace, `over` the number whose undoing the publisher has named.
    """
    if present is None or present.number in {version.base, over}:
        return
    raise BadInput(
        f"{version.name} was drafted when version {version.base} was in force; meanwhile "
        f"{present.name} came in force, and this would undo what it changed. Look at `ivr rules "
        f"diff {version.province} {present.number} {version.number}`; draft it anew from there, or "
        f"publish it all the same with --over {present.number}."
    )


def _check_open(version: Version) -> None:
    if version.withdrawn_at is not None:
        raise BadInput(
            f"{version.name} was withdrawn by {version.withdrawn_by}. Draft it anew if need be."
        )
    if version.active_from_at is not None:
        raise BadInput(
            f"{version.name} is already published, by {version.published_by}. Nothing was changed."
        )


def check_reason(reason: str) -> None:
    """Raise BadInput where the reason for breaking the glass says too little."""
    if sum(letter.isalpha() for letter in reason) < LEAST_REASON_LETTERS:
        raise BadInput(
            "--reason: say in a sentence why nobody else could publish "
            f"(at least {LEAST_REASON_LETTERS} letters); whoever reviews it reads this."
        )


def check_withdrawal(version: Version, at: datetime) -> None:
    """Raise BadInput unless it is a draft, or a publishing whose time has not come."""
    if version.withdrawn_at is not None:
        raise BadInput(f"{version.name} is already withdrawn, by {version.withdrawn_by}.")
    if version.active_from_at is not None and version.active_from_at <= at:
        raise BadInput(
            f"{version.name} has come in force already, so it cannot be withdrawn. "
            f"`ivr rules rollback {version.province}` brings the one before it back."
        )


def check_review(version: Version, by: str) -> None:
    """Raise BadInput unless somebody else reviews what one person alone has published."""
    if version.break_glass is None or not version.is_published:
        raise BadInput(f"{version.name} was not published with broken glass: nothing to review.")
    if version.reviewed_at is not None:
        raise BadInput(f"{version.name} is already reviewed, by {version.reviewed_by}.")
    if by == version.published_by:
        raise BadInput(
            f"{version.name} was published by {by} alone, so somebody else must review it."
        )


def check_province(province: ProvinceId) -> None:
    """Raises BadInput for what is no province."""
    known = gazetteer().provinces
    if province not in known:
        raise BadInput(f"There is no province {province!r}. {did_you_mean(province, known)}")


def no_version(province: ProvinceId, number: int) -> BadInput:
    """What somebody is told who named a version that is not there; of no province it raises."""
    check_province(province)
    return BadInput(
        f"There is no version {number} of {province}; `ivr rules history {province}` shows all."
    )


def rollback_target(versions: Sequence[Version], number: int | None, at: datetime) -> Version:
    """The earlier version to bring back: the one named, else the one in force before.

    Raises BadInput where there is none, where it never was in force, where it would change
    nothing, and where what is in force was itself brought back and none is named: a second
    rollback, by somebody who has not seen the first, would go back too far.
    """
    reigning = _succession(versions, at)
    if not reigning:
        raise BadInput("No version is in force, so there is nothing to go back from.")
    now = reigning[-1]
    target = _before(reigning) if number is None else _named(versions, reigning, number)
    if target.version == now.version:
        raise BadInput(
            f"What {target.name} says is in force already (as version {now.number}). Nothing was "
            "changed."
        )
    return target


def _before(reigning: Sequence[Version]) -> Version:
    now = reigning[-1]
    if now.restores is not None:
        raise BadInput(
            f"{now.name}, which is in force, was itself brought back (from version {now.restores}, "
            f"by {now.published_by}). To go further back, name the version: --to NUMBER."
        )
    others = [item for item in reigning if item.version != now.version]
    if not others:
        raise BadInput(f"There is nothing before {now.name} to go back to.")
    return others[-1]


def _named(versions: Iterable[Version], reigning: Sequence[Version], number: int) -> Version:
    found = next((item for item in reigning if item.number == number), None)
    if found is None:
        known = any(item.number == number for item in versions)
        what = "was never in force" if known else "does not exist"
        raise BadInput(
            f"--to {number}: this version {what}, so it cannot be brought back. "
            f"`ivr rules history {reigning[0].province}` shows all."
        )
    return found


def _succession(versions: Iterable[Version], at: datetime) -> list[Version]:
    """Those that are or were in force until `at`, in order.

    Of several for one instant, the one published last counts.
    """
    started = [item for item in _in_order(versions) if _starts(item) <= at]
    return list({_starts(item): item for item in started}.values())


def _in_order(versions: Iterable[Version]) -> list[Version]:
    published = [item for item in versions if item.is_published]
    return sorted(published, key=lambda item: (_starts(item), item.published_at, item.number))


def _starts(version: Version) -> datetime:
    assert version.active_from_at is not None
    return version.active_from_at
