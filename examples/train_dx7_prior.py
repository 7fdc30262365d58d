"""Learn what voices people make on a DX7, from packed voices; write the tensors of the prior.

    python examples/train_dx7_prior.py dx7_train.vmem -o prior.safetensors

Takes about five minutes on one core. Voices that nobody can hear at C4 are left out. Voices
that differ in at most 24 of their 145 numbers are relatives; a family is those that a chain
of relatives connects. Families share their weight: one of n voices counts n ** 0.5 times as
much as a single voice. A tenth of the families is held out, and the model kept is the one
that finds the held-out voices most likely, a family counting once.

Nats per held-out voice (lower is better), all on the same split of 23,712 voices:
numbers independent of each other 260; a mixture of 50, 200, 600 products 238, 231, 226;
this model 210 (64 hidden units; 128 give the same).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numba
import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from synthmatch_dexed.engine import render_voices
from synthmatch_dexed.files import read_voices
from synthmatch_dexed.prior import Prior
from synthmatch_dexed.voices import COLUMN, LARGEST, RANGES, SOUND

HIDDEN = 64
RELATED = 24  # numbers that may differ between relatives
SHARE = 0.02  # a value used this often has a bin of its own
AUDIBLE = -60.0  # dB, root mean square of a note of 1.5 s

# Numbers in the order they are drawn: what matters most first.
OPERATOR = (
    *("output_level", "mode", "f_coarse", "f_fine", "osc_detune", "key_velocity"),
    *(f"eg_{what}_{i}" for what in ("level", "rate") for i in (1, 2, 3, 4)),
    *("rate_scaling", "a_mod_sens", "l_scale_depth", "r_scale_depth", "break_point"),
    *("l_key_scale", "r_key_scale"),
)
ORDER = (
    *("algorithm", "transpose", "feedback", "osc_key_sync", "lfo_key_sync"),
    *(f"op{op}_{name}" for op in range(1, 7) for name in OPERATOR),
    *("lfo_wave", "lfo_speed", "lfo_delay", "lfo_pm_depth", "lfo_am_depth", "p_mode_sens"),
    *(f"pitch_eg_{what}_{i}" for what in ("level", "rate") for i in (1, 2, 3, 4)),
)


@numba.njit
def families(sounds: np.ndarray, most: int) -> np.ndarray:
    """Return for each sound ``[n]`` the index of the first of its family."""
    first = np.arange(len(sounds))

    def top(i: int) -> int:
        while first[i] != i:
            i = first[i]
        return i

    for i in range(len(sounds)):
        for j in range(i):
            differing = 0
            for k in range(sounds.shape[1]):
                differing += sounds[i, k] != sounds[j, k]
                if differing > most:
                    break
            if differing <= most:
                a, b = top(i), top(j)
                first[max(a, b)] = min(a, b)
    return np.array([top(i) for i in range(len(sounds))])


def audible(voices: np.ndarray) -> np.ndarray:
    """Return whether each voice ``[n]`` can be heard at C4."""
    heard = []
    for some in np.array_split(voices, max(1, len(voices) // 64)):
        audio = render_voices(some, 60, 100, held=1.0, total=1.5, sample_rate=16000)
        heard.append((audio.astype(np.float64) ** 2).mean(axis=1) > 10 ** (AUDIBLE / 10))
    return np.concatenate(heard)


def binned(values: np.ndarray, weights: np.ndarray, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the bin of each value ``0 .. largest`` and how frequent it is."""
    frequencies = np.bincount(values, weights, largest + 1)
    frequencies = frequencies / frequencies.sum()
    bins = np.zeros(largest + 1, dtype=np.int64)
    filled, closed = 0.0, True
    for value, frequency in enumerate(frequencies):
        alone = largest < 32 or frequency >= SHARE
        bins[value] = (bins[value - 1] if value else -1) + (closed or alone)
        filled = frequency if closed or alone else filled + frequency
        closed = alone or filled >= SHARE
    return bins, frequencies + 1e-4  # what nobody used is rare, not impossible


class Nade(nn.Module):
    """The model of :mod:`synthmatch_dexed.prior`, padded to equal numbers of bins."""

    def __init__(self, marginals: list[np.ndarray]) -> None:
        super().__init__()
        sizes = [len(m) for m in marginals]
        self.rows = torch.tensor(np.cumsum([0, *sizes[:-1]]))
        biases = torch.full((len(sizes), max(sizes)), -1e4)
        for row, marginal in zip(biases, marginals, strict=True):
            row[: len(marginal)] = torch.tensor(np.log(marginal))
        self.biases = nn.Parameter(biases)
        self.weights = nn.Parameter(0.05 * torch.randn(*biases.shape, HIDDEN))
        self.embeddings = nn.Parameter(0.05 * torch.randn(sum(sizes), HIDDEN))
        self.start = nn.Parameter(torch.zeros(HIDDEN))
        self.dropout = nn.Dropout(0.3)

    def forward(self, bins: torch.Tensor) -> torch.Tensor:
        """Return the negative log probability ``[n]`` of ``bins [n, 145]``, in nats."""
        seen = self.embeddings[bins + self.rows]
        if self.training:  # the model must not lean on any one number
            seen = seen * (torch.rand(seen.shape[:2]) > 0.1).unsqueeze(-1)
        hidden = self.dropout(torch.relu(torch.cumsum(seen, 1) - seen + self.start))
        logits = torch.einsum("nih,ikh->nik", hidden, self.weights) + self.biases
        chosen = torch.log_softmax(logits, -1).gather(-1, bins.unsqueeze(-1))
        return -chosen.sum(dim=(1, 2))


def train(bins: np.ndarray, family: np.ndarray, seed: int, steps: int) -> tuple[Nade, float]:
    """Return the best model for held-out families, and its nats per voice."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    names, sizes = np.unique(family, return_counts=True)
    size = sizes[np.searchsorted(names, family)]
    out = np.isin(family, rng.permutation(names)[: len(names) // 10])
    kept, chance = np.flatnonzero(~out), size[~out] ** -0.5
    held, once = torch.tensor(bins[out]), torch.tensor(1 / size[out])
    marginals = []
    for column in bins[~out].T:
        count = np.bincount(column, chance, bins[:, len(marginals)].max() + 1) + 0.5
        marginals.append(count / count.sum())
    model = Nade(marginals)
    independent = sum(-np.log(m[c]) for m, c in zip(marginals, bins[out].T, strict=True))
    print(f"independent: {float((once.numpy() * independent).sum() / once.sum()):.1f} nats")
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    best, state = math.inf, model.state_dict()
    for step in range(1, steps + 1):
        some = rng.choice(kept, 256, p=chance / chance.sum())
        loss = model.train()(torch.tensor(bins[some])).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 20.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            with torch.no_grad():
                nats = torch.cat([model.eval()(part) for part in held.split(512)])
            value = float((nats * once).sum() / once.sum())
            if value < best:
                best, state = value, {k: v.clone() for k, v in model.state_dict().items()}
            print(f"step {step}: {float(loss.detach()):.1f}, held out {value:.1f} nats")
    model.load_state_dict(state)
    return model, best


def main() -> None:
    """Read the voices, learn, and write the tensors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bank", type=Path, help="packed voices (.vmem) or dumps (.syx)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    voices = read_voices(options.bank)
    voices = voices[audible(voices)]
    columns = np.array([COLUMN[name] for name in ORDER])
    if sorted(ORDER) != sorted(RANGES):
        raise SystemExit("every number of a voice must be drawn once")
    sounds = np.ascontiguousarray(voices[:, :SOUND])
    family = families(sounds.astype(np.uint8), RELATED)
    names, member, sizes = np.unique(family, return_inverse=True, return_counts=True)
    print(f"{len(voices)} audible voices of {len(names)} families")
    chance = sizes[member] ** -0.5
    of_values = [binned(sounds[:, c], chance, int(LARGEST[c])) for c in columns]
    pairs = zip(of_values, columns, strict=True)
    bins = np.stack([bin_of[sounds[:, c]] for (bin_of, _), c in pairs], axis=1)
    model, nats = train(bins, family, options.seed, options.steps)

    used = [bin_of[-1] + 1 for bin_of, _ in of_values]
    state = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    tensors = {
        "columns": columns.astype(np.uint8),
        "bins": np.concatenate([bin_of for bin_of, _ in of_values]).astype(np.uint8),
        "frequencies": np.concatenate([f for _, f in of_values]).astype(np.float32),
        "embeddings": state["embeddings"],
        "weights": np.concatenate([w[:n] for w, n in zip(state["weights"], used, strict=True)]),
        "biases": np.concatenate([b[:n] for b, n in zip(state["biases"], used, strict=True)]),
        "start": state["start"],
    }
    save_file(tensors, options.output, {"voices": str(len(voices)), "nats": f"{nats:.2f}"})
    written = Prior.from_tensors(tensors)
    within = written.log_probability(sounds[:1000]).mean()
    print(f"kept {nats:.1f} nats; {options.output}: {options.output.stat().st_size / 1e3:.0f} kB")
    print(f"log probability of the values themselves, of the first 1,000 voices: {within:.1f}")


if __name__ == "__main__":
    main()
