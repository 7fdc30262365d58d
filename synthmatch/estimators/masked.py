"""A network that fills in a patch: some parameters known, the others drawn given the sound.

The parameters are tokens of a transformer, a few of one ``Parameter.group`` each. In
training a random share of the parameters is shown and the others are to be predicted (as BERT
does it: Devlin et al. 2019, section 3.1). With none shown it is the factorised classifier of
the sound-matching papers; shown more from round to round, it draws whole patches whose
parameters agree with each other (Chang et al.: MaskGIT, 2022, section 3.2); with part of a
patch shown, it proposes the rest.
"""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ParameterError
from ..parameters import IntArray, Kind, Parameter
from .estimator import Estimator
from .head import Head
from .note_pictures import HARMONIC_SHAPE, TIME_SHAPE, NotePictures, multiples
from .prime_dilated import RatioConvolution
from .spectrogram_transformer import Block

ROUNDS = 12
"""In which the parameters of a patch are drawn, a few more known in each."""
VIEWS = ("both", "harmonics", "times")
"""Pictures of a note that a network may look at."""
_STACK = 3  # prime-dilated convolutions after a plain one, as Sound2Synth has them
_BY_TOKEN = 0.5  # share of the others of which whole tokens are shown or hidden


class MaskedTransformer(Estimator):
    """Two small convolutional networks on pictures of a note, then a transformer over groups.

    Groups of like parameters (the operators of an FM synth, say) share their weights, but for
    a bias of each class and a vector of each token. It knows the note that is played.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    width, layers, heads : int
        Of the transformer.
    hidden : int
        Numbers that a sound is summed up in.
    channels : int
        Of the last convolutions.
    stack : int
        Parameters of a group in one token, at most.
    pitch, velocity, held : float
        MIDI note, velocity, and seconds until the release, of sounds that come without.
    dropout : float
        Of the summary of a sound.
    views : {"both", "harmonics", "times"}
        Which of the two pictures of :class:`NotePictures` it looks at.
    primes : int
        How many of the smallest primes the first two convolutions of the harmonic picture are
        dilated by (Sound2Synth, section 2.3); 0 for plain ones.
    none_shown : float
        Share of training sounds of which no parameter is shown. With 1 it is the factorised
        classifier, and a patch is drawn at once.
    """

    KNOWS_NOTE: ClassVar[bool] = True

    _slots: Tensor
    _hidden_rows: Tensor
    _first_rows: Tensor
    _order: Tensor

    def __init__(
        self,
        architecture: str,
        head: Head,
        sample_rate: int,
        samples: int,
        *,
        width: int = 128,
        layers: int = 3,
        heads: int = 4,
        hidden: int = 512,
        channels: int = 96,
        stack: int = 8,
        pitch: float = 60.0,
        velocity: float = 100.0,
        held: float = 1.0,
        dropout: float = 0.1,
        views: str = "both",
        primes: int = 0,
        none_shown: float = 0.35,
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        if stack < 1 or not heads or width % heads:
            raise ParameterError(
                f"a token has at least 1 parameter, and its width divides into heads; "
                f"not {stack} parameters and {width} in {heads}"
            )
        if views not in VIEWS:
            raise ParameterError(f"no view named {views!r}; use one of {', '.join(VIEWS)}")
        self.note = (float(pitch), float(velocity), float(held))
        self.none_shown = float(none_shown)
        self.rounds = ROUNDS if none_shown < 1 else 1
        self.pictures = NotePictures(sample_rate, samples)
        self.harmonics = _harmonics(channels, hidden, primes) if views != "times" else None
        self.times = _times(channels, hidden) if views != "harmonics" else None
        self.played = nn.Linear(3, hidden)
        self.mix = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
        )
        tokens = _tokens(head.space.free, stack)
        self.spread = nn.Linear(hidden, len(tokens) * width)
        self.blocks = nn.Sequential(
            *(Block(width, heads) for _ in range(layers)), nn.LayerNorm(width)
        )
        self._index(head, tokens, width)
        self.biases = nn.Parameter(torch.zeros(head.size))

    def _index(self, head: Head, tokens: list[list[int]], width: int) -> None:
        """Make the tables that like tokens share, and where each parameter is in them."""
        free = head.space.free
        kinds: dict[tuple[tuple[Kind, int], ...], list[int]] = {}
        widths = [part.stop - part.start for part in head.slices]
        for number, members in enumerate(tokens):
            key = tuple((free[i].kind, free[i].classes) for i in members)
            kinds.setdefault(key, []).append(number)
        slots = torch.full((len(tokens), max(map(len, tokens))), len(free))
        for number, members in enumerate(tokens):
            slots[number, : len(members)] = torch.tensor(members)
        first, hidden_rows = torch.zeros(len(free), dtype=torch.long), torch.zeros(len(free))
        row, columns = 1, []  # row 0 stands for a place without a parameter
        outputs = []
        for key, numbers in kinds.items():
            across = sum(widths[i] for i in tokens[numbers[0]])
            outputs.append(nn.Linear(width, across, bias=False))
            ends = list(itertools.accumulate(classes + 1 for _, classes in key))
            for number in numbers:
                for member, end, (_, classes) in zip(tokens[number], ends, key, strict=True):
                    first[member] = row + end - 1 - classes
                    hidden_rows[member] = row + end - 1
                    columns.append(torch.arange(head.size)[head.slices[member]])
            row += ends[-1]
        self.outputs = nn.ModuleList(outputs)
        self._kinds = list(kinds.values())
        self.known = nn.EmbeddingBag(row, width, mode="sum", padding_idx=0)
        nn.init.normal_(self.known.weight, std=0.02)
        with torch.no_grad():
            self.known.weight[0] = 0.0
        order = torch.empty(head.size, dtype=torch.long)
        order[torch.cat(columns)] = torch.arange(head.size)
        self.register_buffer("_slots", slots, persistent=False)
        self.register_buffer("_first_rows", first, persistent=False)
        self.register_buffer("_hidden_rows", hidden_rows.long(), persistent=False)
        self.register_buffer("_order", order, persistent=False)

    def forward(self, audio: Tensor, note: Tensor | None = None) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``, nothing known.

        Parameters
        ----------
        audio : Tensor ``float32 [b, samples]``
            From the onset on.
        note : Tensor ``float32 [b, 3]``, optional
            MIDI note, velocity, and seconds until the release; that of the options if none.
        """
        return self.fill(self.encode(audio, note))

    def encode(self, audio: Tensor, note: Tensor | None = None) -> Tensor:
        """Return what a sound says about each token, ``[b, tokens, width]``."""
        if note is None:
            note = torch.tensor(self.note, device=audio.device).expand(len(audio), -1)
        harmonics, times = self.pictures(self.check_audio(audio), note[:, 0], note[:, 2])
        return self.encode_pictures(harmonics, times, note)

    def encode_pictures(self, harmonics: Tensor, times: Tensor, note: Tensor) -> Tensor:
        """Return what the pictures of a sound say about each token, ``[b, tokens, width]``."""
        pitch, velocity, held = note.unbind(1)
        played = torch.stack(
            [(pitch - 60.0) / 12.0, velocity / 64.0 - 1.0, held.clamp_min(0.01).log2()], dim=1
        )
        summed = self.played(played)
        if self.harmonics is not None:
            summed = summed + self.harmonics(harmonics[:, None] - 0.3)
        if self.times is not None:
            summed = summed + self.times(times - 0.3)
        spread: Tensor = self.spread(self.mix(summed))
        return spread.view(len(note), len(self._slots), -1)

    def fill(
        self, encoded: Tensor, classes: Tensor | None = None, shown: Tensor | None = None
    ) -> Tensor:
        """Return the output ``[b, head.size]``, given an encoded sound and part of a patch.

        Parameters
        ----------
        encoded : Tensor ``[b, tokens, width]``
            What :meth:`encode` returned.
        classes : Tensor ``int64 [b, d]``, optional
            Classes of the parameters.
        shown : Tensor ``bool [b, d]``, optional
            Which of them are known; none by default.
        """
        rows = self._hidden_rows.expand(len(encoded), -1)
        if classes is not None and shown is not None:
            rows = torch.where(shown, self._first_rows + classes, rows)
        rows = nn.functional.pad(rows, (0, 1))[:, self._slots.flatten()]
        known = self.known(rows.reshape(-1, self._slots.shape[1])).view(encoded.shape)
        tokens = self.blocks(encoded + known)
        parts = [
            output(tokens[:, numbers]).flatten(1)
            for output, numbers in zip(self.outputs, self._kinds, strict=True)
        ]
        return torch.cat(parts, dim=1)[:, self._order] + self.biases

    @property
    def tokens(self) -> IntArray:
        """The number of the token ``[d]`` that each parameter is in."""
        slots = self._slots.cpu().numpy()
        rows = np.empty(len(self._first_rows) + 1, dtype=np.int64)
        rows[slots] = np.arange(len(slots))[:, None]
        return rows[: len(self._first_rows)]

    def hide(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Return which parameters are shown in training, ``bool [count, d]``, at random."""
        device = self.biases.device
        share = torch.rand(count, 3, device=device, generator=generator)
        chance = torch.where(share[:, 1] < self.none_shown, 0.0, share[:, 0])[:, None]
        tokens, most = self._slots.shape
        by_one = torch.rand(count, tokens * most, device=device, generator=generator)
        by_token = torch.rand(count, tokens, device=device, generator=generator)
        by_token = by_token.repeat_interleave(most, 1)
        drawn = torch.where(share[:, 2:] < _BY_TOKEN, by_token, by_one) < chance
        shown = torch.zeros(count, len(self._first_rows) + 1, dtype=torch.bool, device=device)
        shown[:, self._slots.flatten()] = drawn
        shown = shown[:, :-1]
        return shown & ~shown.all(1, keepdim=True)  # something is left to predict of each

    def masked_loss(
        self, encoded: Tensor, vectors: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Return the scalar loss over the parameters of a random part of each patch.

        Parameters
        ----------
        encoded : Tensor ``[b, tokens, width]``
            What :meth:`encode` returned.
        vectors : Tensor ``[b, d]``
            True ones, in [0, 1].
        weights : Tensor ``[b, d]``, optional
            Importance; 0 for what cannot be encoded.
        """
        shown = self.hide(len(encoded))
        output = self.fill(encoded, self.head.classes(vectors), shown)
        counted = (~shown).float() if weights is None else weights * ~shown
        return self.head.loss(output, vectors, counted)

    def loss(self, audio: Tensor, vectors: Tensor) -> Tensor:
        """Return the scalar loss for sounds ``[b, samples]`` of ``vectors [b, d]``."""
        return self.masked_loss(self.encode(audio), vectors)

    @torch.no_grad()
    def complete(
        self,
        encoded: Tensor,
        vectors: Tensor,
        shown: Tensor,
        generator: torch.Generator,
        *,
        temperature: float = 1.0,
        rounds: int | None = None,
    ) -> Tensor:
        """Return ``vectors [b, d]`` with what is not ``shown [b, d]`` drawn, float32.

        In each round all that is open is drawn, and a share of it, at random, is kept.

        Parameters
        ----------
        encoded : Tensor ``[b, tokens, width]``
            What :meth:`encode` returned.
        vectors, shown : Tensor ``[b, d]``
            In [0, 1], and which of it to keep.
        generator : torch.Generator
            On the device of the network.
        temperature : float
            Below 1 keeps to what is likely, above 1 wanders; towards 0 it takes the
            likeliest of each.
        rounds : int, optional
            More than 0; :data:`ROUNDS` by default, and 1 of a network that was never shown
            anything.
        """
        rounds = self.rounds if rounds is None else rounds
        classes, kept = self.head.classes(vectors), shown
        rank = torch.rand(shown.shape, generator=generator, device=shown.device)
        rank = rank.masked_fill(shown, -1.0).argsort(1).argsort(1)
        start = shown.sum(1, keepdim=True)
        for turn in range(1, rounds + 1):
            output = self.fill(encoded, classes, kept)
            drawn = self.head.sample(output, 1, generator, temperature)[:, 0]
            classes = torch.where(kept, classes, self.head.classes(drawn))
            # few at first, when little is known: the schedule of MaskGIT's figure 3, cosine
            share = 1.0 - math.cos(0.5 * math.pi * turn / rounds)
            open_ = shown.shape[1] - start
            kept = rank < start + torch.ceil(share * open_)
        return torch.where(shown, vectors.float(), self.head.units(classes))


def _harmonics(channels: int, hidden: int, primes: int) -> nn.Sequential:
    """Return the network from harmonic pictures ``[b, 1, 80, 32]`` to ``[b, hidden]``."""
    widths = (1, max(1, channels // 4), max(1, channels // 2), channels)
    layers: list[nn.Module] = []
    for depth, (before, width) in enumerate(itertools.pairwise(widths)):
        size = 3 if depth else 5
        convolution: nn.Module = nn.Conv2d(before, width, size, 2, size // 2, bias=False)
        if primes and depth < 2:
            rows = multiples()[:: 2 ** (depth + 1)].contiguous()
            dilated = RatioConvolution(width, rows, primes, _STACK)
            convolution = nn.Sequential(convolution, dilated)
        layers += _layer(convolution, nn.BatchNorm2d(width))
    cells = math.prod(-(-n // 8) for n in HARMONIC_SHAPE)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * cells, hidden))


def _times(channels: int, hidden: int) -> nn.Sequential:
    """Return the network from pictures of fine time ``[b, 25, 240]`` to ``[b, hidden]``."""
    bands, moments = TIME_SHAPE
    half = max(1, channels // 2)
    return nn.Sequential(
        *_layer(nn.Conv1d(bands, half, 9, 4, 4, bias=False), nn.BatchNorm1d(half)),
        *_layer(nn.Conv1d(half, channels, 5, 2, 2, bias=False), nn.BatchNorm1d(channels)),
        *_layer(nn.Conv1d(channels, channels, 5, 2, 2, bias=False), nn.BatchNorm1d(channels)),
        nn.Flatten(),
        nn.Linear(channels * (moments // 16), hidden),
    )


def _layer(convolution: nn.Module, norm: nn.Module) -> tuple[nn.Module, ...]:
    return convolution, norm, nn.ReLU(inplace=True)


def _tokens(free: tuple[Parameter, ...], most: int) -> list[list[int]]:
    """Return the parameters of each token: those of a group in their order, some at a time."""
    groups: dict[str, list[int]] = {}
    for i, parameter in enumerate(free):
        groups.setdefault(parameter.group, []).append(i)
    return [
        members[start : start + most]
        for members in groups.values()
        for start in range(0, len(members), most)
    ]
