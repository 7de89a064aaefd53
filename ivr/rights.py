"""Who may do what, where: roles to actions, in the scope of each grant. What is not here is denied.

A grant without a province holds everywhere, one without a desk in the whole province; what is
asked for a whole province is therefore never held by a grant for one of its desks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.accounts import provinces_of
from ivr.errors import BadInput, NotAllowed
from ivr.model import CounsellorId, DeskId, OfferResult, ProvinceId
from ivr.model.record import CallRecord
from ivr.people import Grant, Person, Role, province_of

BREAK_GLASS_LASTS = timedelta(hours=4)


class Action(StrEnum):
    RULES_READ = "rules.read"
    RULES_DRAFT = "rules.draft"
    RULES_PUBLISH = "rules.publish"
    RULES_ROLLBACK = "rules.rollback"
    RULES_REVIEW = "rules.review"
    RULES_BREAK_GLASS = "rules.break_glass"
    DUTY_READ = "duty.read"
    DUTY_ROSTER = "duty.roster"
    DUTY_CLOSE = "duty.close"
    PEOPLE_MANAGE = "people.manage"
    PEOPLE_BREAK_GLASS = "people.break_glass"
    PEOPLE_REVIEW = "people.review"
    AUDIT_READ = "audit.read"
    FLOOR_OWN = "floor.own"  # one's own pauses and wrap-ups
    FLOOR_OTHERS = "floor.others"
    FLOOR_LOST = "floor.lost"  # to take up a call that was lost in danger
    CALLS_IMPORT = "calls.import"
    CALL_READ = "call.read"  # who answered when, where and why; never who called
    OUTCOME_READ = "outcome.read"  # forms, what is owed
    OUTCOME_WRITE = "outcome.write"
    REFERRAL_READ = "referral.read"  # dispatches, visits, follow-ups
    REFERRAL_WRITE = "referral.write"
    REPORT_READ = "report.read"
    CALLER_HISTORY = "caller.history"
    CALLER_MERGE = "caller.merge"
    CALLER_REVEAL = "caller.reveal"  # a number, with a reason
    CALLER_ERASE = "caller.erase"
    HOLD_WRITE = "hold.write"
    RETENTION_RUN = "retention.run"
    KEYS_MANAGE = "keys.manage"  # that numbers are sealed with
    TOKEN_MANAGE = "token.manage"  # noqa: S105 - no password
    WEBHOOK_MANAGE = "webhook.manage"


_READS = frozenset({Action.RULES_READ, Action.DUTY_READ})
_DUTY = frozenset({Action.DUTY_ROSTER, Action.DUTY_CLOSE})
_FLOOR = frozenset({Action.FLOOR_OTHERS, Action.FLOOR_LOST})
_RULES = frozenset(
    {
        Action.RULES_DRAFT,
        Action.RULES_PUBLISH,
        Action.RULES_ROLLBACK,
        Action.RULES_REVIEW,
        Action.RULES_BREAK_GLASS,
    }
)
_CALLERS = frozenset({Action.CALLER_HISTORY, Action.CALLER_MERGE, Action.CALLER_REVEAL})
_KEEPING = frozenset(
    {
        Action.CALLER_HISTORY,
        Action.CALLER_ERASE,
        Action.HOLD_WRITE,
        Action.RETENTION_RUN,
        Action.KEYS_MANAGE,
    }
)
_API = frozenset({Action.TOKEN_MANAGE, Action.WEBHOOK_MANAGE})
_FIGURES = frozenset({Action.CALL_READ, Action.REPORT_READ})
_RECORDS = frozenset({Action.CALL_READ, Action.OUTCOME_READ, Action.REFERRAL_READ})
_WRITES = frozenset({Action.OUTCOME_WRITE, Action.REFERRAL_WRITE})
ACTIONS: Mapping[Role, frozenset[Action]] = {
    Role.COUNSELLOR: _RECORDS
    | _WRITES
    | {Action.DUTY_READ, Action.FLOOR_OWN, Action.CALLER_HISTORY},
    Role.SUPERVISOR: _READS
    | _DUTY
    | _FLOOR
    | _CALLERS
    | _RECORDS
    | _WRITES
    | {Action.REPORT_READ, Action.PEOPLE_BREAK_GLASS, Action.TOKEN_MANAGE},
    Role.ADMIN: _READS
    | _DUTY
    | _RULES
    | _KEEPING
    | _API
    | _RECORDS
    | {Action.REPORT_READ, Action.PEOPLE_MANAGE, Action.PEOPLE_REVIEW, Action.CALLS_IMPORT},
    Role.MANAGER: _READS | _FIGURES,
    Role.AUDITOR: _READS
    | _RECORDS
    | {Action.REPORT_READ, Action.AUDIT_READ, Action.CALLER_HISTORY},
}


def may(
    person: Person,
    action: Action,
    *,
    province: ProvinceId | None = None,
    desk: DeskId | None = None,
    now: datetime | None = None,
) -> bool:
    """Whether the person may do this there; nothing named means: everywhere.

    The province may be left out beside a desk. A grant that ends by itself counts only where `now`
    is given: what needs a lasting right is asked without it. Somebody at a desk is its counsellor
    without a grant.
    """
    if not person.enabled:
        return False
    if desk is not None:
        at_home = province_of(desk)
        if at_home is None or province not in {None, at_home}:
            return False
        province = at_home
    return any(
        action in ACTIONS[grant.role] and _covers(grant, province, desk)
        for grant in _grants(person)
        if in_force(grant, now)
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody may do one thing: in whole provinces (None: all), and at single desks."""

    provinces: frozenset[ProvinceId] | None
    desks: frozenset[DeskId]

    def __bool__(self) -> bool:
        return self.provinces is None or bool(self.provinces or self.desks)

    def within(self, province: ProvinceId) -> "Reach":
        """As far as it lies in one province."""
        if self.provinces is None or province in self.provinces:
            return Reach(frozenset({province}), frozenset())
        at_home = frozenset(desk for desk in self.desks if province_of(desk) == province)
        return Reach(frozenset(), at_home)


EVERYWHERE = Reach(None, frozenset())


def reach(person: Person, action: Action, now: datetime) -> Reach:
    """Everywhere that the person may do this."""
    held = [
        grant
        for grant in _grants(person)
        if person.enabled and in_force(grant, now) and action in ACTIONS[grant.role]
    ]
    if any(grant.province is None for grant in held):
        return Reach(None, frozenset())
    whole = frozenset(grant.province for grant in held if grant.province and not grant.desk)
    desks = frozenset(grant.desk for grant in held if grant.desk and grant.province not in whole)
    return Reach(whole, desks)


def may_of(
    person: Person,
    action: Action,
    province: ProvinceId,
    *desks: DeskId | None,
    now: datetime,
) -> bool:
    """Whether the person may do this to a record: by its province, or by a desk that it is of.

    The desk may lie in another province: calls are answered across borders.
    """
    if may(person, action, province=province, now=now):
        return True
    return any(may(person, action, desk=desk, now=now) for desk in desks if desk is not None)


def may_of_call(person: Person, action: Action, call: CallRecord, now: datetime) -> bool:
    """Whether the person may do this to a call: by its province or desk, or having talked in it.

    One of which nobody knows the desk is its county's.
    """
    county = call.facts.county if call.facts else None
    desk = call.desk or (DeskId(county) if county else None)
    if may_of(person, action, call.province, desk, now=now):
        return True
    return person.id in _talked(call) and bool(reach(person, action, now))


def not_allowed(person: Person, action: Action, where: str | None = None) -> NotAllowed:
    """What somebody is told who may not."""
    return NotAllowed(
        f"{person.id} may not do this ({action}){f' for {where}' if where else ''}. Nothing was "
        "changed. Ask somebody whose role it is (`ivr people list`), or an admin for a role."
    )


def _talked(call: CallRecord) -> set[CounsellorId]:
    offered = (offer for offer in call.offers if offer.result is OfferResult.CONNECTED)
    return {offer.counsellor for offer in offered} | (
        {call.counsellor} if call.counsellor else set()
    )


def narrowed(person: Person, name: str, province: ProvinceId | None, now: datetime) -> Person:
    """Somebody of another name who may do what this person may now, in one province (None: all)."""
    grants = []
    for grant in _grants(person):
        at_home = grant.province or province
        if in_force(grant, now) and at_home == (province or at_home):
            grants.append(Grant(role=grant.role, province=at_home, desk=grant.desk))
    return Person.model_construct(
        id=CounsellorId(name),
        name_fa=person.name_fa,
        enabled=person.enabled,
        grants=tuple(grants),
    )


def desk_for_floor_act(
    actor: Person, counsellor: Person, *, own: bool, now: datetime
) -> DeskId | None:
    """By which of the counsellor's desks the actor may tell the floor of them; None: by none.

    `own`: counsellors may do it for themselves. A supervisor of any of somebody's desks answers for
    them on the floor, for it is one person at all of them.
    """
    itself = own and actor.id == counsellor.id
    action = Action.FLOOR_OWN if itself else Action.FLOOR_OTHERS
    return next((desk for desk in counsellor.desks if may(actor, action, desk=desk, now=now)), None)


def in_force(grant: Grant, now: datetime | None) -> bool:
    return grant.until_at is None or (now is not None and now < grant.until_at)


def may_manage(actor: Person, before: Person | None, after: Person | None, now: datetime) -> bool:
    """Whether the actor may make `after` of the account `before` (None: there is none).

    It takes the right to manage people wherever the account has a desk or a role, before and
    after. Roles, and whatever belongs to another who manages people, take a lasting right; nobody
    changes their own roles.
    """
    accounts = [account for account in (before, after) if account is not None]
    old, new = (frozenset(one.grants) if one else frozenset() for one in (before, after))
    itself = any(account.id == actor.id for account in accounts)
    if old != new and itself:
        return False
    manages = any(grant.role is Role.ADMIN for grant in old | new)
    lasting = old != new or (manages and not itself)
    places = {place for account in accounts for place in provinces_of(account)}
    asked_at = None if lasting else now
    return all(may(actor, Action.PEOPLE_MANAGE, province=place, now=asked_at) for place in places)


def _grants(person: Person) -> Iterator[Grant]:
    yield from person.grants
    for desk in person.desks:
        yield Grant(role=Role.COUNSELLOR, province=province_of(desk), desk=desk)


def _covers(grant: Grant, province: ProvinceId | None, desk: DeskId | None) -> bool:
    if grant.province is None:
        return True
    return grant.province == province and grant.desk in {None, desk}


def with_admin_role(person: Person, now: datetime) -> Person:
    """A supervisor with the admin role of their province for four hours; raises BadInput."""
    lasting = tuple(grant for grant in person.grants if grant.until_at is None)
    provinces = sorted(
        {
            grant.province
            for grant in lasting
            if grant.province and may(person, Action.PEOPLE_BREAK_GLASS, province=grant.province)
        }
    )
    if not provinces:
        raise BadInput(
            f"{person.id} is no supervisor of a whole province, so there is no glass to break; "
            "nothing was changed. Ask an admin (`ivr people list` shows who is)."
        )
    until_at = now + BREAK_GLASS_LASTS
    given = (Grant(role=Role.ADMIN, province=place, until_at=until_at) for place in provinces)
    return person.model_copy(update={"grants": (*lasting, *given)})
