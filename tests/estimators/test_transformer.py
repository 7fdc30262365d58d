"""The Audio Spectrogram Transformer at the paper's size, and its baselines."""

import pytest
import torch

from synthmatch.errors import ParameterError
from synthmatch.estimators import build
from synthmatch.estimators.spectrogram_transformer import Block
from synthmatch.parameters import Parameter, ParameterSpace

MASSIVE = ParameterSpace("massive", [Parameter.continuous(f"p{i}", 0, 1) for i in range(16)])


def weights_of(module):
    return sum(p.numel() for p in module.parameters())


def test_the_paper_size_is_vit_base():
    # ViT-B/16 has 86,567,656 weights: 590,592 to embed 3-channel patches, 768 in the
    # class token, 197 x 768 positions, 769,000 in the classifier, the rest in the encoder.
    encoder = 86_567_656 - 590_592 - 768 - 197 * 768 - 769_000
    made = build("ast", MASSIVE, sample_rate=44100, samples=4 * 44100, layers=1)
    assert made.config["layers"] == 1
    norm = 2 * 768
    assert 12 * (weights_of(made.encoder) - norm) + norm == encoder
    assert made.patches.weight.shape == (768, 1, 16, 16)
    assert [m.out_features for m in made.neck if isinstance(m, torch.nn.Linear)] == [768] * 3
    assert made.output.out_features == 16


def test_patches_tile_the_spectrogram():
    made = build("ast", MASSIVE, sample_rate=44100, samples=4 * 44100, layers=1)
    assert made.front.shape == (1, 64, 401)
    assert made.padding == 5  # 401 + 5 = 16 + 65 * 6
    assert made.positions.shape == (1, 1 + 9 * 66, 768)
    assert made.config["stride"] == 0
    assert made.patches.stride == (6, 6)


def test_the_small_one_is_small():
    made = build("ast-small", MASSIVE, sample_rate=16384, samples=16384)
    assert weights_of(made) < 3e6
    assert len(made.encoder) == 7


def test_a_block_is_torchs_own_encoder_layer():
    block = Block(24, 3).eval()
    layer = torch.nn.TransformerEncoderLayer(
        24, 3, 96, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    layer.norm1.eps = layer.norm2.eps = 1e-6
    layer.load_state_dict(
        {
            "self_attn.in_proj_weight": block.queries_keys_values.weight,
            "self_attn.in_proj_bias": block.queries_keys_values.bias,
            "self_attn.out_proj.weight": block.mix.weight,
            "self_attn.out_proj.bias": block.mix.bias,
            "linear1.weight": block.mlp[0].weight,
            "linear1.bias": block.mlp[0].bias,
            "linear2.weight": block.mlp[2].weight,
            "linear2.bias": block.mlp[2].bias,
            "norm1.weight": block.before_attention.weight,
            "norm1.bias": block.before_attention.bias,
            "norm2.weight": block.before_mlp.weight,
            "norm2.bias": block.before_mlp.bias,
        }
    )
    x = torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), layer(x), rtol=1e-4, atol=1e-5)


def test_shapes_that_make_no_sense_are_refused():
    with pytest.raises(ParameterError, match="heads"):
        build("ast", MASSIVE, sample_rate=8000, samples=4000, width=50, heads=3)
    with pytest.raises(ParameterError, match="patch"):
        build("ast", MASSIVE, sample_rate=8000, samples=4000, patch=70)


def test_the_baselines_have_the_papers_layers():
    made = build("ast-mlp", MASSIVE, sample_rate=8000, samples=8000)
    kinds = [type(m).__name__ for m in made.layers]
    assert kinds == ["Flatten", *["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 5]
    made = build("ast-cnn", MASSIVE, sample_rate=8000, samples=8000, width=2048)
    kinds = [type(m).__name__ for m in made.layers]
    assert kinds[:20] == ["Conv2d", "BatchNorm2d", "ReLU", "Dropout"] * 5
    convolutions = [m for m in made.layers if isinstance(m, torch.nn.Conv2d)]
    assert {(m.kernel_size, m.stride, m.out_channels) for m in convolutions} == {
        ((7, 7), (2, 2), 128)
    }
    linear = [m for m in made.layers if isinstance(m, torch.nn.Linear)]
    assert [m.out_features for m in linear] == [2048] * 5
    assert linear[0].in_features == 128 * 2 * 4
    assert all(m.p == 0.3 for m in made.layers if isinstance(m, torch.nn.Dropout))
