"""Passwords and telephone PINs: how they are judged, kept (argon2id) and compared.

All of it blocks for a fraction of a second: never on the event loop. What is typed is brought into
one form first, so that Persian and Arabic keyboards and digits of any kind give the same secret.
"""

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from ivr.errors import BadInput
from ivr.text import clean, to_ascii_digits

PASSWORD_LETTERS: Final = 10
PASSWORD_MOST_LETTERS: Final = 200
PIN_DIGITS: Final = range(4, 9)
_ROW: Final = "01234567890123456"  # the digits as they lie on keys, from any of them on

# argon2id as RFC 9106 §4 recommends where memory is short: 64 MiB, three passes, four lanes.
HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(text: str) -> str:
    """What may be kept of a password; raises BadInput for one that is too short or too long."""
    password = _typed(text)
    if len(password) < PASSWORD_LETTERS:
        raise BadInput(
            f"The password is too short ({len(password)} letters). Take {PASSWORD_LETTERS} letters "
            "or more, for instance four words."
        )
    if len(password) > PASSWORD_MOST_LETTERS:
        raise BadInput(f"The password is too long. Take at most {PASSWORD_MOST_LETTERS} letters.")
    return rehash(password)


def hash_pin(text: str) -> str:
    """What may be kept of a PIN; raises BadInput for what is none or anybody would try first."""
    pin = _typed(text)
    if not (pin.isascii() and pin.isdigit() and len(pin) in PIN_DIGITS):
        raise BadInput(f"A PIN has {PIN_DIGITS[0]} to {PIN_DIGITS[-1]} digits and nothing else.")
    if _is_simple(pin):
        raise BadInput(
            "The PIN is too simple: one digit or a group of digits again and again, or digits in a "
            "row, are what anybody would try first. Take another."
        )
    return rehash(pin)


def rehash(text: str) -> str:
    """What has fitted or been judged already, hashed with the parameters of today."""
    return HASHER.hash(_octets(text))


def is_outdated(kept: str) -> bool:
    """Whether it was hashed with other parameters than those of today."""
    return HASHER.check_needs_rehash(kept)


def fits(kept: str | None, text: str) -> bool:
    """Whether this is the secret that is kept. Without any (None) the answer takes as long."""
    if kept is None:
        rehash(text)
        return False
    try:
        return HASHER.verify(kept, _octets(text))
    except (VerificationError, InvalidHashError):
        return False


def _typed(text: str) -> str:
    return to_ascii_digits(clean(text))


def _octets(text: str) -> bytes:
    """A terminal may hand over what is no Unicode."""
    return _typed(text).encode("utf-8", "surrogatepass")


def _is_simple(pin: str) -> bool:
    groups = range(1, len(pin) // 2 + 1)
    repeated = any(pin == (pin[:size] * len(pin))[: len(pin)] for size in groups)
    return repeated or pin in _ROW or pin in _ROW[::-1]
