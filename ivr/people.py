"""Who may take calls, from files; for now the invented people of a demonstration."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ivr.errors import BadInput
from ivr.model import Counsellor, CounsellorId, DeskId, Device, DeviceId, DeviceKind
from ivr.rules.counties import gazetteer
from ivr.rules.document import parse, read_text
from ivr.rules.fields import ID, Name, Record
from ivr.rules.findings import FieldPath, Finding, Problem, locate, without_echoes
from ivr.rules.validation import validate

# Passwords are 96 random bits in hexadecimal digits: safe in every configuration file and shell.
_PASSWORD_BYTES = 12


class DeviceEntry(Record):
    id: Annotated[DeviceId, Field(pattern=ID)] = Field(
        description="the user name under which the phone registers"
    )
    kind: DeviceKind = Field(DeviceKind.SIP, description="what kind of phone it is")
    confirm: bool = Field(
        False, description="true where key 1 must accept, because a voicemail might answer"
    )


class CounsellorEntry(Record):
    id: Annotated[CounsellorId, Field(pattern=ID)] = Field(
        description="the counsellor's name in records; it never changes"
    )
    name_fa: Name = Field(description="the counsellor's name as colleagues read it")
    desks: tuple[Annotated[DeskId, Field(pattern=ID)], ...] = Field(
        min_length=1,
        description="the counties (or province) for whose desks the counsellor takes calls",
    )
    devices: tuple[DeviceEntry, ...] = Field(
        min_length=1, description="where the counsellor is rung, first choice first"
    )


class PeopleFile(Record):
    counsellors: tuple[CounsellorEntry, ...] = Field(
        min_length=1, description="everybody who may take calls"
    )


def load_people(directory: Path) -> tuple[Counsellor, ...]:
    """The counsellors of every `*.yaml` in `directory`, by file and in the order of the file.

    Raises BadInput that lists all mistakes with file, line and field.
    """
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise BadInput(f"{directory}: no *.yaml file, so nobody could answer. Set IVR_DEMO_DIR.")
    entries: list[CounsellorEntry] = []
    findings: list[Finding] = []
    taken: dict[tuple[str, str], str] = {}
    for file in files:
        found, wrong = _read(file, taken)
        entries += found
        findings += wrong
    if findings:
        lines = "\n  ".join(str(finding) for finding in findings)
        raise BadInput(f"these people cannot be used:\n  {lines}")
    return tuple(_counsellor(entry) for entry in entries)


def device_passwords(home: Path, devices: Iterable[DeviceId]) -> Mapping[DeviceId, str]:
    """The SIP password of each device; missing ones are made now and stay the same afterwards.

    Kept in `home`/secrets/devices.json, readable by its owner alone. Raises BadInput where that
    file is not ours or cannot be kept.
    """
    wanted = list(devices)
    try:
        known = _complete_passwords(home / "secrets", wanted)
    except OSError as error:
        raise BadInput(
            f"{home / 'secrets'}: device passwords cannot be kept there ({error.strerror}). Set "
            "IVR_HOME to a folder of your own."
        ) from error
    return {device: known[device] for device in wanted}


def _read(
    file: Path, taken: dict[tuple[str, str], str]
) -> tuple[list[CounsellorEntry], list[Finding]]:
    document = parse(read_text(file))
    problems = document.problems
    entries: list[CounsellorEntry] = []
    if document.data is not None or not problems:
        reading = validate(document, PeopleFile, {})
        entries = list(reading.model.counsellors) if reading.model else []
        judged = map(reading.restored, _check(entries, str(file), taken))
        problems = problems + reading.problems
        problems += without_echoes(judged, problems)
    findings = {locate(problem, file, document.lines) for problem in problems}
    return entries, sorted(findings, key=lambda finding: (finding.line, finding.field))


def _check(
    entries: list[CounsellorEntry], file: str, taken: dict[tuple[str, str], str]
) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        path: FieldPath = ("counsellors", index)
        for place, claim in _claims(path, entry):
            if claim in taken:
                message = (
                    f"'{claim[1]}' is already in {taken[claim]}: calls meant for one would ring "
                    "another. Give it an id of its own."
                )
                yield Problem(path=place, message=message)
            taken.setdefault(claim, file)
        for number, desk in enumerate(entry.desks):
            if desk not in gazetteer().counties and desk not in gazetteer().provinces:
                message = (
                    f"'{desk}' is no county of Iran and no province, so no call would reach the "
                    "counsellor there. See ivr/rules/counties.json for the ids."
                )
                yield Problem(path=(*path, "desks", number), message=message)


def _claims(path: FieldPath, entry: CounsellorEntry) -> Iterator[tuple[FieldPath, tuple[str, str]]]:
    """The ids that must be one person's alone, over all files."""
    yield (*path, "id"), ("person", entry.id)
    for number, device in enumerate(entry.devices):
        yield (*path, "devices", number, "id"), ("device", device.id)


def _counsellor(entry: CounsellorEntry) -> Counsellor:
    return Counsellor(
        id=entry.id,
        name_fa=entry.name_fa,
        desks=entry.desks,
        devices=tuple(
            Device(id=device.id, kind=device.kind, confirm=device.confirm)
            for device in entry.devices
        ),
    )


def _complete_passwords(folder: Path, wanted: list[DeviceId]) -> dict[DeviceId, str]:
    with _locked(folder):
        file = folder / "devices.json"
        known = _known_passwords(file)
        missing = [device for device in wanted if device not in known]
        if missing:
            known |= {device: secrets.token_hex(_PASSWORD_BYTES) for device in missing}
            _write_private(file, json.dumps(known, indent=1, sort_keys=True) + "\n")
    return known


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder of secrets, held against another process that starts at the same moment."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _known_passwords(file: Path) -> dict[DeviceId, str]:
    if not file.exists():
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict) or not all(isinstance(word, str) for word in content.values()):
        raise BadInput(
            f"{file}: not the table of device passwords that we wrote. Restore it, or remove it: "
            "new passwords are made and every phone must be set up again."
        )
    return {DeviceId(device): word for device, word in content.items()}


def _write_private(file: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:  # noqa: PTH123
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
