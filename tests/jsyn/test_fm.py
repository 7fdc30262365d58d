"""fm against a slow rendering of the equations of InverSynth II's public code."""

import numba
import numpy as np
import pytest

from synthmatch import Note, load_synth
from synthmatch.synth import sample_prior

NATIVE = 16_384
ONE_SECOND = Note(69, 100, 1.0, 1.0)  # the setting of the paper

# Samples are rounded to float32, by 2^-24 of their value; the rest is the order of sums in
# float64. An edge or a tie decided otherwise would show as a jump of about 1.
ROUNDING, TOLERANCE = 2.0**-24, 1e-8


def wave(shape, cycles):
    halves = np.rint(2 * cycles) / 2
    on_edge = np.abs(cycles - halves) < 1e-9  # within rounding: sin is 0, a sawtooth falls
    sine = np.sin(2 * np.pi * cycles)
    return {
        "none": np.ones_like(cycles),
        "sine": sine,
        "square": np.where(on_edge, 0, np.sign(sine)),
        "triangle": 2 / np.pi * np.arcsin(sine),
        "sawtooth": 2 * ((np.where(on_edge, halves, cycles) + 0.5) % 1) - 1,
    }[shape]


def lowpass(x, cutoff):
    """Filter by a windowed sinc as julius does; ``cutoff`` in cycles a sample."""
    half = int(8 / cutoff / 2)
    k = np.arange(-half, half + 1)
    taps = 2 * cutoff * np.hanning(2 * half + 1) * np.sinc(2 * cutoff * k)
    return np.convolve(np.pad(x, half, mode="edge"), taps / taps.sum(), mode="valid")


def reference(patch, note, rate):
    n = round(note.total * rate)
    t = np.linspace(0, note.total, n)
    ratio = 2 ** ((note.pitch - 69) / 12)
    lfo = wave(patch["lfo1_wave"], patch["lfo1_freq"] * t)
    depth = patch["osc1_mod_index"] * ratio * NATIVE / rate
    x = wave(
        patch["osc1_wave"],
        patch["osc1_freq"] * ratio * t + depth * np.cumsum(lfo) / (2 * np.pi),
    )
    amount = patch["am_mod_amount"]
    x = x * (amount * (wave(patch["am_mod_wave"], patch["am_mod_freq"] * t) + 1) / 2 + 1 - amount)
    if patch["osc1_wave"] != "sine" and patch["filter_freq"] < rate / 2:
        x = lowpass(x, patch["filter_freq"] / rate)
    return x if note.held == note.total else x * np.clip(1 - (t - note.held) / 0.005, 0, 1)


def agree(audio, expected):
    assert audio.dtype == np.float32
    assert audio.shape == expected.shape
    np.testing.assert_allclose(audio, expected, rtol=ROUNDING, atol=TOLERANCE)


@pytest.fixture(scope="module")
def fm():
    return load_synth("fm")


def test_parameters_are_those_of_the_papers_code(fm):
    lfo_waves = ("sine", "square", "triangle", "sawtooth")
    assert len(fm.space) == 9
    assert fm.space["osc1_wave"].choices == ("sine", "square", "sawtooth")
    assert fm.space["lfo1_wave"].choices == lfo_waves
    assert fm.space["am_mod_wave"].choices == ("none", *lfo_waves)
    numbers = {
        "osc1_freq": 440 * 2 ** (np.arange(12) / 12),
        "osc1_mod_index": np.linspace(0, 0.3, 20),
        "lfo1_freq": np.linspace(1, 16, 31),
        "am_mod_freq": np.arange(1, 9),
        "am_mod_amount": [0, 0.25, 0.5, 0.75, 1],
        "filter_freq": np.linspace(1000, 8192, 16),
    }
    for name, values in numbers.items():
        assert fm.space[name].kind == "ordinal"
        np.testing.assert_allclose(fm.space[name].choices, values, rtol=0, atol=5.1e-5)


def test_sounds_of_the_papers_setting(fm):
    vectors = fm.space.sample_classes(np.random.default_rng(1), 150)
    for vector, audio in zip(vectors, fm.render_batch(vectors, ONE_SECOND, NATIVE), strict=True):
        agree(audio, reference(fm.space.decode(vector), ONE_SECOND, NATIVE))


@pytest.mark.parametrize("rate", [8_000, NATIVE, 44_100, 192_000])
@pytest.mark.parametrize("pitch", [20.25, 69, 101.7])
def test_other_notes_and_rates(fm, rate, pitch):
    vectors = fm.space.sample(np.random.default_rng(rate), 12)
    for held, total in ((0.311, 0.3417), (0.0021, 0.0347)):
        note = Note(pitch, 100, held, total)
        for vector, audio in zip(vectors, fm.render_batch(vectors, note, rate), strict=True):
            agree(audio, reference(fm.space.decode(vector), note, rate))


def test_long_notes_do_not_drift(fm):
    note = Note(83.3, 100, 20.0371, 20.0371)
    for vector in fm.space.sample(np.random.default_rng(4), 4):
        patch = fm.space.decode(vector)
        agree(fm.render(patch, note, 44_100), reference(patch, note, 44_100))


def test_filter_is_that_of_julius():
    julius = pytest.importorskip("julius")
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(3).standard_normal(3000)
    for cutoff in (0.05, 0.061, 0.2, 0.4999):
        theirs = julius.lowpass_filter(torch.from_numpy(x).float(), cutoff).numpy()
        np.testing.assert_allclose(lowpass(x, cutoff), theirs, atol=2e-5)


def test_every_filter_passes_a_constant(fm):
    # a square at the lowest pitch is a constant for hundreds of samples
    for cutoff in fm.space["filter_freq"].choices:
        patch = fm.space.patch({"osc1_wave": "square", "filter_freq": cutoff})
        audio = fm.render(patch, Note(0, 100, 0.1, 0.1), NATIVE)
        assert audio[500] == pytest.approx(1, abs=1e-6)


def test_another_rate_gives_the_same_sound(fm):
    patch = fm.space.patch({"osc1_mod_index": 0.1579, "lfo1_freq": 6.0, "am_mod_wave": "triangle"})
    note = Note(64, 100, 1.0, 1.0)
    native, double = (fm.render(patch, note, rate) for rate in (NATIVE, 2 * NATIVE))
    spectra = [np.abs(np.fft.rfft(x * np.hanning(len(x)))) for x in (native, double)]
    assert np.corrcoef(spectra[0][:6000], spectra[1][:6000])[0, 1] > 0.999


def test_short_fade_after_the_key(fm):
    note = Note(69, 100, 0.5, 0.6)
    patch = fm.space.patch({"osc1_wave": "square", "filter_freq": 1000.0})
    audio = fm.render(patch, note, NATIVE)
    t = np.linspace(0, 0.6, len(audio))
    assert np.all(audio[t > 0.505] == 0)
    assert np.abs(audio[(t > 0.497) & (t < 0.4995)]).max() > 0.9
    whole = fm.render(patch, Note(69, 100, 0.6, 0.6), NATIVE)
    assert np.array_equal(audio[t < 0.5], whole[t < 0.5])


def test_parameters_without_effect_get_one_value(fm):
    vectors = fm.space.sample_classes(np.random.default_rng(9), 2000)
    forced = fm.canonical(vectors)
    assert np.array_equal(fm.canonical(forced), forced)
    seen = set()
    for before, after in zip(vectors, forced, strict=True):
        patch = dict(fm.space.decode(before))
        if patch["osc1_mod_index"] == 0:
            patch |= {"lfo1_freq": 1.0, "lfo1_wave": "sine"}
            seen.add("m")
        if patch["osc1_wave"] == "sine":
            patch["filter_freq"] = 8192.0
            seen.add("sine")
        if patch["am_mod_wave"] == "none" or patch["am_mod_amount"] == 0:
            patch |= {"am_mod_wave": "none", "am_mod_freq": 1.0, "am_mod_amount": 0.0}
            seen.add("none")
        assert dict(fm.space.decode(after)) == patch
    assert len(seen) == 3
    some = np.flatnonzero((vectors != forced).any(axis=1))[:60]
    for rate in (8_000, NATIVE, 44_100):
        note = Note(71.5, 100, 0.1, 0.12)
        assert np.array_equal(
            fm.render_batch(vectors[some], note, rate), fm.render_batch(forced[some], note, rate)
        )


def test_what_is_inaudible_may_move(fm):
    rng = np.random.default_rng(10)
    vectors = fm.space.sample_classes(rng, 300)
    audible = fm.audible(vectors)
    moved = np.where(audible, vectors, fm.space.sample_classes(rng, 300))
    assert np.array_equal(fm.canonical(moved), fm.canonical(vectors))
    assert 0.5 < audible.mean() < 0.9
    for note in (Note(71.5, 100, 0.1, 0.12), Note(50, 30, 0.05, 0.1)):
        sounds = (fm.render_batch(x, note, NATIVE) for x in (vectors, moved))
        assert np.array_equal(*sounds)


def test_prior_is_uniform_over_classes_and_canonical(fm):
    vectors = sample_prior(fm, np.random.default_rng(0), 4000)
    assert np.array_equal(vectors, fm.sample(np.random.default_rng(0), 4000))
    forced = (vectors != fm.canonical(vectors)).any(axis=0)
    names = np.array(fm.space.names)[forced]
    assert names.tolist() == ["am_mod_wave", "am_mod_freq"]  # as in the authors' code
    classes = fm.space.to_classes(vectors)
    assert np.array_equal(vectors, fm.space.from_classes(classes))
    for name in ("osc1_wave", "osc1_freq", "osc1_mod_index", "am_mod_wave"):
        counts = np.bincount(classes[:, fm.space.names.index(name)])
        assert len(counts) == fm.space[name].classes
        assert counts.min() > 0.7 * 4000 / len(counts)


def test_a_dictionary_is_a_patch_and_the_rate_the_synth_s_own(fm):
    values, note = {"osc1_wave": "square"}, Note(64, 100, 0.1, 0.2)
    expected = fm.render(fm.space.patch(values), note, NATIVE)
    assert np.array_equal(fm.render(values, note), expected)
    vectors = fm.space.encode(values)[None]
    assert np.array_equal(fm.render_batch(vectors, note)[0], expected)


def test_rendering_is_pure_and_rows_do_not_depend_on_the_batch(fm, monkeypatch):
    note = Note(64.2, 100, 0.4, 0.7)
    vectors = fm.space.sample(np.random.default_rng(8), 23)
    batch = fm.render_batch(vectors, note, NATIVE)
    for threads in (1, 3, 7):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        assert np.array_equal(fm.render_batch(vectors, note, NATIVE), batch)
    for k, vector in enumerate(vectors):
        assert np.array_equal(fm.render(fm.space.decode(vector), note, NATIVE), batch[k])
    assert np.array_equal(fm.render_batch(vectors[::-2], note, NATIVE), batch[::-2])
    assert fm.render_batch(vectors[:0], note, NATIVE).shape == (0, batch.shape[1])
