"""Hand-overs recomputed from captured SIP: from the counsellor's BYE to the next INVITE there.

Nothing of it is told by a phone or by us: only what passed on the wire between Asterisk's port and
the others counts, and a BYE counts only where the capture shows that somebody was still waiting.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ivr.bench.handover_capture import Datagram
from ivr.bench.running_copy import BenchError
from ivr.simulator.sip_message import SipError, SipMessage, user_of


@dataclass(frozen=True, slots=True)
class Passed:
    """A SIP message on its way from one UDP port to another."""

    at: float
    source: int
    target: int
    message: SipMessage


@dataclass(slots=True)
class Dialog:
    """One call over the wire; `number` is whom a caller dialled, or what the phone was shown.

    Of messages that were sent again the first one counts.
    """

    number: str
    invited_at: float
    towards: int
    answered_at: float | None = None
    ended_at: float | None = None
    ended_from: int | None = None


def messages(captured: Iterable[Datagram]) -> Iterator[Passed]:
    for datagram in captured:
        try:
            message = SipMessage.parse(datagram.payload)
        except SipError:  # keep-alives
            continue
        yield Passed(datagram.at, datagram.source, datagram.target, message)


def dialogs(passed: Iterable[Passed], sip_port: int) -> list[Dialog]:
    """The calls in the order of their INVITEs: to the line, and from it to the phones."""
    found: dict[str, Dialog] = {}
    for one in passed:
        message = one.message
        known = found.get(message["Call-ID"])
        if known is None:
            if message.start.startswith("INVITE "):
                shown = message["To"] if one.target == sip_port else message["From"]
                found[message["Call-ID"]] = Dialog(user_of(shown), one.at, one.target)
        elif message.status == 200 and message.method == "INVITE":
            known.answered_at = known.answered_at or one.at
        elif message.start.startswith("BYE ") and known.ended_at is None:
            known.ended_at, known.ended_from = one.at, one.source
    return list(found.values())


def hand_overs(calls: Iterable[Dialog], *, line: str, shown: str, sip_port: int) -> list[float]:
    """Seconds from each BYE of the phone to its next INVITE, while callers of `line` waited.

    `shown` is what the phone is shown for calls of this line. Raises BenchError where somebody
    waited and the phone was never rung again.
    """
    calls = list(calls)
    joined = [
        one.answered_at
        for one in calls
        if one.towards == sip_port and one.number == line and one.answered_at is not None
    ]
    rung = [one for one in calls if one.towards != sip_port and one.number == shown]
    samples = []
    for served, (leg, following) in enumerate(zip(rung, [*rung[1:], None], strict=True), start=1):
        freed_at = leg.ended_at
        if freed_at is None or leg.ended_from != leg.towards:
            continue
        waiting = sum(at < freed_at for at in joined) - served
        if waiting <= 0:
            continue
        if following is None:
            raise BenchError(f"{waiting} callers of {line} waited, and the phone never rang again.")
        samples.append(following.invited_at - freed_at)
    return samples
