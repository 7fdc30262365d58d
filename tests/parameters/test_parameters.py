"""Parameters, spaces and patches: exact round trips and clear refusals."""

from __future__ import annotations

import copy
import json
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthmatch import Parameter, ParameterSpace, Patch
from synthmatch.errors import ParameterError

names = st.text(min_size=1, max_size=12)
units = st.floats(0.0, 1.0)
number = st.floats(-1e6, 1e6)


@st.composite
def ranges(draw, log=False):
    """Return any range that a continuous parameter may have."""
    if log:
        low = 10.0 ** draw(st.floats(-90, 90))
        high = low * 10.0 ** draw(st.floats(1e-4, 9))
    else:
        scale = 10.0 ** draw(st.floats(-90, 90))
        low = draw(st.floats(-1, 1)) * scale
        high = draw(st.floats(-1, 1)) * scale
        assume(high - low > 2e-5 * max(abs(low), abs(high)) and high - low > 1e-95)
    return low, high


@st.composite
def parameters(draw, name=None):
    """Return any parameter, with a default anywhere in it."""
    name = draw(names) if name is None else name
    texts = {"group": draw(st.sampled_from(["", "filter"])), "unit": draw(st.sampled_from(["Hz"]))}
    kind = draw(st.sampled_from(["linear", "log", "ordinal", "categorical"]))
    if kind in ("linear", "log"):
        low, high = draw(ranges(log=kind == "log"))
        default = min(max(low + draw(units) * (high - low), low), high)
        classes = draw(st.integers(2, 128))
        return Parameter.continuous(
            name, low, high, default=default, scale=kind, classes=classes, **texts
        )
    if kind == "ordinal":
        choices = sorted(set(draw(st.lists(st.integers(-9, 9) | number, min_size=1, max_size=40))))
        classes = draw(st.integers(min(2, len(choices)), len(choices)))
        default = draw(st.sampled_from(choices))
        return Parameter.ordinal(name, choices, default=default, classes=classes, **texts)
    label = st.text(max_size=6) | st.booleans() | st.integers(2, 99) | st.floats(100, 1e9)
    choices = draw(st.lists(label, min_size=1, max_size=40, unique=True))
    return Parameter.categorical(name, choices, default=draw(st.sampled_from(choices)), **texts)


@st.composite
def spaces(draw, freeze=True):
    """Return a space of up to six parameters, any of them frozen."""
    found = draw(st.lists(parameters(), min_size=1, max_size=6, unique_by=lambda p: p.name))
    space = ParameterSpace("any", found)
    if not freeze:
        return space
    held = draw(st.sets(st.sampled_from([p.name for p in found])))
    patch = space.decode(draw(vectors(space)))
    return space.freeze({name: patch[name] for name in held})


def vectors(space):
    """Return a strategy of unit-cube vectors ``[d]``, ends of ranges included."""
    coordinate = units | st.sampled_from([0.0, 1.0, 0.5, math.nextafter(1.0, 0.0), 5e-324])
    return st.lists(coordinate, min_size=len(space), max_size=len(space)).map(np.array)


@given(st.data())
def test_decode_inverts_encode_exactly(data):
    space = data.draw(spaces())
    patch = space.decode(data.draw(vectors(space)))
    vector = space.encode(patch)
    assert vector.shape == (len(space),)
    assert ((vector >= 0) & (vector <= 1)).all()
    assert space.decode(vector) == patch
    assert space.patch(patch) == patch
    assert np.array_equal(space.encode(space.decode(vector)), vector)


@given(st.data())
def test_any_native_value_is_kept_to_nine_digits(data):
    low, high = data.draw(ranges())
    parameter = Parameter.continuous("p", low, high)
    value = min(max(low + data.draw(units) * (high - low), low), high)
    stored = parameter.canonical(value)
    assert low <= stored <= high
    assert abs(stored - value) <= 1e-8 * (high - low)
    assert parameter.canonical(stored) == stored


@given(st.data())
def test_log_values_are_kept_to_nine_digits(data):
    low, high = data.draw(ranges(log=True))
    parameter = Parameter.continuous("p", low, high, scale="log")
    value = min(max(low * (high / low) ** data.draw(units), low), high)
    stored = parameter.canonical(value)
    assert low <= stored <= high
    assert math.isclose(stored, value, rel_tol=6e-9)
    assert parameter.canonical(stored) == stored


@given(parameters())
def test_ends_of_a_range_are_reached_and_kept(parameter):
    if parameter.kind == "continuous":
        ends = (parameter.low, parameter.high)
        assert [float(parameter.native(u)) for u in (0.0, 1.0)] == list(ends)
        assert [parameter.unit_value(v) for v in ends] == [0.0, 1.0]
    else:
        ends = (parameter.choices[0], parameter.choices[-1])
        assert parameter.class_of([0.0, 1.0]).tolist() == [0, parameter.classes - 1]
    space = ParameterSpace("any", [parameter])
    for end, unit in zip(ends, (0.0, 1.0), strict=True):
        assert parameter.canonical(end) == end
        assert space.decode([unit])[parameter.name] == end


def test_scales_follow_their_formulas():
    linear = Parameter.continuous("a", -10, 30)
    assert linear.native([0.25, 0.5]).tolist() == [0.0, 10.0]
    log = Parameter.continuous("f", 20, 20000, scale="log")
    np.testing.assert_allclose(log.native([1 / 3, 0.5]), [200.0, 632.455532], rtol=1e-9)
    assert log.unit_value(200.0) == pytest.approx(1 / 3, abs=1e-15)


@given(st.data())
def test_classes_survive_every_view(data):
    space = data.draw(spaces())
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = space.sample_classes(rng, 5)
    classes = space.to_classes(x)
    assert classes.dtype == np.int64 and classes.shape == (5, len(space))
    assert np.array_equal(space.from_classes(classes), x)
    decoded = np.array([space.encode(space.decode(row)) for row in x]).reshape(x.shape)
    assert np.array_equal(space.to_classes(decoded), classes)


@given(st.data())
def test_classes_cover_their_whole_range(data):
    parameter = data.draw(parameters())
    every = np.arange(parameter.classes)
    assert np.array_equal(parameter.class_of(parameter.unit_of_class(every)), every)
    anywhere = parameter.class_of(np.linspace(0, 1, 301))
    assert anywhere.min() == 0 and anywhere.max() == parameter.classes - 1
    assert (np.diff(anywhere) >= 0).all()


def test_continuous_classes_lie_on_an_even_grid_with_both_ends():
    grid = Parameter.continuous("a", 0, 15, classes=16)
    assert grid.native(grid.unit_of_class(np.arange(16))).tolist() == list(range(16))


@given(st.data())
def test_native_numbers_agree_with_patches(data):
    space = data.draw(spaces())
    x = np.array([data.draw(vectors(space)) for _ in range(3)]).reshape(3, len(space))
    native = space.to_native(x)
    for row, vector in zip(native, x, strict=True):
        patch = space.decode(vector)
        for value, p in zip(row, space.parameters, strict=True):
            if p.kind == "categorical":
                assert p.choices[int(value)] == patch[p.name]
            else:
                assert value == patch[p.name]


@given(st.data())
def test_freezing_drops_coordinates_and_keeps_the_rest(data):
    whole = data.draw(spaces(freeze=False))
    patch = whole.decode(data.draw(vectors(whole)))
    held = data.draw(st.sets(st.sampled_from(whole.names)))
    space = whole.freeze({name: patch[name] for name in held})
    assert space.names == tuple(name for name in whole.names if name not in held)
    assert [p.name for p in space] == list(space.names)
    assert space.decode(space.encode(patch)) == patch
    assert space.patch()[whole.names[0]] == (
        patch[whole.names[0]] if whole.names[0] in held else whole[whole.names[0]].default
    )
    columns = [whole.names.index(name) for name in space.names]
    assert np.array_equal(whole.encode(patch)[columns], space.encode(patch))
    assert np.array_equal(
        space.to_native([space.encode(patch)]), whole.to_native([whole.encode(patch)])
    )
    once = whole
    for name in sorted(held):
        once = once.freeze({name: patch[name]})
    assert once == space


@given(st.data())
def test_patch_and_space_survive_json(data):
    space = data.draw(spaces())
    patch = space.decode(data.draw(vectors(space)))
    again = Patch.from_json(patch.to_json())
    assert again == patch
    assert [type(v) for v in again.values()] == [type(v) for v in patch.values()]
    assert space.patch(again) == patch
    back = ParameterSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert back == space and back.names == space.names
    assert back.decode(back.encode(patch)) == patch


def test_numpy_scalars_become_plain_values_that_json_can_write():
    space = ParameterSpace(
        "any",
        [
            Parameter.ordinal("o", np.arange(4), default=np.int64(2)),
            Parameter.categorical("c", np.array(["sine", "saw"])),
            Parameter.continuous("f", np.float32(0), np.float64(1), classes=np.int64(8)),
        ],
    )
    patch = space.patch({"f": np.float32(0.25), "c": np.str_("saw"), "o": np.float64(3.0)})
    assert Patch.from_json(patch.to_json()) == patch
    assert [type(v) for v in patch.values()] == [int, str, float]
    assert ParameterSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space


def test_neighbouring_choices_share_fewer_classes_evenly():
    level = Parameter.ordinal("level", range(100), classes=64)
    seen = level.class_of(np.array([level.unit_value(v) for v in range(100)]))
    assert (np.diff(seen) >= 0).all() and set(np.bincount(seen)) == {1, 2} and len(set(seen)) == 64


def test_a_patch_cannot_change():
    patch = Patch("any", {"a": 1})
    with pytest.raises(TypeError):
        patch["a"] = 2
    with pytest.raises(AttributeError):
        patch.synth = "other"
    values = {"a": 1}
    patch = Patch("any", values)
    values["a"] = 2
    assert patch["a"] == 1


def test_patches_compare_hash_and_copy_by_value():
    a, b = Patch("any", {"x": 1, "y": "s"}), Patch("any", {"y": "s", "x": 1})
    assert a == b and hash(a) == hash(b) and len({a, b}) == 1
    assert a != Patch("other", dict(a)) and a != dict(a)
    assert copy.deepcopy(a) == copy.copy(a) == a
    assert "any" in repr(a) and dict(a) == {"x": 1, "y": "s"} and len(a) == 2


SPACE = ParameterSpace(
    "bell",
    [
        Parameter.continuous("cutoff", 20, 20000, scale="log", default=1000, unit="Hz"),
        Parameter.ordinal("octave", [-1, 0, 1], default=0),
        Parameter.categorical("wave", ["sine", "saw"]),
        Parameter.categorical("sync", [False, True]),
    ],
)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (Patch("organ", {}), "belongs to synth 'organ', not to 'bell'"),
        ({"cutof": 1}, "did you mean 'cutoff'"),
        ({"zzz": 1}, "no parameter 'zzz'; see `synthmatch params bell`"),
        ({"cutoff": 20001}, "20001 is out of range; use a number from 20 to 20000"),
        ({"cutoff": math.nextafter(20, 0)}, "19.99999999.* is out of range"),
        ({"cutoff": 10**400}, "is out of range"),
        ({"cutoff": math.nan}, "nan is not finite"),
        ({"cutoff": -math.inf}, "-inf is not finite"),
        ({"cutoff": np.float32("inf")}, "inf is not finite"),
        ({"cutoff": True}, "True is not a number"),
        ({"cutoff": np.True_}, "True is not a number"),
        ({"cutoff": "440"}, "'440' is not a number"),
        ({"cutoff": None}, "None is not a number"),
        ({"cutoff": [440]}, r"\[440\] is not a number"),
        ({"cutoff": 440 + 0j}, "is not a number"),
        ({"cutoff": Decimal(440)}, "is not a number"),
        ({"octave": 2}, "2 is not a choice; use one of -1, 0, 1"),
        ({"octave": True}, "True is not a choice"),
        ({"octave": "0"}, "'0' is not a choice"),
        ({"octave": math.nan}, "nan is not a choice"),
        ({"octave": np.arange(3)}, "is not a choice"),
        ({"wave": "Saw"}, "'Saw' is not a choice; use one of 'sine', 'saw'"),
        ({"wave": 0}, "0 is not a choice"),
        ({"sync": 1}, "1 is not a choice; use one of False, True"),
    ],
)
def test_each_wrong_value_has_its_own_message(values, message):
    with pytest.raises(ParameterError, match=message) as caught:
        SPACE.patch(values)
    assert "\n" not in str(caught.value)
    with pytest.raises(ParameterError, match=message):
        SPACE.encode(values)


def test_contradicting_a_frozen_value_is_refused_and_agreeing_is_not():
    space = SPACE.freeze({"wave": "saw", "octave": 1.0})
    assert space.patch({"wave": "saw", "octave": 1})["octave"] == 1
    with pytest.raises(ParameterError, match="'wave' is frozen at 'saw'; leave it out"):
        space.patch({"wave": "sine"})
    with pytest.raises(ParameterError, match="did you mean 'wave'"):
        SPACE.freeze({"wawe": "saw"})
    with pytest.raises(ParameterError, match="not a choice"):
        SPACE.freeze({"wave": "square"})


@pytest.mark.parametrize(
    ("low", "high", "pipes", "frozen", "included"),
    [
        (0.0, 10.0, ["oak", "tin"], {}, True),
        (2.0, 3.0, ["tin", "oak"], {}, True),
        (0.0, 11.0, ["oak", "tin"], {}, False),
        (0.0, 10.0, ["oak", "lead"], {}, False),
        (0.0, 10.0, ["oak", "lead"], {"pipe": "oak"}, True),
        (0.0, 10.0, ["oak", "lead"], {"pipe": "lead"}, False),
    ],
)
def test_a_space_includes_another_if_it_has_all_its_patches(low, high, pipes, frozen, included):
    def organ(low, high, pipes, frozen):
        level = Parameter.continuous("level", low, high)
        return ParameterSpace("organ", [Parameter.categorical("pipe", pipes), level], frozen)

    whole = organ(0.0, 10.0, ["oak", "tin", "zinc"], {})
    part = organ(low, high, pipes, frozen)
    assert whole.includes(part) is included
    if included:
        vectors = part.sample(np.random.default_rng(0), 5)
        for vector, adopted in zip(vectors, whole.adopt(part, vectors), strict=True):
            patch, kept = part.decode(vector), whole.decode(adopted)
            assert kept["pipe"] == patch["pipe"]
            assert kept["level"] == pytest.approx(patch["level"], abs=1e-7)
    assert not part.includes(whole)
    assert not whole.includes(ParameterSpace("flute", whole.parameters))
    assert not whole.includes(ParameterSpace("organ", whole.parameters[:1]))
    assert not organ(0.0, 10.0, ["oak", "tin"], {"level": 1.0}).includes(whole)
    steps = Parameter.ordinal("level", range(11))
    assert not ParameterSpace("organ", [whole["pipe"], steps]).includes(whole)
    assert whole.includes(ParameterSpace("organ", [whole["pipe"], steps]))


def test_lists_of_many_choices_are_shortened():
    many = Parameter.ordinal("n", range(99))
    with pytest.raises(ParameterError, match=r"0, 1, .*7, \.\.\. \(99 in all\)"):
        many.canonical(100)


@pytest.mark.parametrize(
    ("define", "message"),
    [
        (lambda: Parameter.continuous("p", 1, 1), "finite low < high"),
        (lambda: Parameter.continuous("p", 0, math.inf), "finite low < high"),
        (lambda: Parameter.continuous("p", math.nan, 1), "finite low < high"),
        (lambda: Parameter.continuous("p", 0, 1, scale="log"), "log scale needs low > 0"),
        (lambda: Parameter.continuous("p", 0, 1, scale="exp"), "linear or log"),
        (lambda: Parameter.continuous("p", 1e9, 1e9 + 1), "too extreme or too narrow"),
        (lambda: Parameter.continuous("p", 0, 1e-200), "too extreme or too narrow"),
        (lambda: Parameter.continuous("p", 1e-200, 1, scale="log"), "too extreme or too narrow"),
        (lambda: Parameter.continuous("p", -1e308, 1e308), "too extreme or too narrow"),
        (lambda: Parameter.continuous("p", 0, 1, classes=1), "at least 2 classes"),
        (lambda: Parameter.continuous("p", 0, 1, default=2), "out of range"),
        (lambda: Parameter.ordinal("p", [1, 1]), "must increase"),
        (lambda: Parameter.ordinal("p", [2, 1]), "must increase"),
        (lambda: Parameter.ordinal("p", ["a", "b"]), "finite numbers"),
        (lambda: Parameter.ordinal("p", [0, math.inf]), "finite numbers"),
        (lambda: Parameter.ordinal("p", [math.nan]), "finite numbers"),
        (lambda: Parameter.ordinal("p", [False, True]), "finite numbers"),
        (lambda: Parameter.ordinal("p", []), "at least one choice"),
        (lambda: Parameter.ordinal("p", [1, 2], classes=3), "up to 2 classes"),
        (lambda: Parameter.ordinal("p", [1, 2], classes=1), "at least 2, not 1"),
        (lambda: Parameter.categorical("p", []), "at least one choice"),
        (lambda: Parameter.categorical("p", ["a", "a"]), "distinct"),
        (lambda: Parameter.categorical("p", [None]), "texts, switches or finite numbers"),
        (lambda: Parameter.categorical("p", [math.nan]), "texts, switches or finite numbers"),
        (lambda: Parameter.categorical("p", ["a"], default="b"), "not a choice"),
        (lambda: ParameterSpace("bell", [SPACE["wave"]] * 2), "twice: wave"),
    ],
)
def test_each_wrong_definition_has_its_own_message(define, message):
    with pytest.raises(ParameterError, match=message):
        define()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SPACE.decode([0.0] * 3), r"shape \[n, 4\], not \[1, 3\]"),
        (lambda: SPACE.decode(np.zeros((1, 4))), r"shape \[n, 4\]"),
        (lambda: SPACE.check_vectors([[0, 0, 0, 1.01]]), "1.01 for parameter 'sync'"),
        (lambda: SPACE.check_vectors([[0, math.nan, 0, 0]]), "nan for parameter 'octave'"),
        (lambda: SPACE.to_classes([[0, 0, -1e-9, 0]]), "parameter 'wave'"),
        (lambda: SPACE.from_classes([[0, 3, 0, 0]]), "'octave' has classes 0 to 2"),
        (lambda: SPACE.from_classes([[-1, 0, 0, 0]]), "'cutoff' has classes 0 to 63"),
        (lambda: SPACE.from_classes([[0.5, 0, 0, 0]]), "integers"),
        (lambda: SPACE.from_classes([0, 0, 0, 0]), r"\[n, 4\]"),
        (lambda: SPACE["oktave"], "did you mean 'octave'"),
    ],
)
def test_wrong_vectors_and_classes_are_refused(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "1", "null", '"text"', "{}", "[" * 100_000),
        *('{"synth": "bell"}', '{"synth": 1, "parameters": {}}'),
        '{"synth": "bell", "parameters": [1]}',
    ],
)
def test_what_is_not_a_patch_is_refused(text):
    with pytest.raises(ParameterError, match="not a"):
        Patch.from_json(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "1" + "0" * 400, "[1]", "{}", "null"])
def test_strange_json_values_reach_the_check_of_the_space(text):
    patch = Patch.from_json(f'{{"synth": "bell", "parameters": {{"cutoff": {text}}}}}')
    with pytest.raises(ParameterError, match="'cutoff'"):
        SPACE.patch(patch)


def _edited(**changes):
    data = json.loads(json.dumps(SPACE.to_dict()))
    data["parameters"][0].update(changes)
    return data


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"synth": "bell", "parameters": [1], "frozen": {}},
        {"synth": "bell", "parameters": [], "frozen": {"a": 1}},
        _edited(kind="strange"),
        _edited(low="20"),
        _edited(low=None),
        _edited(low=30000),
        _edited(high=10**400),
        _edited(scale="cubic"),
        _edited(default=math.nan),
        _edited(classes="many"),
        _edited(kind="ordinal", choices=["a"]),
        _edited(kind="categorical", choices=[[]]),
        _edited(kind="categorical", choices=5),
    ],
)
def test_a_wrong_description_of_a_space_is_refused(data):
    with pytest.raises(ParameterError):
        ParameterSpace.from_dict(data)


def test_sampling_is_seeded_uniform_and_may_be_empty():
    a = SPACE.sample(np.random.default_rng(7), 4000)
    assert np.array_equal(a, SPACE.sample(np.random.default_rng(7), 4000))
    assert a.shape == (4000, 4) and ((a >= 0) & (a < 1)).all()
    np.testing.assert_allclose(a.mean(axis=0), 0.5, atol=0.03)
    drawn = SPACE.to_classes(SPACE.sample_classes(np.random.default_rng(7), 4000))
    assert np.bincount(drawn[:, 1]).tolist() == pytest.approx([4000 / 3] * 3, rel=0.1)
    assert SPACE.sample(np.random.default_rng(7), 0).shape == (0, 4)


def test_a_space_frozen_whole_has_no_coordinates():
    space = SPACE.freeze(SPACE.patch())
    assert len(space) == 0 and space.names == ()
    assert space.sample_classes(np.random.default_rng(0), 3).shape == (3, 0)
    assert space.to_classes(np.zeros((3, 0))).shape == (3, 0)
    assert space.decode([]) == SPACE.patch() == space.patch()
    assert space.to_native(np.zeros((2, 0))).shape == (2, 4)
