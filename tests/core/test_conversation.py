"""The caller's conversation for Markazi, on a scripted channel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.dialplan.channel import RoomRole
from ivr.dialplan.conversation import Conversation, News
from ivr.dialplan.flow import Fact
from ivr.dialplan.needed_prompts import needed_prompts
from ivr.dialplan.resume import Phase, Resume, resume_from
from ivr.dialplan.script import build_flow, waiting_prompts, whisper_prompts
from ivr.dialplan.static import CALL_ARGUMENTS
from ivr.dialplan.whisper import Whisper
from ivr.errors import HungUp
from ivr.model import (
    CallFacts,
    CallId,
    CategoryId,
    CounsellorId,
    CountyId,
    CountySource,
    Device,
    DeviceId,
    Lane,
    Offer,
    OfferId,
    OfferResult,
    ProvinceId,
    WaitNote,
    WaitWords,
)
from ivr.model.plan import RoutePlan
from ivr.prompts.catalogue import load_catalogue
from ivr.rules.load import load_rules
from ivr.settings import PROJECT
from tests.core.floor_kit import START, plan_of
from tests.core.scripted_channel import ScriptedChannel

MARKAZI = load_rules(Path(__file__).parents[2] / "deploy/provinces/markazi.yaml")
FLOW = build_flow(MARKAZI)
CALL = CallId("c1")
LET_IN = do.LetIn(offer=OfferId("7-1"))
CONNECT = do.Connect(call=CALL, offer=OfferId("7-1"), counsellor=CounsellorId("ali"))


@dataclass
class Talk:
    channel: ScriptedChannel
    posted: list[ev.Event] = field(default_factory=list)
    joined: asyncio.Event = field(default_factory=asyncio.Event)
    left_open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.conversation = Conversation(
            call=CALL,
            province=ProvinceId("markazi"),
            flow=FLOW,
            channel=self.channel,
            post=self._post,
            plan=self._plan,
            now=lambda: START,
        )

    def _post(self, event: ev.Event) -> None:
        self.posted.append(event)
        if isinstance(event, ev.CallJoined):
            self.joined.set()
        elif isinstance(event, ev.LineLeftOpen):
            self.left_open.set()

    def _plan(self, _facts: CallFacts) -> RoutePlan:
        return plan_of((None, ("ali",)))

    def say(self, *news: News) -> None:
        for item in news:
            self.conversation.hear(item)

    def tell(self, mail: do.Connect | do.HoldCall | do.CloseCall | do.SendToFallback) -> None:
        self.conversation.mailbox.put_nowait(mail)

    def after_the_talk(self) -> list[str]:
        heard = self.channel.heard
        return heard[heard.index("closing") :]

    @property
    def join(self) -> ev.CallJoined:
        return next(event for event in self.posted if isinstance(event, ev.CallJoined))

    @asynccontextmanager
    async def running(self, resume: Resume | None = None) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.conversation.run(resume or Resume()))
        try:
            async with asyncio.timeout(60):
                yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def joined_with(keys: dict[str, list[str]]) -> Talk:
    talk = Talk(ScriptedChannel(keys))
    async with talk.running():
        await talk.joined.wait()
        await talk.channel.music.wait()
    return talk


async def test_the_whole_way_through_the_menus() -> None:
    talk = await joined_with(
        {"first-question": ["2"], "county-question": ["2"], "category-question": ["4"]}
    )
    facts = talk.join.facts
    saveh = next(choice.county for choice in MARKAZI.menus.county_pages[0] if choice.key == "2")
    assert (facts.county, facts.county_source) == (saveh, CountySource.KEYPAD)
    assert facts.category == CategoryId("family_dispute")
    assert facts.lane is Lane.ORDINARY
    assert talk.channel.variables["IVR_COUNTY"] == saveh
    assert talk.channel.variables["IVR_PHASE"] == "line"
    assert float(talk.channel.variables["IVR_JOINED_AT"]) == START.timestamp()


async def test_danger_goes_straight_to_a_human() -> None:
    talk = await joined_with({"greeting": ["1"]})
    assert talk.join.facts.lane is Lane.DANGER
    assert "county-question" not in talk.channel.heard


async def test_silence_at_the_first_question_is_its_own_lane() -> None:
    talk = await joined_with({})
    assert talk.join.facts.lane is Lane.SILENCE
    assert talk.join.facts.county is None
    assert talk.channel.heard == ["greeting", "first-question", "silence-note"]


async def test_nobody_is_kept_from_the_line_by_a_sentence() -> None:
    """What is said on the way to a human is said in line: the counsellor already rings."""
    talk = Talk(ScriptedChannel({}))
    async with talk.running():
        await talk.joined.wait()
        assert "silence-note" not in talk.channel.heard


async def test_zero_in_the_county_menu_leads_to_a_human_without_a_county() -> None:
    talk = await joined_with({"first-question": ["2"], "county-question": ["0"]})
    assert talk.join.facts.county is None
    assert talk.join.facts.lane is Lane.ORDINARY


async def test_the_second_page_of_counties_comes_only_after_a_key() -> None:
    on_page_two = MARKAZI.menus.county_pages[1][0]
    talk = await joined_with(
        {
            "first-question": ["2"],
            "county-question": ["9"],
            f"county-{on_page_two.county}": [on_page_two.key],
            "category-question": ["0"],
        }
    )
    assert talk.join.facts.county == on_page_two.county
    assert talk.join.facts.category == "unknown"


async def test_a_wrong_key_repeats_once_and_then_leads_to_a_human() -> None:
    talk = await joined_with({"first-question": ["2"], "county-question": ["*", "#"]})
    assert talk.channel.heard.count("wrong-key") == 1
    assert talk.join.facts.county is None
    assert talk.join.facts.lane is Lane.ORDINARY


async def test_the_danger_choice_of_the_category_menu_is_danger() -> None:
    key = next(
        choice.key for choice in MARKAZI.menus.category_choices if choice.lane is Lane.DANGER
    )
    talk = await joined_with(
        {"first-question": ["2"], "county-question": ["2"], "category-question": [key]}
    )
    assert talk.join.facts.lane is Lane.DANGER
    assert talk.join.facts.county is not None


async def test_connect_pre_empts_the_music_and_the_talk_ends_in_the_closing() -> None:
    talk = Talk(ScriptedChannel({}))
    async with talk.running() as running:
        await talk.channel.music.wait()
        talk.tell(CONNECT)
        await talk.channel.in_room.wait()
        assert talk.channel.rooms == [("7-1", RoomRole.CALLER)]
        assert talk.channel.variables["IVR_PHASE"] == "talk"
        talk.tell(do.CloseCall(call=CALL))
        talk.channel.leave_room()
        await talk.left_open.wait()
        assert not running.done(), "the line is the caller's until they hang up"
    assert talk.after_the_talk()[:2] == ["closing", "goodbye"]
    assert talk.channel.variables["IVR_PHASE"] == "left_open"
    assert "IVR_DONE" not in talk.channel.variables


async def test_who_does_not_hang_up_hears_the_way_back_again_and_again() -> None:
    talk = Talk(ScriptedChannel(long=["closing"]))
    async with talk.running(Resume(phase=Phase.LEFT_OPEN)) as running:
        for _ in range(3):
            await talk.channel.playing.wait()
            talk.channel.playing.clear()
            talk.channel.go_on()
        await talk.channel.playing.wait()
        talk.channel.hang_up()
        with pytest.raises(HungUp):
            await running
    assert talk.channel.heard == ["closing"] * 4
    assert len([event for event in talk.posted if isinstance(event, ev.LineLeftOpen)]) == 1


async def test_key_1_on_a_line_left_open_leads_back_into_line() -> None:
    talk = Talk(ScriptedChannel({"closing": ["1"]}))
    async with talk.running(Resume(phase=Phase.LEFT_OPEN)):
        await talk.joined.wait()
        await talk.channel.music.wait()
    assert talk.channel.heard == ["closing", "back-in-line"]


async def test_a_counsellor_who_looks_after_a_line_left_open_is_let_in() -> None:
    talk = Talk(ScriptedChannel({}))
    async with talk.running(Resume(phase=Phase.LEFT_OPEN)):
        await talk.left_open.wait()
        talk.tell(CONNECT)
        await talk.channel.in_room.wait()
        talk.left_open.clear()
        talk.tell(do.CloseCall(call=CALL))
        talk.channel.leave_room()
        await talk.left_open.wait()
    assert "goodbye" in talk.channel.heard


async def test_key_1_after_the_talk_leads_back_into_line() -> None:
    talk = Talk(ScriptedChannel({"closing": ["1"]}))
    async with talk.running():
        await talk.channel.music.wait()
        talk.tell(CONNECT)
        await talk.channel.in_room.wait()
        talk.joined.clear()
        talk.tell(do.CloseCall(call=CALL))
        talk.channel.leave_room()
        await talk.joined.wait()
    assert "IVR_DONE" not in talk.channel.variables


async def test_a_broken_talk_leads_back_to_the_music_with_a_word() -> None:
    talk = Talk(ScriptedChannel({}))
    async with talk.running():
        await talk.channel.music.wait()
        talk.tell(CONNECT)
        await talk.channel.in_room.wait()
        talk.channel.music.clear()
        talk.tell(do.HoldCall(call=CALL))
        talk.channel.leave_room()
        await talk.channel.music.wait()
    assert talk.channel.heard[-1] == "counsellor-lost"
    assert talk.channel.variables["IVR_PHASE"] == "line"


async def test_counsellor_gone_before_the_caller_is_in_the_room() -> None:
    talk = Talk(ScriptedChannel({}))
    async with talk.running():
        await talk.channel.music.wait()
        talk.channel.music.clear()
        talk.tell(CONNECT)
        talk.tell(do.HoldCall(call=CALL))
        await talk.channel.music.wait()
    assert talk.channel.rooms == []


async def test_a_hang_up_in_line_ends_the_conversation_at_once() -> None:
    talk = Talk(ScriptedChannel({}))
    async with talk.running() as running:
        await talk.channel.music.wait()
        talk.channel.hang_up()
        with pytest.raises(HungUp):
            await running


async def test_the_fallback_takes_a_caller_whom_we_cannot_serve() -> None:
    talk = Talk(ScriptedChannel({}))
    async with talk.running() as running:
        await talk.channel.music.wait()
        talk.tell(do.SendToFallback(call=CALL))
        await running
    assert "IVR_DONE" not in talk.channel.variables


class TestAnnouncements:
    """What the floor has said to a caller in line, and what cuts it short."""

    THIRD = do.Announce(call=CALL, note=WaitNote(words=WaitWords.ALL_BUSY, place=3, minutes=2))
    FIRST = do.Announce(call=CALL, note=WaitNote(place=1))
    HUSH = do.Hush(call=CALL)

    @asynccontextmanager
    async def hears(self, channel: ScriptedChannel) -> AsyncIterator[Talk]:
        """A caller who hears "you are the third …", which does not end by itself."""
        talk = Talk(channel)
        async with talk.running():
            await channel.music.wait()
            talk.say(self.THIRD)
            await channel.playing.wait()
            yield talk

    async def test_words_place_and_wait_are_said_one_after_the_other(self) -> None:
        talk = Talk(ScriptedChannel({}))
        async with talk.running():
            await talk.channel.music.wait()
            before = len(talk.channel.heard)
            talk.channel.music.clear()
            talk.say(self.THIRD)
            await talk.channel.music.wait()
        assert talk.channel.heard[before:] == [
            *("all-busy", "position-you", "ord-3", "position-in-line"),
            *("wait-you", "about", "num-2", "minutes", "wait-is"),
        ]

    async def test_acceptance_cuts_it_at_once(self) -> None:
        channel = ScriptedChannel(long=["ord-3"])
        async with self.hears(channel) as talk:
            talk.tell(CONNECT)
            await channel.in_room.wait()
        assert channel.cut == ["ord-3"]
        assert channel.heard[-1] == "ord-3"

    async def test_a_free_counsellor_cuts_it_and_the_music_goes_on(self) -> None:
        channel = ScriptedChannel(long=["ord-3"])
        async with self.hears(channel) as talk:
            talk.say(self.HUSH)
            await channel.music.wait()
            assert channel.heard[-1] == "ord-3"
            talk.tell(CONNECT)
            await channel.in_room.wait()

    async def test_a_newer_one_waits_until_it_is_over(self) -> None:
        channel = ScriptedChannel(long=["ord-3"])
        async with self.hears(channel) as talk:
            talk.say(self.FIRST)
            await asyncio.sleep(0)
            assert channel.cut == []
            channel.go_on()
            await channel.music.wait()
        assert channel.heard[-3:] == ["position-you", "ord-first", "position-in-line"]
        assert "wait-is" in channel.heard

    async def test_a_hang_up_in_the_middle_ends_the_conversation(self) -> None:
        channel = ScriptedChannel(long=["ord-3"])
        talk = Talk(channel)
        async with talk.running() as running:
            await channel.music.wait()
            talk.say(self.THIRD)
            await channel.playing.wait()
            channel.hang_up()
            with pytest.raises(HungUp):
                await running

    @pytest.mark.parametrize("key", ["0", "1", "*"])
    async def test_a_key_in_the_middle_means_nothing(self, key: str) -> None:
        """As on the music: no key is offered to who waits, and none is lost for later."""
        channel = ScriptedChannel({"ord-3": [key]})
        talk = Talk(channel)
        async with talk.running():
            await channel.music.wait()
            channel.music.clear()
            talk.say(self.THIRD)
            await channel.music.wait()
        assert channel.heard[-1] == "wait-is"

    async def test_the_sentence_of_joining_is_heard_to_its_end(self) -> None:
        """A counsellor may be rung meanwhile; the news of that time is out of date afterwards."""
        channel = ScriptedChannel(long=["silence-note"])
        talk = Talk(channel)
        async with talk.running():
            await channel.playing.wait()
            talk.say(self.THIRD, self.HUSH)
            assert channel.cut == []
            talk.tell(CONNECT)
            await channel.in_room.wait()
        assert "ord-3" not in channel.heard

    async def test_what_was_overtaken_before_it_could_be_said_is_not_said(self) -> None:
        talk = Talk(ScriptedChannel({}))
        async with talk.running():
            await talk.joined.wait()
            talk.say(self.THIRD, self.FIRST)
            await talk.channel.music.wait()
        assert "ord-first" in talk.channel.heard
        assert "ord-3" not in talk.channel.heard

    @pytest.mark.parametrize("lane", [Lane.DANGER, Lane.SILENCE])
    def test_danger_and_silence_have_words_of_their_own(self, lane: Lane) -> None:
        words = WaitWords[lane.name]
        assert waiting_prompts(FLOW.waiting, WaitNote(words=words)) == (
            f"waiting-{lane.name.lower()}",
        )

    def test_every_prompt_that_may_be_said_is_needed_and_in_the_catalogue(self) -> None:
        needed = needed_prompts(MARKAZI, FLOW)
        assert {"all-busy", "taking-longer", "waiting-danger", "waiting-silence"} <= needed
        assert {"ord-first", "num-90-o", "ord-9", "num-10", "wait-is", "under-a-minute"} <= needed
        load_catalogue(PROJECT / "prompts" / "fa").require(needed)

    def test_the_sentences_read_as_people_say_them(self) -> None:
        texts = load_catalogue(PROJECT / "prompts" / "fa").prompts
        note = WaitNote(words=WaitWords.ALL_BUSY, place=21, minutes=10)
        said = " ".join(texts[prompt].text for prompt in waiting_prompts(FLOW.waiting, note))
        assert said == (
            "همهٔ کارشناسان در حال پاسخ‌گویی به دیگران هستند. "
            "شما نفر بیست و یکم صف هستید. زمان انتظار شما حدود ده دقیقه است."
        )
        least = waiting_prompts(FLOW.waiting, WaitNote(minutes=0))
        assert " ".join(texts[prompt].text for prompt in least) == (
            "زمان انتظار شما کمتر از یک دقیقه است."
        )


class TestResume:
    async def test_goes_on_at_the_first_open_question(self) -> None:
        talk = Talk(ScriptedChannel({"category-question": ["0"]}))
        joined_at = START - timedelta(minutes=3)
        known = {Fact.LANE: "ordinary", Fact.COUNTY: "markazi-saveh"}
        async with talk.running(Resume(phase=Phase.MENU, facts=known, joined_at=joined_at)):
            await talk.joined.wait()
        assert "greeting" not in talk.channel.heard
        assert "county-question" not in talk.channel.heard
        assert talk.join.joined_at == joined_at

    async def test_a_caller_who_stood_in_line_stands_there_again(self) -> None:
        arguments = {
            "phase": "fallback",
            "lane": "danger",
            "county": "-",
            "category": "unknown",
            "joined_at": f"{START.timestamp():.3f}",
        }
        talk = Talk(ScriptedChannel({}))
        async with talk.running(resume_from(arguments, MARKAZI)):
            await talk.joined.wait()
        assert talk.join.facts.lane is Lane.DANGER
        assert talk.join.joined_at == START

    @pytest.mark.parametrize(
        ("keys", "lane"),
        [
            ({"greeting": ["1"]}, Lane.DANGER),
            ({"greeting": ["0"]}, Lane.ORDINARY),
            ({}, Lane.SILENCE),
            ({"first-question": ["2"], "county-question": ["0"]}, Lane.ORDINARY),
        ],
        ids=["danger", "a person", "silence", "a person, after a question"],
    )
    async def test_who_went_to_the_line_is_asked_nothing_after_a_restart(
        self, keys: dict[str, list[str]], lane: Lane
    ) -> None:
        first = Talk(ScriptedChannel(keys))
        async with first.running():
            await first.joined.wait()
        kept = {
            name: first.channel.variables.get(variable, "") for name, variable in CALL_ARGUMENTS
        }
        again = Talk(ScriptedChannel({}))
        async with again.running(resume_from(kept, MARKAZI)):
            await again.joined.wait()
        assert again.join.facts == first.join.facts
        assert again.join.facts.lane is lane
        assert not {"greeting", "first-question", "county-question", "category-question"} & {
            *again.channel.heard
        }

    async def test_after_a_talk_that_we_did_not_see_end_comes_the_closing(self) -> None:
        talk = Talk(ScriptedChannel({}))
        async with talk.running(Resume(phase=Phase.TALK)):
            await talk.left_open.wait()
        assert talk.channel.heard[:2] == ["closing", "goodbye"]

    def test_junk_counts_as_not_known(self) -> None:
        arguments = {
            "phase": "dancing",
            "lane": "sideways",
            "county": "atlantis",
            "category": "1; DROP",
            "county_source": "of a later version",
            "joined_at": "yesterday",
        }
        assert resume_from(arguments, MARKAZI) == Resume()


class TestWhisper:
    FACTS = CallFacts(
        province=ProvinceId("markazi"),
        county=CountyId("markazi-saveh"),
        category=CategoryId("family_dispute"),
    )

    def offer(self, *, confirm: bool) -> Offer:
        return Offer(
            id=OfferId("7-1"),
            call=CALL,
            counsellor=CounsellorId("ali"),
            device=Device(id=DeviceId("ali-1"), confirm=confirm),
            facts=self.FACTS,
            offered_at=START,
            deadline_at=START,
        )

    def awaited(self) -> tuple[Whisper, asyncio.Event]:
        """A whisper, and when its counsellor has accepted."""
        accepted = asyncio.Event()

        def post(event: ev.Event) -> None:
            if isinstance(event, ev.OfferAccepted):
                accepted.set()

        return Whisper(offer=self.offer(confirm=False), post=post), accepted

    async def test_county_and_topic_then_the_room(self) -> None:
        posted: list[ev.Event] = []
        whisper = Whisper(offer=self.offer(confirm=False), post=posted.append)
        channel = ScriptedChannel()
        whisper.mailbox.put_nowait(LET_IN)
        channel.leave_room()
        task = asyncio.create_task(whisper.run(channel, FLOW.topics))
        await channel.in_room.wait()
        channel.leave_room()
        await task
        assert channel.heard == [
            "whisper-county",
            "county-markazi-saveh",
            "whisper-topic",
            "topic-family",
        ]
        assert [type(event) for event in posted] == [ev.OfferPickedUp, ev.OfferAccepted]
        assert channel.rooms == [("7-1", RoomRole.COUNSELLOR)]
        assert channel.variables == {"IVR_TALKED": "1"}

    @pytest.mark.parametrize(("key", "accepted"), [("1", True), ("3", False), (None, False)])
    async def test_key_1_accepts_where_a_voicemail_might_answer(
        self, key: str | None, *, accepted: bool
    ) -> None:
        posted: list[ev.Event] = []
        whisper = Whisper(offer=self.offer(confirm=True), post=posted.append)
        channel = ScriptedChannel({"press-1-to-accept": [key] if key else []})
        task = asyncio.create_task(whisper.run(channel, FLOW.topics))
        if accepted:
            whisper.mailbox.put_nowait(LET_IN)
            await channel.in_room.wait()
            channel.leave_room()
        await task
        assert any(isinstance(event, ev.OfferAccepted) for event in posted) is accepted

    @pytest.mark.parametrize(
        ("why", "said"),
        [
            (OfferResult.ANSWERED_ELSEWHERE, "whisper-taken"),
            (OfferResult.WITHDRAWN, "whisper-over"),
        ],
    )
    async def test_who_hears_the_whisper_is_told_why_it_stops(
        self, why: OfferResult, said: str
    ) -> None:
        whisper = Whisper(offer=self.offer(confirm=False), post=list[ev.Event]().append)
        channel = ScriptedChannel(long=["topic-family"])
        task = asyncio.create_task(whisper.run(channel, FLOW.topics))
        await channel.playing.wait()
        assert whisper.call_off(why)
        await task
        assert channel.cut == ["topic-family"]
        assert channel.heard[-1] == said
        assert channel.rooms == []

    async def test_who_has_accepted_is_told_why_nobody_comes(self) -> None:
        whisper, accepted = self.awaited()
        channel = ScriptedChannel()
        task = asyncio.create_task(whisper.run(channel, FLOW.topics))
        await accepted.wait()
        assert whisper.call_off(OfferResult.WITHDRAWN)
        await task
        assert channel.heard[-1] == "whisper-over"

    async def test_the_last_word_before_the_room_counts(self) -> None:
        """Let in and called off in one breath: nobody goes into a room to which nobody comes."""
        whisper, accepted = self.awaited()
        channel = ScriptedChannel()
        task = asyncio.create_task(whisper.run(channel, FLOW.topics))
        await accepted.wait()
        whisper.mailbox.put_nowait(LET_IN)
        assert whisper.call_off(OfferResult.WITHDRAWN)
        await task
        assert channel.rooms == []

    async def test_nobody_hears_why_before_picking_up_in_the_room_or_where_there_is_no_reason(
        self,
    ) -> None:
        whisper, accepted = self.awaited()
        assert not whisper.call_off(OfferResult.WITHDRAWN)
        channel = ScriptedChannel()
        task = asyncio.create_task(whisper.run(channel, FLOW.topics))
        await accepted.wait()
        assert not whisper.call_off(OfferResult.DECLINED)
        whisper.mailbox.put_nowait(LET_IN)
        await channel.in_room.wait()
        assert not whisper.call_off(OfferResult.WITHDRAWN)
        channel.leave_room()
        await task
        assert channel.rooms == [("7-1", RoomRole.COUNSELLOR)]

    def test_danger_is_said_first(self) -> None:
        facts = CallFacts(province=ProvinceId("markazi"), lane=Lane.DANGER)
        assert whisper_prompts(FLOW.topics, facts, confirm=False) == (
            "whisper-danger",
            "county-unknown",
        )
