"""What the line makes of where a call comes from: who is asked, what stands on record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ivr import events as ev
from ivr.dialplan.script import build_flow
from ivr.earlier_calls import (
    AT_ONCE,
    CallerPast,
    Earlier,
    EarlierCalls,
    FindEarlier,
    nothing_earlier,
)
from ivr.errors import HungUp, StoreError
from ivr.location import Signals
from ivr.location.tables import Listed, LocationTables
from ivr.location_files import gazette
from ivr.model import CallerRef, CountySource, Lane
from ivr.model.location import LocationNoteCode
from ivr.planner import Planner
from ivr.reception import Line, Reception
from ivr.rules.load import load_rules
from tests.core.floor_kit import START
from tests.core.scripted_channel import ScriptedChannel
from tests.patience import PATIENCE_S

PROVINCES = Path(__file__).parents[2] / "deploy" / "provinces"
MARKAZI = load_rules(PROVINCES / "markazi.yaml")
ILAM = load_rules(PROVINCES / "ilam.yaml")
SAVEH, ARAK, DEHLORAN = "markazi-saveh", "markazi-arak", "ilam-dehloran"
TABLES = LocationTables(
    gazette=gazette(),
    landline={"08642": Listed(SAVEH, "plan", "1405-01-01"), "0843": Listed(DEHLORAN, "", "")},
)
SAVEH_LANDLINE = Signals(caller_id="08642001234")
SAVEH_ADDRESS = Signals(
    location_format="civicAddress", location_info='country="IR",A1="مرکزی",A2="ساوه"'
)
TO_CATEGORY = {"first-question": ["2"]}


def seal(number: str, *, raw: str = "", withheld: bool = False) -> CallerRef:
    return CallerRef(
        pseudonym=f"p({number})", ciphertext="c", raw_ciphertext=f"r({raw})", withheld=withheld
    )


@dataclass
class Desk:
    """A reception whose floor is the test."""

    channel: ScriptedChannel
    earlier: FindEarlier = nothing_earlier
    posted: list[ev.Event] = field(default_factory=list)
    joined: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.looking = EarlierCalls(self.earlier)
        controller = SimpleNamespace(
            post=self._post,
            parties=SimpleNamespace(calls={}, legs={}),
            clock=SimpleNamespace(now=lambda: START, wall=lambda: START),
            planner=Planner((MARKAZI, ILAM), ()),
        )
        self.reception = Reception(
            controller=controller,
            lines={
                rules.id: Line(rules=rules, flow=build_flow(rules)) for rules in (MARKAZI, ILAM)
            },
            default_province="markazi",
            seal=seal,
            tables=TABLES,
            earlier_calls=self.looking,
        )

    def _post(self, event: ev.Event) -> None:
        self.posted.append(event)
        if isinstance(event, ev.CallJoined):
            self.joined.set()

    def event(self, kind: type[Any]) -> Any:
        return next(event for event in self.posted if isinstance(event, kind))

    @asynccontextmanager
    async def call(self, signals: Signals, **arguments: str) -> AsyncIterator[None]:
        async def read() -> Signals:
            return signals

        came_with = Signals(caller_id=signals.caller_id, withheld=signals.withheld)
        taking = self.reception.take_call(
            "c1", {"province": "markazi", **arguments}, self.channel, came_with, read
        )
        async with self.looking:
            task = asyncio.create_task(taking)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self.joined.wait()
                    await self.channel.music.wait()
                yield
            finally:
                self.channel.hang_up()
                with pytest.raises(HungUp):
                    await task


async def joined(
    signals: Signals,
    keys: dict[str, list[str]],
    *,
    earlier: FindEarlier = nothing_earlier,
    **arguments: str,
) -> Desk:
    desk = Desk(ScriptedChannel(keys), earlier=earlier)
    async with desk.call(signals, **arguments):
        pass
    return desk


async def test_the_floor_hears_of_the_call_before_its_place() -> None:
    desk = await joined(SAVEH_LANDLINE, TO_CATEGORY)
    kinds = [type(event) for event in desk.posted]
    assert kinds == [ev.CallArrived, ev.CallLocated, ev.CallJoined, ev.CallHungUp]
    assert desk.event(ev.CallArrived).caller == desk.event(ev.CallLocated).caller


async def test_by_default_a_listed_landline_is_asked_and_the_key_wins() -> None:
    desk = await joined(SAVEH_LANDLINE, {**TO_CATEGORY, "county-question": ["1"]})
    assert "county-question" in desk.channel.heard
    facts = desk.event(ev.CallJoined).facts
    assert (facts.county, facts.county_source) == (ARAK, CountySource.KEYPAD)
    assert "IVR_COUNTY_SOURCE" not in desk.channel.variables


async def test_who_names_no_county_gets_the_likely_one() -> None:
    desk = await joined(SAVEH_LANDLINE, {**TO_CATEGORY, "county-question": ["0"]})
    facts = desk.event(ev.CallJoined).facts
    assert (facts.county, facts.county_source) == (SAVEH, CountySource.LANDLINE_PREFIX)
    assert desk.channel.variables["IVR_COUNTY"] == SAVEH
    assert desk.channel.variables["IVR_COUNTY_SOURCE"] == "landline_prefix"


async def test_danger_is_never_asked_and_still_has_the_likely_county() -> None:
    desk = await joined(SAVEH_LANDLINE, {"greeting": ["1"]})
    facts = desk.event(ev.CallJoined).facts
    assert (facts.lane, facts.county) == (Lane.DANGER, SAVEH)


async def test_a_sure_county_is_not_asked_for() -> None:
    desk = await joined(SAVEH_ADDRESS, TO_CATEGORY)
    assert "county-question" not in desk.channel.heard
    assert "category-question" in desk.channel.heard
    facts = desk.event(ev.CallJoined).facts
    assert (facts.county, facts.county_source) == (SAVEH, CountySource.PIDF_LO)


async def test_a_sure_but_disputed_county_is_asked_for() -> None:
    signals = Signals(
        caller_id="08433331234",
        location_format=SAVEH_ADDRESS.location_format,
        location_info=SAVEH_ADDRESS.location_info,
    )
    desk = await joined(signals, TO_CATEGORY)
    assert "county-question" in desk.channel.heard


async def test_central_answering_asks_nobody_and_records_what_is_known() -> None:
    desk = await joined(Signals(caller_id="08433721234"), TO_CATEGORY, province="ilam")
    assert "county-question" not in desk.channel.heard
    facts = desk.event(ev.CallJoined).facts
    assert (facts.county, facts.county_source) == (DEHLORAN, CountySource.LANDLINE_PREFIX)


async def test_a_county_of_another_province_is_kept_and_routes_nothing() -> None:
    desk = await joined(Signals(caller_id="08433721234"), {"greeting": ["1"]})
    facts, place = desk.event(ev.CallJoined).facts, desk.event(ev.CallLocated).location
    assert (facts.province, facts.county) == ("markazi", None)
    assert place.candidates[0].county == DEHLORAN
    assert LocationNoteCode.OTHER_PROVINCE in {note.code for note in place.notes}


async def test_an_earlier_call_is_looked_up_and_only_noted() -> None:
    asked = []

    async def earlier(past: CallerPast) -> Earlier:
        asked.append((past.pseudonym, past.county_since_at, past.not_of))
        return Earlier(county=SAVEH)

    desk = await joined(Signals(caller_id="09121110000"), {"greeting": ["1"]}, earlier=earlier)
    days = MARKAZI.location.earlier_call_days
    assert asked == [("p(09121110000)", START - timedelta(days=days), "c1")]
    assert desk.event(ev.CallLocated).location.candidates[0].source is CountySource.EARLIER_CALL
    assert desk.event(ev.CallJoined).facts.county is None


async def test_a_slow_look_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.earlier_calls.LOOK_UP_S", 0.01)

    async def earlier(_: CallerPast) -> Earlier:
        await asyncio.Event().wait()
        return Earlier(county=SAVEH)

    desk = await joined(Signals(caller_id="09121110000"), {"greeting": ["1"]}, earlier=earlier)
    assert [one.source for one in desk.event(ev.CallLocated).location.candidates] == ["trunk"]


@pytest.mark.parametrize("error", [StoreError("gone"), KeyError("of a later version")])
async def test_a_lost_database_costs_the_caller_nothing(error: Exception) -> None:
    async def earlier(_: CallerPast) -> Earlier:
        raise error

    desk = await joined(Signals(caller_id="09121110000"), {"greeting": ["1"]}, earlier=earlier)
    assert desk.event(ev.CallJoined).facts.lane is Lane.DANGER


async def test_nobody_is_looked_up_for_a_withheld_number() -> None:
    async def earlier(_: CallerPast) -> Earlier:
        raise AssertionError

    desk = await joined(Signals(caller_id="anonymous"), {"greeting": ["1"]}, earlier=earlier)
    assert desk.event(ev.CallLocated).caller is None


async def test_the_asserted_number_is_sealed_with_its_header() -> None:
    header = "<sip:33331234;phone-context=+9884@ims>"
    signals = Signals(caller_id="33331234", asserted=(header,), withheld=True)
    desk = await joined(signals, {"greeting": ["1"]})
    assert desk.event(ev.CallLocated).caller == seal("08433331234", raw=header, withheld=True)


async def test_what_stands_on_the_channel_is_not_asked_again() -> None:
    arguments = {"phase": "menu", "lane": "ordinary", "county": ARAK, "county_source": "cell"}
    desk = await joined(SAVEH_LANDLINE, {}, **arguments)
    facts = desk.event(ev.CallJoined).facts
    assert (facts.county, facts.county_source) == (ARAK, CountySource.CELL)


async def test_a_caller_who_leaves_while_being_located_is_told_to_the_floor() -> None:
    async def read() -> Signals:
        raise HungUp("gone")

    desk = Desk(ScriptedChannel())
    with pytest.raises(HungUp):
        await desk.reception.take_call("c1", {}, desk.channel, Signals(), read)
    assert [type(event) for event in desk.posted] == [ev.CallArrived, ev.CallHungUp]


async def test_a_look_up_that_cannot_be_cancelled_keeps_nobody_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database's thread ends its statement first, however long the disk takes."""
    monkeypatch.setattr("ivr.earlier_calls.LOOK_UP_S", 0.01)
    over = asyncio.Event()

    async def stuck(_: CallerPast) -> Earlier:
        await over.wait()
        return Earlier()

    desk = Desk(ScriptedChannel(TO_CATEGORY), earlier=stuck)
    async with desk.call(SAVEH_LANDLINE):
        assert desk.event(ev.CallJoined)
        over.set()


async def test_a_database_that_is_behind_is_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.earlier_calls.LOOK_UP_S", 0.01)
    asked: list[str] = []
    answer = asyncio.Event()

    async def behind(past: CallerPast) -> Earlier:
        asked.append(past.not_of)
        await answer.wait()
        return Earlier(silent=True)

    past = CallerPast(pseudonym="p", county_since_at=START, silence_since_at=START, not_of="c")
    async with EarlierCalls(behind) as looking:
        for number in range(AT_ONCE + 3):
            assert await looking.look_up(replace(past, not_of=f"c{number}")) == Earlier()
        assert asked == [f"c{number}" for number in range(AT_ONCE)]
        answer.set()
        await asyncio.wait(looking._open)
        monkeypatch.setattr("ivr.earlier_calls.LOOK_UP_S", PATIENCE_S)
        assert (await looking.look_up(replace(past, not_of="later"))).silent


@pytest.mark.parametrize(
    ("keys", "returning"), [({}, True), ({"first-question": ["1"]}, False)], ids=["silent", "key"]
)
async def test_who_was_silent_before_and_is_again(
    keys: dict[str, list[str]], returning: bool
) -> None:
    asked: list[tuple[str, datetime, str]] = []

    async def silent(past: CallerPast) -> Earlier:
        asked.append((past.pseudonym, past.silence_since_at, past.not_of))
        return Earlier(silent=True)

    desk = Desk(ScriptedChannel(keys), earlier=silent)
    async with desk.call(SAVEH_LANDLINE):
        pass
    facts = desk.event(ev.CallJoined).facts
    assert facts.returning_silence is returning
    ((pseudonym, since_at, call),) = asked
    assert (pseudonym, call) == (desk.event(ev.CallLocated).caller.pseudonym, "c1")
    assert since_at == START - timedelta(hours=MARKAZI.priority.returning_silence_h)


async def test_nobody_waits_long_for_what_is_known_of_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ivr.earlier_calls.LOOK_UP_S", 0.01)

    async def never(_: CallerPast) -> Earlier:
        await asyncio.Event().wait()
        return Earlier(silent=True)

    desk = Desk(ScriptedChannel({}), earlier=never)
    async with desk.call(SAVEH_LANDLINE):
        pass
    assert not desk.event(ev.CallJoined).facts.returning_silence
