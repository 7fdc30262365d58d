"""jsyn against a slow rendering of the same equations with numpy and scipy."""

import numba
import numpy as np
import pytest
import scipy.integrate
import scipy.signal
from numba.core.caching import CacheImpl

from synthmatch import Note, load_synth
from synthmatch.errors import ParameterError, RegistryError
from synthmatch_jsyn import JSyn
from synthmatch_jsyn._engine import kernel, sine

WAVES = ("sine", "saw", "square", "triangle")
NATIVE = 16_384

# Samples are rounded to float32, by 2^-24 of their value. Beside that, phases of up to 1e5
# cycles and a filter in float64 leave 1e-9; edges within that would show as whole jumps.
ROUNDING, TOLERANCE = 2.0**-24, 1e-8


def closed_form_phase(t, f, v, b, modulation):
    """Cycles: integral of f + b sin(2 pi v t), or equation (1) of InverSynth over 2 pi."""
    if modulation == "phase":
        return f * t + b * np.sin(2 * np.pi * v * t) / (2 * np.pi)
    return f * t + b * (1 - np.cos(2 * np.pi * v * t)) / (2 * np.pi * v)


def envelope(t, attack, decay, sustain, release, held):
    """Level at times t: linear up, down 90 dB in ``decay`` to sustain, and out."""

    def pressed(x):
        down = np.maximum(10 ** (-90 / 20 * np.maximum(x - attack, 0) / decay), sustain)
        return np.where(x < attack, x / attack, down)

    floor = 10 ** (-90 / 20)
    x = np.clip((t - held) / release, 0, 1)
    falling = pressed(np.array(held)) * (floor**x - floor) / (1 - floor)
    return np.where(t < held, pressed(t), falling)


def snapped(cycles):
    """Put what is on an edge within rounding exactly on it."""
    halves = np.rint(2 * cycles) / 2
    return np.where(np.abs(cycles - halves) < 1e-9, halves, cycles)


def reference(patch, note, rate, modulation="frequency", gater="square", phase=closed_form_phase):
    t = np.arange(round(note.total * rate)) / rate
    ratio = 2 ** ((note.pitch - 69) / 12)
    mix = np.zeros(len(t))
    for wave in WAVES:
        f, v, a, b = (
            patch[f"{wave}_{name}"]
            for name in ("frequency", "modulation_frequency", "amplitude", "modulation_amplitude")
        )
        b = b * ratio if modulation == "frequency" else b
        cycles = snapped(phase(t, f * ratio, v, b, modulation))
        fraction = cycles % 1
        mix += (
            a
            * {
                "sine": np.sin(2 * np.pi * fraction),
                "saw": 2 * ((cycles + 0.5) % 1) - 1,
                "square": np.where(fraction < 0.5, 1, -1),
                "triangle": 2 / np.pi * np.arcsin(np.sin(2 * np.pi * fraction)),
            }[wave]
        )
    x = mix / 4
    x = x * envelope(
        t, patch["attack"], patch["decay"], patch["sustain"], patch["release"], note.held
    )
    w = 2 * np.pi * min(patch["cutoff"] / rate, 0.499)
    alpha = np.sin(w) / (2 * patch["resonance"])
    cos = np.cos(w)
    x = scipy.signal.lfilter(
        [(1 - cos) / 2, 1 - cos, (1 - cos) / 2], [1 + alpha, -2 * cos, 1 - alpha], x
    )
    gate = snapped(patch["gate_frequency"] * t) % 1
    return x * (
        np.where(gate < 0.5, 1, 0) if gater == "square" else (1 + np.sin(2 * np.pi * gate)) / 2
    )


def agree(audio, expected):
    assert audio.dtype == np.float32
    assert audio.shape == expected.shape
    np.testing.assert_allclose(audio, expected, rtol=ROUNDING, atol=TOLERANCE)


@pytest.fixture(scope="module")
def jsyn():
    return load_synth("jsyn")


def test_parameters_are_those_of_the_paper(jsyn):
    table = {}
    for wave in WAVES:
        table[f"{wave}_modulation_frequency"] = (1, 30)
        table[f"{wave}_amplitude"] = (0.001, 1)
        table[f"{wave}_modulation_amplitude"] = (0, 1500)
    table |= dict.fromkeys(("attack", "decay", "sustain", "release"), (0.001, 1))
    table |= {"cutoff": (200, 4000), "resonance": (0.01, 10), "gate_frequency": (0.5, 30)}
    assert len(jsyn.space) == 23
    assert {p.classes for p in jsyn.space} == {16}
    for p in jsyn.space:
        if p.kind == "ordinal":
            np.testing.assert_allclose(p.choices, 440 * 2 ** (np.arange(16) / 12))
        else:
            assert table.pop(p.name) == (p.low, p.high)
            grid = p.native(p.unit_of_class(np.arange(16)))
            np.testing.assert_allclose(grid, np.linspace(p.low, p.high, 16))
    assert not table
    groups = list(dict.fromkeys(p.group for p in jsyn.space))
    assert groups == [f"oscillator {wave}" for wave in WAVES] + ["envelope", "filter", "gater"]


@pytest.mark.parametrize("rate", [8_000, NATIVE, 44_100, 192_000])
@pytest.mark.parametrize("held", [0.0005, 0.06, 0.6])
def test_random_patches(jsyn, rate, held):
    rng = np.random.default_rng(rate + int(1e4 * held))
    note = Note(rng.uniform(0, 127), 100, held, held + 0.3)
    vectors = jsyn.space.sample(rng, 6)
    for vector, audio in zip(vectors, jsyn.render_batch(vectors, note, rate), strict=True):
        agree(audio, reference(jsyn.space.decode(vector), note, rate))


@pytest.mark.parametrize("modulation", ["frequency", "phase"])
@pytest.mark.parametrize("gater", ["square", "sine"])
def test_options(modulation, gater):
    synth = load_synth("jsyn", modulation=modulation, gater=gater)
    note = Note(62.37, 100, 0.5, 0.8)
    vectors = synth.space.sample(np.random.default_rng(5), 8)
    for vector, audio in zip(vectors, synth.render_batch(vectors, note, NATIVE), strict=True):
        agree(audio, reference(synth.space.decode(vector), note, NATIVE, modulation, gater))


def test_classes_of_the_paper(jsyn):
    note = Note(69, 100, 0.7, 1.0)
    vectors = jsyn.space.sample_classes(np.random.default_rng(2), 32)
    corners = jsyn.space.from_classes(np.array([[0] * 23, [15] * 23]))
    vectors = np.concatenate([vectors, corners])
    for vector, audio in zip(vectors, jsyn.render_batch(vectors, note, NATIVE), strict=True):
        agree(audio, reference(jsyn.space.decode(vector), note, NATIVE))


def test_long_notes_do_not_drift(jsyn):
    note = Note(95.5, 100, 20, 20.5)
    for vector in jsyn.space.sample(np.random.default_rng(4), 3):
        patch = jsyn.space.decode(vector)
        agree(jsyn.render(patch, note, 48_000), reference(patch, note, 48_000))


def test_modulated_phase_is_the_integral_of_the_frequency(jsyn):
    def integrated(t, f, v, b, _):
        fine = np.linspace(0, t[-1], 16 * (len(t) - 1) + 1)
        frequency = f + b * np.sin(2 * np.pi * v * fine)
        return scipy.integrate.cumulative_simpson(frequency, x=fine, initial=0)[::16]

    note = Note(69, 100, 0.4, 0.5)
    for vector in jsyn.space.sample(np.random.default_rng(6), 4):
        patch = jsyn.space.decode(vector)
        agree(jsyn.render(patch, note, NATIVE), reference(patch, note, NATIVE, phase=integrated))


def test_sine_is_exact_to_rounding():
    cycles = np.concatenate([np.linspace(-1.25, 1.25, 4001), np.linspace(-1e3, 1e3, 4001)])
    ours = np.array([sine(c) for c in cycles])
    exact = np.sin(2 * np.pi * (cycles - np.rint(cycles)))
    assert np.abs(ours - exact).max() < 1e-15


def test_default_patch_plays_the_note(jsyn):
    for pitch in (57, 60, 69.5, 81):
        audio = jsyn.render(jsyn.space.patch({}), Note(pitch, 100, 1, 1), NATIVE)
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 4 * NATIVE))
        assert np.argmax(spectrum) / 4 == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=0.5)


def test_another_note_moves_carriers_and_vibrato_together(jsyn):
    quiet = {f"{wave}_amplitude": 0.001 for wave in ("saw", "square", "triangle")}
    low = {"sine_amplitude": 1.0, "sine_modulation_amplitude": 100.0, "sine_frequency": 440.0}
    high = {**low, "sine_modulation_amplitude": 100.0 * 2 ** (7 / 12)}
    high["sine_frequency"] = jsyn.space["sine_frequency"].choices[7]
    transposed = jsyn.render(jsyn.space.patch(quiet | low), Note(76, 100, 0.5, 1), NATIVE)
    written = jsyn.render(jsyn.space.patch(quiet | high), Note(69, 100, 0.5, 1), NATIVE)
    # the other carriers, at 1/1000, are transposed in one and not in the other
    np.testing.assert_allclose(transposed, written, atol=4 * 3 * 0.001 / 4)


def test_silence_after_the_release(jsyn):
    patch = jsyn.space.patch({"release": 0.05, "resonance": 0.5})
    audio = jsyn.render(patch, Note(69, 100, 0.3, 0.6), NATIVE)
    level = envelope(np.arange(len(audio)) / NATIVE, 0.01, 0.5, 0.7, 0.05, 0.3)
    silent = np.flatnonzero(level)[-1] + 1
    assert abs(silent / NATIVE - 0.35) < 2 / NATIVE
    assert np.abs(audio[silent - 400 : silent]).max() > 1e-6
    assert np.abs(audio[silent + 100 :]).max() < 1e-12


def test_a_dictionary_is_a_patch_and_the_rate_the_synth_s_own(jsyn):
    values, note = {"cutoff": 900.0}, Note(64, 100, 0.1, 0.2)
    expected = jsyn.render(jsyn.space.patch(values), note, NATIVE)
    assert np.array_equal(jsyn.render(values, note), expected)
    vectors = jsyn.space.encode(values)[None]
    assert np.array_equal(jsyn.render_batch(vectors, note)[0], expected)


def test_rendering_is_pure_and_rows_do_not_depend_on_the_batch(jsyn, monkeypatch):
    note = Note(64.2, 100, 0.4, 0.7)
    vectors = jsyn.space.sample(np.random.default_rng(8), 23)
    batch = jsyn.render_batch(vectors, note, NATIVE)
    for threads in (1, 3, 7):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        assert np.array_equal(jsyn.render_batch(vectors, note, NATIVE), batch)
    for k, vector in enumerate(vectors):
        assert np.array_equal(jsyn.render(jsyn.space.decode(vector), note, NATIVE), batch[k])
    assert np.array_equal(jsyn.render_batch(vectors[::-2], note, NATIVE), batch[::-2])
    assert jsyn.render_batch(vectors[:0], note, NATIVE).shape == (0, batch.shape[1])


@pytest.mark.parametrize("options", [{}, {"modulation": "phase", "gater": "sine"}])
def test_what_is_inaudible_may_move_and_has_one_label(options):
    synth = JSyn(**options)
    rng = np.random.default_rng(9)
    vectors = synth.space.sample_classes(rng, 400)
    deep = [name.endswith("modulation_amplitude") for name in synth.space.names]
    vectors[:, deep] *= rng.random((400, 4)) < 0.5
    vectors[::2, synth.space.names.index("sustain")] = 1.0
    audible = synth.audible(vectors)
    moved = np.where(audible, vectors, rng.random(vectors.shape))
    made = synth.canonical(vectors)
    assert (vectors != made).any() and np.array_equal(synth.canonical(made), made)
    assert np.array_equal(synth.canonical(moved), made)
    for note in (Note(71.5, 100, 0.1, 0.3), Note(50, 30, 0.0005, 0.1), Note(60, 100, 1.2, 2.5)):
        before, after, plain = (synth.render_batch(x, note, 8_000) for x in (vectors, moved, made))
        assert np.array_equal(before, after) and np.array_equal(before, plain)


def test_bad_options_are_refused():
    with pytest.raises(ParameterError, match="'frequency' or 'phase'"):
        JSyn(modulation="pm")
    with pytest.raises(ParameterError, match="'square' or 'sine'"):
        JSyn(gater="triangle")
    with pytest.raises(RegistryError, match="options"):
        load_synth("jsyn", voices=3)


def test_kernels_compile_where_no_cache_can_be_written(monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])

    def double(x):
        return 2 * x

    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(double)
    assert kernel("float64(float64)")(double)(1.5) == 3.0
