"""Callers as people of whom we know a pseudonym: who is the same, and what of them may be seen.

Links between pseudonyms form a forest: two that are one caller already are never linked again, so
undoing one link parts exactly the two sides that it had joined.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ivr.errors import BadInput
from ivr.model import CallId, CountyId, DeskId, ProvinceId
from ivr.people import Person, Role, province_of
from ivr.rights import Action, in_force, may

REASON_LETTERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerLink:
    """Two pseudonyms that somebody said are one person; undone where `undone_at` is set."""

    id: int
    pseudonym: str
    into: str
    reason: str
    by: str
    at: datetime
    undone_by: str | None = None
    undone_at: datetime | None = None


class Sight(StrEnum):
    """How much of an earlier contact somebody may see."""

    FULL = "full"
    BRIEF = "brief"  # that there was one, when, and whether in danger or in silence
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactForm:
    """What was recorded of a contact, in short; `outcomes` are `ivr.outcomes.OutcomeId`s."""

    relation: str
    category: str | None
    risk: str | None
    outcomes: tuple[str, ...]
    note: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactTrip:
    """A mobile team's trip; `went_at` is None where it was never sent."""

    team: str
    went_at: datetime | None
    result: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFollowUp:
    kind: str  # follow_up, expected_back
    due_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An earlier call of a caller; of one seen in brief only the first four fields tell."""

    arrived_at: datetime
    danger: bool
    silence: bool
    sight: Sight
    call: CallId | None = None
    province: ProvinceId | None = None
    county: CountyId | None = None
    desk: DeskId | None = None
    category: str | None = None
    end: str | None = None
    form: ContactForm | None = None
    trips: tuple[ContactTrip, ...] = ()
    follow_ups: tuple[ContactFollowUp, ...] = ()


def sight(person: Person, province: ProvinceId, now: datetime) -> Sight:
    """How much this person may see of a contact of that province.

    Whoever sits at a desk of the province, or has a right over it, sees all; at other provinces'
    desks, and their supervisors, learn that there was one. Admins and auditors see where their
    grants reach and nothing elsewhere, managers nothing.
    """
    if may(person, Action.CALLER_HISTORY, province=province, now=now):
        return Sight.FULL
    desks = {*person.desks, *(grant.desk for grant in person.grants)} - {None}
    at_home = (desk for desk in desks if desk is not None and province_of(desk) == province)
    if any(may(person, Action.CALLER_HISTORY, desk=desk, now=now) for desk in at_home):
        return Sight.FULL
    return Sight.BRIEF if _answers(person, now) else Sight.NOTHING


def _answers(person: Person, now: datetime) -> bool:
    roles = {grant.role for grant in person.grants if in_force(grant, now)}
    return person.enabled and bool(person.desks or roles & {Role.COUNSELLOR, Role.SUPERVISOR})


def shown(contact: Contact, how: Sight) -> Contact | None:
    """The contact as far as it may be seen; None where not even that there was one."""
    if how is Sight.NOTHING:
        return None
    if how is Sight.FULL:
        return replace(contact, sight=how)
    return Contact(
        arrived_at=contact.arrived_at,
        danger=contact.danger,
        silence=contact.silence,
        sight=how,
    )


def same_caller(links: Iterable[CallerLink], *pseudonyms: str) -> frozenset[str]:
    """All pseudonyms of the same callers as these, themselves among them."""
    root_of = _roots(link for link in links if link.undone_at is None)
    wanted = {_root(root_of, one) for one in pseudonyms}
    return frozenset(one for one in {*root_of, *pseudonyms} if _root(root_of, one) in wanted)


def check_merge(links: Iterable[CallerLink], pseudonym: str, into: str) -> None:
    """Raises BadInput where the two are one caller already."""
    if into in same_caller(links, pseudonym):
        raise BadInput(
            f"{pseudonym} and {into} are one caller already; nothing was changed. `ivr callers "
            f"links {pseudonym}` shows why."
        )


def _roots(links: Iterable[CallerLink]) -> dict[str, str]:
    """Each linked pseudonym to one nearer its tree's root; a root leads to itself."""
    root_of: dict[str, str] = {}
    for link in links:
        root_of[_root(root_of, link.pseudonym)] = _root(root_of, link.into)
        root_of.setdefault(link.pseudonym, link.pseudonym)
        root_of.setdefault(link.into, link.into)
    return root_of


def _root(root_of: dict[str, str], pseudonym: str) -> str:
    *_, root = _way_up(root_of, pseudonym)
    return root


def _way_up(root_of: dict[str, str], pseudonym: str) -> Iterator[str]:
    yield pseudonym
    while (above := root_of.get(pseudonym, pseudonym)) != pseudonym:
        yield above
        pseudonym = above


def checked_reason(reason: str) -> str:
    """Without surrounding space; raises BadInput where it is too short to be one."""
    if sum(letter.isalpha() for letter in reason) < REASON_LETTERS:
        raise BadInput(
            f"--reason {reason!r} says too little; nothing was done. Write at least "
            f"{REASON_LETTERS} letters on why, for whoever reads the trail (`ivr audit list`)."
        )
    return reason.strip()
