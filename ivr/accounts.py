"""What becomes of accounts: what no change may lead to, and how a change is told in the trail."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ivr.calendar import plain_minute
from ivr.errors import BadInput
from ivr.model import CounsellorId, ProvinceId
from ivr.people import Grant, Person, Role, claims, problems_of, province_of
from ivr.rules.findings import field_name
from ivr.rules.wording import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGlass:
    """Somebody was made admin in need and nobody else has looked at it yet.

    `seq` is the entry of the audit trail, `by` who did it: the person, or the machine's owner.
    """

    seq: int
    person: CounsellorId
    by: str
    at: datetime
    reason: str

    def holds(self, people: Iterable[Person], at: datetime) -> datetime | None:
        """Until when the role given then counts at `at`; None where it is over or taken back."""
        grants = (grant for person in people if person.id == self.person for grant in person.grants)
        ends = [grant.until_at for grant in grants if grant.until_at and grant.role is Role.ADMIN]
        return max((end for end in ends if end > at), default=None)


def check_account_review(
    broken: BrokenGlass, people: Iterable[Person], by: str, at: datetime
) -> None:
    """Raise BadInput unless somebody else reviews it, when the role is over."""
    if by in {broken.person, broken.by}:
        raise BadInput(
            f"{broken.person} was made admin in need by {broken.by}, so somebody else must review "
            "it."
        )
    until_at = broken.holds(people, at)
    if until_at is not None:
        raise BadInput(
            f"{broken.person} is still admin, until {plain_minute(until_at)} in Tehran; review it "
            "when that is over, or take the role back first "
            f"(`ivr people change {broken.person} --drop-grant admin@PROVINCE`)."
        )


@dataclass(frozen=True, slots=True)
class AccountChange:
    """An account before and after; `before` is None where there was none."""

    before: Person | None
    after: Person


def account(values: Mapping[str, object]) -> Person:
    """A person of these values as somebody typed them; raises BadInput that lists all mistakes."""
    try:
        return Person.model_validate(values)
    except ValidationError as error:
        lines = (
            f"{field_name(item['loc'])}: {sentence(item, Person)}"
            for item in error.errors(include_url=False)
        )
        raise _refused(values.get("id"), lines) from None


def judge(known: Mapping[CounsellorId, Person], changes: Iterable[AccountChange]) -> None:
    """Raise BadInput where the accounts would not be fit for use after these changes."""
    after = dict(known)
    for change in changes:
        person = change.after
        problems = [f"{field_name(item.path)}: {item.message}" for item in problems_of(person)]
        if problems:
            raise _refused(person.id, problems)
        after[person.id] = person
    _judge_claims(after.values())
    if _somebody_manages_all(known.values()) and not _somebody_manages_all(after.values()):
        raise BadInput(
            "Nobody would be left who manages everything, and no right could ever be given again; "
            "nothing was changed. Make somebody else an admin of everything first "
            "(`ivr people change ID --add-grant admin@all`)."
        )


def _judge_claims(people: Iterable[Person]) -> None:
    owners: dict[tuple[str, str], CounsellorId] = {}
    for person in people:
        for _, claim in claims(person):
            owner = owners.setdefault(claim, person.id)
            if owner != person.id:
                raise BadInput(
                    f"{person.id}: device {claim[1]!r} belongs to {owner} already: calls meant for "
                    f"one would ring another. Give it an id of its own, or take it from {owner} "
                    f"first (`ivr people change {owner} --drop-device {claim[1]}`)."
                )


def _somebody_manages_all(people: Iterable[Person]) -> bool:
    everything = Grant(role=Role.ADMIN)
    return any(person.enabled and everything in person.grants for person in people)


def _refused(name: object, problems: Iterable[str]) -> BadInput:
    lines = "\n  ".join(problems)
    return BadInput(f"{name}: this account cannot be used, and nothing was changed:\n  {lines}")


def told_as(change: AccountChange) -> dict[str, Any]:
    """What the audit trail says of a change: the fields that differ; telephones without number."""
    after = shown(change.after)
    if change.before is None:
        return {"after": after}
    before = shown(change.before)
    changed = [
        name
        for name in Person.model_fields
        if getattr(change.before, name) != getattr(change.after, name)
    ]
    return {
        "before": {name: before[name] for name in changed},
        "after": {name: after[name] for name in changed},
    }


def shown(person: Person) -> dict[str, Any]:
    """A person as plain JSON; of a telephone's number only the last two digits."""
    values = person.model_dump(mode="json")
    for device in values["devices"]:
        if device["number"] is not None:
            device["number"] = f"…{device['number'][-2:]}"
    return values


def provinces_of(person: Person) -> Iterator[ProvinceId | None]:
    """The provinces that an account belongs to; None for one that belongs to all, or to none."""
    found = [grant.province for grant in person.grants]
    found += [province_of(desk) for desk in person.desks]
    yield from dict.fromkeys(found or [None])


def home_province(person: Person) -> ProvinceId | None:
    """The one province that an account belongs to; None where there are several."""
    found = tuple(provinces_of(person))
    return found[0] if len(found) == 1 else None
