"""The caller's conversation: runs a flow on a channel and owns it from greeting to goodbye.

It tells the floor facts (events) and, once the call is in line, obeys one mailbox; after joining
it decides nothing (design §3, flow and floor).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import TypeVar

from ivr import effects as do
from ivr import events as ev
from ivr.dialplan.channel import Channel, RoomRole
from ivr.dialplan.flow import ALL_KEYS, Answer, Fact, Flow, Question, Then
from ivr.dialplan.preempting import first_of
from ivr.dialplan.resume import Phase, Resume, county_facts, facts_of
from ivr.dialplan.script import UNKNOWN_COUNTY, waiting_prompts
from ivr.model import UNKNOWN_CATEGORY, CallFacts, CallId, ProvinceId
from ivr.model.location import LocationCandidate
from ivr.model.plan import RoutePlan

News = do.Announce | do.Hush
Mail = do.Connect | do.HoldCall | do.CloseCall | do.SendToFallback

Item = TypeVar("Item")

# After the room is left, the floor says at once whether the talk was ended or broke off.
VERDICT_S = 2.0
# On a line that nobody hangs up, between one offer of the way back and the next: a handset that
# speaks often could betray whoever holds it.
QUIET_AT_FIRST_S, QUIET_S = 20.0, 120.0
_NOT_ASKED = {Fact.COUNTY: UNKNOWN_COUNTY, Fact.CATEGORY: UNKNOWN_CATEGORY}


class _Next(Enum):
    CLOSING = auto()
    FALLBACK = auto()


@dataclass(slots=True, kw_only=True)
class Conversation:
    """One caller's conversation. `post` takes events, `plan` asks the router, `now` the clock.

    `mailbox` has what the floor wants done; `hear` takes what may be said meanwhile.
    """

    call: CallId
    province: ProvinceId
    flow: Flow
    channel: Channel
    post: Callable[[ev.Event], None]
    plan: Callable[[CallFacts], RoutePlan]
    now: Callable[[], datetime]
    mailbox: asyncio.Queue[Mail] = field(default_factory=asyncio.Queue)
    _to_say: asyncio.Queue[do.Announce] = field(default_factory=asyncio.Queue)
    _hushed: asyncio.Queue[do.Hush] = field(default_factory=asyncio.Queue)
    out_of_room: asyncio.Event = field(default_factory=asyncio.Event)
    _known: dict[Fact, str] = field(default_factory=dict)
    _likely: LocationCandidate | None = None
    _silent_before: bool = False
    _task: asyncio.Task[object] | None = None

    async def run(self, resume: Resume) -> None:
        """From where `resume` says to the end.

        Returns when the dialplan is to take the channel. Raises HungUp when the caller has gone,
        SessionLost when our connection to the living channel broke.
        """
        self._task = asyncio.current_task()
        self._known = dict(resume.facts)
        self._likely = resume.likely
        self._silent_before = resume.silent_before
        self.out_of_room.set()
        if resume.phase is Phase.TALK:
            next_ = _Next.CLOSING
        elif resume.phase is Phase.LEFT_OPEN:
            next_ = await self._leave_open()
        else:
            say = await self._ask_what_is_open()
            next_ = await self._stand_in_line(resume.joined_at or self.now(), say)
        while next_ is _Next.CLOSING:
            next_ = await self._close()

    def give_up(self) -> None:
        """End it wherever it is: the caller is the dialplan's from then on, or another's."""
        if self._task is not None:
            self._task.cancel()

    def hear(self, news: News) -> None:
        """Said when what plays is over, unless there is newer by then; a Hush ends it all."""
        _empty(self._to_say)
        if isinstance(news, do.Announce):
            self._to_say.put_nowait(news)
        else:
            self._hushed.put_nowait(news)

    # --------------------------------------------------------------- questions

    async def _ask_what_is_open(self) -> tuple[str, ...]:
        """Returns what to say in line: it must not keep anyone from being rung for."""
        for question in self.flow.questions:
            if question.settles in self._known:
                continue
            answer = await self._ask(question)
            if answer.then is Then.LINE:
                # Whoever comes back is asked nothing more: not in danger, not who wants a person.
                await self._settle(Phase.LINE, {**_NOT_ASKED, **self._known, **answer.facts})
                return answer.say
            await self._settle(Phase.MENU, answer.facts)
        return self.flow.in_line

    async def _settle(self, phase: Phase, facts: Mapping[Fact, str]) -> None:
        """Facts go onto the channel at once, where whoever comes after us finds them."""
        new = {fact: value for fact, value in facts.items() if self._known.get(fact) != value}
        self._known |= new
        values = {f"IVR_{fact.upper()}": value for fact, value in new.items()}
        await self.channel.set_variables({**values, "IVR_PHASE": phase})

    async def _ask(self, question: Question) -> Answer:
        pages = iter(question.pages)
        page = next(pages)
        prompts, wrong_keys = page.prompts, 0
        while (key := await self._key_after(prompts, question.wait_s)) is not None:
            answer = page.answers.get(key)
            if answer is None and wrong_keys:
                return question.wrong
            if answer is None:
                wrong_keys += 1
                prompts = (*self.flow.wrong_key, *page.prompts)
            elif answer.then is Then.NEXT_PAGE:
                page = next(pages)
                prompts = page.prompts
            else:
                return answer
        return question.silence

    async def _key_after(self, prompts: tuple[str, ...], wait_s: float) -> str | None:
        key = await self.channel.play(prompts, ALL_KEYS)
        return key if key is not None else await self.channel.wait_key(wait_s)

    # -------------------------------------------------------------------- line

    async def _stand_in_line(self, joined_at: datetime, say: tuple[str, ...]) -> _Next:
        place = {"IVR_JOINED_AT": f"{joined_at.timestamp():.3f}", "IVR_PHASE": Phase.LINE}
        await self.channel.set_variables(place | self._settle_county())
        facts = facts_of(self.province, self._known, silent_before=self._silent_before)
        plan = self.plan(facts)
        self.mailbox = (
            asyncio.Queue()
        )  # a late verdict of an earlier talk is not meant for this wait
        self.post(ev.CallJoined(call=self.call, facts=facts, plan=plan, joined_at=joined_at))
        return await self._obey(await self._wait_for_mail(say))

    def _settle_county(self) -> dict[str, str]:
        """A caller who named no county gets the likely one; what to keep on the channel of it."""
        if self._likely and self._known.get(Fact.COUNTY, UNKNOWN_COUNTY) == UNKNOWN_COUNTY:
            self._known |= county_facts(self._likely)
        if Fact.COUNTY_SOURCE not in self._known:
            return {}  # from the keypad: written when the key was pressed
        kept = (Fact.COUNTY, Fact.COUNTY_SOURCE)
        return {f"IVR_{fact.upper()}": self._known[fact] for fact in kept}

    async def _obey(self, mail: Mail) -> _Next:
        while True:
            match mail:
                case do.Connect():
                    mail = await self._talk(mail)
                case do.HoldCall():
                    await self._settle(Phase.LINE, {})
                    mail = await self._wait_for_mail(self.flow.counsellor_lost)
                case do.CloseCall():
                    return _Next.CLOSING
                case do.SendToFallback():
                    return _Next.FALLBACK

    async def _wait_for_mail(self, say: tuple[str, ...]) -> Mail:
        """Sentences, music between them, until the floor wants something: that cuts all short."""
        _empty(self._to_say)  # of an earlier wait
        mail = await first_of(self._pass_the_time(say), self.mailbox)
        assert mail is not None, "the time is passed until it is cut short"
        return mail

    async def _pass_the_time(self, say: tuple[str, ...]) -> None:
        """For ever. The first sentence is heard to its end, whoever is being rung meanwhile."""
        if say:
            await self.channel.play(say)
        while True:
            if self._to_say.empty():
                await self.channel.start_music()
                announce = await first_of(self._listen(), self._to_say)
            else:
                announce = self._to_say.get_nowait()
            assert announce is not None, "listening ends with the call"
            _empty(self._hushed)  # of what was said before
            prompts = waiting_prompts(self.flow.waiting, announce.note)
            await first_of(self.channel.play(prompts), self._hushed)

    async def _listen(self) -> None:
        """Keys mean nothing in line, but waiting for one tells of a hang-up at once."""
        while True:
            await self.channel.wait_key(None)

    # -------------------------------------------------------------------- talk

    async def _talk(self, mail: do.Connect) -> Mail:
        """Into the room and out again; returns what the floor says of it."""
        talk = {
            "CONFBRIDGE_RESULT": "",  # of an earlier talk
            "IVR_OFFER": mail.offer,
            "IVR_COUNSELLOR": mail.counsellor,
        }
        await self.channel.set_variables({**talk, "IVR_PHASE": Phase.TALK})
        if self.mailbox.empty():  # else the counsellor has gone meanwhile
            self.out_of_room.clear()
            try:
                await self.channel.enter_room(mail.offer, RoomRole.CALLER)
            finally:
                self.out_of_room.set()
        try:
            async with asyncio.timeout(VERDICT_S):
                return await self.mailbox.get()
        except TimeoutError:
            return do.CloseCall(call=self.call)

    # ----------------------------------------------------------------- closing

    async def _close(self) -> _Next:
        """The counsellor has ended: whoever wishes comes back, the others hang up."""
        key = await self._key_after(self.flow.closing, self.flow.closing_wait_s)
        if key != self.flow.come_back_key:
            key = await self.channel.play(self.flow.goodbye, ALL_KEYS)
        if key is None:
            return await self._leave_open()
        return await self._stand_in_line(self.now(), self.flow.back_in_line)

    async def _leave_open(self) -> _Next:
        """Who does not hang up may be unable to: the line stays theirs, and is quiet."""
        self.mailbox = asyncio.Queue()
        self.post(ev.LineLeftOpen(call=self.call))  # first: who hangs up now was let go already
        await self._settle(Phase.LEFT_OPEN, {})
        mail = await first_of(self._until_they_come_back(), self.mailbox)
        if mail is None:
            return await self._stand_in_line(self.now(), self.flow.back_in_line)
        return await self._obey(mail)

    async def _until_they_come_back(self) -> None:
        """Any key will do: whoever finds one is there."""
        quiet_s = QUIET_AT_FIRST_S
        while await self.channel.wait_key(quiet_s) is None:
            if await self._key_after(self.flow.closing, self.flow.closing_wait_s) is not None:
                return
            quiet_s = QUIET_S


def _empty(queue: "asyncio.Queue[Item]") -> None:
    while not queue.empty():
        queue.get_nowait()
