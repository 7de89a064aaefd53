"""An invented floor behind the console, and the console served on a free port."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ivr.errors import StoreError
from ivr.expected_wait import Withheld
from ivr.model import (
    UNKNOWN_CATEGORY,
    CallEnd,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CounsellorState,
    CountyId,
    DeskId,
    DeviceId,
    DeviceKind,
    DeviceState,
    Lane,
    Precedence,
    Protection,
    ProvinceId,
)
from ivr.notices import Alarm, AlarmCode, ClosedDesk
from ivr.view import (
    CallRow,
    CounsellorView,
    DeskView,
    FloorView,
    LostCall,
    Names,
    Ringing,
    Said,
    TalkView,
    WaitingCall,
)
from ivr.web.ports import DatabaseHealth

MARKAZI = ProvinceId("markazi")
ARAK = CountyId("markazi-arak")
SAVEH = CountyId("markazi-saveh")
NAMES = Names(
    provinces={MARKAZI: "مرکزی"},
    counties={ARAK: "اراک", SAVEH: "ساوه"},
    crisis_centres={"crisis-arak": "مرکز مداخله در بحران اراک"},
    categories={
        CategoryId("child_abuse"): "کودک‌آزاری",
        CategoryId("suicide_thoughts"): "افکار یا قصد خودکشی",
        CategoryId("family_dispute"): "اختلاف خانوادگی حاد",
    },
)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def waiting(
    call: str,
    *,
    lane: Lane = Lane.ORDINARY,
    county: CountyId | None = ARAK,
    category: str = "family_dispute",
    waited_s: float = 0,
    phase: CallPhase = CallPhase.WAITING,
    step: int = 0,
    offered_to: str | None = None,
) -> WaitingCall:
    return WaitingCall(
        call=CallId(call),
        lane=lane,
        province=MARKAZI,
        county=county,
        category=CategoryId(category),
        joined_at=ago(waited_s),
        phase=phase,
        step=step,
        desk=DeskId(county) if county else None,
        offered_to=(ringing(offered_to),) if offered_to else (),
    )


def ringing(name: str, *, back: bool = False, picked_up: bool = False) -> Ringing:
    return Ringing(
        counsellor=CounsellorId(name),
        device=DeviceId(f"{name}-phone"),
        kind=DeviceKind.SIP,
        desk=DeskId(ARAK),
        since_at=ago(4),
        picked_up=picked_up,
        back=back,
    )


def counsellor(
    name: str,
    state: CounsellorState = CounsellorState.AVAILABLE,
    *,
    id_: str = "",
    desk: str = ARAK,
    for_s: float = 0,
    device: DeviceState = DeviceState.IDLE,
    reason: str = "",
    hold: str = "",
) -> CounsellorView:
    return CounsellorView(
        counsellor=CounsellorId(id_ or name),
        name_fa=name,
        desks=(DeskId(desk),),
        state=state,
        since_at=ago(for_s),
        device_state=device,
        pause_reason=reason,
        hold=hold,
    )


def talk(call: str, with_: str, for_s: float = 0, category: str = "child_abuse") -> TalkView:
    return TalkView(
        call=CallId(call),
        counsellor=CounsellorId(with_),
        county=SAVEH,
        category=CategoryId(category),
        connected_at=ago(for_s),
    )


def row(call: str, minutes_ago: float = 0, **changes: object) -> CallRow:
    plain = CallRow(
        call=CallId(call),
        arrived_at=ago(minutes_ago * 60),
        phase=CallPhase.ENDED,
        province=MARKAZI,
        county=ARAK,
        category=UNKNOWN_CATEGORY,
        lane=Lane.ORDINARY,
        wait_s=7.0,
        talk_s=245.0,
        counsellor=None,
        end=CallEnd.CONNECTED,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass
class InventedConsole:
    """ConsolePorts whose floor a test sets with `show`."""

    view: FloorView = field(
        default_factory=lambda: FloorView(sequence=1, at=datetime.now(UTC), exchange_up=True)
    )
    calls: Sequence[CallRow] | None = ()
    health: DatabaseHealth = field(default_factory=lambda: DatabaseHealth(healthy=True))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    read: asyncio.Queue[int] = field(default_factory=asyncio.Queue)  # of each reading its limit

    def show(self, **changes: object) -> None:
        sequence = self.view.sequence + 1
        self.view = replace(self.view, sequence=sequence, at=datetime.now(UTC), **changes)  # type: ignore[arg-type]
        self.changed.set()

    def floor_view(self) -> FloorView:
        return self.view

    async def subscribe(self) -> AsyncIterator[object]:
        while True:
            await self.changed.wait()
            self.changed.clear()
            yield None

    async def todays_calls(self, limit: int) -> Sequence[CallRow]:
        self.read.put_nowait(limit)
        if self.calls is None:
            raise StoreError("The database is away.")
        return self.calls[:limit]

    def names(self) -> Names:
        return NAMES

    def database(self) -> DatabaseHealth:
        return self.health


def busy_night() -> InventedConsole:
    """A floor with something of everything, for looking at."""
    people = (
        counsellor("زهرا رضایی", CounsellorState.TALKING, id_="z", for_s=312),
        counsellor("مریم کاظمی", CounsellorState.OFFERED, id_="m", for_s=4),
        counsellor("علی احمدی", CounsellorState.TALKING, id_="a", desk=SAVEH, for_s=95),
        replace(
            counsellor("سارا محمدی", CounsellorState.WRAP_UP, id_="s", desk=SAVEH, for_s=22),
            wrap_up_until_at=ago(-68),
            wrap_up_latest_at=ago(-608),
            wrap_up_lengthened=2,
        ),
        replace(
            counsellor("نرگس صادقی", id_="n", desk="دلیجان", for_s=3700),
            protections=(
                Protection.HEAVY_CALL,
                Protection.NEEDS_BREAK,
                Protection.ASKED_FOR_BREAK,
            ),
            heavy_until_at=ago(-900),
            tired_since_at=ago(600),
            break_asked_at=ago(240),
        ),
        counsellor("حسین کریمی", id_="h", desk="خمین", for_s=800, device=DeviceState.UNREACHABLE),
        counsellor(
            "لیلا نوری", CounsellorState.PAUSED, id_="l", desk="محلات", for_s=410, reason="استراحت"
        ),
        counsellor("رضا اکبری", CounsellorState.OFF_DUTY, id_="r"),
        counsellor("فاطمه موسوی", CounsellorState.OFF_DUTY, id_="f"),
    )
    line = (
        waiting(
            "1",
            lane=Lane.DANGER,
            category="suicide_thoughts",
            waited_s=6,
            phase=CallPhase.OFFERED,
            offered_to="m",
        ),
        waiting("2", lane=Lane.SILENCE, county=None, category="unknown", waited_s=34, step=1),
        waiting("3", county=SAVEH, waited_s=141, step=2),
        waiting("4", waited_s=11),
    )
    danger, silence, long, late = line
    line = (
        replace(
            danger,
            offered_to=(*danger.offered_to, ringing("n", back=True, picked_up=True)),
            precedence=Precedence.DANGER,
            ahead_of=CallId("3"),
            said=Said(withheld=Withheld.URGENT),
        ),
        replace(
            silence,
            precedence=Precedence.SILENCE,
            ahead_of=CallId("3"),
            overtaken=Precedence.DANGER,
            behind=CallId("1"),
        ),
        replace(
            long,
            overtaken=Precedence.DANGER,
            behind=CallId("1"),
            broken_off=True,
            said=Said(place=2, until_at=ago(-100), longer=True),
        ),
        replace(
            late,
            overtaken=Precedence.DANGER,
            behind=CallId("1"),
            left_open=True,
            said=Said(place=3, withheld=Withheld.TOO_FEW_TALKS),
        ),
    )
    alarms = (
        Alarm(code=AlarmCode.LOST_IN_DANGER, subject="l1", since_at=ago(130)),
        Alarm(code=AlarmCode.DESK_EMPTY, subject="دلیجان", since_at=ago(75)),
        Alarm(code=AlarmCode.ABSENT, subject="h", desk=DeskId("خمین"), since_at=ago(800)),
        Alarm(code=AlarmCode.NOT_REVIEWED, subject=MARKAZI, since_at=ago(90_000)),
    )
    console = InventedConsole()
    console.view = replace(
        console.view,
        waiting=line,
        talks=(talk("t1", "z", 312), talk("t2", "a", 95, "family_dispute")),
        counsellors=people,
        in_menu=2,
        lost=(
            LostCall(
                call=CallId("l1"),
                province=MARKAZI,
                category=CategoryId("suicide_thoughts"),
                arrived_at=ago(200),
                lost_at=ago(130),
                waited_s=12.0,
                counsellor=CounsellorId("z"),
            ),
        ),
        desks=(
            DeskView(
                desk=DeskId(ARAK),
                there=3,
                free=0,
                waiting=2,
                waiting_since_at=ago(11),
                expected_min=3,
            ),
            DeskView(
                desk=DeskId(SAVEH),
                there=2,
                free=0,
                waiting=1,
                waiting_since_at=ago(141),
                withheld=Withheld.TOO_FEW_TALKS,
            ),
            DeskView(desk=DeskId("دلیجان"), there=1, free=1),
        ),
        alarms=alarms,
        closed_desks=(
            ClosedDesk(
                desk=DeskId(SAVEH), kind="short_staffed", from_at=ago(900), until_at=ago(-7200)
            ),
        ),
    )
    ids = [CounsellorId(one) for one in ("z", "a", "s", "n")]
    console.calls = (
        row("t2", 2, phase=CallPhase.TALKING, end=None, talk_s=None, counsellor=ids[1],
            category=CategoryId("family_dispute")),
        row("c1", 9, counsellor=ids[2], category=CategoryId("child_abuse"), county=SAVEH),
        row("c2", 14, counsellor=ids[3], outcome="mobile_team", lane=Lane.DANGER,
            category=CategoryId("suicide_thoughts"), wait_s=2.0, talk_s=1184.0),
        row("c3", 31, end=CallEnd.ABANDONED, wait_s=48.0, talk_s=None, county=None),
        row("c4", 45, end=CallEnd.IN_MENU, wait_s=None, talk_s=None, county=None, lane=None,
            category=None),
        row("c5", 62, counsellor=ids[0], outcome="phone_resolved",
            category=CategoryId("family_dispute")),
    )  # fmt: skip
    return console
