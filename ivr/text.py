"""Persian text at the edge: one form for letters and digits before anything is compared."""

import re
import unicodedata

ZWNJ = "\u200c"  # the half-space: part of Persian spelling, so it stays

# The letters that Arabic keyboards give for Persian ones (Unicode block Arabic, U+0600-06FF).
_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
# Both are written in names of places: «بوئین‌زهرا», «بویین زهرا».
_HAMZA = str.maketrans({"ئ": "ی"})
_PERSIAN_DIGITS = "۰۱۲۳۴۵۶۷۸۹"
_ARABIC_DIGITS = "٠١٢٣٤٥٦٧٨٩"
_TO_ASCII = str.maketrans(_PERSIAN_DIGITS + _ARABIC_DIGITS, "0123456789" * 2)
_TO_PERSIAN = str.maketrans("0123456789" + _ARABIC_DIGITS, _PERSIAN_DIGITS * 2)
# Tatweel, the vowel marks of Arabic, bidi controls, zero-width joiner and space, byte-order mark.
# As telephones in Iran are written (ITU-T E.164 country code 98), in whatever groups.
_TELEPHONE = re.compile(r"(?:\+98|0098|\b0)[ -]?\d(?:[ -]?\d){8,9}\b", re.ASCII)
_INVISIBLE = re.compile(
    "[\u0640\u0610-\u061a\u064b-\u0653\u0656-\u065f\u0670\u061c\u200b\u200d-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)


def to_ascii_digits(text: str) -> str:
    """Persian and Arabic digits as 0-9."""
    return text.translate(_TO_ASCII)


def to_persian_digits(text: str) -> str:
    """0-9 and Arabic digits as Persian ones, for people to read."""
    return text.translate(_TO_PERSIAN)


def holds_telephone(text: str) -> bool:
    """Whether somebody's telephone number stands in the text, in digits of any kind."""
    return _TELEPHONE.search(to_ascii_digits(text)) is not None


def clean(text: str) -> str:
    """Text as it is kept: NFC, Persian letters, no invisible marks but the half-space.

    Digits stay as written. Cleaning twice changes nothing more.
    """
    composed = unicodedata.normalize("NFC", text).translate(_LETTERS)
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", composed)).strip()


def search_key(text: str) -> str:
    """What two spellings of one word have in common: for finding, never for showing."""
    key = to_ascii_digits(clean(text)).translate(_HAMZA).replace(ZWNJ, " ").casefold()
    return " ".join(key.split())
