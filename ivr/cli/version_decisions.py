"""Decisions about versions: `ivr rules draft`, `publish`, `withdraw`, `rollback`, `review`."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ivr.calendar import plain_minute
from ivr.cli.acting import WhoOption, acting
from ivr.cli.version_tables import (
    WithState,
    differences_json,
    finding_line,
    print_json,
)
from ivr.cli.versions import (
    JsonOption,
    NumberArgument,
    ProvinceArgument,
    count_of,
    print_differences,
    print_versions,
    readable,
    version_store,
)
from ivr.errors import BadInput
from ivr.installation import opened
from ivr.jalali import parse_instant
from ivr.model import ProvinceId
from ivr.people import Person
from ivr.prompts.catalogue import load_catalogue
from ivr.rights import Action
from ivr.rules.diff import Difference, differences
from ivr.rules.findings import Finding, Severity, errors_of
from ivr.rules.load import inspect
from ivr.rules.schema import ProvinceRules
from ivr.settings import load_settings
from ivr.store.codec import Json
from ivr.store.versions import Published, VersionStore
from ivr.versions import Version, VersionState, in_force, state_of


@asynccontextmanager
async def _deciding(
    who: str | None, action: Action, province: ProvinceId
) -> AsyncIterator[tuple[VersionStore, Person]]:
    """The versions, and who decides; raises BadInput for whoever may not."""
    settings = load_settings()
    prompts = load_catalogue(settings.prompts_dir).prompts.keys()
    async with opened(settings) as store:
        person = await acting(store, who, action, province=province)
        yield VersionStore(store, prompts), person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drafted:
    number: int
    rules: ProvinceRules
    findings: tuple[Finding, ...]
    compared_with: Version | None
    differences: tuple[Difference, ...]


def draft(
    file: Annotated[Path, typer.Argument(help="The rules file of one province.")],
    *,
    note: Annotated[str, typer.Option(help="What is changed and why, for whoever publishes it.")],
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a file as a draft: check it, and say how it differs from what is in force.

    A draft with errors is kept, so that others can see it, and cannot be published. With --json an
    object with the keys province, number, version, publishable, findings (severity, field,
    message), compared_with (a number or null), differences (as of `ivr rules diff`).
    """
    if not note.strip():
        raise BadInput("--note: say what is changed and why; whoever publishes it reads this.")
    inspection = inspect(file)
    rules = readable(inspection)
    if not as_json:
        _print_findings(str(one) for one in inspection.findings if _is_told(one))
    drafted = asyncio.run(_draft(rules, note.strip(), who))
    if as_json:
        print_json(_drafted_json(drafted))
        return
    known = {(one.field, one.message) for one in inspection.findings}
    further = [one for one in drafted.findings if (one.field, one.message) not in known]
    _print_findings(finding_line(one) for one in further if _is_told(one))
    _print_drafted(drafted)


async def _draft(rules: ProvinceRules, note: str, who: str | None) -> _Drafted:
    async with _deciding(who, Action.RULES_DRAFT, rules.id) as (versions, person):
        now = datetime.now(UTC)
        number = await versions.draft(rules, note=note, by=person.id, at=now)
        present = in_force(await versions.history(rules.id), now)
        old = await versions.version(rules.id, present.number) if present else None
        return _Drafted(
            number=number,
            rules=rules,
            findings=tuple(await versions.findings(rules, now)),
            compared_with=present,
            differences=differences(old.rules, rules) if old else (),
        )


def _print_drafted(drafted: _Drafted) -> None:
    rules, errors = drafted.rules, errors_of(drafted.findings)
    if drafted.compared_with:
        typer.echo(f"{count_of(drafted.differences)} to {drafted.compared_with.name} (in force)")
        print_differences(drafted.differences)
    else:
        typer.echo(f"No version of {rules.id} is in force yet.")
    typer.echo(f"Saved: version {drafted.number} of {rules.id} ({rules.version}) as a draft.")
    if errors:
        typer.echo(f"It cannot be published: {len(errors)} error(s).")
    else:
        typer.echo(f"Somebody else publishes it: ivr rules publish {rules.id} {drafted.number}")


def _drafted_json(drafted: _Drafted) -> dict[str, Json]:
    return {
        "province": drafted.rules.id,
        "number": drafted.number,
        "version": drafted.rules.version,
        "publishable": not errors_of(drafted.findings),
        "findings": [
            {"severity": one.severity.value, "field": one.field, "message": one.message}
            for one in drafted.findings
        ],
        "compared_with": drafted.compared_with.number if drafted.compared_with else None,
        "differences": differences_json(drafted.differences),
    }


def publish(
    province: ProvinceArgument,
    number: NumberArgument,
    *,
    when: Annotated[
        str | None,
        typer.Option("--at", help="In force from then on, in Tehran: '1405-09-10 07:00'."),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--break-glass", help="Publish alone, at once; reviewed afterwards.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why nobody else could publish it (with --break-glass).")
    ] = None,
    over: Annotated[
        int | None,
        typer.Option(help="Undo this version, which came in force after the draft was made."),
    ] = None,
    who: WhoOption = None,
) -> None:
    """Put a draft in force, now or at a time; by another person than the one who drafted it."""
    start = parse_instant(when) if when else None
    if alone and (reason is None or when):
        raise BadInput("--break-glass: needs --reason, and is for now, without --at.")
    if reason is not None and not alone:
        raise BadInput("--reason: belongs to --break-glass.")
    wish = _Wish(ProvinceId(province), number, start, reason, over)
    done, found = asyncio.run(_publish(wish, who))
    _print_findings(finding_line(one) for one in done.warnings)
    typer.echo(f"Published: {_in_force_from(done.version)}.")
    print_differences(found)
    if done.version.awaits_review:
        typer.echo(f"Somebody else reviews it: ivr rules review {province} {number} --note …")
    _print_still_to_come(done)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be published, from when, or alone for a `reason`; what it may undo."""

    province: ProvinceId
    number: int
    start_at: datetime | None
    reason: str | None
    over: int | None


async def _publish(wish: _Wish, who: str | None) -> tuple[Published, tuple[Difference, ...]]:
    """With the differences to what it replaces."""
    action = Action.RULES_PUBLISH if wish.reason is None else Action.RULES_BREAK_GLASS
    async with _deciding(who, action, wish.province) as (versions, person):
        now = datetime.now(UTC)
        before = (await versions.in_force(wish.start_at or now)).versions.get(wish.province)
        done = await _published(versions, wish, person.id, now)
        new = await versions.version(wish.province, wish.number)
        return done, differences(before.rules, new.rules) if before else ()


async def _published(versions: VersionStore, wish: _Wish, by: str, now: datetime) -> Published:
    if wish.reason is not None:
        return await versions.break_glass(
            wish.province, wish.number, by=by, at=now, reason=wish.reason
        )
    return await versions.publish(
        wish.province, wish.number, by=by, at=now, active_from_at=wish.start_at, over=wish.over
    )


def withdraw(province: ProvinceArgument, number: NumberArgument, *, who: WhoOption = None) -> None:
    """Take back a draft, or a published version whose time has not come."""
    version = asyncio.run(_withdraw(ProvinceId(province), number, who))
    typer.echo(f"Withdrawn: {version.name}.")


async def _withdraw(province: ProvinceId, number: int, who: str | None) -> Version:
    async with version_store() as versions:
        known, now = await versions.history(province), datetime.now(UTC)
    states = {one.number: state_of(one, known, now) for one in known}
    mere_draft = states.get(number) is VersionState.DRAFT
    action = Action.RULES_DRAFT if mere_draft else Action.RULES_PUBLISH
    async with _deciding(who, action, province) as (versions, person):
        return await versions.withdraw(province, number, by=person.id, at=datetime.now(UTC))


def rollback(
    province: ProvinceArgument,
    *,
    to: Annotated[
        int | None, typer.Option(help="The version to bring back; left out: the one before.")
    ] = None,
    also_withdraw_scheduled: Annotated[
        bool,
        typer.Option("--also-withdraw-scheduled", help="And take back what is still to come."),
    ] = False,
    who: WhoOption = None,
) -> None:
    """Bring an earlier version back at once; one person is enough, it was reviewed before."""
    done, found = asyncio.run(_rollback(ProvinceId(province), to, who, also_withdraw_scheduled))
    _print_findings(finding_line(one) for one in done.warnings)
    typer.echo(f"Brought back: version {done.version.restores}, as {_in_force_from(done.version)}.")
    print_differences(found)
    for version in done.withdrawn:
        typer.echo(f"Withdrawn: {version.name}, which was to come.")
    _print_still_to_come(done)


async def _rollback(
    province: ProvinceId, to: int | None, who: str | None, also_scheduled: bool
) -> tuple[Published, tuple[Difference, ...]]:
    async with _deciding(who, Action.RULES_ROLLBACK, province) as (versions, person):
        now = datetime.now(UTC)
        before = (await versions.in_force(now)).versions.get(province)
        done = await versions.rollback(
            province, to, by=person.id, at=now, also_withdraw_scheduled=also_scheduled
        )
        after = await versions.version(province, done.version.number)
        return done, differences(before.rules, after.rules) if before else ()


def review(
    province: Annotated[str | None, typer.Argument(help="Left out: list what awaits it.")] = None,
    number: Annotated[int | None, typer.Argument(help="The version's number.")] = None,
    *,
    note: Annotated[str, typer.Option(help="What you found.")] = "",
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Review what one person alone has published; without a version, list what awaits it.

    With --json the list as of `ivr rules history --json`.
    """
    if province is None:
        print_versions(asyncio.run(_to_be_reviewed()), as_json=as_json)
        return
    if number is None:
        raise BadInput("Name the version: ivr rules review PROVINCE NUMBER --note …")
    version = asyncio.run(_review(ProvinceId(province), number, note.strip(), who))
    typer.echo(f"Reviewed: {version.name}, published by {version.published_by} alone.")


async def _review(province: ProvinceId, number: int, note: str, who: str | None) -> Version:
    async with _deciding(who, Action.RULES_REVIEW, province) as (versions, person):
        now = datetime.now(UTC)
        return await versions.review(province, number, by=person.id, at=now, note=note)


async def _to_be_reviewed() -> list[WithState]:
    async with version_store() as versions:
        now = datetime.now(UTC)
        return [
            (version, state_of(version, await versions.history(version.province), now))
            for version in await versions.to_be_reviewed()
        ]


def _print_findings(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _is_told(finding: Finding) -> bool:
    """Open questions stay until the province answers them: `ivr rules check` lists them."""
    return finding.severity is not Severity.QUESTION


def _in_force_from(version: Version) -> str:
    assert version.active_from_at is not None
    return f"{version.name}, in force from {plain_minute(version.active_from_at)} (Tehran)"


def _print_still_to_come(done: Published) -> None:
    for version in done.still_to_come:
        typer.echo(
            f"STILL TO COME: {_in_force_from(version)}; it replaces this one. If that is not "
            f"meant: ivr rules withdraw {version.province} {version.number}"
        )
