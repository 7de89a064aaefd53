"""Who acts on the command line: a name (`--as`, IVR_USER), a password, and the right to do it."""

import os
import pwd
import signal
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer

from ivr.calendar import plain_minute
from ivr.errors import BadInput, NotAllowed
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.people import Grant, Person, Role
from ivr.rights import Action, in_force, may, may_manage
from ivr.store.failures import FAILURES_ALLOWED, REFUSED_FOR
from ivr.store.people import Guard, PeopleStore, everybody_may
from ivr.store.store import Store

LOCAL = "local"  # no id of a person: those are chosen when somebody is added, and this one is ours

WhoOption = Annotated[
    str | None,
    typer.Option("--as", help="Who you are (else IVR_USER); the password is asked for."),
]


async def acting(
    store: Store,
    who: str | None,
    action: Action,
    *,
    province: ProvinceId | None = None,
    desk: DeskId | None = None,
) -> Person:
    """Who acts, known by password and with the right to do this there (nothing named: everywhere).

    The machine's owner (`--as local`) may close and reopen desks without any password: an
    evacuation must not wait for an account that wrong passwords have shut. Raises BadInput where
    nobody is known by this name and password, NotAllowed without the right.
    """
    if who == LOCAL and action is Action.DUTY_CLOSE:
        owner, everywhere = CounsellorId(machines_owner(store.home)), Grant(role=Role.SUPERVISOR)
        return Person.model_construct(id=owner, name_fa=owner, grants=(everywhere,))
    person = await sign_in(store, who)
    if not may(person, action, province=province, desk=desk, now=datetime.now(UTC)):
        raise NotAllowed(
            f"{person.id} may not do this ({action}) for {desk or province or 'all provinces'}: "
            f"{_roles(person)}. Nothing was changed. Ask somebody whose role it is (`ivr people "
            "list`), or an admin for a role."
        )
    return person


class Check(Protocol):
    """As `PeopleStore.check_password`."""

    def __call__(self, name: str, text: str, /, *, now: datetime) -> Awaitable[Person | None]: ...


async def sign_in(store: Store, who: str | None, check: Check | None = None) -> Person:
    """Who acts, known by password (IVR_PASSWORD, or asked for); raises BadInput."""
    name = who or os.environ.get("IVR_USER")
    if not name:
        raise BadInput(
            "Nobody said who acts; nothing was changed. Say it with --as ID, or set IVR_USER (and "
            "IVR_PASSWORD in scripts); `ivr people list` has the ids."
        )
    text = secret_from("IVR_PASSWORD", f"Password of {name}")
    is_right = check or PeopleStore(store).check_password
    person = await is_right(name, text, now=datetime.now(UTC))
    if person is None:
        minutes = int(REFUSED_FOR.total_seconds()) // 60
        raise BadInput(
            f"{name!r}: unknown name, wrong password, or refused for now: after {FAILURES_ALLOWED} "
            f"failures in a row an account is refused for {minutes} minutes. Nothing was changed. "
            "Try again, or ask an admin for a new password (`ivr people password ID`)."
        )
    return person


async def managing(store: Store, who: str | None, *, own: str | None = None) -> tuple[str, Guard]:
    """Who manages people, as the trail names them, and the guard of what they may change.

    `own` is an account that its owner may change as well, and for which the machine's owner
    (`--as local`) may do so too: else a last admin's lost password would lock everybody out. While
    nobody can sign in who manages people, the machine's owner may everything. Raises BadInput and
    NotAllowed as `acting`; so does the guard.
    """
    if who == LOCAL and own is not None:
        return machines_owner(store.home), everybody_may
    if not (who or os.environ.get("IVR_USER")) and not await PeopleStore(store).somebody_manages():
        return machines_owner(store.home), everybody_may
    actor = await sign_in(store, who)

    def guard(before: Person | None, after: Person) -> None:
        itself = actor.id == after.id == own
        if not itself and not may_manage(actor, before, after, datetime.now(UTC)):
            raise NotAllowed(
                f"{actor.id} may not do this to {after.id}: it takes the admin role wherever the "
                "account has a desk or a role (an account with neither belongs to all provinces), "
                "for roles and other admins' accounts one without an end, and nobody changes their "
                f"own roles. {actor.id} has {_roles(actor)}. Nothing was changed; ask another "
                "admin (`ivr people list`)."
            )

    return actor.id, guard


def machines_owner(home: Path) -> str:
    """`local:NAME` for the Unix user who owns IVR_HOME, or root; raises NotAllowed for others."""
    number = os.getuid()
    owner = home.stat().st_uid
    name = str(number)
    with suppress(KeyError):
        name = pwd.getpwuid(number).pw_name
    if number not in {0, owner}:
        raise NotAllowed(
            f"This is for the owner of {home} (who makes the first account, and helps where a "
            f"password is lost), which {name} is not. Run it as that user."
        )
    return f"local:{name}"


def secret_from(variable: str, prompt: str, *, twice: bool = False) -> str:
    """A secret from the environment, or asked for without showing it; raises BadInput."""
    text = os.environ.get(variable)
    if text is not None:
        return text
    try:
        with _ended_by_ctrl_c():
            answer: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True)
    except typer.Abort:
        raise BadInput(
            f"{prompt}: none was given; nothing was changed. Type it in a terminal, or set "
            f"{variable}."
        ) from None
    return answer


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """The event loop takes the first Ctrl-C for the task, which cannot see it while it asks."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _roles(person: Person) -> str:
    now = datetime.now(UTC)
    roles = [grant_words(grant) for grant in person.grants if in_force(grant, now)]
    return f"the roles {', '.join(roles)}" if roles else "no role"


def grant_words(grant: Grant) -> str:
    """`supervisor@markazi`, `admin@all`: as the options of `ivr people` are written."""
    end = f" until {plain_minute(grant.until_at)}" if grant.until_at else ""
    return f"{grant.role}@{grant.desk or grant.province or 'all'}{end}"
