"""What Asterisk says is true at one instant."""

from dataclasses import dataclass, field
from datetime import datetime

from ivr.model import CallFacts, CallId, CounsellorId, DeviceId, DeviceState, OfferId, ProvinceId


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """A caller's channel as a snapshot of Asterisk shows it; facts from the channel's variables."""

    call: CallId
    line: str
    province: ProvinceId
    arrived_at: datetime
    facts: CallFacts | None
    joined_at: datetime | None
    offer: OfferId | None  # set while the caller is in the room of that offer
    counsellor: CounsellorId | None  # who is in the room with the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSnapshot:
    """What Asterisk says is true, taken at start and after each reconnect; Asterisk wins."""

    calls: tuple[LiveCall, ...]
    legs: frozenset[OfferId] = field(default_factory=frozenset)
    devices: tuple[tuple[DeviceId, DeviceState], ...] = ()
