"""Networks of any note on settings that they were not trained on."""

import json

import numpy as np
import pytest
import torch
from sine_synth import NOTE, RATE, SineSynth

from synthmatch.audio import resample
from synthmatch.datasets import draw, stream
from synthmatch.errors import WeightsError
from synthmatch.estimators import build
from synthmatch.evaluation import evaluate
from synthmatch.evaluation.notes import NoteModel
from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.settings import Setting, Source
from synthmatch.synth import FrozenSynth
from synthmatch.weights import save_model

SMALL = {"width": 16, "heads": 2, "layers": 1, "hidden": 16, "channels": 8}


def network(space=SineSynth.space):
    torch.manual_seed(0)
    return build("masked", space, sample_rate=8000, samples=1500, **SMALL).eval()


def source(synth):
    return Source(synth, Setting("square", "sine", NOTE, RATE, "classes", {}, {"wave": "square"}))


@pytest.fixture
def square():
    return source(FrozenSynth(SineSynth(), {"wave": "square"}))


def test_it_answers_in_the_space_of_the_setting_and_knows_what_is_fixed(square):
    made = network()
    sounds = draw(square, stream(0, "test"), 3).audio
    prediction = NoteModel(made, square)(sounds, np.arange(3))
    assert prediction.vectors.shape == (3, 2)
    for sound, vector in zip(sounds, prediction.vectors, strict=True):
        heard = np.zeros(1500, dtype=np.float32)
        again = resample(sound, RATE, 8000)
        heard[: min(1500, len(again))] = again[:1500]
        played = torch.tensor([[NOTE.pitch, NOTE.velocity, NOTE.held]])
        encoded = made.encode(torch.from_numpy(heard[None]), played)
        shown = torch.tensor([[False, False, True]])
        output = made.fill(encoded, torch.tensor([[0, 0, 1]]), shown)
        want = made.head.space.decode(made.head.decode(output)[0].numpy().astype(float))
        got = square.synth.space.decode(vector)
        assert got["frequency"] == want["frequency"]
        assert got["level"] == pytest.approx(want["level"])
        assert got["wave"] == "square"
    classes = square.synth.space.to_classes(prediction.vectors)
    for column, scores in enumerate(prediction.scores):
        assert (scores.argmax(1) == classes[:, column]).all()


def test_a_model_by_its_folder(square, tmp_path):
    save_model(tmp_path / "sines", network(), {})
    evaluation = evaluate(square, [tmp_path / "sines"], sounds=4, reference=0, tables=["general"])
    assert json.loads(json.dumps(evaluation.to_dict()))["rows"][0]["name"] == "sines"


def test_answers_that_are_no_patches_of_the_setting(square):
    short = Parameter.ordinal("frequency", [100.0, 150.0])
    others = ParameterSpace("sine", [short, *SineSynth.space.parameters[1:]])
    for space in (others, ParameterSpace("other", SineSynth.space.parameters)):
        with pytest.raises(WeightsError, match="does not fit square"):
            NoteModel(network(space), square)
