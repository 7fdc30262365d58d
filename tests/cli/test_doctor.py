"""`synthmatch doctor`: what works, what is not installed, what is broken."""

from __future__ import annotations

import json
from email.message import Message

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from sine_synth import NOTE, RATE, SineSynth, sine_source

from synthmatch.cli import diagnosis
from synthmatch.cli.doctor import doctor
from synthmatch.errors import HostingError, RegistryError
from synthmatch.estimators import build
from synthmatch.synth import Finding
from synthmatch.weights import save_model


class Hosted(SineSynth):
    def __init__(self, backend="engine", plugin=None):
        if plugin is not None and not plugin.exists():
            raise HostingError(f"there is no plug-in at {plugin}")

    def diagnose(self):
        return [Finding("absent", "plug-in", "not installed")]


class BrokenPlugin(SineSynth):
    def diagnose(self):
        return [Finding("ok", "plug-in", "Bell 1.2"), Finding("broken", "plug-in", "is silent")]


class BadDoctor(SineSynth):
    def diagnose(self):
        raise OSError("no such\ndoctor")


class Drifting(SineSynth):
    played = 0

    def render(self, patch, note, sample_rate):
        self.played += 1
        return super().render(patch, note, sample_rate) + np.float32(self.played)


class NotFinite(SineSynth):
    def render(self, patch, note, sample_rate):
        return super().render(patch, note, sample_rate) * np.float32(np.nan)


class Crashing(SineSynth):
    def render(self, patch, note, sample_rate):
        raise RuntimeError("no\nway")


@pytest.fixture
def examine(monkeypatch):
    """Return a function that runs the doctor on the given synths and on nothing else."""

    def run(*synths, arguments=()):
        table = {synth.__name__: synth for synth in synths}

        def load(name, **options):
            if name not in table:
                raise RegistryError(f"no synth named {name!r}")
            return table[name](**options)

        monkeypatch.setattr(diagnosis, "list_synths", lambda: list(table))
        monkeypatch.setattr(diagnosis, "load_synth", load)
        monkeypatch.setattr(diagnosis, "list_models", lambda: [])
        return CliRunner().invoke(doctor, [*arguments])

    return run


def test_all_is_well(examine):
    result = examine(SineSynth, Hosted)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("synthmatch ")
    for text in (
        f"  ok      numpy             {np.__version__}\n",
        "  ok      cpu  ",
        "  ok      SineSynth         plays and repeats itself; 3 parameters",
        "  -       Hosted plug-in    not installed\n",
        "  -       models            none installed",
    ):
        assert text in result.output


@pytest.mark.parametrize(
    ("synth", "text"),
    [
        (BrokenPlugin, "broken  BrokenPlugin plug-in is silent\n"),
        (BadDoctor, "broken  BadDoctor         OSError: no such doctor\n"),
        (Drifting, "broken  Drifting          ValueError: it does not repeat itself"),
        (NotFinite, "broken  NotFinite         ValueError: its default patch does not sound"),
        (Crashing, "broken  Crashing          RuntimeError: no way\n"),
    ],
)
def test_what_does_not_work_is_said_and_the_rest_still_looked_at(examine, synth, text):
    result = examine(synth, SineSynth)
    assert result.exit_code == 1
    assert text in result.output
    assert "ok      SineSynth" in result.output
    assert "1 of these do not work" in result.output


def test_single_synths_and_their_plug_ins_can_be_named(examine, tmp_path):
    result = examine(Hosted, Crashing, arguments=["Hosted"])
    assert result.exit_code == 0
    assert "numpy" not in result.output and "Crashing" not in result.output
    result = examine(Hosted, arguments=["Hosted", "--plugin", str(tmp_path)])
    assert result.exit_code == 0
    result = examine(Hosted, arguments=["Hosted", "--plugin", str(tmp_path / "gone")])
    assert result.exit_code == 1 and "there is no plug-in at" in result.output
    result = examine(Hosted, arguments=["Gone"])
    assert result.exit_code == 1 and "no synth named 'Gone'" in result.output
    result = examine(Hosted, arguments=["--plugin", str(tmp_path)])
    assert result.exit_code == 2 and "needs the name of one synth" in result.output


def test_the_same_as_json(examine):
    result = examine(BrokenPlugin, arguments=["--json"])
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert data["system"] == diagnosis.system()
    assert {
        "section": "synths",
        "status": "broken",
        "subject": "BrokenPlugin plug-in",
        "text": "is silent",
    } in data["findings"]
    assert {row["section"] for row in data["findings"]} == {
        "packages",
        "networks",
        "synths",
        "models",
    }


def test_packages_that_are_missing_or_do_not_load(monkeypatch, tmp_path):
    (tmp_path / "broken_one.py").write_text("raise ImportError('libfoo.so:\\nnot found')")
    info = tmp_path / "broken_one-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-one\nVersion: 2.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    required = [
        "numpy>=2.0",
        "broken-one",
        "absent-one>=1; python_version > '3'",
        'absent-two[x]>=2; extra == "bells"',
        'absent-two; extra == "chimes"',
        "synthmatch[bells]; extra == 'all'",
        'absent-three; extra == "dev"',
        'absent-four; sys_platform == "another"',
        'absent-five; extra == "bells" and sys_platform == "another"',
    ]
    described = Message()
    for extra in ("bells", "chimes", "all", "dev"):
        described["Provides-Extra"] = extra
    monkeypatch.setattr(diagnosis.metadata, "requires", lambda _: required)
    monkeypatch.setattr(diagnosis.metadata, "metadata", lambda _: described)
    assert list(diagnosis.examine_packages()) == [
        Finding("ok", "numpy", np.__version__),
        Finding("broken", "broken-one", "2.0 does not load: ImportError: libfoo.so: not found"),
        Finding("broken", "absent-one", 'not installed; `pip install "absent-one"` brings it'),
        Finding(
            "absent", "absent-two", 'not installed; `pip install "synthmatch[bells]"` brings it'
        ),
    ]


def test_models_are_loaded(monkeypatch, tmp_path):
    estimator = build("conv1", SineSynth.space, sample_rate=RATE, samples=NOTE.samples(RATE))
    estimator.fit_normalisation([torch.randn(4, NOTE.samples(RATE))])
    setting = sine_source().setting.to_dict()
    save_model(tmp_path / "good", estimator, {"setting": setting})
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "config.json").write_text("{")
    monkeypatch.setattr(diagnosis, "list_models", lambda: ["good", "bad"])
    monkeypatch.setattr(diagnosis, "load_synth", lambda name, **options: SineSynth())
    monkeypatch.setattr("synthmatch.matcher.network.find_model", lambda name: tmp_path / name)
    good, bad = diagnosis.examine_models()
    assert (good.status, good.subject) == ("ok", "good")
    assert good.text.startswith("conv1 for sine, ")
    assert (bad.status, bad.subject) == ("broken", "bad")
    assert "config.json" in bad.text
