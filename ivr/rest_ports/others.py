"""Reports, the floor's people and rules for programs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ivr.errors import BadInput
from ivr.floor_acts import ActKind, PauseReason
from ivr.in_force import InForce
from ivr.model import CounsellorId, ProvinceId
from ivr.people import Grant, Person, Role, province_of
from ivr.reports.catalogue import definition_of
from ivr.reports.figures import Report, Scope
from ivr.reports.period import Period, parse_period
from ivr.reports.small import published
from ivr.rest_ports.within import province_asked
from ivr.rules.counties import gazetteer
from ivr.store.floor_acts import FloorActStore
from ivr.store.reports import ReportStore
from ivr.store.store import Store
from ivr.store.versions import VersionStore
from ivr.tokens import Token
from ivr.versions import Version, in_force, state_of
from ivr.view import FloorView
from ivr.web.rest import others as it
from ivr.web.rest.fields import OfProvince
from ivr.web.rest.problems import Conflict, Missing

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

    async def report(self, token: Token, asked: it.ReportAsked) -> it.ReportAnswer:
        scope = Scope(
            province=province_asked(token, _known(asked.province)),
            county=asked.county,
            category=asked.category,
            desk=asked.desk,
            counsellor=asked.counsellor,
        )
        report = await self._reports.report(scope, _period(asked))
        return _report(published(report) if asked.publish else report)

    async def counsellors(self, token: Token, asked: OfProvince) -> it.CounsellorList:
        province = province_asked(token, asked.province)
        people = _at_desks_of(self._in_force().people, province)
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
        token: Token,
        kind: ActKind,
        counsellor: CounsellorId,
        *,
        reason: PauseReason,
        more_s: float,
    ) -> it.ActAnswer:
        if not any(one.id == counsellor for one in _at_desks_of(self._in_force().people, None)):
            raise Missing(f"There is no counsellor {counsellor!r}.")
        number = await self._acts.tell(
            _supervisor(token), kind, counsellor, now=self._now(), reason=reason, more_s=more_s
        )
        taken = await self._acts.is_taken_in(
            number, by=token.acts_as, now=self._now, within_s=self._taken_within_s
        )
        if not taken:
            raise Conflict("The running line has not taken it in; nothing has changed.")
        return it.ActAnswer(act=number, kind=kind, counsellor=counsellor)

    async def rules(self, token: Token) -> it.VersionList:
        now = self._now()
        found: list[it.VersionAnswer] = []
        for rules in self._in_force().rules:
            if token.province in {None, rules.id}:
                versions = await self._versions.history(rules.id)
                present = in_force(versions, now)
                found += [_version(present, versions, now)] if present else []
        return it.VersionList(versions=found)

    async def rules_of(self, token: Token, province: ProvinceId) -> it.RulesAnswer:
        province_asked(token, province)
        for rules in self._in_force().rules:
            if rules.id == province:
                content = rules.model_dump(mode="json")
                return it.RulesAnswer(province=province, version=rules.version, rules=content)
        raise _no_rules(province)

    async def rules_history(self, token: Token, province: ProvinceId) -> it.VersionList:
        province_asked(token, province)
        versions = await self._versions.history(province)
        if not versions:
            raise _no_rules(province)
        now = self._now()
        return it.VersionList(versions=[_version(one, versions, now) for one in versions])


def _no_rules(province: ProvinceId) -> Missing:
    return Missing(f"This line has no rules of {province!r}.")


def _supervisor(token: Token) -> Person:
    """Who acts on the floor by a token: a supervisor of its province, and nobody's account."""
    grant = Grant(role=Role.SUPERVISOR, province=token.province)
    return Person.model_construct(
        id=CounsellorId(token.acts_as), name_fa=token.name, grants=(grant,)
    )


def _at_desks_of(people: Iterable[Person], province: ProvinceId | None) -> Iterator[Person]:
    for person in people:
        provinces = {province_of(desk) for desk in person.desks}
        if provinces and (province is None or province in provinces):
            yield person


def _known(province: ProvinceId | None) -> ProvinceId | None:
    if province is not None and province not in gazetteer().provinces:
        raise BadInput(f"There is no province {province!r}.")
    return province


def _period(asked: it.ReportAsked) -> Period:
    period = parse_period(asked.from_, asked.to)
    if period.days > REPORT_DAYS:
        raise BadInput(f"A report is of {REPORT_DAYS} days at most; ask in parts.")
    return period


def _report(report: Report) -> it.ReportAnswer:
    found: dict[str, Any] = report.as_json()
    for figure, values in found["figures"].items():
        definition = definition_of(figure)
        values |= {"label_fa": definition.label_fa, "definition": definition.sentence_en}
    return it.ReportAnswer.model_validate(found)


def _version(version: Version, versions: Iterable[Version], now: datetime) -> it.VersionAnswer:
    state = state_of(version, versions, now)
    return it.VersionAnswer.model_validate(asdict(version) | {"state": state})
