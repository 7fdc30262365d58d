"""The Audio Spectrogram Transformer for sound matching.

Bruford, Blang, Nercessian: Synthesizer sound matching using audio spectrogram transformers
(2024), section 2; the encoder is ViT-Base (Dosovitskiy et al. 2021, table 1), frames of 25
ms every 10 ms are AST's (Gong, Chung, Glass 2021, section 2.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from ..features import FrontEnd, LogMel, window_samples
from .estimator import Estimator
from .head import Head


def mel_front(sample_rate: int, samples: int, n_fft: int, hop: int, mels: int) -> FrontEnd:
    """Return a log mel spectrogram with one mean and deviation; 25 ms every 10 ms for 0."""
    feature = LogMel(
        sample_rate,
        n_fft or window_samples(sample_rate, 0.025),
        hop or max(1, round(0.01 * sample_rate)),
        mels,
        htk=True,
    )
    return FrontEnd(feature, samples, "global")


class Block(nn.Module):
    """One layer of a pre-norm transformer encoder (ViT, equations 2 and 3)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width, eps=1e-6)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens ``[b, tokens, width]`` for tokens of the same shape."""
        parts = self.queries_keys_values(self.before_attention(x))
        q, k, v = parts.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.mix(attended.transpose(1, 2).flatten(2))
        out: Tensor = x + self.mlp(self.before_mlp(x))
        return out


class SpectrogramTransformer(Estimator):
    """Overlapping patches of a mel spectrogram through a transformer, then an MLP neck.

    "ast" is the paper's size. "ast-small" (6 layers of 192 with 3 heads, patches 10 apart)
    trains on a laptop; it is ours.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    mels : int
        Mel bands.
    n_fft, hop : int
        Window and distance of frames in samples; 0 for the power of two nearest 25 ms, and
        10 ms.
    patch : int
        Side of the square patches in bands and frames, at most ``mels``.
    stride : int
        Distance of patches; 0 for 6, as printed (10 for "ast-small"). The spectrogram is
        padded with its mean, so that at least one patch fits and no frame is left out.
    width, layers, heads : int
        Of the transformer; 0 for 768, 12 and 12 (192, 6 and 3 for "ast-small").
    neck : int
        Layers, as wide as the transformer, between it and the output.
    """

    HEAD: ClassVar[Mapping[str, Any]] = {"head": "regression", "smoothing": 0.0}

    def __init__(
        self,
        architecture: str,
        head: Head,
        sample_rate: int,
        samples: int,
        *,
        mels: int = 64,
        n_fft: int = 0,
        hop: int = 0,
        patch: int = 16,
        stride: int = 0,
        width: int = 0,
        layers: int = 0,
        heads: int = 0,
        neck: int = 3,
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        small = architecture == "ast-small"
        stride = stride or (10 if small else 6)
        width = width or (192 if small else 768)
        layers = layers or (6 if small else 12)
        heads = heads or (3 if small else 12)
        if not 1 <= patch <= mels:
            raise ParameterError(f"a patch is 1 to {mels} (mels) bands wide, not {patch}")
        if width % heads:
            raise ParameterError(f"a width of {width} does not divide into {heads} heads")
        self.front = mel_front(sample_rate, samples, n_fft, hop, mels)
        frames = self.front.shape[2]
        self.padding = max(patch - frames, (patch - frames) % stride)
        rows = (mels - patch) // stride + 1
        columns = (frames + self.padding - patch) // stride + 1
        self.patches = nn.Conv2d(1, width, patch, stride)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + rows * columns, width))
        nn.init.trunc_normal_(self.token, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.encoder = nn.Sequential(
            *(Block(width, heads) for _ in range(layers)), nn.LayerNorm(width, eps=1e-6)
        )
        for name, parameter in self.encoder.named_parameters():
            if name.endswith("weight") and parameter.ndim == 2:
                nn.init.trunc_normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        self.neck = nn.Sequential(
            *(m for _ in range(neck) for m in (nn.Linear(width, width), nn.ReLU(inplace=True)))
        )
        self.output = nn.Linear(width, head.size)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        spectrogram = functional.pad(self.front(self.check_audio(audio)), (0, self.padding))
        patches = self.patches(spectrogram).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(audio), -1, -1).to(patches.dtype), patches], 1)
        encoded = self.encoder(tokens + self.positions)
        out: Tensor = self.output(self.neck(encoded[:, 0]))
        return out
