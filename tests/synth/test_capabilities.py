"""What a synth may add: whole capabilities count, incomplete ones are named."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from synthmatch import Note, Parameter, ParameterSpace, Patch
from synthmatch.errors import ParameterError
from synthmatch.synth import (
    AudibleSynth,
    CanonicalSynth,
    ConditionalPriorSynth,
    DiagnosableSynth,
    Finding,
    FrozenSynth,
    OwnNoteSynth,
    audible,
    backend_info,
    canonical,
    capabilities,
    diagnose,
    load_bank,
    load_patch,
    own_note,
    preset_suffixes,
    render_batch,
    render_excerpts,
    sample_prior,
    save_patch,
)

NOTE = Note(69, 100, 0.1, 0.125)
OWN = Note(50, 90, 0.5, 1.0)


class Plain:
    """A wave through a filter that may be off; nothing that is optional."""

    name = "plain"
    sample_rate = 8000
    space = ParameterSpace(
        "plain",
        [
            Parameter.categorical("filter", ["off", "on"]),
            Parameter.continuous("cutoff", 0, 1, default=0.5),
            Parameter.continuous("level", 0, 1),
            Parameter.continuous("other", 0, 1),
        ],
    )

    def render(self, patch, note, sample_rate):
        """The two levels are exchangeable; the cutoff matters while the filter is on."""
        gain = patch["cutoff"] if patch["filter"] == "on" else 1.0
        wave = np.sin(np.arange(note.samples(sample_rate)) * note.frequency / sample_rate)
        return (gain * (patch["level"] + patch["other"]) * wave).astype(np.float32)


class Knowing(Plain):
    """The same with what it may know of itself."""

    note = OWN

    def audible(self, vectors):
        mask = np.ones(vectors.shape, dtype=bool)
        mask[:, 1] = vectors[:, 0] >= 0.5
        return mask

    def canonical(self, vectors):
        x = vectors.copy()
        x[:, 0] = np.where(x[:, 0] < 0.5, 0.25, 0.75)
        x[x[:, 0] < 0.5, 1] = 0.5
        x[:, 2:] = np.sort(x[:, 2:], axis=1)
        return x

    def sample(self, rng, n):
        return self.sample_given(rng, n, {})

    def sample_given(self, rng, n, given):
        """Draw the second level as the first is given."""
        x = rng.random((n, 4))
        if "level" in given:
            x[:, 3] = given["level"]
        return x

    def diagnose(self):
        return [Finding("ok", "sine", "it is there")]

    @property
    def backend_info(self):
        return {"backend": "numpy"}


def test_what_a_synth_leaves_out_is_supplied():
    vectors = Plain.space.sample(np.random.default_rng(0), 3)
    assert own_note(Plain()) is None and diagnose(Plain()) == [] and backend_info(Plain()) == {}
    assert audible(Plain(), vectors).all() and audible(Plain(), vectors).shape == (3, 4)
    same = canonical(Plain(), vectors)
    assert np.array_equal(same, vectors) and not np.shares_memory(same, vectors)
    for function in (audible, canonical):
        assert function(Plain(), vectors[:0]).shape == function(Knowing(), vectors[:0]).shape
        with pytest.raises(ParameterError, match=r"shape \[n, 4\]"):
            function(Plain(), vectors[:, :2])


def test_what_a_synth_knows_is_asked():
    vectors = np.array([[0.1, 0.9, 0.8, 0.3], [0.6, 0.9, 0.2, 0.3]])
    assert own_note(Knowing()) == OWN
    assert audible(Knowing(), vectors).tolist() == [[True, False, True, True], [True] * 4]
    assert canonical(Knowing(), vectors).tolist() == [[0.25, 0.5, 0.3, 0.8], [0.75, 0.9, 0.2, 0.3]]
    assert [finding.text for finding in diagnose(Knowing())] == ["it is there"]


@pytest.mark.parametrize(
    ("synth", "found"),
    [
        (Plain(), {}),
        (
            Knowing(),
            dict.fromkeys(
                (
                    "PriorSynth",
                    "ConditionalPriorSynth",
                    "BackedSynth",
                    "DiagnosableSynth",
                    "OwnNoteSynth",
                    "AudibleSynth",
                    "CanonicalSynth",
                ),
                "",
            ),
        ),
    ],
)
def test_capabilities_are_listed_by_name(synth, found):
    assert capabilities(synth) == found


def _made(**members):
    return type("Made", (Plain,), members)()


def _method(self, *arguments):
    raise AssertionError("an incomplete capability is used")


@pytest.mark.parametrize(
    ("members", "name", "fault"),
    [
        ({"save_patch": _method}, "PresetSynth", "it lacks suffixes, load_patch"),
        ({"load_patch": _method, "suffixes": (".x",)}, "PresetSynth", "it lacks save_patch"),
        ({"suffixes": (".x",)}, "PresetSynth", "it lacks save_patch, load_patch"),
        (
            {"suffixes": ".x", "save_patch": _method, "load_patch": _method},
            "PresetSynth",
            "suffixes is str, not a tuple of str",
        ),
        ({"load_bank": _method}, "BankSynth", "it lacks suffixes, save_patch, load_patch"),
        ({"sample": np.zeros(3)}, "PriorSynth", "sample is ndarray, not a method"),
        ({"sample_given": _method}, "ConditionalPriorSynth", "it lacks sample"),
        ({"render_batch": True}, "BatchSynth", "render_batch is bool, not a method"),
        ({"render_excerpts": 1}, "ExcerptSynth", "render_excerpts is int, not a method"),
        ({"note": 60}, "OwnNoteSynth", "note is int, not a Note"),
        ({"audible": 0.5}, "AudibleSynth", "audible is float, not a method"),
        ({"canonical": "yes"}, "CanonicalSynth", "canonical is str, not a method"),
        ({"backend_info": _method}, "BackedSynth", "backend_info is function, not a mapping"),
        ({"diagnose": []}, "DiagnosableSynth", "diagnose is list, not a method"),
    ],
)
def test_an_incomplete_capability_is_named_and_counts_as_absent(tmp_path, members, name, fault):
    synth = _made(**members)
    found = capabilities(synth)
    assert found[name].replace("method,", "function,") == fault
    assert all(found.values())
    vectors = Plain.space.sample(np.random.default_rng(0), 3)
    assert np.array_equal(render_batch(synth, vectors, NOTE), render_batch(Plain(), vectors, NOTE))
    parts = render_excerpts(synth, vectors, NOTE, Plain.sample_rate, [(0, 5), (7, 9)])
    with pytest.raises(ParameterError, match=r"spans \[\(3, 2\)\] of"):
        render_excerpts(synth, vectors, NOTE, Plain.sample_rate, [(3, 2)])
    whole = render_batch(Plain(), vectors, NOTE)
    assert np.array_equal(parts, np.hstack([whole[:, :5], whole[:, 7:9]]))
    assert np.array_equal(sample_prior(synth, np.random.default_rng(0), 3), vectors)
    assert preset_suffixes(synth) == (".json",)
    save_patch(synth, {"cutoff": 0.25}, tmp_path / "a.json")
    assert load_patch(synth, tmp_path / "a.json") == Plain.space.patch({"cutoff": 0.25})
    assert load_bank(synth, tmp_path / "a.json")[0][0] == "a"
    assert own_note(synth) is None and audible(synth, vectors).all()
    assert np.array_equal(canonical(synth, vectors), vectors)
    assert backend_info(synth) == {} and diagnose(synth) == []


def test_a_property_that_raises_is_named_and_not_hidden():
    def broken(self):
        raise OSError("no licence")

    synth = _made(backend_info=property(broken))
    assert capabilities(synth) == {"BackedSynth": "OSError: no licence"}
    with pytest.raises(OSError, match="no licence"):
        backend_info(synth)


def test_none_takes_a_capability_back():
    synth = type("Modest", (Knowing,), {"note": None, "audible": None})()
    assert own_note(synth) is None and audible(synth, np.zeros((2, 4))).all()
    assert not {"OwnNoteSynth", "AudibleSynth"} & set(capabilities(synth))


# Frozen synths


ADDED = (OwnNoteSynth, AudibleSynth, CanonicalSynth, ConditionalPriorSynth, DiagnosableSynth)


@pytest.mark.parametrize("again", [lambda synth: synth, copy.deepcopy])
def test_a_frozen_synth_can_do_what_the_whole_can_and_no_more(again):
    without = again(FrozenSynth(FrozenSynth(Plain(), {"level": 0.5}), {"other": 0.5}))
    whole = again(FrozenSynth(FrozenSynth(Knowing(), {"level": 0.5}), {"other": 0.5}))
    for capability in ADDED:
        assert not isinstance(without, capability) and isinstance(whole, capability)
    assert set(capabilities(without)) <= {"BackedSynth"}
    assert capabilities(whole) == capabilities(Knowing())
    assert own_note(without) is None and own_note(whole) == OWN
    assert backend_info(whole) == {"backend": "numpy"} and backend_info(without) == {}
    vectors = np.array([[0.1, 0.9], [0.6, 0.9]])
    assert audible(whole, vectors).tolist() == [[True, False], [True, True]]
    assert audible(without, vectors).all()
    assert np.array_equal(canonical(without, vectors), vectors)
    assert render_batch(without, vectors, NOTE).shape == (2, 1000)


def test_freezing_asks_no_plug_in_what_it_is():
    """A plug-in has to load to know."""

    def broken(self):
        raise OSError("no licence")

    frozen = FrozenSynth(_made(backend_info=property(broken)), {"level": 0.5})
    assert frozen.space.names == ("filter", "cutoff", "other")
    with pytest.raises(OSError, match="no licence"):
        backend_info(frozen)


def test_freezing_twice_draws_for_all_values():
    once = FrozenSynth(Knowing(), {"level": 0.25, "filter": "on"})
    twice = FrozenSynth(FrozenSynth(Knowing(), {"level": 0.25}), {"filter": "on"})
    late = FrozenSynth(FrozenSynth(Knowing(), {"filter": "on"}), {"level": 0.25})
    for synth in (once, twice, late):
        drawn = sample_prior(synth, np.random.default_rng(0), 5)
        assert np.all(drawn[:, synth.space.names.index("other")] == 0.25)


@pytest.mark.parametrize(
    "frozen",
    [
        {"cutoff": 0.25},
        {"filter": "off"},
        {"filter": "on"},
        {"level": 0.7},
        {"other": 0.2, "filter": "off"},
        {"level": 0.1, "other": 0.2},
    ],
)
def test_canonical_vectors_of_a_frozen_synth_sound_the_same(frozen):
    """Also where the whole synth's would exchange a frozen level for a free one."""
    synth = FrozenSynth(Knowing(), frozen)
    rng = np.random.default_rng(1)
    vectors = synth.space.sample(rng, 50)
    labels = canonical(synth, vectors)
    np.testing.assert_allclose(
        render_batch(synth, labels, NOTE), render_batch(synth, vectors, NOTE), atol=1e-6
    )
    assert np.array_equal(canonical(synth, labels), labels)
    moved = np.where(audible(synth, vectors), vectors, synth.space.sample(rng, 50))
    assert np.array_equal(canonical(synth, moved), labels)


def test_a_patch_with_other_values():
    patch = Plain.space.patch()
    assert patch.replace(cutoff=0.25, level=1.0) == Plain.space.patch({"cutoff": 0.25, "level": 1})
    assert patch == Plain.space.patch() and patch.replace() == patch
    with pytest.raises(ParameterError, match="did you mean 'cutoff'"):
        patch.replace(cutof=0.25)
    with pytest.raises(ParameterError, match="out of range"):
        Plain.space.patch(patch.replace(cutoff=2.0))
    assert Patch("x", {"self": 1}).replace(self=2)["self"] == 2
