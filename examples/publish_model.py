"""Turn a finished training run into a model that ships: weights, figures, curves, card.

Measures the model on held-out sounds beside the baselines, times it in a fresh process,
draws the curves of its training, and writes a folder that `synthmatch models` lists once
it lies in `pretrained/` (or in the `synthmatch_models` folder of an adapter): the weights
and their `config.json`, the training log, `curves.png` and a model card, `README.md`.

    python examples/publish_model.py runs/jsyn-conv6xl --machine "one core of a laptop" --default
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from synthmatch.cli.training import train
from synthmatch.estimators import build
from synthmatch.evaluation import Evaluation, evaluate
from synthmatch.parameters import ParameterSpace
from synthmatch.registry import model_folder
from synthmatch.settings import Setting
from synthmatch.training import Recipe, plot_log
from synthmatch.weights import read_config

HEADLINES = (
    ("percentile_rank", "MPR {:.1f}"),
    ("accuracy", "accuracy {:.1f} %"),
    ("stft_correlation", "STFT correlation {:.1f}"),
    ("stft_convergence", "SC {:.4f}"),
    ("parameter_mse", "parameter MSE {:.4f}"),
    ("spectral_convergence", "SC {:.4f}"),
)

CLOCK = """
import json, sys, time
import torch
torch.set_num_threads(1)
began = time.perf_counter()
from synthmatch import Matcher, load_synth
from synthmatch.settings import Setting
def once():
    matcher = Matcher.from_pretrained(sys.argv[1])
    setting = matcher.network.setting
    audio = matcher.synth.render(matcher.synth.space.decode([0.4] * len(matcher.synth.space)),
                                 setting.note, setting.sample_rate)
    return matcher.predict(audio, setting.sample_rate, note=setting.note, candidates=1)
once()
cold = time.perf_counter() - began
began = time.perf_counter()
once()
print(json.dumps([cold, time.perf_counter() - began]))
"""


def command(config: dict[str, Any], name: str) -> str:
    """Return the command that trains this model, from what its run recorded.

    A recipe that the command line cannot express ends the program.
    """
    metadata, network = config["metadata"], config["config"]
    space = ParameterSpace.from_dict(network["space"])
    sound = {key: network[key] for key in ("sample_rate", "samples")}
    usual = build(network["architecture"], space, **sound).config
    parts = [
        f"synthmatch train --setting {metadata['setting']['name']}",
        f"--model {network['architecture']}",
    ]
    parts += [
        f"--option {key}={json.dumps(value).strip(chr(34))}"
        for key, value in network.items()
        if key != "space" and usual[key] != value
    ]
    goal = metadata["goal"]
    if any(goal.get(k, v) != v for k, v in (("proxy_weight", 1.0), ("proxy_truth", 0.0))):
        sys.exit("the proxy was trained with other weights than the command line gives it")
    if "proxy_share" in goal:
        parts.append(f"--proxy --proxy-share {goal['proxy_share']:g}")
    recipe = metadata["recipe"]
    known = {parameter.name for parameter in train.params}
    for field in dataclasses.fields(Recipe):
        if recipe[field.name] != field.default:
            if field.name not in known:
                sys.exit(f"synthmatch train has no option for the recipe's {field.name}")
            parts.append(f"--{field.name.replace('_', '-')} {recipe[field.name]}")
    if config["tensors"]["dtype"] == "float16":
        parts.append("--half")
    return " ".join([*parts, f"--output runs/{name}"])


def headline(table: Evaluation) -> str:
    """Return the scores of the first row, in short."""
    figures = table.rows[0].figures
    shown = [text.format(figures[key][0]) for key, text in HEADLINES if key in figures]
    return f"{', '.join(shown)} on {table.sounds:,} held-out sounds"


def card(
    name: str,
    config: dict[str, Any],
    table: Evaluation,
    times: tuple[float, float],
    machine: str,
    notes: list[str],
) -> str:
    """Return the model card as Markdown."""
    metadata = config["metadata"]
    setting = Setting.from_dict(metadata["setting"])
    recipe = metadata["recipe"]
    sounds = metadata["step"] * recipe["batch"] * recipe["accumulate"] * metadata["processes"]
    minutes = metadata["seconds"] / 60
    note = setting.note
    limits = [
        f"It knows one note: MIDI {note.pitch:g}, held {note.held:g} s of {note.total:g} s, at "
        f"{setting.sample_rate:,} Hz. `synthmatch match` plays recordings of another pitch "
        f"faster or slower for it, and it is given the first {note.total:g} s.",
        "It was trained on the synth's own random sounds only. On recordings of instruments "
        "its answer is a start for the search, not a match.",
        *notes,
    ]
    proxy = ", with its synthesizer proxy" if "proxy_share" in metadata["goal"] else ""
    return f"""# {name}

{config["architecture"]}{proxy}, for the synth `{config["synth"]}` (setting
`{setting.name}`). {headline(table)[0].upper()}{headline(table)[1:]}.

```sh
synthmatch match in.wav --synth {config["synth"]} --model {name}
```

```python
Matcher.from_pretrained("{name}").predict("in.wav")
```

## Recipe

```sh
{command(config, name)}
```

- Data: about {sounds:,} sounds to the weights that were kept, rendered as training went,
  none twice; patches from the setting's sampler ("{setting.sampler}").
- {minutes:.0f} minutes on {machine}, torch {metadata["torch"]}, {recipe["precision"]},
  {recipe["optimizer"]}.
- {config["tensors"]["bytes"] / 1e6:.1f} MB as {config["tensors"]["dtype"]}. Loading it and
  matching one sound without a search: {times[0]:.2f} s in a fresh process once torch is
  imported, {times[1]:.2f} s the second time.

![Curves of the training](curves.png)

## Figures

Sounds that no training draws from, baselines on the same sounds:

```sh
synthmatch evaluate --setting {setting.name} --models {name} --sounds {table.sounds}
```

{table.to_markdown()}
## Limits

{chr(10).join(f"- {limit}" for limit in limits)}
"""


def main() -> None:
    """Measure, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, nargs="?", help="Folder of the finished run.")
    parser.add_argument("--name", help="Of the model; by default that of the folder.")
    parser.add_argument("--default", action="store_true", help="Its synth's best model.")
    parser.add_argument("--machine", default="a machine not named", help="It was trained on.")
    parser.add_argument("--note", action="append", default=[], help="A limit, for the card.")
    parser.add_argument("--sounds", type=int, default=1000)
    parser.add_argument("--output", type=Path, help="By default: pretrained.")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fm-is2 again, on 32 sounds")
    args = parser.parse_args()
    if args.quick:
        args.run, args.sounds = model_folder("fm-is2"), 32
        args.output = args.output or Path("runs/publish_quick")
    if args.run is None:
        parser.error("say which run to publish")
    if (args.run / "checkpoint.safetensors").exists():
        parser.error(f"the training in {args.run} is not finished")
    name = args.name or args.run.name
    folder = (args.output or Path("pretrained")) / name
    default = args.default
    if folder.exists():
        if not args.overwrite:
            parser.error(f"{folder} exists; say --overwrite to replace it")
        default = default or bool(read_config(folder)["metadata"].get("default"))
    config = json.loads((args.run / "config.json").read_text(encoding="utf-8"))
    table = evaluate(
        config["metadata"]["setting"]["name"],
        [args.run],
        sounds=args.sounds,
        reference=200 if args.quick else 5000,
        progress=print,
    )
    own = {"name": name}  # not that of the folder of the run
    rows = (dataclasses.replace(r, **own) if r.kind == "model" else r for r in table.rows)
    table = dataclasses.replace(table, rows=tuple(rows))
    timed = [sys.executable, "-c", CLOCK, str(args.run)]
    subprocess.run(timed, check=True, capture_output=True)  # compiles what is compiled once
    cold, warm = json.loads(subprocess.run(timed, check=True, capture_output=True).stdout)
    config["metadata"] |= {"headline": headline(table), "default": default}
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("model.safetensors", "log.jsonl"):
        if (args.run / file).resolve() != (folder / file).resolve():
            shutil.copyfile(args.run / file, folder / file)
    plot_log(folder, folder / "curves.png")
    text = card(name, config, table, (cold, warm), args.machine, args.note)
    (folder / "README.md").write_text(text, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    print(f"{folder}: {headline(table)}; {cold:.2f} s cold, {warm:.2f} s warm")


if __name__ == "__main__":
    main()
