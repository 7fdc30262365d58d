"""Learn what voices people make on a DX7, from packed voices; write the tensors of the prior.

    python examples/train_dx7_prior.py dx7_train.vmem -o prior.safetensors

Takes a few minutes on one core. Voices that nobody can hear at C4 are left out. Voices that
differ in at most 24 of their 145 numbers are relatives; a family is those that a chain of
relatives connects. One of a family of n voices counts n ** -0.5 times a single voice. A
tenth of the families is held out, and the model kept is the one that finds the held-out
voices most likely, a family counting once.

Nats per held-out voice, all numbers to their exact values (lower is better), on splits made
this way: numbers independent of each other 298; mixtures of 50, 200 and 600 products 276, 269
and 265; this model without copies and parents 249, without parents 228, whole 224, with 64
hidden units and bins of their own from 2 % on. The shipped tensors, with 56 and 2.5 % for less
than 1 MB, have 229, and 228 on 1,200 test voices of other families.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.files import read_voices
from synthmatch_dexed.voices import COLUMN, LARGEST

HIDDEN = 56
PARENTS = 2  # beside the algorithm
RELATED = 24  # numbers that may differ between relatives
SHARE = 0.025  # a value used this often has a bin of its own
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


PLACE = {name: i for i, name in enumerate(ORDER)}


def sources(name: str) -> list[str]:
    """Return the numbers drawn before ``name`` that it may be copied from."""
    found = []
    if name.startswith("op"):
        found = [f"op{op}{name[3:]}" for op in range(int(name[2]) - 1, 0, -1)]
    if name[-2:] in ("_2", "_3", "_4"):
        found.append(f"{name[:-1]}{int(name[-1]) - 1}")
    if "_r_" in name:
        found.append(name.replace("_r_", "_l_"))
    return found


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
    audible = []
    for some in np.array_split(voices, max(1, len(voices) // 64)):
        audio = render_voices(some, 60, 100, held=1.0, total=1.5, sample_rate=16000)
        audible.append((audio.astype(np.float64) ** 2).mean(axis=1) > 10 ** (AUDIBLE / 10))
    return np.concatenate(audible)


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


def parents(bins: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return for each number the places of its parents ``[145, 3]``, -1 for none.

    The algorithm, drawn first, and those of the numbers before it with the most mutual
    information, less what independent numbers would have by chance (Miller and Madow).
    """
    sizes = bins.max(axis=0) + 1
    effective = weights.sum() ** 2 / (weights**2).sum()
    chosen = np.full((bins.shape[1], 1 + PARENTS), -1)
    for i in range(1, bins.shape[1]):
        chosen[i, 0] = 0
        told = []
        for j in range(1, i):
            joint = np.bincount(bins[:, i] * sizes[j] + bins[:, j], weights, sizes[i] * sizes[j])
            joint = joint.reshape(sizes[i], sizes[j]) / weights.sum()
            free = np.outer(joint.sum(axis=1), joint.sum(axis=0))
            seen = joint > 0
            chance = (sizes[i] - 1) * (sizes[j] - 1) / (2 * effective)
            told.append(float((joint[seen] * np.log(joint[seen] / free[seen])).sum()) - chance)
        best = 1 + np.argsort(told)[::-1][:PARENTS]
        chosen[i, 1 : 1 + len(best)] = best
    return chosen


class Nade(nn.Module):
    """The model of :mod:`synthmatch_dexed.prior`, padded to equal numbers of bins and sources."""

    def __init__(
        self, marginals: list[np.ndarray], copies: np.ndarray, parents: np.ndarray
    ) -> None:
        super().__init__()
        sizes = np.array([len(m) for m in marginals])
        most = int(copies.max())
        biases = torch.full((len(sizes), max(sizes)), -1e4)
        for row, marginal in zip(biases, marginals, strict=True):
            row[: len(marginal)] = torch.tensor(np.log(marginal))
        gates = torch.where(torch.arange(most + 1) <= torch.tensor(copies)[:, None], 0.0, -1e4)
        gates[:, 0] = 1.5  # copying has to pay
        self.rows = torch.tensor(np.cumsum([0, *sizes[:-1]]))
        heights = np.where(parents >= 0, sizes[parents], 0)
        self.parents = torch.tensor(np.maximum(parents, 0))
        self.known = torch.tensor(parents >= 0)[..., None]
        self.tops = torch.tensor((np.cumsum(heights) - heights.ravel()).reshape(heights.shape))
        self.tables = nn.Parameter(torch.zeros(int(heights.sum()), biases.shape[1]))
        self.biases = nn.Parameter(biases)
        self.gate_biases = nn.Parameter(gates)
        self.weights = nn.Parameter(0.05 * torch.randn(*biases.shape, HIDDEN))
        self.gates = nn.Parameter(0.05 * torch.randn(*gates.shape, HIDDEN))
        self.embeddings = nn.Parameter(0.05 * torch.randn(sum(sizes), HIDDEN))
        self.matches = nn.Parameter(0.05 * torch.randn(len(sizes), most, HIDDEN))
        self.start = nn.Parameter(torch.zeros(HIDDEN))
        self.dropout = nn.Dropout(0.3)

    def forward(self, data: Data) -> torch.Tensor:
        """Return the negative log probability ``[n]`` of voices, in nats."""
        seen = self.embeddings[data.bins + self.rows]
        seen = seen + torch.einsum("nij,ijh->nih", data.equal.float(), self.matches)
        if self.training:  # the model must not lean on any one number
            seen = seen * (torch.rand(seen.shape[:2]) > 0.1).unsqueeze(-1)
        hidden = self.dropout(torch.relu(torch.cumsum(seen, 1) - seen + self.start))
        logits = torch.einsum("nih,ikh->nik", hidden, self.weights) + self.biases
        tables = self.tables[data.bins[:, self.parents] + self.tops] * self.known
        logits = logits + tables.sum(2)
        fresh = torch.log_softmax(logits, -1).gather(-1, data.bins.unsqueeze(-1)) + data.within
        gates = torch.einsum("nih,ijh->nij", hidden, self.gates) + self.gate_biases
        gates = torch.log_softmax(gates, -1)
        copied = gates[..., 1:].masked_fill(~data.equal, -1e4)
        ways = torch.cat([gates[..., :1] + fresh, copied], -1)
        return -torch.logsumexp(ways, -1).sum(1)


@dataclasses.dataclass(frozen=True)
class Data:
    """Voices as the model sees them.

    ``bins`` int64 [n, 145]; ``within`` float32 [n, 145, 1], the logarithm of the share of the
    values in their bins; ``equal`` bool [n, 145, most], whether each source has the same value.
    """

    bins: torch.Tensor
    within: torch.Tensor
    equal: torch.Tensor

    def __getitem__(self, index: np.ndarray) -> Data:
        return Data(self.bins[index], self.within[index], self.equal[index])

    def parts(self) -> Iterator[Data]:
        """Yield a few voices at a time."""
        for start in range(0, len(self.bins), 256):
            yield self[np.arange(start, min(start + 256, len(self.bins)))]


def train(
    data: Data, copies: np.ndarray, family: np.ndarray, seed: int, steps: int
) -> tuple[Nade, np.ndarray, float]:
    """Return the best model for held-out families, its parents, and its nats per voice."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    names, sizes = np.unique(family, return_counts=True)
    size = sizes[np.searchsorted(names, family)]
    out = np.isin(family, rng.permutation(names)[: len(names) // 10])
    kept, chance = np.flatnonzero(~out), size[~out] ** -0.5
    held, once = data[np.flatnonzero(out)], torch.tensor(1 / size[out])
    marginals = []
    for column in data.bins.numpy().T:
        count = np.bincount(column[~out], chance, column.max() + 1) + 0.5
        marginals.append(count / count.sum())
    chosen = parents(data.bins.numpy()[~out], chance)
    model = Nade(marginals, copies, chosen)
    others = [value for name, value in model.named_parameters() if name != "tables"]
    optimizer = torch.optim.AdamW(
        [{"params": others, "weight_decay": 0.1}, {"params": [model.tables], "weight_decay": 1.0}]
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    best, state = math.inf, model.state_dict()
    for step in range(1, steps + 1):
        some = rng.choice(kept, 256, p=chance / chance.sum())
        loss = model.train()(data[some]).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 20.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step == steps:
            with torch.no_grad():
                nats = torch.cat([model.eval()(part) for part in held.parts()])
            value = float((nats * once).sum() / once.sum())
            if value < best:
                best, state = value, {k: v.clone() for k, v in model.state_dict().items()}
            print(f"step {step}: {float(loss.detach()):.1f}, held out {value:.1f} nats", flush=True)
    model.load_state_dict(state)
    return model, chosen, best


def main() -> None:
    """Read the voices, learn, and write the tensors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bank", type=Path, help="packed voices (.vmem) or dumps (.syx)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    voices = read_voices(options.bank)
    voices = voices[audible(voices)]
    columns = np.array([COLUMN[name] for name in ORDER])
    sounds = np.ascontiguousarray(voices[:, columns])
    family = families(sounds.astype(np.uint8), RELATED)
    names, member, sizes = np.unique(family, return_inverse=True, return_counts=True)
    print(f"{len(voices)} audible voices of {len(names)} families")
    chance = sizes[member] ** -0.5
    of = [binned(x, chance, int(LARGEST[c])) for x, c in zip(sounds.T, columns, strict=True)]
    bins = np.stack([b[x] for (b, _), x in zip(of, sounds.T, strict=True)], axis=1)
    shares = [f / np.bincount(b, f)[b] for b, f in of]
    within = np.stack([np.log(p[x]) for p, x in zip(shares, sounds.T, strict=True)], axis=1)
    places = [[PLACE[source] for source in sources(name)] for name in ORDER]
    copies = np.array([len(p) for p in places])
    equal = np.zeros((*sounds.shape, copies.max()), dtype=bool)
    for i, found in enumerate(places):
        equal[:, i, : len(found)] = sounds[:, [i]] == sounds[:, found]
    data = Data(
        torch.tensor(bins),
        torch.tensor(within[..., None], dtype=torch.float32),
        torch.tensor(equal),
    )
    model, chosen, nats = train(data, copies, family, options.seed, options.steps)

    state = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    used = np.array([b[-1] + 1 for b, _ in of])
    flat = {
        "weights": used,
        "biases": used,
        "gates": copies + 1,
        "gate_biases": copies + 1,
        "matches": copies,
    }
    cut = {
        name: np.concatenate([row[:n] for row, n in zip(state[name], sizes, strict=True)])
        for name, sizes in flat.items()
    }
    tables = np.split(state["tables"], model.tops.numpy().ravel()[1:])
    widths = np.repeat(used, chosen.shape[1])
    tensors = {
        "parents": np.where(chosen < 0, 255, columns[chosen]).astype(np.uint8),
        "tables": np.concatenate([t[:, :n].ravel() for t, n in zip(tables, widths, strict=True)]),
        "columns": columns.astype(np.uint8),
        "copies": copies.astype(np.uint8),
        "sources": columns[np.concatenate([np.array(p, dtype=int) for p in places])].astype(
            np.uint8
        ),
        "bins": np.concatenate([b for b, _ in of]).astype(np.uint8),
        "frequencies": np.concatenate([f for _, f in of]).astype(np.float32),
        "embeddings": state["embeddings"],
        "start": state["start"],
        **cut,
    }
    ordered = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(ordered, options.output, {"voices": str(len(voices)), "nats": f"{nats:.2f}"})
    print(f"kept {nats:.1f} nats; {options.output}: {options.output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
