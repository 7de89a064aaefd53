"""Whoever holds a view and follows the deltas sees the floor as it is, whatever happens on it."""

import json
from typing import Any

from hypothesis import settings
from hypothesis.stateful import invariant

from ivr.floor_delta import apply, delta
from ivr.floor_view import view_of
from ivr.model import CallPhase
from ivr.view import FloorView
from ivr.web.api import floor_json
from tests.properties.test_floor_machine import FloorMachine


class FollowedFloor(FloorMachine):
    held: FloorView | None = None

    @invariant()
    def a_delta_leads_to_the_newest_view(self) -> None:
        newest = view_of(self.kit.floor, self.kit.now)
        if self.held is not None:
            assert apply(self.held, delta(self.held, newest)) == newest
        self.held = newest

    @invariant()
    def the_view_is_true_and_can_be_written(self) -> None:
        view, calls = view_of(self.kit.floor, self.kit.now), self.kit.floor.calls
        for row in view.waiting:
            rung = [one.counsellor for one in row.offered_to]
            assert rung == [offer.counsellor for offer in calls[row.call].offers.values()]
            assert (row.overtaken is None) == (row.behind is None)
            assert row.ahead_of != row.call != row.behind
        assert {row.call for row in view.lost} == set(self.kit.floor.lost)
        talking = [one for one in calls.values() if one.phase is CallPhase.TALKING]
        assert len(view.talks) == len(talking)
        written: dict[str, Any] = json.loads(floor_json(view))
        assert len(written["waiting"]) == len(view.waiting)


class TestFollowedFloor(FollowedFloor.TestCase):
    settings = settings(max_examples=15, stateful_step_count=30)
