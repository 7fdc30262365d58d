"""Figures of the examples are found again by what was measured, not by its number."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from synthmatch.search import Budget

FILE = Path(__file__).parents[2] / "examples" / "_results.py"


@pytest.fixture
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_results", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_another_sound_way_or_file_of_the_same_name_is_measured_anew(
    module: ModuleType, tmp_path: Path
) -> None:
    done = []

    def work(sound: np.ndarray, budget: Budget, file: str) -> float:
        done.append(float(sound.sum()))
        return done[-1]

    sound, file = np.arange(3.0), tmp_path / "model"
    file.write_text("one")

    def measure(sound: np.ndarray, seconds: float = 1.0) -> float:
        jobs = {"way/0": (sound, Budget(seconds=seconds), str(file))}
        results = module.Results(tmp_path / "figures.json")
        return results.measure(work, jobs)["way/0"]

    assert measure(sound) == measure(sound) == 3.0
    assert len(done) == 1
    assert measure(sound + 1) == 6.0
    measure(sound, seconds=2.0)
    file.write_text("two")
    measure(sound)
    assert len(done) == 4
    assert measure(sound + 1) == 6.0  # another model: anew, then known
    assert measure(sound + 1) == 6.0
    assert len(done) == 5


def test_a_model_by_name_counts_by_what_it_holds(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "model" / "model.safetensors"
    weights.parent.mkdir()
    monkeypatch.setattr(module, "list_models", lambda: ["a-model"])
    monkeypatch.setattr(module, "model_folder", lambda name: tmp_path / "model")
    done = []

    def work(model: str) -> int:
        done.append(model)
        return len(done)

    def measure(model: str) -> int:
        results = module.Results(tmp_path / "figures.json")
        return results.measure(work, {"way/0": (model,)})["way/0"]

    weights.write_bytes(b"one")
    assert [measure("a-model"), measure("a-model"), measure("none")] == [1, 1, 2]
    weights.write_bytes(b"two")
    assert [measure("a-model"), measure("none")] == [3, 2]
