import random

import pytest

from ivr.simulator import tone
from ivr.simulator.tone import Codec


@pytest.mark.parametrize("frequency_hz", [300.0, 600.0, 1000.0, 2500.0])
def test_a_tone_is_found_at_its_own_frequency(frequency_hz):
    audio = tone.tone(frequency_hz, 0.1)
    assert len(audio) == 800
    assert tone.dominant_frequency(audio, Codec.PCMA) == pytest.approx(frequency_hz, abs=25)


def test_caller_and_counsellor_tones_are_told_apart_in_one_frame():
    caller = tone.tone(tone.CALLER_HZ, tone.FRAME_S)
    counsellor = tone.tone(tone.COUNSELLOR_HZ, tone.FRAME_S)
    assert tone.hears_tone(caller, Codec.PCMA, tone.CALLER_HZ)
    assert not tone.hears_tone(caller, Codec.PCMA, tone.COUNSELLOR_HZ)
    assert tone.hears_tone(counsellor, Codec.PCMA, tone.COUNSELLOR_HZ)
    assert not tone.hears_tone(counsellor, Codec.PCMA, tone.CALLER_HZ)


def test_silence_and_noise_are_no_tone():
    quiet = tone.silence(0.02)
    assert tone.is_silent(quiet, Codec.PCMA)
    assert tone.dominant_frequency(quiet, Codec.PCMA) is None
    dice = random.Random(1)
    noise = tone.encode_pcma([dice.randint(-8000, 8000) for _ in range(320)])
    assert not tone.is_silent(noise, Codec.PCMA)
    assert not tone.hears_tone(noise, Codec.PCMA, tone.CALLER_HZ)


def test_both_laws_decode_by_the_recommendation():
    # G.711: the smallest positive levels, and full scale, of either law (as 16-bit samples).
    assert tone.decode(b"\xd5\x55\xaa\x2a", Codec.PCMA) == [8, -8, 32256, -32256]
    assert tone.decode(b"\xff\x7f\x80\x00", Codec.PCMU) == [0, 0, 32124, -32124]


def test_encoding_is_nearest_level_and_never_wraps():
    for sample in (-40000, -1000, -9, 0, 7, 500, 40000):
        [back] = tone.decode(tone.encode_pcma([sample]), Codec.PCMA)
        clipped = max(-32256, min(32256, sample))
        assert abs(back - clipped) <= max(8, abs(clipped) / 30)


def test_a_tone_on_top_of_another_counts_by_its_share():
    mixed = [
        a + b
        for a, b in zip(
            tone.decode(tone.tone(600, 0.02, 8000), Codec.PCMA),
            tone.decode(tone.tone(1000, 0.02, 4000), Codec.PCMA),
            strict=True,
        )
    ]
    assert tone.tone_share(mixed, 600) == pytest.approx(0.8, abs=0.05)
    assert tone.tone_share(mixed, 1000) == pytest.approx(0.2, abs=0.05)
