import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from ivr import passwords
from ivr.errors import BadInput
from ivr.passwords import fits, hash_password, hash_pin, is_outdated, rehash


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters that cost nothing: what is tried here does not depend on them."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))


def test_the_parameters_are_those_that_the_rfc_recommends() -> None:
    kept = hash_password("four plain words here")
    assert kept.startswith("$argon2id$")
    assert extract_parameters(kept) == RFC_9106_LOW_MEMORY
    assert fits(kept, "four plain words here")
    assert not fits(kept, "four plain words hers")
    assert not is_outdated(kept)


@pytest.mark.usefixtures("quick")
def test_a_hash_of_other_parameters_still_fits_and_is_to_be_renewed() -> None:
    kept = PasswordHasher(2, 16, 1).hash(b"four plain words")
    assert fits(kept, "four plain words")
    assert is_outdated(kept)
    assert not is_outdated(rehash("four plain words"))


@pytest.mark.usefixtures("quick")
def test_the_same_secret_twice_is_kept_differently() -> None:
    assert hash_pin("2580") != hash_pin("2580")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        ("چهار واژهٔ ساده", "چهار واژهٔ ساده "),
        ("کتاب‌های یکتا", "كتاب‌هاي يكتا"),  # from an Arabic keyboard
        ("گذرواژه ۱۲۳۴۵", "گذرواژه 12345"),
        ("cafe\u0301 au lait", "café au lait"),
    ],
)
def test_every_keyboard_types_the_same_password(kept: str, typed: str) -> None:
    assert fits(hash_password(kept), typed)


@pytest.mark.usefixtures("quick")
def test_a_pin_in_digits_of_all_three_kinds() -> None:
    kept = hash_pin("۲۵۸۰۱۴")
    assert all(fits(kept, typed) for typed in ("258014", "٢٥٨٠١٤", "۲۵۸۰۱۴", " 258014 "))
    assert not fits(kept, "258015")


@pytest.mark.usefixtures("quick")
def test_the_shortest_and_longest_that_are_taken() -> None:
    assert all(hash_password(text) for text in ("ten lette1", "x" * 200))
    assert all(hash_pin(text) for text in ("2580", "25801470", "1231", "12312"))


@pytest.mark.parametrize("text", ["", "nine lett", "         \u200f          ", "\u0640" * 12])
def test_a_short_password_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"too short .* Take 10 letters or more"):
        hash_password(text)


def test_an_endless_password_is_refused() -> None:
    with pytest.raises(BadInput, match="too long"):
        hash_password("x" * 201)


@pytest.mark.parametrize("text", ["", "123", "123456789", "12a4", "12 34", "²²³³", "-258", "१२३४"])
def test_what_is_no_pin_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="4 to 8 digits"):
        hash_pin(text)


@pytest.mark.parametrize(
    "text",
    ["0000", "۱۱۱۱۱", "1234", "٤٣٢١", "01234567", "7890", "0987", "9876543", "1212", "12121"],
)
def test_a_pin_that_anybody_would_try_first_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="too simple"):
        hash_pin(text)


@pytest.mark.parametrize("kept", ["", "no hash", "$argon2id$v=19$m=8,t=1,p=1$broken"])
def test_a_broken_hash_fits_nothing(kept: str) -> None:
    assert not fits(kept, "four plain words")


def test_nobodys_secret_costs_as_much_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run of argon2 with the same parameters either way; a clock would tell less."""
    runs = []

    class Counting(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            runs.append("hash")
            return super().hash(password, salt=salt)

        def verify(self, *args: str | bytes) -> bool:
            runs.append("verify")
            return super().verify(*args)

    kept = PasswordHasher(1, 8, 1).hash(b"four plain words")
    monkeypatch.setattr(passwords, "HASHER", Counting(1, 8, 1))
    assert not fits(None, "four plain words")
    assert not fits(kept, "other plain words")
    assert runs == ["hash", "verify"]


@pytest.mark.usefixtures("quick")
def test_what_is_no_unicode_is_only_wrong() -> None:
    assert not fits(hash_pin("2580"), "\udce6")
    assert not fits(None, "\udce6")
