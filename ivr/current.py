"""What is in force, for commands that are not the controller: they change nothing by looking."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from ivr.deployment import from_files
from ivr.errors import StoreError
from ivr.in_force import InForce
from ivr.in_force_copy import load_copy
from ivr.installation import copy_of, with_readable_rules
from ivr.settings import Settings
from ivr.store.in_force import load_in_force
from ivr.store.store import Store

log = structlog.get_logger()


def current(settings: Settings, at: datetime | None = None) -> InForce:
    """What counts at `at` (else now): by the database, or by the files where there is none yet.

    Raises RulesError or BadInput where it comes to the files and they have mistakes.
    """
    return asyncio.run(current_in_force(settings, at or datetime.now(UTC)))


async def current_in_force(settings: Settings, at: datetime) -> InForce:
    """As `current`, within an event loop."""
    found = await _decided(settings, at) if _has_database(settings) else None
    if found:
        return with_readable_rules(settings, found)
    return load_copy(copy_of(settings)) or from_files(settings)


async def _decided(settings: Settings, at: datetime) -> InForce | None:
    """None where nothing was installed yet; rules of now for a time before the first version."""
    try:
        async with Store(settings) as store:
            found = await load_in_force(store, at)
            if not found.rules:
                now = await load_in_force(store, datetime.now(UTC))
                found = replace(found, rules=now.rules)
    except StoreError as error:
        log.warning("decisions_not_reachable", reason=str(error))
        return None
    return found if found.rules else None


def _has_database(settings: Settings) -> bool:
    """Looking must not make one."""
    return settings.database_url is not None or (settings.home / "line123.sqlite").exists()
