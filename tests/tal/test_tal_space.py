"""TAL's parameters: views, values of presets, what is heard, and one label for a sound."""

from __future__ import annotations

import numpy as np
import pytest

from synthmatch.errors import ParameterError
from synthmatch.synth import Note, render_batch
from synthmatch_tal import Tal
from synthmatch_tal.backends.embedded.programme import NAMES
from synthmatch_tal.space import (
    LISTS,
    ORDER,
    SWITCHES,
    native_value,
    preset_value,
    tal_space,
    to_numbers,
    to_patch,
    to_presets,
    to_vectors,
    whole,
)

NOTE = Note(60, 100, held=0.15, total=0.25)
VIEWS = ("dry", "tal-core", "tal-9")


def draws(view, n, seed=1):
    """Return vectors of a view with many parts at rest."""
    space = tal_space(view)
    rng = np.random.default_rng(seed)
    x = space.sample(rng, n)
    for column, parameter in enumerate(space.free):
        name, rest = parameter.name, parameter.unit_value(parameter.default)
        if name.startswith("osc") and name.endswith("volume"):
            x[rng.random(n) < 0.3, column] = 0
        elif parameter.kind == "continuous":
            x[rng.random(n) < 0.3, column] = rest
    return space, x


def difference(a, b):
    scale = np.maximum(np.linalg.norm(a, axis=1), 1e-4)
    return np.linalg.norm(a - b, axis=1) / scale


def test_views():
    assert [len(tal_space(view).names) for view in VIEWS] == [56, 36, 9]
    assert set(tal_space("dry").names) == set(NAMES)
    assert tal_space("plugin").names == ORDER and not tal_space("plugin").frozen
    assert len({parameter.group for parameter in whole()}) == 17
    with pytest.raises(ParameterError, match="'wet'"):
        tal_space("wet")


def test_nine_parameters_are_those_of_the_paper():
    space = tal_space("tal-9")
    assert [parameter.classes for parameter in space.free] == [16, 9, 4, 5, 5, 16, 16, 16, 16]
    assert space.frozen["lfo1destination"] == "osc1 & 2"
    assert space.frozen["lfo2destination"] == "volume"
    assert space.frozen["osc2volume"] == 1 and space.frozen["osc1volume"] == 0


@pytest.mark.parametrize("name", ORDER)
def test_values_of_presets_come_back(name):
    parameter = whole()[name]
    choices = parameter.choices or (0.0, 0.123456789, 0.5, 1.0)
    for value in choices:
        number = preset_value(name, value)
        assert 0 <= number <= 1
        assert native_value(name, number) == value
        assert native_value(name, float(np.float32(number))) == pytest.approx(value)
    for number in np.linspace(0, 1, 301):  # whatever a preset holds is some value
        parameter.canonical(native_value(name, float(number)))


@pytest.mark.parametrize("view", (*VIEWS, "plugin"))
def test_vectors_and_presets(view):
    space = tal_space(view)
    vectors = space.sample(np.random.default_rng(0), 50)
    presets = to_presets(space, vectors)
    assert presets.shape == (50, len(ORDER)) and presets.min() >= 0 and presets.max() <= 1
    for vector, row in zip(vectors, presets, strict=True):
        numbers = to_numbers(space.decode(vector))
        np.testing.assert_array_equal([numbers[name] for name in ORDER], row)
    if view != "tal-9":  # whose LFO that is off keeps its other values to itself
        again = to_presets(space, to_vectors(space, presets))
        np.testing.assert_allclose(again, presets, atol=1e-9)
    if view == "plugin":
        patch = space.decode(vectors[0])
        assert to_patch(dict(zip(ORDER, presets[0], strict=True))) == patch


def test_an_lfo_that_is_off_does_nothing():
    synth = Tal("tal-9")
    one, two = (
        synth.space.encode(synth.space.patch({"lfo1waveform": "none", "lfo1rate": rate}))
        for rate in (0.06, 0.6)
    )
    moving = synth.space.encode(synth.space.patch({"lfo1waveform": "sine", "lfo1rate": 0.6}))
    a, b, c = synth.render_batch(np.array([one, two, moving]), NOTE, 16384)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_not_audible_changes_nothing(view):
    space, x = draws(view, 48)
    synth, rng = Tal(view), np.random.default_rng(2)
    flags, sounds = synth.audible(x), render_batch(synth, x, NOTE)
    for column, parameter in enumerate(space.free):
        y = x.copy()
        y[:, column] = rng.random(len(x))
        still = ~flags[:, column]
        if still.any():
            changed = difference(sounds[still], render_batch(synth, y[still], NOTE))
            assert changed.max() < 1e-5, parameter.name


@pytest.mark.parametrize("view", VIEWS)
def test_all_that_is_not_audible_may_move_at_once(view):
    _, x = draws(view, 64, seed=7)
    synth = Tal(view)
    y = np.where(synth.audible(x), x, np.random.default_rng(8).random(x.shape))
    assert difference(render_batch(synth, x, NOTE), render_batch(synth, y, NOTE)).max() < 1e-5
    np.testing.assert_allclose(synth.canonical(x), synth.canonical(y))


def test_what_is_audible_changes_most_sounds():
    synth = Tal("tal-core")
    x = synth.sample(np.random.default_rng(0), 64)
    flags, sounds = synth.audible(x), render_batch(synth, x, Note(60, 100, held=0.6, total=1.0))
    rng = np.random.default_rng(1)
    changed = np.zeros(flags.shape, bool)
    for column in range(x.shape[1]):
        y = x.copy()
        y[:, column] = (x[:, column] + rng.uniform(0.3, 0.7, len(x))) % 1
        other = render_batch(synth, y, Note(60, 100, held=0.6, total=1.0))
        changed[:, column] = difference(sounds, other) > 1e-5
    assert (changed & ~flags).sum() == 0
    assert changed[flags].mean() > 0.9


@pytest.mark.parametrize("view", VIEWS)
def test_canonical_vectors_sound_alike(view):
    space, x = draws(view, 64, seed=4)
    synth = Tal(view)
    y = synth.canonical(x)
    assert difference(render_batch(synth, x, NOTE), render_batch(synth, y, NOTE)).max() < 1e-3
    np.testing.assert_array_equal(synth.canonical(y), y)
    assert (space.to_classes(y) != space.to_classes(x)).any(axis=1).mean() > 0.2


@pytest.mark.parametrize("view", VIEWS)
def test_canonical_vectors_forget_what_is_not_heard(view):
    space, x = draws(view, 64, seed=5)
    synth, rng = Tal(view), np.random.default_rng(6)
    flags, labels = synth.audible(x), synth.canonical(x)
    for column, parameter in enumerate(space.free):
        y = x.copy()
        still = ~flags[:, column]
        y[still, column] = rng.random(still.sum())
        np.testing.assert_allclose(synth.canonical(y), labels, err_msg=parameter.name)


def test_exchangeable_oscillators_have_one_order():
    synth = Tal()
    base = {"osc1volume": 0.8, "osc2volume": 0.5, "osc1tune": -12, "osc2tune": 7}
    swapped = {"osc1volume": 0.5, "osc2volume": 0.8, "osc1tune": 7, "osc2tune": -12}
    alone = {"osc1volume": 0.0, "osc2volume": 0.8, "osc2tune": 7}
    other = {"osc1volume": 0.8, "osc2volume": 0.0, "osc1tune": 7}
    for a, b in ((base, swapped), (alone, other)):
        pair = np.array([synth.space.encode(synth.space.patch(v)) for v in (a, b)])
        np.testing.assert_array_equal(*synth.canonical(pair))
        assert difference(*render_batch(synth, pair, NOTE)[:, None]).max() < 1e-5
    apart = [{**values, "lfo1destination": "osc1", "lfo1amount": 0.7} for values in (base, swapped)]
    pair = np.array([synth.space.encode(synth.space.patch(v)) for v in apart])
    assert not np.array_equal(*synth.canonical(pair))


def test_switches_and_lists_are_what_they_seem():
    assert {p.name for p in whole() if p.choices == (False, True)} == SWITCHES
    assert all(whole()[name].choices == labels for name, labels in LISTS.items())
