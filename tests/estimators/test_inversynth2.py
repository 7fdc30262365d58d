"""The encoder and decoder of InverSynth II."""

import pytest
import torch

from synthmatch.estimators import build
from synthmatch.estimators.inversynth2 import Decoder, map_sizes
from synthmatch.parameters import Parameter, ParameterSpace

# The nine parameters of the paper's FM synthesizer: 104 classes.
BUCKETS = (3, 12, 20, 31, 4, 5, 8, 5, 16)
FM = ParameterSpace(
    "fm", [Parameter.categorical(f"p{i}", list(range(n))) for i, n in enumerate(BUCKETS)]
)


def test_the_papers_spectrogram_and_the_public_codes_maps():
    made = build("inversynth2", FM, sample_rate=16384, samples=16384)
    assert made.size == (257, 129)
    assert made.head.size == 104
    maps = made.layers(torch.zeros(1, 1, 257, 129))
    assert maps.shape == (1, 2048, 3, 2)
    linear = next(m for m in made.output if isinstance(m, torch.nn.Linear))
    assert (linear.in_features, linear.out_features) == (12288, 104)
    hidden = [m for m in made.layers if isinstance(m, torch.nn.Conv2d)]
    assert len(hidden) + 1 == 9
    assert made.front.normalise == "range"


def test_mel_spectrograms_of_the_dx7_data():
    made = build("inversynth2", FM, sample_rate=22050, samples=66150, n_fft=1024, mels=257)
    assert made.size == (257, 259)


@pytest.mark.parametrize("size", [(257, 129), (257, 347), (40, 17), (5, 1), (6, 2)])
def test_the_decoder_mirrors_the_encoder(size):
    decoder = Decoder(7, size).eval()
    assert decoder.bottom == map_sizes(size)[-1]
    spectrogram = decoder(torch.rand(2, 7))
    assert spectrogram.shape == (2, 1, *size)
    assert spectrogram.abs().max() <= 1
    hidden = [m for m in decoder.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert len(hidden) + 1 == 9


def test_gradients_flow_from_the_spectrogram_to_the_encoder():
    made = build("inversynth2", FM, sample_rate=4000, samples=1000)
    decoder = made.decoder()
    torch.manual_seed(0)
    audio = torch.randn(4, 1000)
    loss = (decoder(made.head.predictions(made(audio))) - made.front(audio)).abs().mean()
    loss.backward()
    assert all(p.grad is not None for p in [*made.parameters(), *decoder.parameters()])
    assert made.layers[0].weight.grad.abs().sum() > 0


def test_the_decoder_learns_a_synth_of_two_sounds():
    torch.manual_seed(0)
    made = build("inversynth2", FM, sample_rate=4000, samples=1000)
    t = torch.arange(1000) / 4000
    audio = torch.stack([torch.sin(2 * torch.pi * 200 * t), torch.sin(2 * torch.pi * 900 * t)])
    made.fit_normalisation([audio])
    with torch.no_grad():
        target = made.front(audio)
    vectors = torch.zeros(2, len(FM))
    vectors[1] = 1.0
    decoder = made.decoder()
    optimiser = torch.optim.Adam(decoder.parameters(), 1e-3)
    losses = []
    for _ in range(30):
        loss = (decoder(made.head.targets(vectors)) - target).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
