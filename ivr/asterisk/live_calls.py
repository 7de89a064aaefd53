"""Callers in a list of Asterisk's channels: what their variables tell of them (AMI Status)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ivr.dialplan.flow import Fact
from ivr.dialplan.resume import facts_of, instant
from ivr.dialplan.static import CALL_ARGUMENTS
from ivr.model import CallFacts, CallId, CounsellorId, Lane, OfferId, ProvinceId
from ivr.model.exchange import LiveCall

Message = Mapping[str, Any]

VARIABLES = ",".join(variable for _, variable in CALL_ARGUMENTS)

_UNSET = "(null)"  # of a variable that the channel has not: manager.c, generate_status


def live_call(channel: Message) -> LiveCall | None:
    """The call of a channel that Status lists with VARIABLES; None for what is no caller's."""
    variables = _variables(channel)
    province = ProvinceId(variables.get("IVR_PROVINCE", ""))
    if not province:
        return None
    room = room_of(channel)
    arrived_at = instant(variables.get("IVR_ARRIVED_AT", "")) or _since(channel)
    counsellor = variables.get("IVR_COUNSELLOR")
    return LiveCall(
        call=CallId(channel.get("Uniqueid", "")),
        line=variables.get("IVR_LINE", ""),
        province=province,
        arrived_at=arrived_at,
        facts=_facts(province, variables),
        joined_at=instant(variables.get("IVR_JOINED_AT", "")),
        offer=room,
        counsellor=CounsellorId(counsellor) if room and counsellor else None,
    )


def _facts(province: ProvinceId, variables: Mapping[str, str]) -> CallFacts | None:
    known = {fact: variables.get(f"IVR_{fact.upper()}", "") for fact in Fact}
    if known[Fact.LANE].upper() not in Lane.__members__:
        return None
    return facts_of(province, {fact: value for fact, value in known.items() if value})


def _since(channel: Message) -> datetime:
    """When a channel came to be that has not said it yet: its unique id begins with the second."""
    second = channel.get("Uniqueid", "").partition(".")[0]
    return instant(second) or datetime.fromtimestamp(0, UTC)


def room_of(channel: Message) -> OfferId | None:
    """The room in which the channel is."""
    if channel.get("Application") != "ConfBridge":
        return None
    return OfferId(channel.get("Data", "").partition(",")[0])


def _variables(channel: Message) -> dict[str, str]:
    values = channel.get("Variable", [])
    pairs = [values] if isinstance(values, str) else values
    named = (pair.split("=", 1) for pair in pairs if "=" in pair)
    return {name: value for name, value in named if value != _UNSET}
