import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.text import ZWNJ, clean, search_key, to_ascii_digits, to_persian_digits


def test_digits_of_all_three_kinds() -> None:
    assert to_ascii_digits("۰۱۲۳۴۵۶۷۸۹ ٠١٢٣٤٥٦٧٨٩ 0123456789") == " ".join(["0123456789"] * 3)
    assert to_persian_digits("0123456789 ٠١٢٣٤٥٦٧٨٩") == "۰۱۲۳۴۵۶۷۸۹ ۰۱۲۳۴۵۶۷۸۹"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("كميجان", "کمیجان"),
        ("علىّ", "علی"),
        ("مَحَلّات", "محلات"),
        ("مـــرکزی", "مرکزی"),
        ("\u202bساوه\u202c\u200f", "ساوه"),
        (" اراک ", "اراک"),
        (f"می{ZWNJ}شود", f"می{ZWNJ}شود"),
        ("آ", "آ"),
        ("خانهٔ", "خانهٔ"),
        ("مسئول", "مسئول"),
        ("تلفن ۱۲۳", "تلفن ۱۲۳"),
    ],
)
def test_clean(written: str, kept: str) -> None:
    assert clean(written) == kept


def test_search_key_joins_spellings_of_one_word() -> None:
    assert search_key("مي‌شود ١٢٣") == search_key("می شود  123") == "می شود 123"
    assert search_key("Saveh") == search_key("SAVEH")
    assert search_key(f"بوئین{ZWNJ}زهرا") == search_key("بویین زهرا")


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert search_key(search_key(text)) == search_key(text)


@given(st.text(st.sampled_from("0123456789 ابپ-")))
def test_digits_come_back(text: str) -> None:
    assert to_ascii_digits(to_persian_digits(text)) == text
