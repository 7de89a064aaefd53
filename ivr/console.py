"""What the console may see of the line."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from ivr.calendar import day_began_at
from ivr.controller import Controller
from ivr.store.store import Store
from ivr.store.writer import Writer
from ivr.view import CallRow, FloorView, Names, call_row
from ivr.web.ports import DatabaseHealth

RENEW_S = 0.25  # time alone may change the order of the line; watchers share what is newer


class Console:
    """The ports of `ivr.web`; `names` is replaced when rules are."""

    def __init__(self, controller: Controller, store: Store, writer: Writer, names: Names) -> None:
        self._controller = controller
        self._store = store
        self._writer = writer
        self._names = names
        self._newest: FloorView | None = None

    def take(self, names: Names) -> None:
        self._names = names

    def floor_view(self) -> FloorView:
        """Made once for all who watch: it costs the more, the more people wait."""
        view, now = self._newest, self._controller.clock.now()
        if (
            view is None
            or view.sequence != self._controller.sequence
            or abs((now - view.at).total_seconds()) >= RENEW_S
        ):
            view = self._newest = self._controller.view()
        return view

    async def subscribe(self) -> AsyncIterator[object]:
        changed = self._controller.watch()
        try:
            while True:
                await changed.wait()
                changed.clear()
                yield None
        finally:
            self._controller.unwatch(changed)

    async def todays_calls(self, limit: int) -> Sequence[CallRow]:
        since_at = day_began_at(self._controller.clock.now())
        records = await self._store.calls(since_at, since_at + timedelta(days=1), limit)
        entries = await self._store.outcomes(*(record.call for record in records))
        outcomes = {entry.call: entry.outcome for entry in entries}
        return [call_row(record, outcomes.get(record.call)) for record in records]

    def names(self) -> Names:
        return self._names

    def database(self) -> DatabaseHealth:
        return DatabaseHealth(healthy=self._writer.healthy, backlog=self._writer.backlog)
