"""Example records for the store's tests."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from ivr.model import (
    CallEnd,
    CallerRef,
    CallFacts,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CountyId,
    CountySource,
    DeskId,
    EndedBy,
    Lane,
    OfferId,
    OfferResult,
    Overtaking,
    Precedence,
    ProvinceId,
    Relief,
)
from ivr.model.plan import Reason, ReasonCode, RoutePlan, Step, Weight
from ivr.model.record import CallRecord, OfferEntry
from ivr.outcome_form import OutcomeItem, one_touch
from ivr.outcomes import OutcomeId, Relation
from ivr.settings import Settings
from ivr.store.forms import FormStore
from ivr.store.records import OutcomeEntry
from ivr.store.store import Store

NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def settings(home: Path, **changes: Any) -> Settings:
    return Settings(home=home, **changes)


def call(name: str, **changes: Any) -> CallRecord:
    """A call that has just arrived, with these changes."""
    values: dict[str, Any] = {
        "call": CallId(name),
        "province": ProvinceId("markazi"),
        "line": "123",
        "caller": None,
        "arrived_at": NOW,
        "phase": CallPhase.MENU,
    }
    return CallRecord(**values | changes)


FACTS = CallFacts(
    province=ProvinceId("markazi"),
    county=CountyId("markazi-saveh"),
    county_source=CountySource.KEYPAD,
    category=CategoryId("child_abuse"),
    lane=Lane.DANGER,
)
PLAN = RoutePlan(
    steps=(
        Step(
            after_s=0.0,
            lasts_s=None,
            desks=(DeskId("markazi-saveh"),),
            counsellors=(CounsellorId("maryam"), CounsellorId("reza")),
            reasons=(Reason(ReasonCode.OWN_DESK, "markazi-saveh"),),
        ),
    ),
    rules_version="markazi-7",
    reasons=(Reason(ReasonCode.DANGER_OPENS_ALL),),
    all_at_once=True,
    weight=Weight(head_start_s=60.0, rate=1.5, cap_s=240.0),
)


def full_call(name: str = "1700000000.1") -> CallRecord:
    """A call with every field set."""
    return call(
        name,
        caller=CallerRef(pseudonym="ab" * 16, ciphertext="1.c2VhbGVk"),
        phase=CallPhase.ENDED,
        facts=FACTS,
        plan=PLAN,
        joined_at=at(20),
        first_offered_at=at(20.5),
        connected_at=at(31),
        talk_ended_at=at(331),
        ended_at=at(340.25),
        counsellor=CounsellorId("reza"),
        desk=DeskId("markazi-saveh"),
        ended_by=EndedBy.COUNSELLOR,
        end=CallEnd.CONNECTED,
        offers=(
            OfferEntry(
                offer=OfferId("1-1"),
                counsellor=CounsellorId("maryam"),
                offered_at=at(20.5),
                ended_at=at(25),
                result=OfferResult.RONA,
                overtook=Overtaking(
                    reason=Precedence.SCORE,
                    over=CallId("1700000000.2"),
                    waited_s=0.5,
                    score_s=60.75,
                    over_waited_s=9.0,
                    over_score_s=9.0,
                ),
                relief=Relief.WRAP_UP,
            ),
        ),
        fallback_s=3.5,
    )


def killed_after_telling(script: str, home: Path, word: str) -> bool:
    """Run the script until it prints the word, then kill -9; whether it printed it."""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout
        told = any(line.strip() == word for line in process.stdout)
        os.kill(process.pid, signal.SIGKILL)
    return told


async def add_outcome(
    store: Store, call: CallId, outcome: OutcomeId, *, by: str, at: datetime, note: str = ""
) -> OutcomeEntry:
    """One outcome more of the call, under a key of its own; as the store has it then."""
    item = OutcomeItem(outcome=outcome, note=note)
    key = f"{call} {outcome} {by} {at.isoformat()}"
    await FormStore(store).add(item, call=call, by=by, at=at, key=key)
    return (await store.outcomes(call))[-1]


CALLS_OF_SAVES = (CallId("1"), CallId("2"), CallId("3"))


async def save_for_ever(home: Path, name: str, telling: int) -> None:
    """Save one form after the other; each key goes to the descriptor `telling` once it is saved."""
    async with await Store.open(settings(home)) as store:
        kept = FormStore(store)
        for number in count():
            key = f"{name}-{number}"
            of = CALLS_OF_SAVES[number % len(CALLS_OF_SAVES)]
            await kept.save(one_touch(Relation.PRANK), call=of, by="sara", at=at(number), key=key)
            os.write(telling, f"{key}\n".encode())
