import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.location import AREA_CODES, CallerNumber, NumberKind, normalise_number
from ivr.rules.counties import gazetteer
from ivr.text import to_persian_digits

ILAM = CallerNumber(national="08433331234", kind=NumberKind.LANDLINE, province="ilam")
MOBILE = CallerNumber(national="09181234567", kind=NumberKind.MOBILE)
ANONYMOUS = CallerNumber(national=None, kind=NumberKind.ANONYMOUS)
INVALID = CallerNumber(national=None, kind=NumberKind.INVALID)

LANDLINE_FORMS = [
    "08433331234",
    "+988433331234",
    "00988433331234",
    "988433331234",
    "8433331234",
    "+98 84 3333 1234",
    "+98-84-3333-1234",
    "(084) 3333-1234",
    "+98 (0)84 33331234",
    "tel:+98-84-3333-1234",
    "tel:33331234;phone-context=+9884",
    "tel:8433331234;phone-context=+98",
    "TEL:33331234;ext=5;phone-context=+98-84",
    "33331234;phone-context=+9884",
    "sip:+988433331234@10.0.0.1;user=phone",
    "sip:33331234;phone-context=+9884@ims.example;user=phone",
    "sips:08433331234@ims.example",
    '"0912 111 2222" <sip:08433331234@ims.example>;tag=1',
    "<tel:+988433331234>",
    "۰۸۴۳۳۳۳۱۲۳۴",
    "٠٨٤٣٣٣٣١٢٣٤",
]
MOBILE_FORMS = [
    "09181234567",
    "9181234567",
    "+989181234567",
    "00989181234567",
    "989181234567",
    "sip:+989181234567@ims.example;user=phone",
    "۰۹۱۸۱۲۳۴۵۶۷",
]


@pytest.mark.parametrize("raw", LANDLINE_FORMS)
def test_every_form_of_a_landline_is_one_number(raw: str) -> None:
    assert normalise_number(raw, None) == ILAM


@pytest.mark.parametrize("raw", MOBILE_FORMS)
def test_every_form_of_a_mobile_is_one_number_without_a_province(raw: str) -> None:
    assert normalise_number(raw, "086") == MOBILE


@pytest.mark.parametrize(
    "raw",
    ["", " ", "anonymous", "Anonymous", "unavailable", "sip:anonymous@anonymous.invalid",
     '"Anonymous" <sip:anonymous@anonymous.invalid>', "<sip:unknown@ims.example>", "tel:"],
)  # fmt: skip
def test_a_withheld_number_is_anonymous(raw: str) -> None:
    assert normalise_number(raw, "086") == ANONYMOUS


@pytest.mark.parametrize(
    "raw",
    ["123", "1001", "0", "0843333123", "084333312345", "09991", "+971501234567", "0123456789a",
     "00", "+", "hello", "0884333312341234", "33331234567", "09933331234567", "²³"],
)  # fmt: skip
def test_what_is_no_number_of_iran_is_invalid(raw: str) -> None:
    assert normalise_number(raw, "086") == INVALID


def test_local_numbers_belong_to_the_area_of_the_trunk() -> None:
    assert normalise_number("33331234", "086").national == "08633331234"
    assert normalise_number("33331234", "086").province == "markazi"
    assert normalise_number("33331234", None) == INVALID


def test_the_context_of_a_local_number_goes_before_the_trunk() -> None:
    assert normalise_number("33331234;phone-context=+9884", "086") == ILAM


@pytest.mark.parametrize("context", ["ims.example", "+971", "+9800", "+98"])
def test_a_context_that_is_no_area_changes_nothing(context: str) -> None:
    number = normalise_number(f"33331234;phone-context={context}", "086")
    assert number.national == "08633331234"


@pytest.mark.parametrize("raw", ["09400012345", "+989412345678", "9442345678", "09630", "096308"])
def test_numbers_of_no_area_have_no_province(raw: str) -> None:
    number = normalise_number(raw, "086")
    assert (number.kind, number.province) == (NumberKind.NON_GEOGRAPHIC, None)


@given(rest=st.from_regex(r"[0-35-9][0-9]{8}", fullmatch=True))
def test_no_mobile_prefix_decides_anything(rest: str) -> None:
    number = normalise_number("09" + rest, "086")
    assert (number.kind, number.province) == (NumberKind.MOBILE, None)


def test_area_codes_are_those_of_the_provinces() -> None:
    published = {province.area_code: province.id for province in gazetteer().provinces.values()}
    assert published == AREA_CODES


def test_repr_does_not_show_the_number() -> None:
    assert "1234" not in repr(normalise_number("08433331234", None))


NUMBER_LIKE = st.text(
    st.sampled_from("0123456789+-() ۰۹٠٩;@<>:=telsip\"'.phone-context"), max_size=60
)


@given(raw=st.text() | NUMBER_LIKE, area=st.none() | st.sampled_from(sorted(AREA_CODES)))
def test_any_text_is_answered(raw: str, area: str | None) -> None:
    number = normalise_number(raw, area)
    assert (number.national is None) == (number.kind in {NumberKind.ANONYMOUS, NumberKind.INVALID})
    assert (number.province is not None) == (number.kind is NumberKind.LANDLINE)
    if number.national is not None:
        assert number.national.isascii()
        assert number.national.isdigit()
        assert normalise_number(number.national, None) == number


@given(area=st.sampled_from(sorted(AREA_CODES)), local=st.from_regex(r"[0-9]{8}", fullmatch=True))
def test_a_landline_is_found_in_every_form(area: str, local: str) -> None:
    national = area + local
    forms = [
        national,
        "+98" + national[1:],
        "0098" + national[1:],
        "98" + national[1:],
        national[1:],
    ]
    for form in [*forms, *(to_persian_digits(form) for form in forms)]:
        number = normalise_number(form, "021")
        assert (number.national, number.province) == (national, AREA_CODES[area])
