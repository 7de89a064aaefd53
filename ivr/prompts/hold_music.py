"""Our own hold music: slow soft chords and a few bell notes, computed, so nobody else's work.

It goes on quietly for a minute and joins its own beginning, so that a waiting caller hears that
the line lives and can still listen to the room.
"""

from ivr.prompts import audio

CHORD_S = 6.0
TAIL_S = 2.5  # each chord fades under the next
LOUDNESS_DBFS = -30.0
PAD_DBFS = -30.0
BELL_DBFS = -33.0
BELL_S = 2.4

# Semitones above A4 (440 Hz), each chord from below; all notes lie in the telephone's band.
HOME, SIXTH, FOURTH = (-5, 0, 4), (-3, 0, 4), (-3, 0, 5)
THIRD, SECOND, FIFTH = (-5, -1, 4), (-3, 2, 5), (-5, -1, 2)
CHORDS = (HOME, SIXTH, FOURTH, HOME, THIRD, SIXTH, FOURTH, SECOND, FOURTH, FIFTH)
BELLS_AT_S = (0.8, 2.3, 4.4)  # within a chord: its notes from below, an octave higher


def compose() -> audio.Sound:
    """One loop of the music, 60 s."""
    loop = audio.silence(CHORD_S * len(CHORDS))
    for at, chord in enumerate(CHORDS):
        start_s = at * CHORD_S
        for note in chord:
            loop = _lay(loop, _pad(note), start_s)
        for note, bell_s in zip(chord, BELLS_AT_S, strict=True):
            loop = _lay(loop, _bell(note + 12), start_s + bell_s)
    return loop.apply_gain(LOUDNESS_DBFS - loop.dBFS)


def _pad(note: int) -> audio.Sound:
    """Two tones a fraction of a hertz apart, so that the chord breathes."""
    length_s = CHORD_S + TAIL_S
    frequency_hz = _frequency_hz(note)
    both = audio.tone(frequency_hz, length_s, PAD_DBFS).overlay(
        audio.tone(frequency_hz + 0.4, length_s, PAD_DBFS)
    )
    return both.fade_in(round(1000 * TAIL_S)).fade_out(round(1000 * TAIL_S))


def _bell(note: int) -> audio.Sound:
    return audio.tone(_frequency_hz(note), BELL_S, BELL_DBFS).fade_in(15).fade_out(2300)


def _frequency_hz(note: int) -> float:
    return float(440 * 2 ** (note / 12))


def _lay(loop: audio.Sound, sound: audio.Sound, start_s: float) -> audio.Sound:
    """Lay a sound over the loop; what passes the end comes in again at the beginning."""
    start_ms = round(1000 * start_s)
    fits_ms = len(loop) - start_ms
    return loop.overlay(sound[:fits_ms], position=start_ms).overlay(sound[fits_ms:])
