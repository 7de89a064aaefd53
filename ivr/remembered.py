"""What talks that this floor did not see still ask of its counsellors, after a restart.

A crash is over within seconds: it must neither ring anybody into a wrap-up nor let them forget
what work has asked of them lately.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from ivr import events as ev
from ivr.model import CallPhase, Lane
from ivr.model.record import CallRecord, EndedTalk, ended_talk

if TYPE_CHECKING:
    from ivr.queues import Floor


def talks_remembered(floor: "Floor", event: ev.TalksRemembered) -> None:
    for talk in event.talks:
        _remember(floor, talk)


def talk_ended_unseen(floor: "Floor", known: CallRecord) -> None:
    """It was under way when the controller before us ended, and is over: now, at the latest."""
    if known.phase is CallPhase.TALKING and known.counsellor is not None:
        danger = known.facts is not None and known.facts.lane is Lane.DANGER
        _remember(floor, ended_talk(known, known.counsellor, floor.now, danger=danger))


def _remember(floor: "Floor", talk: EndedTalk) -> None:
    """Whoever talks again has nothing to wrap up; no instant is ahead of our clock."""
    presence = floor.staff.get(talk.counsellor)
    if presence is not None and presence.offer is None:
        ended_at = min(talk.ended_at, floor.now)
        seen = replace(talk, began_at=min(talk.began_at, ended_at), ended_at=ended_at)
        floor.staff.remember(presence, seen, floor.limits_in(talk.province), floor.now)
