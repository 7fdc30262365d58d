"""The models that ship: whole, documented, as good as they say, and used by default."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthmatch import Matcher, Note
from synthmatch.audio import Recording
from synthmatch.cli.commands import commands as main
from synthmatch.datasets import draw, stream
from synthmatch.evaluation import evaluate
from synthmatch.objective import Objective
from synthmatch.search import Budget
from synthmatch.settings import Setting
from synthmatch.synth import render_batch, sample_prior
from synthmatch.weights import load_model, load_proxy

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "pretrained").glob("*/config.json"))
MODELS = [folder.name for folder in FOLDERS]
LEAST = {  # of the first columns of 100 held-out sounds; all figures are in the model cards
    "jsyn-conv6xl": {"percentile_rank": 79.0, "stft_correlation": 93.0},
    "jsyn-e2e": {"percentile_rank": 65.5, "stft_correlation": 89.5},
    "jsyn-ast": {"percentile_rank": 72.0, "stft_correlation": 90.5},
    "fm-is2": {"accuracy": 95.0, "stft_correlation": 99.0},
    "tal-9": {"accuracy": 72.0, "stft_correlation": 90.0},
    "massive-16": {"percentile_rank": 74.5, "stft_correlation": 88.0},
}
BY_SCRIPT = {  # synth, recipe, what measures them, baseline
    "dexed-t6": ("dexed", "train_masked", "evaluate_dexed_t6", "best of 16 of the prior"),
    "dexed-pdc": ("dexed", "train_published", "evaluate_dexed_t6", "best of 16 of the prior"),
    "dexed-sound2synth": ("dexed", "train_published", "evaluate_dexed_t6", "16 of the prior"),
    "tal-core": ("tal", "train_masked", "compare_ways", "best of 1,000 of the prior"),
}
ON_SETTINGS = [folder for folder in FOLDERS if folder.name in LEAST]


def config(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "config.json").read_text())
    return found


def test_what_ships() -> None:
    assert set(MODELS) == {*LEAST, *BY_SCRIPT}
    size = sum(file.stat().st_size for file in (ROOT / "pretrained").rglob("*.safetensors"))
    assert size < 80e6  # with the indexes of starts a wheel holds less than the 100 MB allowed


@pytest.mark.parametrize("folder", ON_SETTINGS, ids=lambda folder: folder.name)
def test_a_model_is_as_good_as_its_card_says(folder: Path) -> None:
    _, metadata = load_model(folder)
    setting = Setting.from_dict(metadata["setting"]).name
    table = evaluate(
        setting, [folder], sounds=100, reference=0, tables=["inversynth", "inversynth2"]
    )
    figures = table.rows[0].figures
    for name, least in LEAST[folder.name].items():
        assert figures[name][0] > least, name


@pytest.mark.parametrize("folder", FOLDERS, ids=MODELS)
def test_a_card_says_what_a_user_must_know(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    for heading in ("## Recipe", "## Figures", "## Limits"):
        assert heading in text
    if folder in ON_SETTINGS:
        setting = config(folder)["metadata"]["setting"]["name"]
        assert f"synthmatch train --setting {setting}" in text
        assert "synthmatch evaluate --setting" in text
        assert "random patch" in text
        assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    else:
        _, *scripts, baseline = BY_SCRIPT[folder.name]
        assert all(f"python examples/{script}.py" in text for script in scripts)
        assert baseline in text
    assert config(folder)["metadata"]["headline"].split(" on ")[0].lower() in text.lower()


@pytest.mark.parametrize("name", BY_SCRIPT)
def test_a_network_trained_by_a_script_draws_nearer_than_the_prior(name: str) -> None:
    matcher = Matcher.from_pretrained(name, starts=False, workers=1)
    assert matcher.network is not None and matcher.synth.name == BY_SCRIPT[name][0]
    note, rate = Note(64, 100, 0.8, 1.2), 16_000
    together = matcher.network.estimator.KNOWS_NOTE  # else values are drawn one by one
    if not together:
        note = matcher.network.setting.note
    synth = matcher.synth
    rng = np.random.default_rng(4)
    distances = []
    for vector in sample_prior(synth, rng, 8):
        audio = render_batch(synth, vector[None], note, rate)[0]
        sound = Recording(audio, rate, "test", None, note.pitch, True, note.held, -20.0)
        prediction = matcher.network.predict(sound, note)
        drawn = prediction.draw(np.random.default_rng(0), 16, 0.6)
        objective = Objective(audio, rate)
        ways = (drawn, sample_prior(synth, rng, 16))
        distances.append([objective(render_batch(synth, v, note, rate)).min() for v in ways])
    ours, theirs = np.mean(distances, axis=0)
    assert ours < (0.9 if together else 0.97) * theirs


def test_one_default_for_each_synth_that_has_models() -> None:
    default = [config(f)["synth"] for f in FOLDERS if config(f)["metadata"].get("default")]
    assert sorted(default) == ["fm", "jsyn", "massive", "tal"]
    assert Matcher("dexed").network is None  # its network is used by name only
    whole = Matcher("tal").network
    assert whole is not None and whole.name == "tal-core"


@pytest.mark.parametrize("name", ["fm-is2", "tal-9"])
def test_the_proxy_ships_with_its_encoder(name: str) -> None:
    estimator, _ = load_model(ROOT / "pretrained" / name)
    proxy = load_proxy(ROOT / "pretrained" / name, estimator)
    tensors = [*estimator.state_dict().values(), *proxy.state_dict().values()]
    assert all(tensor.isfinite().all() for tensor in tensors)


@pytest.mark.parametrize("synth", ["jsyn", "fm"])
def test_a_network_s_start_beats_a_cold_search_at_equal_renders(synth: str) -> None:
    trained, cold = Matcher(synth), Matcher(synth, model="none")
    assert trained.network is not None
    setting = trained.network.setting
    note, rate = setting.note, setting.sample_rate
    budget = Budget(renders=300)
    distances = []
    for audio in draw(setting.open(), stream(3, "test"), 5).audio:
        sound = Recording(audio, rate, "test", None, note.pitch, True, note.held, -20.0)
        found = [m.predict(sound, note=note, budget=budget, candidates=1) for m in (trained, cold)]
        distances.append([match.best.distance for match in found])
    ours, theirs = np.mean(distances, axis=0)
    assert ours < 0.8 * theirs


def test_the_command_uses_the_best_model_unless_told(tmp_path: Path) -> None:
    arguments = ["match", str(ROOT / "examples/sounds/bell.wav"), "--synth", "jsyn", "--json"]
    arguments += ["--renders", "200", "--no-report", "-o"]
    methods = []
    for extra in ([], ["--model", "none"], ["--model", "jsyn-ast"]):
        folder = str(tmp_path / str(len(methods)))
        result = CliRunner().invoke(main, [*arguments, folder, *extra])
        assert result.exit_code == 0, result.output
        methods.append(json.loads(result.stdout)["matches"][0]["method"])
    assert "proposals of jsyn-conv6xl" in methods[0]
    assert "proposals" not in methods[1]
    assert "proposals of jsyn-ast" in methods[2]


def test_the_list_of_models() -> None:
    result = CliRunner().invoke(main, ["models"])
    assert result.exit_code == 0
    for name in MODELS:
        (line,) = [line for line in result.output.splitlines() if line.startswith(name + " ")]
        assert config(ROOT / "pretrained" / name)["architecture"] in line
        assert "held-out sounds" in line
    rows = json.loads(CliRunner().invoke(main, ["models", "--json"]).output)
    assert {row["name"] for row in rows if row["default"]} >= {"jsyn-conv6xl", "fm-is2"}
