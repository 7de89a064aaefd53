"""Tokens with which programs use the API: a name, scopes, a province, and a secret shown once.

The secret is `line123_<id>_<random>`: the prefix lets scanners of source code find one that leaked.
Only its SHA-256 is kept; 256 random bits need no slow hash. What no scope names is denied.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ivr.errors import BadInput
from ivr.model import ProvinceId

PREFIX = "line123"
ID_BYTES = 6
SECRET_BYTES = 32
TOKEN_NAME = "token:"  # noqa: S105 - how records name one, before its id
NAME_LENGTH = 80
_SECRET = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * ID_BYTES}}})_([A-Za-z0-9_-]{{43}})")


class Scope(StrEnum):
    """What a token may do; each stands alone, writing does not include reading."""

    CALLS_READ = "calls.read"  # never who called
    OUTCOMES_READ = "outcomes.read"
    OUTCOMES_WRITE = "outcomes.write"
    REFERRALS_READ = "referrals.read"  # dispatches, visits, follow-ups
    REFERRALS_WRITE = "referrals.write"
    REPORTS_READ = "reports.read"
    FLOOR_WRITE = "floor.write"  # a supervisor's acts: pauses, wrap-ups
    COUNSELLORS_READ = "counsellors.read"
    RULES_READ = "rules.read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is kept of a token; `province` None: all."""

    id: str
    name: str
    hash: str
    scopes: frozenset[Scope]
    province: ProvinceId | None
    by: str
    at: datetime
    expires_at: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def may(self, scope: Scope, province: ProvinceId | None = None) -> bool:
        """Whether it has the scope, and the province lies in it where one is named."""
        return scope in self.scopes and (province is None or self.province in {None, province})

    @property
    def acts_as(self) -> str:
        """How records name it, apart from people."""
        return f"{TOKEN_NAME}{self.id}"


def new_secret() -> tuple[str, str]:
    """A new token's id and its secret."""
    name = secrets.token_hex(ID_BYTES)
    return name, f"{PREFIX}_{name}_{secrets.token_urlsafe(SECRET_BYTES)}"


def id_of(secret: str) -> str | None:
    """Whose secret it says it is; None for what is no secret of ours."""
    match = _SECRET.fullmatch(secret)
    return match[1] if match else None


def hash_of(secret: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret_of(token: Token, secret: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(token.hash, hash_of(secret))


def scopes_of(texts: Iterable[str]) -> frozenset[Scope]:
    """Raises BadInput for a scope that there is not, and for none."""
    named = list(texts)
    known = {scope.value for scope in Scope}
    wrong = [text for text in named if text not in known]
    if wrong or not named:
        said = f"there is no scope {wrong[0]!r}" if wrong else "a token without a scope may nothing"
        raise BadInput(f"{said}; nothing was saved. Write some of: {', '.join(sorted(known))}.")
    return frozenset(map(Scope, named))
