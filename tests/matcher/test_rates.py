import numpy as np
import pytest

from synthmatch import Note
from synthmatch.audio import read_recording
from synthmatch.matcher.rates import search_rates
from synthmatch.matcher.target import Target

RATE = 44_100
NOTE = Note(69, 100, 1.0, 1.0)


def tone(frequency: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE).astype(np.float32)


def noise() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(RATE).astype(np.float32) / 8


@pytest.mark.parametrize(
    ("sound", "native", "rates"),
    [
        (tone(440), 44_100, (16_000, 32_000)),
        (tone(440), 96_000, (16_000, 32_000)),
        (tone(440), 22_050, (16_000, 22_050)),
        (tone(440), 16_384, (16_384,)),
        (tone(440), 8_000, (8_000,)),
        (tone(9_500), 44_100, (22_050, 32_000)),
        (tone(13_000), 44_100, (32_000,)),
        (noise(), 44_100, (32_000,)),
        (np.zeros(RATE, np.float32), 44_100, (16_000, 32_000)),
    ],
    ids=["low", "fast", "22", "jsyn", "slow", "high", "higher", "noise", "silence"],
)
def test_the_first_rate_is_the_lowest_that_hears_the_recording(sound, native, rates):
    class Sound:
        """As much of a recording as is needed: silence is not a recording."""

        def at(self, rate: int) -> np.ndarray:
            return sound if not sound.any() else read_recording(sound, RATE).at(rate)

    assert search_rates(Target(Sound(), NOTE), native) == rates
