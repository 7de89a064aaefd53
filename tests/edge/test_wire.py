import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.asterisk import wire
from ivr.errors import UnsafeValue

BREAKING = ["\r", "\n", "\r\nAction: Logoff", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\ud800"]


@pytest.mark.parametrize("bad", BREAKING)
@pytest.mark.parametrize(
    "encode", [wire.header_value, wire.agi_word, wire.agi_line, wire.config_value, wire.identifier]
)
def test_a_character_that_could_end_the_line_is_refused(encode, bad):
    with pytest.raises(UnsafeValue):
        encode(f"a{bad}b")


def test_the_message_names_place_and_character_but_not_the_value():
    with pytest.raises(UnsafeValue, match=r"password has the character U\+000A at position 3"):
        wire.header_value("abc\nsecret", "the password")
    with pytest.raises(UnsafeValue) as caught:
        wire.header_value("09120000000\n")
    assert "0912" not in str(caught.value)


def test_persian_with_half_space_passes():
    assert wire.header_value("خشونت\u200cدیده") == "خشونت\u200cدیده"


def test_limits_count_bytes_not_characters():
    assert wire.header_value("ش" * 450)
    with pytest.raises(UnsafeValue, match="902 bytes"):
        wire.header_value("ش" * 451)
    assert len(wire.agi_line("NOOP", "x" * 8185)) == 8191
    with pytest.raises(UnsafeValue, match="8190 are allowed"):
        wire.agi_line("NOOP", "x" * 8186)


def test_agi_words_are_quoted():
    assert wire.agi_word('a "b" \\c') == '"a \\"b\\" \\\\c"'
    assert wire.agi_word("") == '""'


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_an_agi_word_is_read_back_as_it_was(text):
    assert _asterisk_reads(wire.agi_word(text)) == text


def test_config_value_escapes_comments():
    assert wire.config_value("a;b") == "a\\;b"


@pytest.mark.parametrize("bad", ["[general]", "a]", "${ENV(HOME)}", " a", "a ", ">a"])
def test_config_value_refuses(bad):
    with pytest.raises(UnsafeValue):
        wire.config_value(bad)


@pytest.mark.parametrize("good", ["1700000000-1", "markazi-saveh", "a.b_c", "1700000000.123"])
def test_identifiers(good):
    assert wire.identifier(good) == good


@pytest.mark.parametrize("bad", ["", "a b", "a,b", "a/b", "a)", "$a", "ساوه", "٣", "x" * 81])
def test_identifiers_refused(bad):
    with pytest.raises(UnsafeValue):
        wire.identifier(bad)


def test_caller_id():
    assert wire.caller_id("ساوه", "123") == '"ساوه" <123>'
    with pytest.raises(UnsafeValue):
        wire.caller_id('x" <1>', "123")


def _asterisk_reads(word: str) -> str:
    """What res_agi.c's parse_args makes of one argument: quotes toggle, a backslash escapes."""
    result, escaped = [], False
    for character in word:
        if escaped or character not in '"\\':
            result.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
    return "".join(result)
