"""What people decide in a scenario on the real stage: in the database, as `ivr` does it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from ivr.deployment import Deployment
from ivr.installation import copy_of
from ivr.model import CallId, DeskId, ProvinceId
from ivr.prompts.catalogue import load_catalogue
from ivr.simulator.scenario import Scenario
from ivr.simulator.scenario_decisions import changed, closure_of, entries_of
from ivr.store.duty import DutyStore
from ivr.store.in_force import revision
from ivr.store.store import Store
from ivr.store.versions import VersionStore
from tests.real.product import SUPERVISOR, Product

BY = "scenario"
PATIENCE_S = 60.0


class Decisions:
    """Made one by one; `undo` takes all back. Each returns when the line goes by it."""

    def __init__(self, product: Product, deployment: Deployment) -> None:
        self._product = product
        self._deployment = deployment
        self._desks = {desk: rules.id for rules in deployment.rules for desk in rules.all_desks}
        self._entries: list[int] = []
        self._closed: list[int] = []
        self._replaced: int | None = None

    async def begin(self, scenario: Scenario) -> None:
        now = datetime.now(UTC)
        entries = entries_of(scenario.duty, now)
        if not (entries or scenario.duty.evacuated or scenario.rules):
            return
        async with self._taken_in() as store:
            duty = DutyStore(store, self._desks)
            if entries:
                decided = await duty.add(entries, by=BY, at=now)
                self._entries += [entry.id for entry in decided.added]
            for desk in scenario.duty.evacuated:
                await self._close(duty, desk)
            if scenario.rules:
                await self._change_rules(store, scenario)

    async def evacuate(self, desk: str) -> None:
        async with self._taken_in() as store:
            await self._close(DutyStore(store, self._desks), DeskId(desk))

    async def save_outcome(self, call: CallId) -> None:
        """The floor hears of it by itself."""
        await self._product.ivr("outcome", call, "phone_resolved", by=SUPERVISOR)

    async def undo(self) -> None:
        if not (self._entries or self._closed or self._replaced):
            return
        now = datetime.now(UTC)
        async with self._taken_in() as store:
            duty = DutyStore(store, self._desks)
            for number in self._entries:
                await duty.take_out(number, by=BY, at=now)
            for number in self._closed:
                await duty.reopen(number, by=BY, at=now)
            if self._replaced is not None:
                await self._versions(store).rollback(self._province, self._replaced, by=BY, at=now)

    @property
    def _province(self) -> ProvinceId:
        return self._deployment.default_province

    def _versions(self, store: Store) -> VersionStore:
        catalogue = load_catalogue(self._product.settings.prompts_dir)
        return VersionStore(store, catalogue.prompts)

    async def _close(self, duty: DutyStore, desk: DeskId) -> None:
        now = datetime.now(UTC)
        self._closed.append((await duty.close(closure_of(desk, now), by=BY, at=now)).id)

    async def _change_rules(self, store: Store, scenario: Scenario) -> None:
        versions, now = self._versions(store), datetime.now(UTC)
        present = (await versions.in_force(now)).versions[self._province]
        rules = changed(present.rules, scenario.rules)
        number = await versions.draft(rules, note=scenario.name, by=BY, at=now)
        reason = scenario.title
        await versions.break_glass(self._province, number, by=BY, at=now, reason=reason)
        self._replaced = present.number

    @asynccontextmanager
    async def _taken_in(self) -> AsyncIterator[Store]:
        """Afterwards the line goes by whatever was decided."""
        async with Store(self._product.settings) as store:
            yield store
            newest = await revision(store)
        await self._product.until(lambda: self._in_force() >= newest, PATIENCE_S)

    def _in_force(self) -> int:
        content = copy_of(self._product.settings).read_text("utf-8")
        return int(json.loads(content)["revision"])
