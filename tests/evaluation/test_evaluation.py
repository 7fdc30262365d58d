import json
import re
import shutil

import numpy as np
import pytest
import torch
from sine_synth import NOTE, RATE, SineSynth, sine_source

from synthmatch import metrics
from synthmatch.datasets import draw, stream
from synthmatch.errors import DeviceError, ParameterError, WeightsError
from synthmatch.estimators import build
from synthmatch.evaluation import TABLES, Prediction, Trial, evaluate
from synthmatch.evaluation.contestants import Reference, one_hot
from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.registry import load_synth
from synthmatch.settings import Published, Setting, Source, list_settings, load_setting, open_source
from synthmatch.synth import FrozenSynth
from synthmatch.weights import load_model, save_model

SPACE = SineSynth.space


def published_source():
    published = Published("Deep", "Paper (2020), table 1", {"percentile_rank": (77.5, None)})
    tables = ("inversynth", "inversynth2", "ast", "sound2synth", "general")
    setting = Setting(
        "sine-3", "sine", NOTE, RATE, "classes", {}, {}, tables, (published,), "A remark."
    )
    return Source(SineSynth(), setting)


class Oracle:
    """Knows the test sounds; ``wrong`` moves one parameter to the next class."""

    def __init__(self, wrong=None):
        self.wrong = wrong

    def __call__(self, audio, numbers):
        count = numbers[-1] + 1
        vectors = draw(published_source(), stream(0, "test"), count).vectors[numbers]
        classes = SPACE.to_classes(vectors)
        if self.wrong is not None:
            classes[:, self.wrong] = (classes[:, self.wrong] + 1) % SPACE.free[self.wrong].classes
        return Prediction(SPACE.from_classes(classes), one_hot(classes, SPACE))


def figures(evaluation, row):
    return {r.name: r.figures for r in evaluation.rows}[row]


def test_a_perfect_contestant_has_perfect_figures():
    evaluation = evaluate(published_source(), {"oracle": Oracle()}, sounds=8, reference=0)
    got = figures(evaluation, "oracle")
    perfect = {"percentile_rank": 100.0, "accuracy": 100.0, "class_accuracy": 100.0}
    perfect |= {f"top_{k}_accuracy": 100.0 for k in range(1, 6)}
    perfect |= {"stft_correlation": 100.0, "fft_correlation": 100.0, "envelope_correlation": 100.0}
    for name, (mean, median) in got.items():
        assert mean == pytest.approx(perfect.get(name, 0.0), abs=1e-6), name
        assert median is None or median == pytest.approx(perfect.get(name, 0.0), abs=1e-6), name
    assert got.keys() == {c.name for table in TABLES.values() for c in table}


def test_figures_by_hand():
    """The wave always wrong: its rank is last of two, half the accuracy of two is lost."""
    evaluation = evaluate(published_source(), {"half": Oracle(wrong=2)}, sounds=10, reference=0)
    got = figures(evaluation, "half")
    assert got["percentile_rank"][0] == pytest.approx((100 + 100 + 0) / 3)
    assert got["top_1_accuracy"][0] == pytest.approx(200 / 3)
    assert got["top_2_accuracy"][0] == pytest.approx(100)
    assert got["class_mae"][0] == pytest.approx(1 / 3)
    # the paper's accuracy is of classified parameters, and level is continuous
    assert got["accuracy"][0] == pytest.approx(50)
    assert got["parameter_mae_x100"][0] == pytest.approx(0)
    assert got["parameter_mse"][0] == pytest.approx(0.5**2 / 3)
    assert got["stft_correlation"][0] < 99
    row = evaluation.rows[0]
    np.testing.assert_allclose(row.parameters["top_1_accuracy"], [100, 100, 0])
    assert np.isnan(row.parameters["accuracy"][1])


def test_baselines():
    evaluation = evaluate(published_source(), {}, sounds=300, reference=600, tables=["inversynth"])
    names = [row.name for row in evaluation.rows]
    assert names == ["random patch", "majority class", "nearest of 600", "Deep"]
    random, majority, nearest, _ = (figures(evaluation, name) for name in names)
    assert random["percentile_rank"][0] == pytest.approx(50, abs=5)
    assert random["top_1_accuracy"][0] == pytest.approx(100 * (1 / 6 + 1 / 8 + 1 / 2) / 3, abs=5)
    assert majority["percentile_rank"][0] == pytest.approx(50, abs=8)
    assert nearest["top_1_accuracy"][0] > 55  # the fingerprint does not hear the level
    assert nearest["stft_correlation"][0] > random["stft_correlation"][0]


def test_majority_is_the_most_frequent_class():
    reference = Reference(sine_source(), 200, 0)
    prediction = reference.majority(np.zeros((2, 1000), dtype=np.float32), np.arange(2))
    classes = SPACE.to_classes(prediction.vectors)[0]
    for i, p in enumerate(SPACE):
        counts = np.bincount(reference.classes[:, i], minlength=p.classes)
        assert counts[classes[i]] == counts.max()
        np.testing.assert_allclose(prediction.scores[i][0] * 200, counts)


def test_same_seed_same_table_and_others_differ():
    first, again, other = (
        evaluate(sine_source(), {}, sounds=5, reference=10, seed=seed) for seed in (0, 0, 1)
    )
    assert [r.figures for r in first.rows] == [r.figures for r in again.rows]
    assert [r.figures for r in first.rows] != [r.figures for r in other.rows]
    assert [c.name for c in first.columns] == [c.name for c in TABLES["general"]]


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    estimator = build("conv1", SPACE, sample_rate=RATE, samples=NOTE.samples(RATE))
    save_model(tmp_path / "small", estimator, {})
    return tmp_path / "small"


def test_models(model):
    evaluation = evaluate(
        published_source(), [model], sounds=150, reference=0, tables=["inversynth"]
    )
    row = evaluation.rows[0]
    assert (row.name, row.kind) == ("small", "model")
    assert row.seconds > 0
    assert row.figures["percentile_rank"][0] == pytest.approx(50, abs=12)


def test_two_models_of_one_name_are_refused(model, tmp_path):
    other = tmp_path / "other" / model.name
    shutil.copytree(model, other)
    with pytest.raises(ParameterError, match="two models are called small"):
        evaluate(published_source(), [model, other], sounds=5, reference=0)


def test_models_that_do_not_fit(model, tmp_path):
    longer = Setting("long", "sine", NOTE, 2 * RATE, "classes")
    with pytest.raises(WeightsError, match="takes 1000 samples at 4000 Hz; long has 2000 at 8000"):
        evaluate(Source(SineSynth(), longer), [model])
    space = SPACE.freeze({"wave": "sine"})
    estimator = build("conv1", space, sample_rate=RATE, samples=NOTE.samples(RATE))
    save_model(tmp_path / "frozen", estimator, {})
    with pytest.raises(WeightsError, match="estimates other parameters"):
        evaluate(sine_source(), [tmp_path / "frozen"])


def test_nothing_to_do():
    with pytest.raises(ParameterError, match="nothing to evaluate"):
        evaluate(sine_source(), [], reference=0)
    with pytest.raises(ParameterError, match="1 or more sounds"):
        evaluate(sine_source(), [], sounds=0)
    with pytest.raises(ParameterError, match="no table 'chess'"):
        evaluate(sine_source(), [], tables=["chess"])


def test_text_markdown_and_json():
    evaluation = evaluate(published_source(), {"half": Oracle(wrong=2)}, sounds=4, reference=2)
    text = evaluation.to_text()
    assert text.startswith("sine-3: 4 held-out sounds, seed 0\n")
    assert "(paper): as published, on other sounds than ours. A remark." in text
    lines = text.splitlines()
    half = next(line for line in lines if line.startswith("half"))
    deep = next(line for line in lines if line.startswith("Deep (paper)"))
    assert half.split()[1] == "66.67"
    assert deep.split()[2] == "77.50"
    assert "MPR by parameter" in text

    grids = evaluation.to_markdown().split("\n\n")
    table = [row.strip("|").split("|") for row in grids[1].splitlines()]
    assert {len(row) for row in table} == {len(evaluation.columns) + 2}
    cell = table[2][[c.name for c in evaluation.columns].index("stft_correlation") + 1]
    mean, median = evaluation.rows[0].figures["stft_correlation"]
    assert cell.strip() == f"{mean:.2f} / {median:.2f}"

    data = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert (data["setting"], data["sounds"]) == ("sine-3", 4)
    row = data["rows"][0]
    assert row["figures"]["stft_correlation"]["median"] == pytest.approx(median)
    assert row["parameters"]["accuracy"] == {"frequency": 100.0, "level": None, "wave": 0.0}
    assert data["rows"][-1]["citation"] == "Paper (2020), table 1"
    assert data["rows"][-1]["kind"] == "published"


@pytest.mark.parametrize("name", list_settings())
def test_installed_settings(name):
    setting = load_setting(name)
    assert setting.name == name
    source = open_source(name)
    vectors = source.sample(np.random.default_rng(0), 3)
    assert source.render(vectors).shape == (3, setting.samples)
    columns = {column.name for table in setting.tables for column in TABLES[table]}
    assert {figure for row in setting.published for figure in row.figures} <= columns
    assert Setting.from_dict(json.loads(json.dumps(setting.to_dict()))).open().synth.space == (
        source.synth.space
    )
    known = {c.name for table in TABLES.values() for c in table}
    assert all(set(p.figures) <= known for p in setting.published)
    assert set(setting.tables) <= set(TABLES)


def test_sources():
    assert open_source("jsyn").setting.sample_rate == 16_384
    assert open_source("jsyn", NOTE).setting.note == NOTE
    with pytest.raises(ParameterError, match="has its own note"):
        open_source("jsyn-23", NOTE)
    frozen = Setting("x", "jsyn", NOTE, 16_384, "classes", frozen={"attack": 0.5}).open()
    assert isinstance(frozen.synth.space, ParameterSpace)
    assert "attack" not in frozen.synth.space.names
    view = open_source(FrozenSynth(load_synth("jsyn"), {"attack": 0.5}))
    assert view.setting.open().synth.space == view.synth.space
    with pytest.raises(ParameterError, match="sampler 'best'"):
        Setting("x", "jsyn", NOTE, 16_384, "best")
    with pytest.raises(ParameterError, match="not the description"):
        Setting.from_dict({"name": "x"})


def fine_space():
    """A parameter of 101 whole numbers, numeric, and one of a few, classified."""
    parameters = [
        Parameter.ordinal("level", [float(k) for k in range(101)]),
        Parameter.categorical("wave", ["sine", "square"]),
    ]
    return ParameterSpace("fine", parameters)


def trial(space, true, predicted, **more):
    silence = np.zeros((len(true), 400), dtype=np.float32)
    scores = one_hot(space.to_classes(predicted), space)
    return Trial(space, 4000, true, predicted, silence, silence, scores, **more)


def column(name):
    return next(c for table in TABLES.values() for c in table if c.name == name)


def test_numeric_error_is_of_values_not_of_the_middles_of_classes():
    """One of 101 numbers is 0 to 100 percent of the range; regressed values stay as they are."""
    space = fine_space()
    mae = column("parameter_mae_x100").measure
    true = np.array([[0.5 / 101, 0.25]])  # 0
    for predicted, expected in ((100.5 / 101, 100.0), (1.5 / 101, 1.0), (0.75 / 101, 0.25)):
        error = mae(trial(space, true, np.array([[predicted, 0.25]])))
        assert error[0] == pytest.approx(expected, abs=1e-9)
        assert np.isnan(error[1])
    anywhere = np.array([[0.99 / 101, 0.25]])  # in the interval of 0: the sound of 0
    assert mae(trial(space, anywhere, true))[0] == pytest.approx(0.0, abs=1e-9)


def test_every_data_set_has_its_own_windows():
    """InverSynth II, section 3.1: 512 and 128 for FM, 1024 and 256 for DX7."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4000)).astype(np.float32)
    vectors = SPACE.sample(rng, 3)
    fm, dx7 = (
        Trial(SPACE, 22_050, vectors, vectors, a, b, one_hot(SPACE.to_classes(vectors), SPACE), w)
        for w in (load_setting("fm-9").stft, load_setting("dx7-144").stft)
    )
    for found, window in ((fm, (512, 128)), (dx7, (1024, 256))):
        spec = column("log_stft_mae_x100").measure(found)
        np.testing.assert_allclose(spec, 100 * metrics.log_stft_mae(a, b, *window))
        convergence = column("stft_convergence").measure(found)
        np.testing.assert_allclose(convergence, metrics.spectral_convergence(a, b, *window))
    mel = column("mel_mae_x100").measure(dx7)
    expected = metrics.mel_mae(a, b, 22_050, n_fft=1024, hop=256)
    np.testing.assert_allclose(mel, 100 * expected)
    assert not np.allclose(mel, column("mel_mae_x100").measure(fm))


class Counting(SineSynth):
    """Keeps how many sounds were rendered at once, and in all."""

    def __init__(self):
        self.calls = []

    def render_batch(self, vectors, note, sample_rate):
        self.calls.append(len(vectors))
        return np.stack([self.render(self.space.decode(v), note, sample_rate) for v in vectors])


def test_sounds_are_rendered_a_few_at_a_time():
    synth = Counting()
    source = Source(synth, sine_source().setting)
    evaluate(source, {}, sounds=200, reference=1000, tables=["inversynth"], gate=-60.0)
    assert max(synth.calls) <= 128


def test_figures_do_not_depend_on_how_many_are_measured_at_a_time(monkeypatch):
    tables = []
    for size in (7, 64):
        monkeypatch.setattr("synthmatch.evaluation._AT_ONCE", size)
        whole = evaluate(published_source(), {"o": Oracle(2)}, sounds=30, reference=20)
        tables.append([row.figures for row in whole.rows])
    for one, other in zip(*tables, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name] == pytest.approx(other[name]), name


def test_goes_on_with_an_evaluation_that_was_interrupted(model, monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("synthmatch.evaluation._AT_ONCE", 10)
    monkeypatch.setattr("synthmatch.evaluation._EVERY", -1.0)
    options = {"sounds": 40, "reference": 30, "tables": ["inversynth"]}
    straight = evaluate(published_source(), [model], **options)
    assert not list((tmp_path / "cache" / "evaluations").iterdir())
    lines = []

    def stop(line):
        lines.append(line)
        if len(lines) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(published_source(), [model], progress=stop, **options)
    assert re.fullmatch(r"majority class: 20 of 40 sounds, \d+ s left", lines[-1])
    (journal,) = (tmp_path / "cache" / "evaluations").glob("*.jsonl")
    with journal.open("a") as file:
        file.write('{"contestant": "model", "start": 30, "soun')  # cut short by a kill
    synth = Counting()
    again = evaluate(Source(synth, published_source().setting), [model], **options)
    assert [r.figures for r in again.rows] == [r.figures for r in straight.rows]
    assert not list((tmp_path / "cache" / "evaluations").iterdir())
    fresh = Counting()
    evaluate(Source(fresh, published_source().setting), [model], **options)
    assert sum(synth.calls) < 0.75 * sum(fresh.calls)


def test_an_evaluation_of_another_model_starts_anew(model, monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("synthmatch.evaluation._EVERY", -1.0)

    def stop(line):
        raise KeyboardInterrupt

    options = {"sounds": 10, "reference": 0, "tables": ["inversynth"]}
    with pytest.raises(KeyboardInterrupt):
        evaluate(published_source(), [model], progress=stop, **options)
    torch.manual_seed(1)
    save_model(model, build("conv1", SPACE, sample_rate=RATE, samples=NOTE.samples(RATE)), {})
    synth = Counting()
    evaluate(Source(synth, published_source().setting), [model], **options)
    assert sum(synth.calls) == 10 + 10 + 4  # true and predicted sounds, and four to know it by


@pytest.mark.parametrize("device", ["banana", "cuda:99"])
def test_a_device_that_is_not_here(model, device):
    with pytest.raises(DeviceError, match=f"no device '{device}' here"):
        evaluate(sine_source(), [model], device=device)
    with pytest.raises(DeviceError, match=f"no device '{device}' here"):
        load_model(model, device=device)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5},
        {"synth": None},
        {"note": [1, 2]},
        {"note": {"pitch": 1e400}},
        {"note": {"pitch": 60, "velocity": 100, "held": 1.0, "total": 1e9}},
        {"note": {"pitch": True, "velocity": 100, "held": 1.0, "total": 2.0}},
        {"sample_rate": "44100"},
        {"sample_rate": 0},
        {"sample_rate": 4e9},
        {"sample_rate": float("nan")},
        {"options": [1]},
        {"frozen": "all"},
        {"sampler": ["prior"]},
        {"colour": "red"},
    ],
)
def test_a_setting_of_a_foreign_file_is_checked(change):
    data = {**sine_source().setting.to_dict(), **change}
    with pytest.raises(ParameterError):
        Setting.from_dict(data)
