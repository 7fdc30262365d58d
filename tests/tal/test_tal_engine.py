"""The embedded engine against the plug-in's sound, and on its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
import soundfile

from synthmatch.errors import ParameterError
from synthmatch.metrics import log_spectral_distance
from synthmatch_tal.backends.embedded import filter_types, filters, tables
from synthmatch_tal.backends.embedded.decimation import decimate
from synthmatch_tal.backends.embedded.engine import Before, render_presets
from synthmatch_tal.backends.embedded.programme import COLUMN, NAMES, build, rates, semitones

DATA = Path(__file__).parent / "data"
INDEX = json.loads((DATA / "index.json").read_text(encoding="utf-8"))
WARMING_UP = Before(60, 127, held=2048, total=4096)  # what the host of the clips plays


def preset(**values):
    base = {**INDEX["base"], "osc1volume": 0.8, "osc2volume": 0.0, **values}
    return [base[name] for name in NAMES]


def play(rows, pitch=60, velocity=100, held=0.2, total=0.3, rate=44100, **options):
    return render_presets(
        np.atleast_2d(rows),
        pitch,
        velocity,
        held=held,
        total=total,
        sample_rate=rate,
        **options,
    )


def signal_to_error(reference, audio):
    error = np.linalg.norm(np.asarray(reference, np.float64) - audio)
    return 20 * np.log10(np.linalg.norm(reference) / max(error, 1e-12))


@pytest.mark.parametrize("clip", INDEX["renders"], ids=lambda clip: clip["file"][:-5])
def test_it_plays_what_the_plug_in_plays(clip):
    target, rate = soundfile.read(DATA / clip["file"], dtype="float32")
    values = {**INDEX["base"], **clip["changed"]}
    (ours,) = clip["stored_scale"] * play(
        [values[name] for name in NAMES],
        clip["note"],
        clip["velocity"],
        clip["note_off_s"],
        clip["duration_s"],
        rate,
        before=WARMING_UP if clip["warmed_up"] else None,
    )
    assert signal_to_error(target, ours) > 44
    assert log_spectral_distance(target, ours, rate) < 0.1


def test_pitch_and_tuning():
    def loudest(**values):
        (audio,) = play(preset(**values), 69, held=1.0, total=1.0)
        return np.argmax(np.abs(np.fft.rfft(audio * np.hanning(len(audio)))))

    assert loudest() == pytest.approx(440, abs=1)
    assert loudest(osc1tune=(12 + 24.25) / 48) == pytest.approx(880, abs=1)
    assert loudest(transpose=0.0) == pytest.approx(220, abs=1)
    assert loudest(osc1finetune=0.75) == pytest.approx(440 * 2 ** (0.5 / 12), abs=1)
    assert loudest(osc1volume=0.0, osc3volume=1.0) == pytest.approx(110, abs=1)


def test_knobs_follow_the_plug_in_s_curves():
    tuned = semitones(np.array([0, 0.25, 0.49, 0.5, 0.52, 1], np.float32))
    assert tuned.tolist() == [-24, -12, 0, 0, 0, 24]  # towards zero
    hertz = rates(np.array([0, 1, 0, 0.06], np.float32), np.array([0, 0, 1, 1], np.float32))
    exact = [(np.exp(0.2) - 1) / 19, (np.exp(0.2 + 3 * np.log(20)) - 1) / 19, 8, 4]
    np.testing.assert_allclose(hertz, exact, rtol=1e-5)


def test_steps_are_band_limited_and_minimum_phase():
    table = tables.steps()
    impulse = np.diff(table[:64].T.ravel())
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(impulse, 1 << 14)))
    hertz = np.arange(len(spectrum)) * 64 / (1 << 14)  # of the sample rate
    assert np.abs(spectrum[hertz < 0.4]).max() < 0.1
    assert spectrum[hertz > 0.7].max() < -75
    assert np.cumsum(impulse**2)[64 * 6] > 0.9 * np.sum(impulse**2)  # early
    assert np.allclose(table[-1, :-1], table[0, 1:])


def test_corners_are_what_a_filtered_ramp_lacks():
    corner = tables.corners()[:128].T.ravel()
    t = (np.arange(len(corner)) - 2048) / 128
    kernel = np.sinc(t) * np.blackman(len(t))
    smooth = np.cumsum(np.cumsum(kernel / kernel.sum())) / 128
    lag = (smooth - np.maximum(t, 0)) * 2 / 32
    np.testing.assert_allclose(corner, lag, atol=4e-4)


def test_high_notes_do_not_alias():
    (audio,) = play(preset(cutoff=1.0), 100, held=1.0, total=1.0)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    spacing = np.fft.rfftfreq(len(audio), 1 / 44100)
    fundamental = 440 * 2 ** ((100 - 69) / 12)
    distance = np.abs(spacing / fundamental - np.round(spacing / fundamental)) * fundamental
    between = spectrum[(distance > 20) & (spacing > 60) & (spacing < 15000)]
    assert 20 * np.log10(between.max() / spectrum.max()) < -60


@pytest.mark.parametrize("rate", [8000, 11025, 16384, 22050, 44100, 48000, 96000, 192000])
def test_any_rate_gives_the_same_sound(rate):
    row = preset(osc2volume=0.7, osc2waveform=0.5, cutoff=0.5, resonance=0.5, ampattack=0.2)
    note = {"pitch": 50, "held": 0.4, "total": 0.5}
    (audio,) = play(row, rate=rate, **note)
    assert len(audio) == round(0.5 * rate) and np.isfinite(audio).all()
    near = 0.3 if rate <= 48000 else 1.5  # the plug-in's filter is not the same at high rates
    (reference,) = play(row, rate=44100, **note)
    bins = np.fft.rfftfreq(len(reference), 1 / 44100) < 0.4 * min(rate, 44100)
    energy = np.sum(np.abs(np.fft.rfft(reference)[bins]) ** 2) / 44100**2
    ours = np.fft.rfft(audio)[np.fft.rfftfreq(len(audio), 1 / rate) < 0.4 * min(rate, 44100)]
    level = 10 * np.log10(np.sum(np.abs(ours) ** 2) / rate**2 / energy)
    assert level == pytest.approx(0, abs=near)


def test_decimation_keeps_what_the_lower_rate_holds():
    t = np.arange(3 * 4096) / 49152
    low, high = np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 12000 * t)
    reduced = decimate(np.stack([low, high]).astype(np.float32), 3)
    assert reduced.shape == (2, 4096)
    np.testing.assert_allclose(reduced[0, 50:-50], low[::3][50:-50], atol=1e-3)
    assert np.abs(reduced[1, 50:-50]).max() < 1e-3
    assert decimate(reduced, 1) is reduced


def random_presets(n, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (n, len(NAMES)))


def test_rows_are_independent_and_repeat():
    rows = random_presets(37)
    together = play(rows)
    np.testing.assert_array_equal(together, play(rows))
    np.testing.assert_array_equal(together[::-1], play(rows[::-1]))
    for k in (0, 11, 36):
        np.testing.assert_array_equal(play(rows[k])[0], together[k])


def test_threads_change_nothing():
    rows = random_presets(40, seed=3)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = play(rows)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(play(rows), alone)


def test_extremes_stay_finite():
    rng = np.random.default_rng(1)
    rows = rng.choice([0.0, 1.0], (80, len(NAMES)))
    for pitch in (0, 127):
        for rate in (8000, 44100):
            assert np.isfinite(play(rows, pitch, 127, rate=rate)).all()


def test_a_note_longer_than_a_block_is_one():
    row = preset(osc2volume=0.5, osc2waveform=0.5, lfo1destination=1.0, lfo1amount=0.7)
    long = play(row, held=0.3, total=0.5)
    np.testing.assert_array_equal(play(row, held=0.3, total=0.35), long[:, : round(0.35 * 44100)])


def test_it_ends_with_its_release():
    (short,) = play(preset(amprelease=0.0), held=0.1, total=0.5)
    (long,) = play(preset(amprelease=0.6), held=0.1, total=0.5)
    tail = slice(round(0.2 * 44100), None)
    assert np.abs(short[tail]).max() < 1e-3 < np.abs(long[tail]).max()


@pytest.mark.parametrize(("kind", "cutoff"), [(1, 1.0), (5, 1.0), (8, 0.8), (11, 0.8)])
def test_what_fades_in_a_filter_does_not_slow_the_processor(kind, cutoff):
    memory = np.zeros((1, filters.ROWS * filters.WIDTH), np.float32)
    none = np.zeros((1, filters.WIDTH), np.float32)
    filter_types.load(memory, np.full(none.shape, kind), none, none)
    sound, cut, out = np.zeros((3, 1, 20_000), np.float32)
    sound[0, 0], cut[:] = 1, cutoff
    chunks = [2 * filters.CHUNK, 2 * filters.CHUNK, filters.CHUNK, filters.CHUNK]
    buffers = [np.zeros((filters.HISTORY + n, 1, filters.WIDTH), np.float32) for n in chunks]
    tiles = np.zeros((3, filters.CHUNK, 1, filters.WIDTH), np.float32)
    seeds = np.ones(1, np.int32)
    filters.run(
        int(filters.FAMILIES[kind]), 20_000, 1, sound, cut, np.float32(0.25), memory, seeds,
        tiles, *buffers, out,
    )  # fmt: skip

    def slow(values):
        return np.sum((values != 0) & (np.abs(values) < np.finfo(np.float32).tiny))

    assert slow(memory) == 0
    assert slow(out) <= filters.CHUNK  # until it is cleared
    assert np.abs(out[0, :1000]).max() > 0.01 and not out[0, -1000:].any()


def test_velocity():
    loud, soft = (play(preset(velocityvolume=1.0), velocity=v)[0] for v in (127, 32))
    assert np.linalg.norm(soft) / np.linalg.norm(loud) == pytest.approx(32 / 127, rel=1e-3)
    np.testing.assert_array_equal(play(preset(), velocity=127), play(preset(), velocity=32))


def test_ring_modulation_leaves_sums_and_differences_alone():
    tuned = {"osc1tune": 0.0, "osc2tune": (7 + 24.25) / 48}  # a sawtooth of 110 Hz, a sine
    row = preset(ringmodulation=1.0, osc2volume=1.0, osc2waveform=0.75, filtertype=1, **tuned)
    (audio,) = play(row, 69, held=1.0, total=1.0)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    sine = 440 * 2 ** (7 / 12)

    def at(hertz):
        return spectrum[round(hertz) - 2 : round(hertz) + 3].max()

    for k in (1, 2, 3):  # the partials of a sawtooth, on both sides of the sine
        assert at(sine + 110 * k) == pytest.approx(at(sine + 110) / k, rel=0.05)
        assert at(sine - 110 * k) == pytest.approx(at(sine - 110) / k, rel=0.05)
    assert at(sine) < at(sine + 110) / 10


def test_what_cannot_be_played_is_refused():
    row = preset()
    for wrong, text in (
        ({"rows": [row[:-1]]}, "presets of shape"),
        ({"rows": [[2.0] * len(NAMES)]}, "from 0 to 1"),
        ({"rows": [[np.nan] * len(NAMES)]}, "from 0 to 1"),
        ({"rows": row, "pitch": 128}, "MIDI values"),
        ({"rows": row, "velocity": 0}, "MIDI values"),
        ({"rows": row, "rate": 4000}, "sample rate"),
        ({"rows": row, "held": 0.4}, "held 0.4 s"),
    ):
        with pytest.raises(ParameterError, match=text):
            play(**wrong)


def test_a_list_of_no_presets_is_silence():
    assert play(np.empty((0, len(NAMES)))).shape == (0, round(0.3 * 44100))


def test_lists_pick_as_the_plug_in_does():
    rows = np.array([preset(filtertype=v) for v in (0.0, 0.083, 0.5, 0.917, 1.0)], np.float32)
    assert build(rows, 60, 100, 44100, 60).choices[:, 3].tolist() == [1, 2, 7, 11, 12]
    assert COLUMN["filtertype"] == NAMES.index("filtertype")


def test_compiled_code_is_kept_on_disk():
    """What this process compiled or found on disk, the next one finds there."""
    render_presets(np.full((1, len(NAMES)), 0.5), held=0.1, total=0.1)
    code = """
import json, sys
import numpy as np
from synthmatch_tal.backends.embedded.engine import render_presets, NAMES
render_presets(np.full((1, len(NAMES)), 0.5), held=0.1, total=0.1)
package = "synthmatch_tal.backends.embedded."
modules = {name: module for name, module in sys.modules.items() if name.startswith(package)}
stats = [
    (name.removeprefix(package), value.stats)
    for name, module in modules.items()
    for value in vars(module).values()
    if getattr(value, "__module__", "") == name and hasattr(value, "stats")
]
found = sorted({name for name, s in stats if s.cache_hits})
print(json.dumps([found, sum(sum(s.cache_misses.values()) for _, s in stats)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, compiled = json.loads(done.stdout)
    assert found == ["decimation", "filters", "modulation", "oscillators", "output"]
    assert compiled == 0
