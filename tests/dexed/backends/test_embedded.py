"""The DX7 engine against recordings of the real Dexed, against physics, and against itself."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numba
import numpy as np
import pytest
import soundfile
from scipy.special import jv

from synthmatch.errors import ParameterError
from synthmatch.metrics import log_spectral_distance
from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.voices import COLUMN, LARGEST, SWITCHES_ON, VOICE, init_voice

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("SYNTHMATCH_SHARED", ROOT.parent / "shared")) / "reference" / "dexed"
DATA = Path(__file__).parents[1] / "data"
CLIPS = json.loads((DATA / "index.json").read_text(encoding="utf-8"))

_spec = importlib.util.spec_from_file_location(
    "compare_dexed_engine", ROOT / "examples" / "compare_dexed_engine.py"
)
assert _spec is not None and _spec.loader is not None
example = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(example)


def voice(**values: int) -> np.ndarray:
    """Dexed's initial voice, a sine of operator 1, with some values changed."""
    row = np.append(init_voice(), SWITCHES_ON)
    for name, value in values.items():
        row[COLUMN[name]] = value
    return row


def play(*rows: np.ndarray, pitch=60, velocity=100, **options) -> np.ndarray:
    options = {"held": 0.5, "total": 0.5, "engine": "modern"} | options
    return render_voices(np.array(rows), pitch, velocity, **options)


def peak_frequency(audio: np.ndarray, sample_rate: int) -> float:
    """Frequency of the strongest partial, by a parabola through the logarithmic spectrum."""
    spectrum = np.log(np.abs(np.fft.rfft(audio * np.blackman(len(audio)), 2**19)) + 1e-12)
    at = int(spectrum.argmax())
    a, b, c = spectrum[at - 1 : at + 2]
    return float((at + 0.5 * (a - c) / (a - 2 * b + c)) * sample_rate / 2**19)


@pytest.mark.parametrize("clip", CLIPS, ids=[clip["file"][:-5] for clip in CLIPS])
def test_sounds_as_the_real_plug_in(clip):
    target, rate = soundfile.read(DATA / clip["file"], dtype="float32")
    ours = example.render_clip(clip)
    assert ours.shape == target.shape
    assert example.signal_to_error(target, ours) > 50
    assert log_spectral_distance(target, ours, rate) < 0.2
    # Past the first samples, which hold what the plug-in's memory held, it is the same to the
    # last bit of a 24-bit file, but for loops of operators, which go on remembering.
    looped = clip["voice"]["algorithm"] in (3, 5)
    assert np.abs(target - ours)[4410:].max() < (50 if looped else 2) * 2.0**-23


def test_sounds_as_the_real_plug_in_on_all_clips():
    if not SHARED.exists():
        pytest.skip(f"no reference clips in {SHARED}")
    clips = json.loads((SHARED / "index.json").read_text(encoding="utf-8"))
    ratios = []
    for clip in clips:
        if not example.is_random(clip):
            target, _ = soundfile.read(SHARED / clip["file"])
            ours = example.render_clip(clip).astype(np.float64)
            ratios.append(10 * np.log10(np.sum(target**2) / np.sum((target - ours) ** 2)))
    assert len(ratios) >= 150
    assert min(ratios) > 50


@pytest.mark.parametrize("engine", ["mark1", "modern"])
@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 48_000, 96_000])
def test_a_sine_is_in_tune_at_any_sample_rate(engine, sample_rate):
    for pitch in (36, 60, 69, 83):
        audio = play(
            voice(), pitch=pitch, sample_rate=sample_rate, engine=engine, held=1.0, total=1.0
        )[0]
        wanted = 440 * 2 ** ((pitch - 69) / 12)
        cents = 1200 * np.log2(peak_frequency(audio, sample_rate) / wanted)
        assert abs(cents) < 1


@pytest.mark.parametrize(
    ("values", "hertz"),
    [
        ({"op1_f_coarse": 0}, 220.0),
        ({"op1_f_coarse": 3, "op1_f_fine": 50}, 440 * 4.5),
        ({"transpose": 12}, 220.0),
        ({"transpose": 31}, 440 * 2 ** (7 / 12)),
        ({"op1_mode": 1, "op1_f_coarse": 2, "op1_f_fine": 60}, 10**2.6),
        ({"op1_mode": 1, "op1_f_coarse": 7, "op1_f_fine": 0}, 1000.0),
        ({f"pitch_eg_level_{i}": 82 for i in range(1, 5)}, 440 * 2.0),
    ],
)
def test_frequencies(values, hertz):
    audio = play(voice(**values), pitch=69, held=1.0, total=1.0)[0]
    assert abs(1200 * np.log2(peak_frequency(audio, 44_100) / hertz)) < 1


def test_detuning_moves_by_cents():
    frequencies = [
        peak_frequency(play(voice(op1_osc_detune=detune), held=1.0, total=1.0)[0], 44_100)
        for detune in range(0, 15, 2)
    ]
    steps = 1200 * np.diff(np.log2(frequencies))
    assert (steps > 0.5).all() and (steps < 5).all()


def test_modulation_follows_bessel():
    """A modulator at output level 79 has an index of 4 pi / 2**2.5 (Chowning, JAES 1973)."""
    row = voice(op1_f_coarse=8, op2_output_level=79, op2_eg_level_4=99, op1_eg_level_4=99)
    audio = play(row, pitch=69, held=1.2, total=1.2)[0][4410:48510].astype(np.float64)
    amplitudes = np.abs(np.fft.rfft(audio))[440 * np.arange(1, 16)] / len(audio) * 2
    wanted = 0.125 * np.abs(jv(np.arange(1, 16) - 8, 4 * np.pi / 2**2.5))
    np.testing.assert_allclose(amplitudes, wanted, atol=0.002)


def test_carriers_of_the_algorithms():
    """An operator that plays alone is heard where the front panel draws it in the bottom row."""
    carriers = [2, 2, 2, 2, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]
    carriers += [1, 1, 3, 3, 4, 4, 4, 5, 5, 3, 3, 3, 4, 4, 5, 6]
    rows = []
    for algorithm in range(32):
        for op in range(6):
            row = voice(algorithm=algorithm, **{f"op{i}_output_level": 90 for i in range(1, 7)})
            row[VOICE] = 1 << op
            rows.append(row)
    for engine in ("mark1", "modern"):
        heard = np.abs(play(*rows, held=0.1, total=0.1, engine=engine)).max(axis=1) > 0.01
        np.testing.assert_array_equal(heard.reshape(32, 6).sum(axis=1), carriers)


def test_velocity():
    touched, deaf = voice(op1_key_velocity=7), voice(op1_key_velocity=0)
    velocities = np.arange(1, 128, 2)
    n = len(velocities)
    levels = np.abs(play(*[touched] * n, velocity=velocities, held=0.1, total=0.1)).max(axis=1)
    assert (np.diff(levels) >= 0).all() and levels[-1] > 20 * levels[0]
    same = play(*[deaf] * n, velocity=velocities, held=0.1, total=0.1)
    np.testing.assert_array_equal(same, np.broadcast_to(same[0], same.shape))


@pytest.mark.parametrize("engine", ["mark1", "modern"])
def test_silence(engine):
    quiet = voice(**{f"op{i}_output_level": 0 for i in range(1, 7)}, feedback=7)
    off = voice()
    off[VOICE] = 0
    assert not play(quiet, off, engine=engine).any()


def test_output_levels_are_three_quarters_of_a_decibel():
    rows = [voice(op1_output_level=level) for level in (99, 91, 83, 67)]
    rms = np.sqrt(np.mean(play(*rows, held=0.4, total=0.4)[:, 4410:] ** 2, axis=1))
    np.testing.assert_allclose(20 * np.log10(rms / rms[0]), [0, -6.02, -12.04, -24.08], atol=0.02)


def test_keyboard_level_scaling_falls_on_its_side():
    right = voice(op1_break_point=39, op1_r_scale_depth=60)
    left = voice(op1_break_point=39, op1_l_scale_depth=60)
    pitches = np.arange(30, 91, 6)  # the break point is note 56
    audio = [play(*[row] * len(pitches), pitch=pitches)[:, 4410:] for row in (right, left)]
    levels = 10 * np.log10(np.mean(np.square(audio, dtype=np.float64), axis=2))
    below = pitches < 56
    assert np.ptp(levels[0][below]) < 1 and (np.diff(levels[0][~below]) < -2).all()
    assert np.ptp(levels[1][~below]) < 1 and (np.diff(levels[1][below]) > 2).all()


@pytest.mark.parametrize("sample_rate", [16_000, 44_100, 96_000])
def test_envelopes_last_as_long_at_any_sample_rate(sample_rate):
    row = voice(op1_eg_rate_2=50, op1_eg_level_2=0, op1_eg_level_3=0)
    audio = play(row, held=4.0, total=4.0, sample_rate=sample_rate)[0]
    step = sample_rate // 100
    frames = np.abs(audio[: len(audio) // step * step].reshape(-1, step)).max(axis=1)
    assert frames.argmax() < 5
    seconds = np.flatnonzero(frames > frames.max() / 100)[-1] * 0.01
    # Rate 50 is 4 << 16 of 2**24 to the halving, in each 64 samples at 44.1 kHz: 64.8 dB/s.
    assert seconds == pytest.approx(40 / 64.8, abs=0.015)


def test_faster_rates_fall_sooner_up_the_keyboard():
    row = voice(op1_eg_rate_2=40, op1_eg_level_2=0, op1_eg_level_3=0, op1_rate_scaling=7)
    audio = play(row, row, row, pitch=[36, 60, 84], held=2.0, total=2.0)
    energy = np.sum(audio**2, axis=1)
    assert energy[0] > 1.5 * energy[1] > 2 * energy[2]


def test_the_release_is_the_only_thing_that_comes_after_it():
    row = voice(op1_eg_rate_4=60)
    long, short = play(row, held=0.5, total=1.5)[0], play(row, held=0.25, total=1.5)[0]
    np.testing.assert_array_equal(long[: 44100 // 4], short[: 44100 // 4])
    assert np.abs(short[22050:33075]).max() < 0.5 * np.abs(long[22050:33075]).max()
    assert not short[-4410:].any()


@pytest.mark.parametrize("wave", range(5))
@pytest.mark.parametrize("sample_rate", [32_000, 44_100])
def test_tremolo_runs_at_the_speed_of_the_lfo(wave, sample_rate):
    row = voice(lfo_wave=wave, lfo_am_depth=60, op1_a_mod_sens=3, lfo_speed=49)
    audio = play(row, pitch=96, held=4.0, total=4.0, sample_rate=sample_rate)[0]
    step = sample_rate // 500
    level = np.abs(audio[: len(audio) // step * step].reshape(-1, step)).max(axis=1)
    # Measured on hardware at speed 49, times what Dexed's clock runs fast.
    wanted = 7.877738 * 4437500000 / 2**32
    assert peak_frequency(level - level.mean(), 500) == pytest.approx(wanted, rel=0.005)


def test_lfo_delay_and_pitch_sensitivity():
    rows = [
        voice(lfo_pm_depth=99, p_mode_sens=sensitivity, lfo_delay=delay, lfo_speed=30)
        for sensitivity, delay in ((0, 0), (7, 0), (7, 90))
    ]
    audio = play(*rows, held=0.4, total=0.4)
    steady, shaken, later = np.abs(np.fft.rfft(audio * np.hanning(audio.shape[1]))).max(axis=1)
    assert shaken < 0.5 * steady
    assert later == pytest.approx(steady, rel=0.01)


def random_voices(rng: np.random.Generator, n: int) -> np.ndarray:
    """Any voices at all."""
    return rng.integers(0, [*(LARGEST + 1), SWITCHES_ON + 1], (n, VOICE + 1))


def test_a_row_depends_on_nothing_but_itself():
    rng = np.random.default_rng(0)
    rows, pitches = random_voices(rng, 13), rng.integers(30, 90, 13)
    velocities = rng.integers(1, 128, 13)
    options = {"held": 0.2, "total": 0.4, "engine": "mark1", "seed": 5}
    together = render_voices(rows, pitches, velocities, **options)
    for i in (0, 5, 12):
        alone = render_voices(rows[i : i + 1], pitches[i], velocities[i], **options)
        np.testing.assert_array_equal(alone[0], together[i])
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        again = render_voices(rows, pitches, velocities, **options)
    finally:
        numba.set_num_threads(threads)
    np.testing.assert_array_equal(again, together)


def test_the_seed_sets_what_runs_freely():
    free = voice(osc_key_sync=0, lfo_key_sync=0, lfo_pm_depth=50, lfo_speed=60)
    tied = voice(osc_key_sync=1, lfo_key_sync=1, lfo_pm_depth=50, lfo_speed=60)
    for row, varies in ((free, True), (tied, False)):
        one, same, two = (play(row, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert np.array_equal(one, two) != varies
    np.testing.assert_array_equal(play(voice(osc_key_sync=0)), play(voice(osc_key_sync=1)))
    held = voice(lfo_wave=5, lfo_pm_depth=99, p_mode_sens=7, lfo_speed=80)
    assert not np.array_equal(play(held, seed=1), play(held, seed=2))


def test_any_voice_is_finite_and_within_full_scale():
    rng = np.random.default_rng(1)
    rows = random_voices(rng, 200)
    pitches = rng.integers(0, 128, 200)
    for engine in ("mark1", "modern"):
        audio = play(*rows, pitch=pitches, held=0.05, total=0.1, engine=engine, sample_rate=8_000)
        assert np.isfinite(audio).all() and np.abs(audio).max() <= 2


def test_parts_are_those_of_the_whole():
    rng = np.random.default_rng(4)
    voices = np.stack([init_voice() for _ in range(5)])
    voices[:, COLUMN["algorithm"]] = rng.integers(0, 32, 5)
    for op in range(1, 7):
        voices[:, COLUMN[f"op{op}_output_level"]] = rng.integers(50, 100, 5)
        voices[:, COLUMN[f"op{op}_f_coarse"]] = rng.integers(0, 6, 5)
    voices[:, COLUMN["lfo_pm_depth"]] = 40
    voices[:, COLUMN["lfo_speed"]] = 60
    spans = [(0, 700), (3000, 3001), (6400, 9600)]
    for engine in ("mark1", "modern"):
        whole = render_voices(voices, 60, held=0.5, total=0.7, sample_rate=16000, engine=engine)
        parts = render_voices(
            voices, 60, held=0.5, total=0.7, sample_rate=16000, engine=engine, spans=spans
        )
        assert parts.shape == (5, 700 + 1 + 3200)
        np.testing.assert_array_equal(parts[:, :700], whole[:, :700])
        # Without feedback only the filter that removes the offset forgets.
        later, expected = parts[:, 701 + 1600 :], whole[:, 6400 + 1600 : 9600]
        assert np.abs(later - expected).max() < 0.01 * np.abs(expected).max()
        everything = render_voices(
            voices, 60, held=0.5, total=0.7, sample_rate=16000, engine=engine, spans=[(0, 11200)]
        )
        np.testing.assert_array_equal(everything, whole)


@pytest.mark.parametrize("spans", [[], [(0, 0)], [(5, 3)], [(4, 9), (8, 12)], [(0, 17000)]])
def test_spans_that_are_no_parts_are_refused(spans):
    with pytest.raises(ParameterError, match=r"give \(first, last\) of at least one, in order"):
        render_voices(init_voice()[None], total=1.0, sample_rate=16000, spans=spans)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros(155, int),), {}, "shape"),
        ((np.zeros((1, 154), int),), {}, "shape"),
        ((np.zeros((1, 155)),), {}, "whole numbers"),
        ((np.full((1, 155), 100),), {}, "column 0"),
        ((np.zeros((1, 155), int), 128), {}, "pitches"),
        ((np.zeros((1, 155), int), 60, 0), {}, "velocities"),
        ((np.zeros((2, 155), int), [60, 61, 62]), {}, "pitches"),
        ((np.zeros((1, 155), int),), {"engine": "opl"}, "mark1, modern"),
        ((np.zeros((1, 155), int),), {"sample_rate": 100}, "sample rate"),
        ((np.zeros((1, 155), int),), {"held": 2.0}, "held"),
        ((np.zeros((1, 155), int),), {"total": float("nan")}, "held"),
    ],
)
def test_errors_say_what_is_wrong(arguments, options, message):
    with pytest.raises(ParameterError, match=message):
        render_voices(*arguments, **options)


def test_shapes():
    assert play(voice(), total=0.5, sample_rate=48_000).shape == (1, 24_000)
    assert play(voice()[:VOICE], total=1.0).dtype == np.float32
    assert render_voices(np.zeros((0, 155), int)).shape == (0, 66_150)
