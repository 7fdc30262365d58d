"""A struck metal bar for synthmatch: one class is a whole adapter."""

import numpy as np

from synthmatch import Parameter, ParameterSpace


class Chime:
    """A decaying sine whose phase another one modulates (two-operator FM)."""

    name = "chime"
    sample_rate = 44100
    space = ParameterSpace(
        "chime",
        [
            Parameter.categorical("ratio", [1.0, 1.41, 2.0, 3.5, 5.4]),
            Parameter.continuous("brightness", 0.0, 5.0, default=1.0),
            Parameter.continuous("decay", 0.1, 5.0, default=1.0, scale="log", unit="s"),
            Parameter.continuous("level", -30.0, 0.0, default=-6.0, unit="dB"),
        ],
    )

    def render(self, patch, note, sample_rate):
        """Return ``float32 [samples]``: the same patch and note always sound the same."""
        t = np.arange(note.samples(sample_rate)) / sample_rate
        phase = 2 * np.pi * note.frequency * t
        envelope = 10 ** (-3 * t / patch["decay"])  # 60 dB in ``decay`` seconds
        bend = patch["brightness"] * envelope * np.sin(patch["ratio"] * phase)
        gain = 10 ** (patch["level"] / 20) * note.velocity / 127
        return (gain * envelope * np.sin(phase + bend)).astype(np.float32)
