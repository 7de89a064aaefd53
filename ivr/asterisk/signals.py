"""What a trunk sent with a call, read from the channel: headers as they came.

GET VARIABLE hands a header over as it is, at most 1023 bytes of it; nothing that a caller wrote
becomes part of an argument, a variable or a line of Asterisk's log. Only the trunk's endpoint leads
into the context that asks us, so nobody else's headers come here.
"""

import asyncio
from dataclasses import replace

import structlog

from ivr.asterisk.agi import AgiSession
from ivr.location import Signals, asks_privacy

log = structlog.get_logger()

READING_S = 0.5  # eight short questions on the loopback; a caller waits meanwhile


def own_signals(session: AgiSession) -> Signals:
    """What came with the request itself, without asking."""
    pres = session.arguments.get("pres", "")
    return Signals(
        caller_id=session.env.get("callerid", ""),
        withheld=pres.startswith("prohib"),
    )


async def read_signals(session: AgiSession, *, geolocation: bool) -> Signals:
    """All that the trunk said; what cannot be read in time is left out.

    `geolocation`: whether Asterisk takes PIDF-LO in (`Settings.trunk_geolocation`). Raises HungUp
    and SessionLost.
    """
    signals = own_signals(session)
    try:
        async with asyncio.timeout(READING_S):
            signals = await _with_headers(session, signals)
            return await _with_geolocation(session, signals) if geolocation else signals
    except TimeoutError:
        log.warning("headers_not_read_in_time", call=session.uniqueid)
        return signals


async def _with_headers(session: AgiSession, signals: Signals) -> Signals:
    # Asterisk heeds Privacy only beside P-Asserted-Identity (22.10, measured).
    privacy = await session.get_variable("PJSIP_HEADER(read,Privacy)")
    return replace(
        signals,
        withheld=signals.withheld or asks_privacy(privacy),
        asserted=await _headers(session, "P-Asserted-Identity"),
        from_header=await session.get_variable("PJSIP_HEADER(read,From)"),
        access_networks=await _headers(session, "P-Access-Network-Info"),
    )


async def _headers(session: AgiSession, name: str) -> tuple[str, ...]:
    """The first two of that name: RFC 3325 allows a sip and a tel URI, apart or in one header."""
    found = []
    for number in (1, 2):
        value = await session.get_variable(f"PJSIP_HEADER(read,{name},{number})")
        if not value:
            break
        found.append(value)
    return tuple(found)


async def _with_geolocation(session: AgiSession, signals: Signals) -> Signals:
    form = await session.get_variable("GEOLOC_PROFILE(format)")
    info = await session.get_variable("GEOLOC_PROFILE(location_info)") if form else ""
    return replace(signals, location_format=form, location_info=info)
