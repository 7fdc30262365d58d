import json

import pytest
from click.testing import CliRunner

from synthmatch.cli import training as commands
from synthmatch.datasets import Dataset
from synthmatch.errors import SynthmatchError

pytest.importorskip("pyarrow", reason="the extra 'data' is not installed")


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_data_set_then_model_then_tables(tmp_path):
    data, model = tmp_path / "data", tmp_path / "model"
    made = run(commands.dataset, "--setting", "fm-9", "-o", data, "--sounds", 60, "--seed", 3)
    assert made.stdout.strip() == str(data)
    assert "60 of 60 sounds, 0:00 left" in made.stderr
    assert Dataset(data).setting.name == "fm-9"
    recipe = ["--steps", 3, "--batch", 16, "--validate", 20]
    trained = run(commands.train, "--data", data, "-m", "conv1", "-o", model, *recipe)
    assert trained.stdout.strip() == str(model)
    assert "finished after 3 steps" in trained.stderr
    told = ["--models", model, "--sounds", 4, "--reference", 5]
    tables = run(commands.evaluate, "--setting", "fm-9", *told, "--json")
    rows = json.loads(tables.stdout)["rows"]
    assert [row["name"] for row in rows[:3]] == ["model", "random patch", "majority class"]
    text = run(commands.evaluate, "--setting", "fm-9", *told).stdout
    assert "InverSynth II (paper)" in text
    marked = run(commands.evaluate, "--setting", "fm-9", *told, "--markdown").stdout
    assert marked.startswith("### fm-9: 4 held-out sounds")


def test_train_on_a_synth_with_a_note_and_options(tmp_path):
    chosen = ["--synth", "fm", "--note", "A3", "--option", "mels=40", "--option", "head=sigmoid"]
    recipe = ["--steps", 1, "--batch", 4, "--validate", 4, "--device", "cpu"]
    run(commands.train, *chosen, "-m", "conv1", "-o", tmp_path / "m", *recipe)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["metadata"]["setting"]["note"]["pitch"] == 57
    assert (config["config"]["mels"], config["config"]["head"]) == (40, "sigmoid")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to render"),
        (["--setting", "fm-9", "--synth", "fm"], "say what to render"),
        (["--setting", "fm-9", "--note", "C4"], "its own note"),
        (["--setting", "fm-10"], "did you mean 'fm-9'"),
        (["--setting", "fm-9", "--option", "mels"], "NAME=VALUE"),
        (["--setting", "fm-9", "--data", "x"], "leave the other options out"),
        (["--setting", "fm-9", "--proxy-share", "0.5"], "goes with --proxy"),
    ],
)
def test_wrong_options(tmp_path, arguments, message):
    with pytest.raises(SynthmatchError, match=message):
        run(commands.train, *arguments, "-m", "conv1", "-o", tmp_path, "--steps", 1)


def test_clock():
    assert [commands.clock(s) for s in (0, 59.6, 3599, 3600, 36_061)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:00:00",
        "10:01:01",
    ]
