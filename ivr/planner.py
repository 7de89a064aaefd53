"""Plans by what is in force: the one place where live calls' plans are made.

A plan depends on rules, duty and the minute alone, so that calls of the same county and category
share one: it is made once, and the floor's sets of it are kept once. One that is the same as a
minute ago is the same object, so that a long line does not hold a plan for each of its minutes.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from ivr.duty import NO_BOOK, Duty, DutyBook, duty_at
from ivr.model import CallFacts, CategoryId, Counsellor, CountyId, Lane, ProvinceId
from ivr.model.plan import RoutePlan
from ivr.router import plan
from ivr.rules.schema import ProvinceRules

_Key = tuple[str, CountyId | None, CategoryId, Lane]


class Planner:
    """Rules, people and duty as they are now; `take` replaces them all at once."""

    def __init__(
        self,
        rules: Iterable[ProvinceRules],
        people: Iterable[Counsellor],
        book: DutyBook = NO_BOOK,
    ) -> None:
        self._rules: Mapping[ProvinceId, ProvinceRules] = {}
        self._earlier: dict[str, ProvinceRules] = {}  # by version; live calls may go by them
        self.take(rules, people, book)

    def take(
        self,
        rules: Iterable[ProvinceRules],
        people: Iterable[Counsellor],
        book: DutyBook = NO_BOOK,
        used: Collection[str] = (),
    ) -> None:
        """`used` are the versions by which live calls go; of the others the last is kept.

        By that a call may have been planned that is not on the floor yet.
        """
        replaced, self._rules = self._rules, {item.id: item for item in rules}
        kept = {version: rules for version, rules in self._earlier.items() if version in used}
        lately = {item.version: item for item in (*replaced.values(), *self._rules.values())}
        self._earlier = kept | lately
        self._people = tuple(people)
        self._book = book
        self._page: Duty | None = None
        self._page_ends_at: datetime | None = None
        self._minute = 0
        self._plans: dict[_Key, RoutePlan] = {}
        self._older: dict[_Key, RoutePlan] = {}

    def duty(self, at: datetime) -> Duty:
        """The page of the book for `at`."""
        page, ends_at = self._page, self._page_ends_at
        if page is None or at < page.at or (ends_at is not None and ends_at <= at):
            page = self._page = duty_at(self._people, at, self._book)
            self._page_ends_at = self._book.next_change_at(at)
            self._grow_old()
        return page

    def plan(self, facts: CallFacts, at: datetime) -> RoutePlan:
        """The plan of a call that joins at `at`."""
        return self._plan(self._rules[facts.province], facts, at)

    def plan_again(self, facts: CallFacts, version: str, at: datetime) -> RoutePlan:
        """The plan of a call that goes by an earlier version of the rules, by the duty at `at`."""
        return self._plan(self._earlier.get(version, self._rules[facts.province]), facts, at)

    def _plan(self, rules: ProvinceRules, facts: CallFacts, at: datetime) -> RoutePlan:
        """Hours and shifts change on whole minutes: plans of one minute are the same."""
        duty = self.duty(at)
        minute = int(at.timestamp() // 60)
        if minute != self._minute:
            self._minute = minute
            self._grow_old()
        key = (rules.version, facts.county, facts.category, facts.lane)
        known = self._plans.get(key)
        if known is None:
            made, older = plan(rules, duty, facts, at), self._older.get(key)
            known = self._plans[key] = older if older is not None and older == made else made
        return known

    def _grow_old(self) -> None:
        self._older |= self._plans
        self._plans.clear()
