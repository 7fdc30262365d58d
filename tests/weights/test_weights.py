import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sine_synth import NOTE, RATE, SineSynth

from synthmatch.errors import WeightsError
from synthmatch.estimators import build
from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.synth import FrozenSynth, render_batch
from synthmatch.weights import check_space, load_model, read_config, save_model
from synthmatch.weights.tensors import read_tensors, write_tensors


@pytest.fixture
def estimator():
    torch.manual_seed(0)
    made = build("conv1", SineSynth.space, sample_rate=RATE, samples=NOTE.samples(RATE))
    made.fit_normalisation([torch.randn(4, NOTE.samples(RATE))])
    return made.eval()


@pytest.fixture
def folder(estimator, tmp_path):
    save_model(tmp_path / "model", estimator, {"scores": {"accuracy": 12.5}, "headline": "good"})
    return tmp_path / "model"


def outputs(estimator):
    with torch.no_grad():
        return estimator(torch.sin(torch.arange(2000.0)).view(2, -1))


def test_round_trip(estimator, folder):
    loaded, metadata = load_model(folder)
    assert torch.equal(outputs(loaded), outputs(estimator))
    assert not loaded.training
    assert loaded.config == estimator.config
    assert loaded.head.space == SineSynth.space
    assert metadata == {"scores": {"accuracy": 12.5}, "headline": "good"}
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_config_says_what_a_list_of_models_needs(folder):
    config = read_config(folder)
    assert (config["synth"], config["architecture"]) == ("sine", "conv1")
    assert config["tensors"]["bytes"] == (folder / "model.safetensors").stat().st_size


def test_other_programs_can_read_the_tensors(estimator, folder):
    tensors = load_file(folder / "model.safetensors")
    assert tensors.keys() == estimator.state_dict().keys()


def test_float16_is_half_the_size_and_nearly_the_same(estimator, folder, tmp_path):
    save_model(tmp_path / "half", estimator, {}, half=True)
    whole, half = ((f / "model.safetensors").stat().st_size for f in (folder, tmp_path / "half"))
    assert half < 0.55 * whole
    loaded, _ = load_model(tmp_path / "half")
    assert next(loaded.parameters()).dtype == torch.float32
    torch.testing.assert_close(outputs(loaded), outputs(estimator), rtol=0, atol=5e-3)


def test_averaged_weights_can_take_the_place_of_the_own(estimator, tmp_path):
    doubled = {k: 2 * v for k, v in estimator.state_dict().items()}
    save_model(tmp_path, estimator, {}, tensors=doubled)
    loaded, _ = load_model(tmp_path)
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, doubled[name])


def edit(folder, **changes):
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config.update(changes)
    file.write_text(json.dumps(config))


def flip_a_bit(folder):
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def truncate(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (flip_a_bit, "corrupted, truncated or not the file"),
        (truncate, "corrupted, truncated or not the file"),
        (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors"),
        (lambda f: (f / "config.json").unlink(), "not a model folder"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), "not readable JSON"),
        (lambda f: (f / "config.json").write_text('{"format": "synthma'), "not readable JSON"),
        (lambda f: (f / "config.json").write_text("[" * 100_000), "not readable JSON"),
        (lambda f: (f / "config.json").write_text('{"model_type": "bert"}'), "does not describe"),
        (lambda f: edit(f, version=2), r"newer than this synthmatch reads .* upgrade"),
        (lambda f: edit(f, version="1"), "not a format version"),
        (lambda f: edit(f, tensors=None), "'tensors' is missing or of the wrong type"),
        (lambda f: edit(f, config={}), "no network that this synthmatch builds"),
        (
            lambda f: edit(f, config={**read_config(f)["config"], "architecture": "oracle"}),
            "no architecture named 'oracle'",
        ),
        (
            lambda f: edit(f, config={**read_config(f)["config"], "samples": 4000}),
            "not those of 'conv1'",
        ),
    ],
)
def test_bad_folders_are_one_clear_error(folder, spoil, message):
    spoil(folder)
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_pickle_is_never_opened(estimator, folder, tmp_path):
    """A pickle in place of the tensors, with its hash in place, is refused unopened."""
    trap = tmp_path / "trap"

    class Trap:
        def __reduce__(self):
            return (trap.mkdir, ())

    torch.save({"x": Trap()}, folder / "model.safetensors")
    assert not trap.exists()
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    edit(folder, tensors={**read_config(folder)["tensors"], "sha256": digest})
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_model(folder)
    assert not trap.exists()


def test_loading_needs_no_pickle_module(folder):
    script = (
        "import sys, torch\n"
        "from synthmatch.weights import load_model\n"
        "import pickle\n"
        "def refuse(*a, **k): raise SystemExit('pickle was used')\n"
        "pickle.load = pickle.loads = pickle.Unpickler = torch.load = refuse\n"
        "load_model(sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True)


def test_unwritable_folder(estimator, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot write"):
        save_model(tmp_path / "file" / "model", estimator, {})


def test_failed_save_keeps_the_old_model(estimator, folder):
    with pytest.raises(TypeError):
        write_tensors(folder / "model.safetensors", {"x": torch.ones(1)}, {"y": object()})
    load_model(folder)
    assert len(list(folder.iterdir())) == 2


def test_tensors_keep_their_kind(tmp_path):
    given = {
        "scalar": torch.tensor(3, dtype=torch.int64),
        "strided": torch.arange(6.0).view(2, 3).t(),
        "last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    digest = write_tensors(tmp_path / "t.safetensors", given, {"note": "é"})
    read, metadata = read_tensors(tmp_path / "t.safetensors")
    assert metadata == {"note": "é"}
    assert all(torch.equal(read[k], given[k]) and read[k].dtype == given[k].dtype for k in given)
    assert len(digest) == 64
    save_file(read, tmp_path / "u.safetensors")


class TestCheckSpace:
    def changed(self, *parameters):
        class Changed(SineSynth):
            space = ParameterSpace("sine", [*parameters])

        return Changed()

    def test_same(self):
        synth = SineSynth()
        assert check_space(SineSynth.space, synth) is synth

    def test_words_may_change(self):
        first, *rest = SineSynth.space.parameters
        worded = Parameter.ordinal(
            "frequency", first.choices, default=200.0, group="pitch", unit="Hz"
        )
        check_space(SineSynth.space, self.changed(worded, *rest))

    def test_frozen_values_are_held(self):
        space = SineSynth.space.freeze({"wave": "square"})
        view = check_space(space, SineSynth())
        assert view.space == space
        vectors = np.array([[0.3, 1.0]])
        expected = render_batch(SineSynth(), np.array([[0.3, 1.0, 0.75]]), NOTE, RATE)
        np.testing.assert_array_equal(render_batch(view, vectors, NOTE, RATE), expected)
        assert check_space(space, view) is view

    def test_other_values_frozen(self):
        view = FrozenSynth(SineSynth(), {"wave": "sine"})
        with pytest.raises(WeightsError, match="other parameters of 'sine' held fixed"):
            check_space(SineSynth.space.freeze({"wave": "square"}), view)
        with pytest.raises(WeightsError, match="other parameters of 'sine' held fixed"):
            check_space(SineSynth.space, view)

    def test_other_synth(self):
        with pytest.raises(WeightsError, match="for synth 'cosine', not 'sine'"):
            check_space(ParameterSpace("cosine", SineSynth.space.parameters), SineSynth())

    def test_changed_parameter(self):
        first, *rest = SineSynth.space.parameters
        finer = Parameter.ordinal("frequency", [*first.choices, 800.0])
        with pytest.raises(WeightsError, match="its parameter 'frequency' is another"):
            check_space(SineSynth.space, self.changed(finer, *rest))

    def test_fewer_parameters(self):
        with pytest.raises(WeightsError, match="knows 3 parameters, the synth has 2"):
            check_space(SineSynth.space, self.changed(*SineSynth.space.parameters[:2]))


def test_numbers_too_large_for_float16_are_not_stored_as_infinity(estimator, tmp_path):
    tensors = {**estimator.state_dict(), "output.bias": torch.full((16,), 1e6)}
    with pytest.raises(WeightsError, match=r"output\.bias is too large for float16"):
        save_model(tmp_path / "model", estimator, {}, half=True, tensors=tensors)
