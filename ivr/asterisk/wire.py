"""Every value that leaves for Asterisk passes here: refused where it could end a line early.

CR/LF in an AMI value injects a second action, in an AGI argument a second command, in a
configuration file a second setting. Messages name the place and the character, never the value:
it may be a secret or a caller's number.
"""

import re
import unicodedata
from typing import TypeVar

from ivr.errors import UnsafeValue

HEADER_LIMIT = 900  # bytes; Asterisk refuses AMI lines over about 1 kB, header name included
AGI_LINE_LIMIT = 8191  # bytes; AGI_BUF_LEN in res_agi.c, less the line's end
IDENTIFIER_LIMIT = 80  # AST_MAX_EXTENSION, the shortest of the names an id may become

IdT = TypeVar("IdT", bound=str)  # an id keeps its kind

_LINE_BREAKING = {
    "Cc",
    "Cs",
    "Zl",
    "Zp",
}  # controls, lone surrogates, line and paragraph separators
_TELEPHONE = re.compile(r"\+?[0-9]{3,15}", re.ASCII)  # ITU-T E.164: at most 15 digits
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


def header_value(text: str, where: str = "an AMI header") -> str:
    """The text as value of an AMI header; raises UnsafeValue."""
    return _fit(_plain(text, where), HEADER_LIMIT, where)


def agi_word(text: str, where: str = "an AGI argument") -> str:
    """The text as one quoted AGI argument; raises UnsafeValue."""
    escaped = _plain(text, where).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def agi_line(*words: str) -> bytes:
    """A whole AGI command of words made by `agi_word`, `identifier` or literally; UnsafeValue."""
    line = _plain(" ".join(words), "an AGI command")
    return _fit(line, AGI_LINE_LIMIT - 1, "an AGI command").encode() + b"\n"


def config_value(text: str, where: str = "an Asterisk setting") -> str:
    r"""The text as the value after `name = ` in a configuration file; raises UnsafeValue.

    `;` is written `\;` (main/config.c); brackets and `${` are refused, blanks at either end too,
    because the parser would drop them.
    """
    _fit(_plain(text, where), HEADER_LIMIT, where)
    for refused in ("[", "]", "${"):
        if refused in text:
            raise UnsafeValue(f"{where} contains {refused!r}; choose a value without it.")
    if text != text.strip() or text.startswith(">"):
        raise UnsafeValue(f"{where} begins or ends with a blank, or begins with '>'; remove that.")
    return text.replace(";", "\\;")


def identifier(text: IdT, where: str = "an id") -> IdT:
    """The text unchanged if it has only ASCII letters, digits and `- _ .`; raises UnsafeValue.

    For everything that becomes part of an EXEC argument, a channel name or a variable's value.
    """
    if not _IDENTIFIER.fullmatch(text) or len(text) > IDENTIFIER_LIMIT:
        raise UnsafeValue(
            f"{where} must be 1 to {IDENTIFIER_LIMIT} letters, digits, '-', '_' or '.'; "
            f"it has {len(text)} characters."
        )
    return text


def telephone_number(text: str) -> str:
    """The text unchanged if it can be dialled: 3 to 15 digits, perhaps after '+'; UnsafeValue."""
    if not _TELEPHONE.fullmatch(text):
        raise UnsafeValue("a telephone's number must be 3 to 15 digits, with '+' before at most.")
    return text


def caller_id(name: str, number: str) -> str:
    """A caller id `"name" <number>`; raises UnsafeValue, also for quotes and brackets in it."""
    where = "a caller id"
    if any(character in '"\\<>' for character in name):
        raise UnsafeValue(f"{where} contains a quote, a backslash or an angle bracket; remove it.")
    return header_value(f'"{name}" <{identifier(number, where)}>', where)


def _plain(text: str, where: str) -> str:
    for position, character in enumerate(text):
        if unicodedata.category(character) in _LINE_BREAKING:
            raise UnsafeValue(
                f"{where} has the character U+{ord(character):04X} at position {position}, "
                "which could end the line; remove it."
            )
    return text


def _fit(text: str, limit: int, where: str) -> str:
    size = len(text.encode())
    if size > limit:
        raise UnsafeValue(f"{where} is {size} bytes long; {limit} are allowed. Shorten it.")
    return text
