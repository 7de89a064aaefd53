"""What a new copy begins with, and what any copy goes by when it starts.

The files of rules and people are installed into an empty database once; from then on decisions are
made with `ivr rules`, `ivr people` and `ivr duty`, and the files are drafts.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ivr.deployment import from_files
from ivr.errors import StoreError
from ivr.in_force import InForce
from ivr.in_force_copy import load_copy
from ivr.people import demo_accounts
from ivr.settings import Settings
from ivr.store.in_force import load_in_force
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.versions import VersionStore

log = structlog.get_logger()

INSTALLER = "installation"


async def install(store: Store, settings: Settings, at: datetime) -> bool:
    """Fill an empty database from the files; what is there already stays as it is.

    Whether anything was missing.

    Whoever has entered people of their own before gets none of the files'. Raises StoreError, or
    RulesError and BadInput where a file has mistakes: nothing is kept then.
    """
    versions, people = VersionStore(store), PeopleStore(store)
    known = await people.people()
    if known and (await versions.in_force(at)).versions:
        return False
    files = from_files(settings)
    for rules in files.rules:
        await versions.install(rules, note="installed from files", by=INSTALLER, at=at)
    if not known:
        names = (person.id for person in files.people if person.grants)
        passwords = demo_accounts(settings.home).passwords(names)
        await people.take_in(files.people, by=INSTALLER, now=at, passwords=passwords)
    return True


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The store for a command on decisions; what the files say is installed if nothing is yet.

    Raises StoreError, or RulesError and BadInput where a file has mistakes.
    """
    async with await Store.open(settings) as store:
        is_new = not await PeopleStore(store).people()
        await install(store, settings, datetime.now(UTC))
        if is_new:  # or IVR_HOME is not the one that was meant
            log.warning("new_copy_made_from_files", home=str(settings.home))
        yield store


async def first_in_force(store: Store, settings: Settings, at: datetime) -> InForce:
    """What a starting line goes by: the database, else its copy, else the files.

    Raises RulesError or BadInput where it comes to the files and they have mistakes.
    """
    try:
        if await install(store, settings, at):
            log.info("installed_from_files")
        return with_readable_rules(settings, await load_in_force(store, at))
    except StoreError as error:
        log.warning("decisions_not_reachable", reason=str(error))
    return replace(load_copy(copy_of(settings)) or from_files(settings), from_copy=True)


def with_readable_rules(settings: Settings, in_force: InForce) -> InForce:
    """Where rules in force cannot be read, those of the copy, else of the files.

    Raises RulesError or BadInput where it comes to the files and they have mistakes.
    """
    copy = load_copy(copy_of(settings)) if in_force.unreadable else None
    found = in_force.keeping(copy) if copy else in_force
    return found.keeping(from_files(settings)) if found.unreadable else found


def copy_of(settings: Settings) -> Path:
    """Where the copy is kept."""
    return settings.home / "in-force.json"
