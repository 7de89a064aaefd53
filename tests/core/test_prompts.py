"""The catalogue of spoken texts: its Persian, its ids, and how mistakes in it are named."""

import json
import re
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from ivr.deployment import all_prompts, load_deployment
from ivr.errors import BadInput, PromptsError
from ivr.prompts.catalogue import Catalogue, load_catalogue
from ivr.settings import Settings
from ivr.text import search_key

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "prompts" / "fa"
PROVINCES = ("khuzestan", "ilam", "markazi", "south-khorasan", "qazvin")
WHOLE = ("keys", "counties", "numbers", "numbers-joined", "ordinals", "number-sentences")
ZWNJ = "\u200c"
MARKS = re.compile("[\u064c-\u0652]")  # vowel marks but for the tanwin of «لطفاً»
LETTER = "[آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیئءأؤ]"
WRONG = {
    "an Arabic letter": "[يكىةۀ]",
    "a Latin letter or digit": "[A-Za-z0-9]",
    "an Arabic digit": "[٠-٩]",
    "Latin punctuation": r"[,;?!\"'()\-]",
    "a vowel mark": MARKS.pattern,
    "an invisible mark": "[\u0640\u200b\u200d-\u200f\u202a-\u202e\u2066-\u2069\ufeff\u00a0]",
    "a half-space that joins nothing": f"(?<!{LETTER}){ZWNJ}|{ZWNJ}(?!{LETTER})",
    "می without half-space": f"(?:^|[ ])ن?می(?:[ ]|{LETTER})",
    "ها without half-space": rf"(?:[ ]|(?<![ {ZWNJ}])(?<=..))ها(?:ی|یی)?(?:[ .،؛؟]|$)",
    "a loose ending": r" (?:ای|ام|اند|تر|ترین|اید|ایم)(?:[ .،؛؟]|$)",
    "spelling": "گفتگو|لطفا(?!ً)",
    "spaces": r"^ | $|  | [.،؛؟]|[.،؛؟](?=[^ ])",
}
NUMBERS = {
    "۰": "صفر",
    "۱": "یک",
    "۲": "دو",
    "۳": "سه",
    "۴": "چهار",
    "۵": "پنج",
    "۶": "شش",
    "۷": "هفت",
    "۸": "هشت",
    "۹": "نه",
}


def faults(text: str) -> list[str]:
    return [name for name, pattern in WRONG.items() if re.search(pattern, text)]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(SHIPPED)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("كلید", "an Arabic letter"),
        ("کلید 1", "a Latin letter or digit"),
        ("کلید ٤", "an Arabic digit"),
        ("در خط بمانید, لطفاً", "Latin punctuation"),
        ("شهرستانِ ساوه", "a vowel mark"),
        (f"خانه{ZWNJ} ما", "a half-space that joins nothing"),
        ("وصل می کنیم", "می without half-space"),
        ("وصل میکنیم", "می without half-space"),
        ("نمیدانید", "می without half-space"),
        ("شهرستان ها", "ها without half-space"),
        ("شهرستانهای دیگر", "ها without half-space"),
        ("گرفته اید", "a loose ending"),
        ("گفتگو", "spelling"),
        ("لطفا بمانید", "spelling"),
        ("در  خط", "spaces"),
        ("در خط .", "spaces"),
        ("بمانید؛لطفاً", "spaces"),
    ],
)
def test_the_linter_sees(text: str, fault: str) -> None:
    assert fault in faults(text)


def test_every_text_is_careful_persian(catalogue: Catalogue) -> None:
    found = {prompt.id: faults(prompt.text) for prompt in catalogue.prompts.values()}
    assert {prompt_id: what for prompt_id, what in found.items() if what} == {}


def test_nothing_said_aloud_endangers_who_is_overheard(catalogue: Catalogue) -> None:
    """Whoever stands beside the telephone must not hear of police, courts or complaints."""
    words = "پلیس|پاسگاه|کلانتری|انتظامی|دادگاه|دادسرا|قاضی|قضایی|شکایت|زندان|مجرم|۱۱۰"
    heard = [prompt.id for prompt in catalogue.prompts.values() if re.search(words, prompt.text)]
    assert heard == []


def test_sentences_end_like_sentences(catalogue: Catalogue) -> None:
    parts = {i for i in catalogue.prompts if i.startswith("choice-")}
    sentences = {
        "opening",
        "connecting",
        "county-menu",
        "category-menu",
        "line",
        "end",
        "desk-phone",
    }
    for prompt in catalogue.prompts.values():
        if prompt.group in sentences and prompt.id not in parts:
            assert prompt.text.endswith((".", "؟")), prompt.id


def plain(text: str) -> str:
    """The letters alone, numbers as words: what text and `say` have in common."""
    text = text.replace("۱۲۳", "صد بیست سه").replace("ئ", "ی")
    text = re.sub(" و(?= |$)", "", text)  # spoken as an ending: «بیستُ»
    words = "".join(NUMBERS.get(char, char) for char in text)
    return re.sub(f"[^{LETTER[1:-1]}]", "", words)


def test_the_voice_says_what_is_written(catalogue: Catalogue) -> None:
    for prompt in catalogue.prompts.values():
        assert not re.search("[A-Za-z0-9۰-۹]", prompt.say), f"{prompt.id}: numbers in words"
        likeness = SequenceMatcher(None, plain(prompt.text), plain(prompt.say)).ratio()
        assert likeness > 0.9, prompt.id


def test_every_prompt_of_the_line_is_there_and_none_too_many(catalogue: Catalogue) -> None:
    """What callers and counsellors may hear is what the catalogue has, but for whole groups.

    Keys, counties and numbers are complete whether or not today's rules play them all; that they
    hold nothing else is tested below and in test_spoken.py.
    """
    needed = all_prompts(load_deployment(Settings()).lines.values())
    whole = {i for group in WHOLE for i in catalogue.members(group)}
    assert needed <= set(catalogue.prompts) <= needed | whole


def test_every_county_is_called_by_its_name(catalogue: Catalogue) -> None:
    known = json.loads((ROOT / "ivr" / "rules" / "counties.json").read_text(encoding="utf-8"))
    names = {
        f"county-{county['id']}": search_key(county["name_fa"])
        for county in known["counties"]
        if county["province"] in PROVINCES
    }
    assert len(names) == 30 + 12 + 12 + 12 + 6
    said = {i: search_key(catalogue.prompts[i].text) for i in catalogue.members("counties")}
    assert said == names


def test_every_key_has_its_name(catalogue: Catalogue) -> None:
    names = {f"key-{key}": f"کلید {digit}" for key, digit in enumerate(NUMBERS)}
    assert {i: catalogue.prompts[i].text for i in catalogue.members("keys")} == names


def test_require_names_what_is_missing(catalogue: Catalogue) -> None:
    with pytest.raises(PromptsError, match=r"played: choice-x, county-y\. Add"):
        catalogue.require(["county-y", "greeting", "choice-x"])


def test_a_part_is_a_prompt_or_a_group(catalogue: Catalogue) -> None:
    assert catalogue.members("greeting") == ("greeting",)
    assert "topic-child" in catalogue.members("topics")
    assert catalogue.members("nothing") == ()


HEAD = "voice: {name: fa, speed: 170, pitch: 45}\ngroups:\n"
GROUP = "  - {name: one, used: here, max_s: 3, pause_s: 0, prompts: {"


def test_a_prompt_may_be_its_text_alone(tmp_path: Path) -> None:
    text = HEAD + GROUP + "a: متن, b: {fa: متن, say: مَتن, max_s: 1, pause_s: 0.5}}}\n"
    (tmp_path / "catalogue.yaml").write_text(text)
    prompts = load_catalogue(tmp_path).prompts
    assert (prompts["a"].say, prompts["a"].max_s, prompts["a"].pause_s) == ("متن", 3, 0)
    assert (prompts["b"].say, prompts["b"].max_s, prompts["b"].pause_s) == ("مَتن", 1, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: the whole file: "),
        ("a: [", "is not YAML"),
        (HEAD + GROUP + "a: متن,\n a: متن}}", ":4: a: stands in line 3 already"),
        (HEAD + GROUP + "a: متن,\n\n b: {say: متن}}}", ":5: b.fa: Field required"),
        (HEAD + GROUP + "a: متن,\n b: {fa: متن,\n  max: 1}}}", ":5: b.max: Extra inputs"),
        (HEAD + GROUP + "a: متن,\n b: {fa: متن,\n  max_s: 0}}}", ":5: b.max_s: Input should be"),
        (HEAD + GROUP + "a: متن,\n B: متن}}", ":4: B: String should match"),
        (HEAD + GROUP + "a: متن}}\n" + GROUP.replace("one", "two") + "a: متن}}", ":4: a: is used"),
        (HEAD + GROUP + "one: متن}}\n", ":3: one: is used in group one already"),
        (
            HEAD + GROUP + "a: متن}}\ntogether:\n  - {parts: [a, c], max_s: 1, why: so}\n",
            ":5: c: is neither a prompt nor a group",
        ),
    ],
)
def test_mistakes_are_named_by_line_and_id(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "catalogue.yaml").write_text(text)
    with pytest.raises(BadInput) as caught:
        load_catalogue(tmp_path)
    assert str(tmp_path / "catalogue.yaml") in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_catalogue_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="IVR_PROMPTS_DIR"):
        load_catalogue(tmp_path)
