"""A copy of what is in force, kept beside the database for a start without one (IVR_HOME)."""

import json
import os
from pathlib import Path

import structlog
from pydantic import ValidationError

from ivr.duty import DutyBook
from ivr.errors import StoreError
from ivr.in_force import InForce
from ivr.people import Person
from ivr.rules.schema import ProvinceRules
from ivr.store.codec import decode, encode

log = structlog.get_logger()


def save_copy(path: Path, in_force: InForce) -> None:
    """Replace the copy whole, readable by its owner alone; a disk that is full is only logged."""
    content = {
        "revision": in_force.revision,
        "rules": [item.model_dump(mode="json") for item in in_force.rules],
        "people": [item.model_dump(mode="json") for item in in_force.people],
        "book": encode(in_force.book),
    }
    new = path.with_suffix(".new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            json.dump(content, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        log.warning("copy_of_rules_not_kept", reason=error.strerror)


def load_copy(path: Path) -> InForce | None:
    """What was in force when it was written; None where there is no copy that can be read."""
    try:
        content = json.loads(path.read_text("utf-8"))
        return InForce(
            revision=int(content["revision"]),
            rules=tuple(ProvinceRules.model_validate(item) for item in content["rules"]),
            people=tuple(Person.model_validate(item) for item in content["people"]),
            book=decode(DutyBook, content["book"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ValidationError, StoreError) as error:
        log.warning("copy_of_rules_unreadable", reason=type(error).__name__)
        return None
