"""Reports, the floor's people and rules for programs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ivr.bearers import Bearer
from ivr.errors import BadInput, NotAllowed
from ivr.floor_acts import ActKind, PauseReason
from ivr.in_force import InForce
from ivr.model import CounsellorId, ProvinceId
from ivr.people import Person, province_of
from ivr.report_names import Names, names
from ivr.reports.catalogue import definition_of
from ivr.reports.figures import Report, Scope
from ivr.reports.period import Period, parse_period
from ivr.reports.small import published
from ivr.rest_ports.within import places
from ivr.rights import EVERYWHERE, Action, Reach
from ivr.rules.counties import gazetteer
from ivr.store.floor_acts import FloorActStore
from ivr.store.reports import ReportStore
from ivr.store.store import Store
from ivr.store.versions import VersionStore
from ivr.tokens import Scope as Needed
from ivr.versions import Version, in_force, state_of
from ivr.view import FloorView
from ivr.web.rest import others as it
from ivr.web.rest.fields import OfProvince
from ivr.web.rest.problems import Conflict, Missing

_REFERRED = ("dispatches", "admissions", "outpatient_visits", "persons")
REPORT_DAYS = 3660  # ten years: a program that asks for more asks in parts


class RestOthers:
    """`ivr.web.rest.ports.OtherPorts`."""

    def __init__(
        self,
        store: Store,
        in_force: Callable[[], InForce],
        floor: Callable[[], FloorView],
        now: Callable[[], datetime],
        *,
        taken_within_s: float | None = None,
    ) -> None:
        self._reports = ReportStore(store)
        self._acts = FloorActStore(store)
        self._versions = VersionStore(store)
        self._in_force = in_force
        self._floor = floor
        self._now = now
        self._taken_within_s = taken_within_s

    async def report(self, bearer: Bearer, asked: it.ReportAsked) -> it.ReportAnswer:
        report = await self._reports.report(
            _scope(bearer, Action.REPORT_READ, asked), _period(asked)
        )
        called = names(self._in_force().rules, report.scope.province)
        return _report(published(report) if asked.publish else report, called)

    async def opened(self, bearer: Bearer, asked: it.OpenedAsked) -> it.OpenedPage:
        _may_open(bearer, asked.figure)
        last = asked.after + asked.limit
        found = await self._reports.open(
            asked.figure, _scope(bearer, Action.CALL_READ, asked), _period(asked), limit=last
        )
        rows = [it.OpenedRow.model_validate(asdict(one)) for one in found.rows[asked.after :]]
        more = found.more and last <= it.MOST_OPENED
        return it.OpenedPage(rows=rows, next=last if more else None)

    async def counsellors(self, bearer: Bearer, asked: OfProvince) -> it.CounsellorList:
        where = places(bearer, Action.DUTY_READ, asked.province)
        people = _at_desks_of(self._in_force().people, where)
        floor = {one.counsellor: one for one in self._floor().counsellors}
        return it.CounsellorList(
            counsellors=[
                it.CounsellorAnswer(
                    id=person.id,
                    name_fa=person.name_fa,
                    desks=list(person.desks),
                    enabled=person.enabled,
                    state=seen.state if seen else None,
                    state_since_at=seen.since_at if seen else None,
                    signed_in=seen.signed_in if seen else None,
                )
                for person in people
                for seen in [floor.get(CounsellorId(person.id))]
            ]
        )

    async def tell_floor(
        self,
        bearer: Bearer,
        kind: ActKind,
        counsellor: CounsellorId,
        *,
        reason: PauseReason,
        more_s: float,
    ) -> it.ActAnswer:
        if not any(
            one.id == counsellor for one in _at_desks_of(self._in_force().people, EVERYWHERE)
        ):
            raise Missing(f"There is no counsellor {counsellor!r}.")
        number = await self._acts.tell(
            bearer.person, kind, counsellor, now=self._now(), reason=reason, more_s=more_s
        )
        taken = await self._acts.is_taken_in(
            number, by=bearer.acts_as, now=self._now, within_s=self._taken_within_s
        )
        if not taken:
            raise Conflict("The running line has not taken it in; nothing has changed.")
        return it.ActAnswer(act=number, kind=kind, counsellor=counsellor)

    async def rules(self, bearer: Bearer) -> it.VersionList:
        where, now = places(bearer, Action.RULES_READ, None), self._now()
        found: list[it.VersionAnswer] = []
        for rules in self._in_force().rules:
            if where.within(rules.id):
                versions = await self._versions.history(rules.id)
                present = in_force(versions, now)
                found += [_version(present, versions, now)] if present else []
        return it.VersionList(versions=found)

    async def rules_of(self, bearer: Bearer, province: ProvinceId) -> it.RulesAnswer:
        places(bearer, Action.RULES_READ, province)
        for rules in self._in_force().rules:
            if rules.id == province:
                content = rules.model_dump(mode="json")
                return it.RulesAnswer(province=province, version=rules.version, rules=content)
        raise _no_rules(province)

    async def rules_history(self, bearer: Bearer, province: ProvinceId) -> it.VersionList:
        places(bearer, Action.RULES_READ, province)
        versions = await self._versions.history(province)
        if not versions:
            raise _no_rules(province)
        now = self._now()
        return it.VersionList(versions=[_version(one, versions, now) for one in versions])


def _no_rules(province: ProvinceId) -> Missing:
    return Missing(f"This line has no rules of {province!r}.")


def _province_of_report(bearer: Bearer, action: Action, asked: it.PeriodAsked) -> ProvinceId | None:
    """Raises NotAllowed unless the report lies within the bearer's reach."""
    where = places(bearer, action, _known(asked.province))
    if where.provinces is None or (asked.desk is not None and asked.desk in where.desks):
        return asked.province
    if len(where.provinces) != 1:
        raise NotAllowed("The token does not reach all of this; name a province, or a desk.")
    (only,) = where.provinces
    return only


def _at_desks_of(people: Iterable[Person], where: Reach) -> Iterator[Person]:
    for person in people:
        provinces = {province_of(desk) for desk in person.desks}
        whole = where.provinces is None or provinces & where.provinces
        if provinces and (whole or where.desks.intersection(person.desks)):
            yield person


def _known(province: ProvinceId | None) -> ProvinceId | None:
    if province is not None and province not in gazetteer().provinces:
        raise BadInput(f"There is no province {province!r}.")
    return province


def _scope(bearer: Bearer, action: Action, asked: it.PeriodAsked) -> Scope:
    return Scope(
        province=_province_of_report(bearer, action, asked),
        county=asked.county,
        category=asked.category,
        desk=asked.desk,
        counsellor=asked.counsellor,
    )


def _may_open(bearer: Bearer, figure: str) -> None:
    """Trips, visits and whom they served are read by those who may read referrals."""
    needed = Needed.REFERRALS_READ
    if figure.startswith(_REFERRED) and not bearer.may(needed):
        raise NotAllowed(f"The token lacks the scope {needed} for {figure}.")


def _period(asked: it.PeriodAsked) -> Period:
    period = parse_period(asked.from_, asked.to, names=("from", "to"))
    if period.days > REPORT_DAYS:
        raise BadInput(f"A report is of {REPORT_DAYS} days at most; ask in parts.")
    return period


def _report(report: Report, called: Names) -> it.ReportAnswer:
    found: dict[str, Any] = report.as_json()
    for figure, values in found["figures"].items():
        definition = definition_of(figure)
        values |= {"label_fa": called.label_fa(figure), "definition": definition.sentence_en}
    return it.ReportAnswer.model_validate(found)


def _version(version: Version, versions: Iterable[Version], now: datetime) -> it.VersionAnswer:
    state = state_of(version, versions, now)
    return it.VersionAnswer.model_validate(asdict(version) | {"state": state})
