"""Prompts built by the real espeak-ng: form, loudness, lengths, recordings, and mistakes."""

import itertools
import json
import math
import shutil
import wave
from array import array
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from typer.testing import CliRunner

from ivr import spoken
from ivr.cli.prompts import app
from ivr.dialplan.flow import Fact
from ivr.dialplan.script import build_flow
from ivr.errors import PromptsError
from ivr.prompts import audio, speech
from ivr.prompts.builder import build, hold_music_path, sound_path, sounds_dir
from ivr.prompts.catalogue import Catalogue, load_catalogue
from ivr.prompts.checker import check
from ivr.prompts.hearing import Fault
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "prompts" / "fa"
Samples: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.float64]]"
SMALL = """
voice: {name: fa, speed: 170, pitch: 45}
groups:
  - name: few
    used: in tests
    max_s: 2
    pause_s: 0.1
    prompts: {salam: سلام, khob: خوب}
"""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The shipped catalogue, built; the user's own cache makes the second run quick."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), prompts_dir=SHIPPED)
    build(settings)
    return settings


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(SHIPPED)


@pytest.fixture(scope="module")
def lengths_s(shipped: Settings) -> dict[str, float]:
    return {path.stem: audio.measure(path).length_s for path in sounds_dir(shipped).glob("*.wav")}


def settings_below(place: Path, text: str) -> Settings:
    prompts = place / "prompts"
    (prompts / "recordings").mkdir(parents=True)
    (prompts / "catalogue.yaml").write_text(text)
    return Settings(home=place / "home", cache_dir=place / "cache", prompts_dir=prompts)


@pytest.fixture(scope="module")
def cache_with_music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Composing the hold music takes longest; the tests below are about the prompts."""
    settings = settings_below(tmp_path_factory.mktemp("music"), SMALL.replace("سلام", "آب"))
    build(settings)
    return settings.cache_dir


@pytest.fixture
def small(tmp_path: Path, cache_with_music: Path) -> Settings:
    """Two words, the first not built before, with a cache and recordings of their own."""
    settings = settings_below(tmp_path, SMALL)
    shutil.copytree(cache_with_music, settings.cache_dir)
    return settings


def record(
    settings: Settings,
    name: str,
    *,
    seconds: float = 1.0,
    peak: int = 8000,
    offset: int = 0,
    rate_hz: int = 44100,
) -> Path:
    """A stereo recording of a tone between two stretches of silence."""
    tone = [
        max(-32768, min(32767, offset + round(peak * math.sin(2 * math.pi * 700 * n / rate_hz))))
        for n in range(round(seconds * rate_hz))
    ]
    quiet = [offset] * rate_hz
    path = settings.prompts_dir / "recordings" / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate_hz, 0, "NONE", ""))
        samples = array("h", [value for value in quiet + tone + quiet for _ in range(2)])
        file.writeframes(samples.tobytes())
    return path


def found(settings: Settings) -> set[tuple[str, Fault]]:
    return {(problem.subject, problem.fault) for problem in check(settings).problems}


def test_the_shipped_prompts_have_no_problem(shipped: Settings, catalogue: Catalogue) -> None:
    report = check(shipped)
    assert report.problems == ()
    assert report.lengths_s.keys() == catalogue.prompts.keys()
    assert set(report.placeholders) == {i for i in catalogue.prompts if not catalogue.recording(i)}


def test_every_sound_is_what_asterisk_plays_without_converting(
    shipped: Settings, catalogue: Catalogue
) -> None:
    rates = dict.fromkeys(sounds_dir(shipped).glob("*.wav"), 8000)
    rates |= dict.fromkeys(sounds_dir(shipped).glob("*.wav16"), 16000)
    assert len(rates) == 2 * len(catalogue.prompts)
    for path, rate_hz in (rates | {hold_music_path(shipped): 8000}).items():
        with wave.open(str(path)) as file:
            form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        assert form == (rate_hz, 1, 2), path.name
        assert path.stat().st_mode & 0o044 == 0o044, "Asterisk runs as another user"


@pytest.mark.parametrize("form", audio.FORMS, ids=lambda form: form.suffix)
def test_prompts_are_equally_loud_and_whole(
    shipped: Settings, catalogue: Catalogue, form: audio.Form
) -> None:
    for prompt in catalogue.prompts.values():
        measures = audio.measure(sound_path(sounds_dir(shipped), prompt.id, form))
        level_dbfs = audio.LOUDNESS_DBFS - prompt.quieter_db
        assert measures.loudness_dbfs == pytest.approx(level_dbfs, abs=1), prompt.id
        assert measures.peak_dbfs < -1.5, prompt.id
        assert not measures.clipped, prompt.id
        assert prompt.pause_s + 0.2 < measures.length_s <= prompt.max_s, prompt.id


def test_prompts_keep_to_the_telephone_band(shipped: Settings, catalogue: Catalogue) -> None:
    hz, power = spectrum_of([sounds_dir(shipped) / f"{i}.wav" for i in catalogue.prompts], 8000)
    inside = power[(hz > 300) & (hz < 3400)].sum()
    assert power[hz < 150].sum() < 0.003 * inside
    assert power[hz > 3700].sum() < 0.003 * inside


def test_the_wide_prompts_are_clearer(shipped: Settings, catalogue: Catalogue) -> None:
    """What tells «س» from «ش» lies above the telephone's band, and is there."""
    paths = [sounds_dir(shipped) / f"{i}.wav16" for i in catalogue.prompts]
    hz, power = spectrum_of(paths, 16000)
    inside = power[(hz > 50) & (hz < 7000)].sum()
    assert power[(hz > 4000) & (hz < 7000)].sum() > 0.003 * inside
    assert power[hz > 7500].sum() < 0.0003 * inside
    assert power[hz < 30].sum() < 0.0003 * inside


def test_a_rate_raised_for_the_wide_form_adds_nothing(small: Settings) -> None:
    """A recording of 8000 Hz holds nothing above 4000 Hz, and no mirror of it is heard there."""
    record(small, "salam", rate_hz=8000)
    build(small)
    hz, power = spectrum_of([sounds_dir(small) / "salam.wav16"], 16000)
    assert power[hz > 3700].sum() < 1e-4 * power.sum()


def spectrum_of(paths: list[Path], rate_hz: int) -> tuple[Samples, Samples]:
    """Frequencies and the power at each."""
    power = np.abs(np.fft.rfft(np.concatenate([samples_of(path) for path in paths]))) ** 2
    return np.linspace(0, rate_hz / 2, len(power)), power


def samples_of(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)


def test_the_whisper_is_short_for_every_county_and_category(
    lengths_s: dict[str, float], catalogue: Catalogue
) -> None:
    pairs = list(itertools.product(catalogue.members("counties"), catalogue.members("topics")))
    assert len(pairs) == 72 * 5
    for county, category in pairs:
        parts = ("whisper-county", county, category)
        assert sum(lengths_s[part] for part in parts) < 4.0, (county, category)


@pytest.mark.parametrize("rules", load_all(Settings().rules_dir), ids=lambda rules: rules.id)
def test_menus_are_short(
    lengths_s: dict[str, float], catalogue: Catalogue, rules: ProvinceRules
) -> None:
    flow = build_flow(rules)
    catalogue.require(flow.prompts())
    for question in flow.questions:
        limit_s = 7.5 if question.settles is Fact.LANE else 28
        for page in question.pages:
            assert sum(lengths_s[prompt] for prompt in page.prompts) < limit_s, question.settles


def test_a_composed_number_sounds_like_one_sentence(
    shipped: Settings, catalogue: Catalogue
) -> None:
    """Hardly longer than spoken in one go, and without a gap that one hears as a pause."""
    sentences = [
        *(spoken.position(number) for number in (1, 23, 30, 99)),
        *(spoken.cardinal(number) for number in (23_405, 777_777)),
        spoken.about_minutes(22),
    ]
    for ids in sentences:
        paths = [sounds_dir(shipped) / f"{i}.wav" for i in ids]
        composed = np.concatenate([samples_of(path) for path in paths])
        said = speech.speak(" ".join(catalogue.prompts[i].say for i in ids), catalogue.voice)
        whole = audio.for_telephone(audio.read(said, "whole"), audio.NARROW, pause_s=0.0)
        assert len(composed) / 8000 < 1.3 * len(whole) / 1000 + catalogue.prompts[ids[-1]].pause_s
        end = round(8000 * (catalogue.prompts[ids[-1]].pause_s + 0.15))
        assert longest_gap_s(composed[:-end]) < 0.1, ids


def longest_gap_s(samples: Samples) -> float:
    """The longest stretch, in steps of 10 ms, that nobody hears anything in."""
    steps = samples[: len(samples) // 80 * 80].reshape(-1, 80)
    quiet = np.sqrt((steps**2).mean(axis=1)) < 32768 * 10 ** (audio.SILENCE_DBFS / 20)
    return 0.01 * max(len(run) for run in "".join("q" if q else " " for q in quiet).split(" "))


def test_hold_music_is_soft_and_joins_its_beginning(shipped: Settings) -> None:
    measures = audio.measure(hold_music_path(shipped))
    assert measures.length_s == pytest.approx(60)
    assert measures.loudness_dbfs == pytest.approx(-30, abs=1)
    assert measures.peak_dbfs < -12
    samples = samples_of(hold_music_path(shipped))
    second = samples.reshape(60, -1)
    assert np.sqrt((second**2).mean(axis=1)).min() > 200, "no second of it is silence"
    assert abs(samples[0] - samples[-1]) <= np.abs(np.diff(samples)).max(), "no click"


def test_a_second_build_and_a_second_copy_make_nothing(small: Settings, tmp_path: Path) -> None:
    assert build(small).made == 1
    assert build(small).made == 0
    copy = small.model_copy(update={"home": tmp_path / "second"})
    assert build(copy).made == 0
    assert found(copy) == set()


def test_a_changed_text_is_outdated_until_it_is_built(small: Settings) -> None:
    build(small)
    file = small.prompts_dir / "catalogue.yaml"
    file.write_text(SMALL.replace("سلام", "درود"))
    assert found(small) == {("salam", Fault.OUTDATED)}
    assert build(small).made == 1
    assert found(small) == set()


def test_recordings_take_precedence_and_are_converted(small: Settings) -> None:
    build(small)
    record(small, "salam", seconds=1.0)
    assert found(small) == {("salam", Fault.OUTDATED)}
    report = build(small)
    assert report.recorded == ("salam",)
    measures = audio.measure(sounds_dir(small) / "salam.wav")
    assert (measures.rate_hz, measures.channels, measures.sample_bits) == (8000, 1, 16)
    assert measures.length_s == pytest.approx(1.0 + 0.1, abs=0.06), "silence is off, the pause on"
    assert measures.loudness_dbfs == pytest.approx(audio.LOUDNESS_DBFS, abs=0.5)
    assert check(small).placeholders == ("khob",)
    (small.prompts_dir / "recordings" / "salam.wav").unlink()
    assert build(small).recorded == ()


def test_check_names_what_is_wrong(small: Settings) -> None:
    assert found(small) == {
        ("salam", Fault.MISSING),
        ("khob", Fault.MISSING),
        ("hold music", Fault.MISSING),
    }
    record(small, "salam", seconds=3.0, peak=80000)
    record(small, "khob", peak=20)
    record(small, "slaam")
    build(small)
    assert found(small) == {
        ("salam", Fault.TOO_LONG),
        ("salam", Fault.CLIPPED),
        ("khob", Fault.TOO_QUIET),
        ("recordings/slaam.wav", Fault.UNKNOWN_RECORDING),
    }
    (unused,) = (p for p in check(small).problems if p.fault is Fault.UNKNOWN_RECORDING)
    assert "save it as salam.wav" in unused.text


def test_check_sees_a_direct_current(small: Settings) -> None:
    """In a recording, though the build takes it away; and in a sound that we did not make."""
    recording = record(small, "salam", offset=900)
    build(small)
    assert found(small) == {("salam", Fault.DC_OFFSET)}
    assert audio.measure(sounds_dir(small) / "salam.wav16").dc_offset == pytest.approx(0, abs=1e-3)
    shutil.copy(recording, sounds_dir(small) / "khob.wav")
    assert ("khob", Fault.DC_OFFSET) in found(small)


def test_what_a_removed_prompt_leaves_is_named_and_goes_with_the_next_build(
    small: Settings,
) -> None:
    build(small)
    (small.prompts_dir / "catalogue.yaml").write_text(SMALL.replace(", khob: خوب", ""))
    foreign = sounds_dir(small) / "foreign.gsm"
    foreign.touch()
    leftovers = {p.subject: p.text for p in check(small).problems if p.fault is Fault.LEFTOVER}
    assert leftovers.keys() == {"khob.wav", "khob.wav16", "foreign.gsm"}
    assert "ivr prompts build" in leftovers["khob.wav"]
    assert "delete it" in leftovers["foreign.gsm"]
    build(small)
    assert found(small) == {("foreign.gsm", Fault.LEFTOVER)}


def test_one_of_two_forms_is_not_enough(small: Settings) -> None:
    build(small)
    wide = sounds_dir(small) / "salam.wav16"
    wide.unlink()
    assert found(small) == {("salam", Fault.MISSING)}
    shutil.copy(sounds_dir(small) / "salam.wav", wide)
    assert found(small) == {("salam", Fault.WRONG_FORMAT)}
    build(small)
    assert found(small) == set()


def test_check_hears_damaged_sounds(small: Settings) -> None:
    build(small)
    loud, broken = (sounds_dir(small) / f"{i}.wav" for i in ("salam", "khob"))
    shutil.copy(record(small, "x", peak=32767), loud)
    broken.write_bytes(b"RIFF")
    assert found(small) >= {
        ("salam", Fault.WRONG_FORMAT),
        ("salam", Fault.TOO_LOUD),
        ("khob", Fault.UNREADABLE),
    }
    audio.write(audio.silence(1.0), broken)
    assert ("khob", Fault.SILENT) in found(small)
    (small.prompts_dir / "recordings" / "x.wav").unlink()
    build(small)
    assert found(small) == set()


def test_prompts_heard_in_one_go_have_a_joint_limit(small: Settings) -> None:
    limit = "together:\n  - {parts: [few, khob], max_s: 0.5, why: hurry}\n"
    (small.prompts_dir / "catalogue.yaml").write_text(SMALL + limit)
    build(small)
    (problem,) = check(small).problems
    assert problem.fault is Fault.TOO_LONG
    assert problem.subject.endswith(" + khob")
    assert "for hurry" in problem.text


def test_a_recording_that_is_no_wav_is_named(small: Settings) -> None:
    path = small.prompts_dir / "recordings" / "salam.wav"
    path.write_bytes(b"ID3 this is an mp3")
    with pytest.raises(PromptsError, match=r"salam\.wav: is not a PCM WAV file"):
        build(small)


def test_without_espeak_it_says_what_to_do(
    small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromptsError, match=r"apt-get install espeak-ng.*recordings/"):
        build(small)
    record(small, "salam")
    record(small, "khob")
    assert build(small).recorded == ("salam", "khob")


def test_a_place_that_cannot_be_written_is_named(small: Settings) -> None:
    small.home.write_text("a file in the way")
    with pytest.raises(PromptsError, match="IVR_HOME"):
        build(small)


def test_the_script_for_a_studio(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home", "cache_dir", "prompts_dir"):
        monkeypatch.setenv(f"IVR_{name.upper()}", str(getattr(small, name)))
    record(small, "khob")
    unbuilt = CliRunner().invoke(app, ["list"])
    assert unbuilt.exit_code == 0
    group, salam, khob = unbuilt.output.strip().splitlines()
    assert group == "few: in tests"
    assert salam.split() == ["salam", "not", "built", "of", "2.0", "placeholder", "سلام"]
    assert khob.split()[-2:] == ["recorded", "خوب"]
    build(small)
    entries = json.loads(CliRunner().invoke(app, ["list", "--json"]).output)
    assert [(entry["id"], entry["text"], entry["recorded"]) for entry in entries] == [
        ("salam", "سلام", False),
        ("khob", "خوب", True),
    ]
    assert entries[1]["length_s"] == pytest.approx(1.1, abs=0.06)


def test_the_command_line(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home", "cache_dir", "prompts_dir"):
        monkeypatch.setenv(f"IVR_{name.upper()}", str(getattr(small, name)))
    runner = CliRunner()
    missing = runner.invoke(app, ["check"])
    assert missing.exit_code == 1
    assert "salam: missing: " in missing.output
    assert "run `ivr prompts build`" in missing.output
    built = runner.invoke(app, ["build", "--json"])
    assert built.exit_code == 0
    assert json.loads(built.output)["made"] == 1
    checked = runner.invoke(app, ["check", "--json"])
    assert checked.exit_code == 0
    assert json.loads(checked.output)["placeholders"] == ["salam", "khob"]
    assert "2 prompts checked, 0 problems" in runner.invoke(app, ["check"]).output
