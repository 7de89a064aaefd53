"""Which version of the rules is in force when, and what may be done with one in its state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ivr.errors import BadInput
from ivr.model import ProvinceId
from ivr.versions import (
    Version,
    VersionState,
    check_publishing,
    check_reason,
    check_review,
    check_withdrawal,
    decided_at,
    in_force,
    next_activation_at,
    rollback_target,
    scheduled,
    state_of,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def draft(number: int, **changes: Any) -> Version:
    """A draft of admin sara's, made an hour before noon."""
    values: dict[str, Any] = {
        "province": ProvinceId("markazi"),
        "number": number,
        "version": f"content{number}",
        "note": "",
        "drafted_by": "sara",
        "drafted_at": at(-60),
    }
    return Version(**values | changes)


def published(number: int, minutes: float, start: float | None = None, **changes: Any) -> Version:
    """Published by omid so many minutes after noon, for then or from `start` on."""
    return draft(
        number,
        published_by="omid",
        published_at=at(minutes),
        active_from_at=at(minutes if start is None else start),
        **changes,
    )


def withdrawn(version: Version) -> Version:
    return replace(version, withdrawn_by="omid", withdrawn_at=at(1))


def number_in_force(versions: list[Version], minutes: float) -> int | None:
    found = in_force(versions, at(minutes))
    return found.number if found else None


def test_the_latest_whose_time_has_come_is_in_force() -> None:
    versions = [published(1, 0), published(2, 10, 60), published(3, 20), draft(4)]
    seen = [number_in_force(versions, minutes) for minutes in (-1, 0, 10, 20, 59.9, 60, 999)]
    assert seen == [None, 1, 1, 3, 3, 2, 2]


def test_of_two_for_one_instant_the_one_published_later_counts() -> None:
    versions = [published(3, 5, 60), published(2, 10, 60), published(1, 0)]
    assert number_in_force(versions, 60) == 2
    assert state_of(versions[0], versions, at(61)) is VersionState.SUPERSEDED


def test_what_was_withdrawn_never_comes() -> None:
    versions = [published(1, 0), withdrawn(published(2, 0, 60)), withdrawn(draft(3))]
    assert number_in_force(versions, 100) == 1
    assert next_activation_at(versions, at(0)) is None


def test_states() -> None:
    versions = [
        published(1, 0),
        published(2, 10),
        published(3, 10, 60),
        draft(4),
        withdrawn(draft(5)),
    ]
    assert [state_of(one, versions, at(20)) for one in versions] == [
        VersionState.SUPERSEDED,
        VersionState.IN_FORCE,
        VersionState.SCHEDULED,
        VersionState.DRAFT,
        VersionState.WITHDRAWN,
    ]
    assert state_of(versions[2], versions, at(60)) is VersionState.IN_FORCE


def test_what_is_still_to_come() -> None:
    versions = [published(1, 0), published(2, 0, 90), published(3, 0, 60), draft(4)]
    assert [one.number for one in scheduled(versions, at(1))] == [3, 2]
    assert next_activation_at(versions, at(1)) == at(60)
    assert next_activation_at(versions, at(60)) == at(90)
    assert next_activation_at(versions, at(90)) is None


def test_a_decision_lies_behind_the_last_publishing() -> None:
    versions = [published(1, 0), draft(2)]
    assert decided_at(versions, at(1)) == at(1)
    assert decided_at(versions, at(-1)) > at(0)
    assert decided_at(versions, at(0)) > at(0)
    assert decided_at([draft(2)], at(-1)) == at(-1)


def test_a_wrong_clock_of_yesterday_does_not_put_off_what_is_decided_today() -> None:
    """Else a rollback waits for that hour, and nothing published then could be taken back."""
    ahead = published(2, 24 * 60)
    now = decided_at([published(1, 0), ahead], at(1))
    assert now == at(1)
    check_withdrawal(ahead, now)


def publishing(
    version: Version, by: str = "omid", *, start: float = 0, alone: bool = False
) -> None:
    check_publishing(version, by=by, alone=alone, at=at(0), active_from_at=at(start))


def test_a_second_person_publishes() -> None:
    publishing(draft(1))
    publishing(draft(1), start=60)
    with pytest.raises(BadInput, match="drafted by sara, so somebody else must publish"):
        publishing(draft(1), by="sara")
    publishing(draft(1), by="sara", alone=True)


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (published(1, -10), "already published, by omid"),
        (published(1, -10, 60), "already published, by omid"),
        (withdrawn(draft(1)), "was withdrawn by omid"),
        (withdrawn(published(1, -10, 60)), "was withdrawn by omid"),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_only_a_draft_is_published(version: Version, why: str, alone: bool) -> None:
    with pytest.raises(BadInput, match=why):
        publishing(version, "reza", alone=alone)


def test_nothing_comes_in_force_in_the_past() -> None:
    with pytest.raises(BadInput, match="cannot come in force in the past"):
        publishing(draft(1), start=-1)


@pytest.mark.parametrize("reason", ["", "urgent", "  soon   .", "123456789012345", "!!!!!!!!!!!!"])
def test_a_reason_says_something(reason: str) -> None:
    with pytest.raises(BadInput, match="at least 10 letters"):
        check_reason(reason)


def test_reasons_in_persian_count_as_well() -> None:
    check_reason("هیچ‌کس دیگری در دسترس نبود")
    check_reason("nobody else")


def test_what_may_be_withdrawn() -> None:
    check_withdrawal(draft(1), at(0))
    check_withdrawal(published(1, 0, 60), at(59))
    with pytest.raises(BadInput, match="has come in force already"):
        check_withdrawal(published(1, 0, 60), at(60))
    with pytest.raises(BadInput, match="already withdrawn, by omid"):
        check_withdrawal(withdrawn(draft(1)), at(0))


def test_what_one_person_published_is_reviewed_by_another() -> None:
    alone = published(1, 0, break_glass="nobody else was there")
    assert alone.awaits_review
    check_review(alone, "sara")
    with pytest.raises(BadInput, match="somebody else must review"):
        check_review(alone, "omid")
    with pytest.raises(BadInput, match="nothing to review"):
        check_review(published(1, 0), "sara")
    reviewed = replace(alone, reviewed_by="reza", reviewed_at=at(9))
    assert not reviewed.awaits_review
    with pytest.raises(BadInput, match="already reviewed, by reza"):
        check_review(reviewed, "sara")


def test_a_rollback_goes_to_the_one_before() -> None:
    versions = [published(1, 0), published(2, 10), published(3, 20), published(4, 25, 60), draft(5)]
    assert rollback_target(versions, None, at(30)).number == 2
    assert rollback_target(versions, None, at(60)).number == 3
    assert rollback_target(versions, 1, at(30)).number == 1


def test_a_rollback_passes_over_the_same_content() -> None:
    versions = [published(1, 0), published(2, 10, version="b"), published(3, 20, version="b")]
    assert rollback_target(versions, None, at(30)).number == 1


def test_a_second_rollback_names_its_version() -> None:
    back = published(3, 20, version="content1", restores=1)
    versions = [published(0, -10), published(1, 0), published(2, 10), back]
    with pytest.raises(BadInput, match="itself brought back"):
        rollback_target(versions, None, at(30))
    assert rollback_target(versions, 0, at(30)).number == 0


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (2, "is in force already"),
        (3, "never in force"),  # scheduled
        (4, "never in force"),  # a draft
        (5, "never in force"),  # withdrawn before its time
        (6, "does not exist.*`ivr rules history markazi`"),
        (7, "never in force"),  # another was published for the same instant
    ],
)
def test_what_cannot_be_brought_back(number: int, why: str) -> None:
    versions = [
        published(7, -20, 0),
        published(1, 0),
        published(2, 10),
        published(3, 10, 60),
        draft(4),
        withdrawn(published(5, 10, 60)),
    ]
    with pytest.raises(BadInput, match=why):
        rollback_target(versions, number, at(30))


def test_there_may_be_nothing_to_go_back_to() -> None:
    with pytest.raises(BadInput, match="No version is in force"):
        rollback_target([draft(1)], None, at(0))
    with pytest.raises(BadInput, match="nothing before version 1 of markazi"):
        rollback_target([published(1, 0)], None, at(1))
