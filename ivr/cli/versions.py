"""What is looked up of versions: `ivr rules history`, `diff` and `show`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.version_tables import (
    WithState,
    differences_json,
    print_json,
    print_table,
    version_json,
    versions_table,
)
from ivr.errors import BadInput, RulesError
from ivr.model import ProvinceId
from ivr.rules.diff import Difference, differences
from ivr.rules.findings import errors_of
from ivr.rules.judging import did_you_mean
from ivr.rules.load import Inspection, inspect
from ivr.rules.schema import ProvinceRules
from ivr.rules.writing import as_yaml
from ivr.settings import Settings, load_settings
from ivr.store.store import Store
from ivr.store.versions import VersionStore
from ivr.text import to_ascii_digits
from ivr.versions import (
    StoredVersion,
    Version,
    VersionState,
    check_province,
    in_force,
    state_of,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
ProvinceArgument = Annotated[str, typer.Argument(help="The province's id, such as markazi.")]
NumberArgument = Annotated[int, typer.Argument(help="The version's number, as in the history.")]


@asynccontextmanager
async def version_store(settings: Settings | None = None) -> AsyncIterator[VersionStore]:
    async with await Store.open(settings or load_settings()) as store:
        yield VersionStore(store)


def history(province: ProvinceArgument, *, as_json: JsonOption = False) -> None:
    """List a province's versions, newest first: state, who, when, note, broken glass and review.

    With --json an array of objects, newest first, with the keys province, number, version (of the
    content), note, drafted_by, drafted_at, published_by, published_at, active_from_at, restores,
    break_glass, reviewed_by, reviewed_at, withdrawn_by, withdrawn_at, state (draft, scheduled,
    in_force, superseded, withdrawn). Instants are ISO 8601 in UTC; what is not there is null.
    """
    known, now = asyncio.run(_history(province)), datetime.now(UTC)
    print_versions([(one, state_of(one, known, now)) for one in known[::-1]], as_json=as_json)


def print_versions(versions: Sequence[WithState], *, as_json: bool) -> None:
    if as_json:
        print_json([version_json(*pair) for pair in versions])
    elif versions:
        print_table(versions_table(versions))
    else:
        typer.echo("None.")


async def _history(province: str) -> tuple[Version, ...]:
    async with version_store() as versions:
        found = await versions.history(ProvinceId(province))
    if not found:
        check_province(ProvinceId(province))
        raise BadInput(
            f"{province}: no version is kept of its rules. `ivr rules draft FILE` submits one."
        )
    return found


def show(
    province: ProvinceArgument,
    number: Annotated[int | None, typer.Argument(help="Left out: what is in force.")] = None,
) -> None:
    """Print a version as a rules file, to be edited and submitted by `ivr rules draft`."""
    stored = asyncio.run(_shown(ProvinceId(province), number))
    state = f"published by {stored.published_by}" if stored.is_published else "not in force"
    typer.echo(f"# {stored.name} ({stored.version}), drafted by {stored.drafted_by}, {state}")
    typer.echo(as_yaml(stored.rules), nl=False)


async def _shown(province: ProvinceId, number: int | None) -> StoredVersion:
    async with version_store() as versions:
        if number is not None:
            return await versions.version(province, number)
        return await _in_force(versions, province)


async def _in_force(versions: VersionStore, province: ProvinceId) -> StoredVersion:
    """Raises BadInput where nothing is, StoreError for a document that cannot be read."""
    now = datetime.now(UTC)
    found = in_force(await versions.history(province), now)
    if found is None:
        raise BadInput(
            f"{province}: no version is in force. `ivr rules publish` puts a draft in force."
        )
    return await versions.version(province, found.number)


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison and what it is called."""

    name: str
    rules: ProvinceRules


def diff(
    province: ProvinceArgument,
    old: Annotated[
        str | None, typer.Argument(help="A number or a file; left out: what is in force.")
    ] = None,
    new: Annotated[
        str | None, typer.Argument(help="A number or a file; left out: the newest draft.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say in words how two versions of a province's rules differ, and whom it affects.

    One number or file alone is compared with what is in force; before the first version is
    published, that is the province's file in IVR_RULES_DIR. With --json an object with the keys
    province, old, new (what was compared) and differences: objects with field, old, new, text,
    affects.
    """
    before, after = asyncio.run(_sides(ProvinceId(province), old, new))
    found = differences(before.rules, after.rules)
    if as_json:
        names = {"province": province, "old": before.name, "new": after.name}
        print_json({**names, "differences": differences_json(found)})
    else:
        typer.echo(f"{before.name} -> {after.name}: {count_of(found)}")
        print_differences(found)


def count_of(found: tuple[Difference, ...]) -> str:
    return {0: "no difference", 1: "1 difference"}.get(len(found), f"{len(found)} differences")


def print_differences(found: tuple[Difference, ...]) -> None:
    for item in found:
        typer.echo(f"  - {item}")


async def _sides(province: ProvinceId, old: str | None, new: str | None) -> tuple[_Side, _Side]:
    async with version_store() as versions:
        if old is not None and new is not None:
            return await _side(versions, province, old), await _side(versions, province, new)
        present = await _present(versions, province)
        named = old or new
        if named is not None:
            return present, await _side(versions, province, named)
        return present, await _newest_draft(versions, province)


async def _side(versions: VersionStore, province: ProvinceId, name: str) -> _Side:
    digits = to_ascii_digits(name)
    if digits.isdecimal():
        stored = await versions.version(province, int(digits))
        return _Side(stored.name, stored.rules)
    return _Side(name, _of_province(province, Path(name)))


async def _present(versions: VersionStore, province: ProvinceId) -> _Side:
    """What is in force; before anything is, the file that a first start would install."""
    if await versions.history(province):
        stored = await _in_force(versions, province)
        return _Side(f"{stored.name} (in force)", stored.rules)
    folder = load_settings().rules_dir
    file = folder / f"{province}.yaml"
    if not file.exists():
        hint = did_you_mean(province, (path.stem for path in folder.glob("*.yaml")))
        raise BadInput(f"{province}: is not served here. {hint}")
    return _Side(str(file), _of_province(province, file))


async def _newest_draft(versions: VersionStore, province: ProvinceId) -> _Side:
    known, now = await versions.history(province), datetime.now(UTC)
    drafts = [one for one in known if state_of(one, known, now) is VersionState.DRAFT]
    if not drafts:
        raise BadInput(f"{province}: there is no draft. Name two versions, or a file.")
    stored = await versions.version(province, drafts[-1].number)
    return _Side(f"{stored.name} (draft)", stored.rules)


def _of_province(province: ProvinceId, file: Path) -> ProvinceRules:
    rules = readable(inspect(file))
    if rules.id != province:
        raise BadInput(f"{file}: holds the rules of {rules.id}, not of {province}.")
    return rules


def readable(inspection: Inspection) -> ProvinceRules:
    """The rules, with errors or not; raises RulesError for a file that says something else."""
    if inspection.draft is None:
        lines = "\n  ".join(str(finding) for finding in errors_of(inspection.findings))
        raise RulesError(f"{inspection.file} cannot be read as rules:\n  {lines}")
    return inspection.draft
