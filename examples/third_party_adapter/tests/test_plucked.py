"""The conformance kit, and what physics says of a string."""

from __future__ import annotations

import numpy as np
import pytest

import synthmatch
import synthmatch.testing
from synthmatch import Note
from synthmatch.errors import PresetError
from synthmatch.synth import load_patch, save_patch
from synthmatch_plucked import Plucked

RATE = 44100
SYNTH = Plucked()


@synthmatch.testing.parametrize("plucked")
def test_conformance(check):
    """Run one rule of the kit."""
    check()


def play(note=None, rate=RATE, **values):
    """Return the sound of a patch, float64."""
    note = note or Note(69, 127, 2.0, 2.0)
    return SYNTH.render(SYNTH.space.patch(values), note, rate).astype(np.float64)


def partials(sound, frequency, count=8):
    """Return the magnitudes of the first partials."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    bins = frequency * np.arange(1, count + 1) * len(sound) / RATE
    return np.array([spectrum[round(b) - 3 : round(b) + 4].max() for b in bins])


def test_it_is_found_by_name():
    assert "plucked" in synthmatch.list_synths()
    assert isinstance(synthmatch.load_synth("plucked"), Plucked)


@pytest.mark.parametrize("pitch", [40, 57, 69.25, 81])
def test_it_is_in_tune(pitch):
    sound = play(Note(pitch, 127, 2.0, 2.0), decay=12.0, brightness=300)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 16 * len(sound)))
    found = np.argmax(spectrum[: 16 * 2 * 1000]) / 16 / 2
    f = 440 * 2 ** ((pitch - 69) / 12)
    assert abs(1200 * np.log2(found / f)) < 2


@pytest.mark.parametrize("decay", [0.5, 2.0])
def test_the_lowest_partial_loses_60_db_in_the_decay_time(decay):
    sound = play(decay=decay, brightness=9600.0, exciter="finger")
    period = RATE // 440 * 40
    levels = [partials(part, 440, 1)[0] for part in (sound[:period], sound[20000 : 20000 + period])]
    lost = 20 * np.log10(levels[0] / levels[1])
    assert lost == pytest.approx(60 * 20000 / RATE / decay, rel=0.02)


def test_high_partials_die_sooner():
    sound = play(decay=4.0, brightness=1760.0, exciter="pick", position=0.13)
    early, late = partials(sound[:8192], 440), partials(sound[20000:28192], 440)
    lost = 20 * np.log10(early / late)
    slope = 60 * 20000 / RATE / 4.0
    expected = slope * (1 + (440 * np.arange(1, 9) / 1760) ** 2)
    np.testing.assert_allclose(lost, expected, rtol=0.03)


def test_a_string_plucked_at_its_middle_has_no_even_partials():
    odd, even = (partials(play(position=0.5), 440)[k::2] for k in (0, 1))
    assert even.max() < 1e-3 * odd.min()


def test_a_course_beats_and_a_single_string_does_not():
    depth = {}
    for strings in (1, 3):
        sound = play(strings=strings, decay=12.0, brightness=9600.0, exciter="finger")
        blocks = sound[: RATE * 3 // 2].reshape(-1, RATE // 20)
        level = np.sqrt((blocks**2).mean(axis=1)) * np.exp(np.arange(len(blocks)) * 0.05 * 6.9 / 12)
        depth[strings] = np.ptp(level) / level.max()
    assert depth[1] < 0.01 and depth[3] > 0.3


def test_a_guitar_body_lifts_what_lies_at_its_resonance():
    note = Note(55.36, 127, 2.0, 2.0)  # 2 x 102 Hz
    bare, guitar = (partials(play(note, body=body), 204.0, 6) for body in ("none", "guitar"))
    gain = (guitar / bare) / (guitar / bare)[5]
    assert gain[0] > 2 and gain[0] > gain[2:5].max()


def test_damping_stops_the_sound_and_level_scales_it():
    sound = play(Note(69, 127, 0.5, 1.0), release=0.1, decay=12.0)
    assert np.abs(sound[int(0.62 * RATE) :]).max() < 1e-3 * np.abs(sound[: RATE // 4]).max()
    louder, softer = play(level=-6.0), play(level=-26.0)
    np.testing.assert_allclose(louder, 10 * softer, rtol=1e-4, atol=1e-6)
    soft = play(Note(69, 40, 1.0, 1.0))
    assert np.abs(soft).max() < np.abs(play(Note(69, 120, 1.0, 1.0))).max() / 5


def test_nothing_aliases():
    high = Note(100, 127, 0.5, 0.5)  # 2637 Hz
    sound = play(high, rate=16000, decay=12.0, exciter="pick", brightness=9600.0)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.arange(len(spectrum)) * 16000 / len(sound)
    near = np.abs(hz / high.frequency - np.rint(hz / high.frequency)) < 0.03
    assert spectrum[~near].sum() < 1e-5 * spectrum.sum()


def test_presets_are_readable_and_wrong_ones_refused_by_line(tmp_path):
    path = tmp_path / "a.pluck"
    save_patch(SYNTH, SYNTH.space.patch({"decay": 1.5, "body": "guitar"}), path)
    assert "decay = 1.5" in path.read_text() and "body = guitar" in path.read_text()
    path.write_text(path.read_text().replace("decay = 1.5", "decay = long"))
    with pytest.raises(PresetError, match="line 5: 'long' is not a number"):
        load_patch(SYNTH, path)
    path.write_text("plucked string 1\ndecay 3\n")
    with pytest.raises(PresetError, match="line 2: expected"):
        load_patch(SYNTH, path)
    path.write_text("plucked string 1\ndecoy = 3\n")
    with pytest.raises(PresetError, match="did you mean 'decay'"):
        load_patch(SYNTH, path)
