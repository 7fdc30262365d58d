"""A network of any note on a setting that it was not trained on: its own audio, its own space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..audio import resample
from ..audio.framing import fit_length
from ..errors import WeightsError
from ..parameters import FloatArray, IntArray
from ..settings import Source
from ..synth import AudioArray
from .contestants import Prediction, one_hot

if TYPE_CHECKING:
    from ..estimators.masked import MaskedTransformer

_CHUNK = 64


class NoteModel:
    """The likeliest class of each parameter, as a patch of the setting's own space.

    The network is given the setting's note, and shown what the setting holds fixed of the
    parameters that it estimates.

    Parameters
    ----------
    estimator : MaskedTransformer
        In evaluation mode.
    source : Source
        Whose sounds, of any rate and length, it is given.

    Raises
    ------
    WeightsError
        If the space of the setting has not all that the network can answer.
    """

    def __init__(self, estimator: MaskedTransformer, source: Source) -> None:
        self.estimator = estimator
        self.source = source
        own, space = estimator.head.space, source.synth.space
        held = {name: value for name, value in space.frozen.items() if name in own.names}
        self._space = own.freeze(held) if own.synth == space.synth else own
        if not space.includes(self._space):
            raise WeightsError(
                f"this model does not fit {source.setting.name}: its answers are no patches of it"
            )
        self._shown = np.array([name in held for name in own.names])
        self._known = own.encode(held)

    def __call__(self, audio: AudioArray, numbers: IntArray) -> Prediction:
        """Return the prediction of the network."""
        import torch

        estimator, head = self.estimator, self.estimator.head
        note, rate = self.source.setting.note, self.source.setting.sample_rate
        device = next(estimator.parameters()).device
        played = torch.tensor([note.pitch, note.velocity, note.held], device=device)
        classes = head.classes(torch.from_numpy(self._known[None]).to(device))
        shown = torch.from_numpy(self._shown[None]).to(device)
        made: list[FloatArray] = []
        with torch.inference_mode():
            for start in range(0, len(audio), _CHUNK):
                some = [resample(s, rate, estimator.sample_rate) for s in audio[start:][:_CHUNK]]
                sounds = np.stack([fit_length(sound, estimator.samples) for sound in some])
                encoded = estimator.encode(
                    torch.from_numpy(sounds).to(device), played.expand(len(some), -1)
                )
                output = estimator.fill(encoded, classes, shown)
                made.append(head.decode(output).cpu().numpy().astype(np.float64))
        vectors = np.clip(np.concatenate(made), 0.0, 1.0)[:, ~self._shown]
        space = self.source.synth.space
        adopted = space.adopt(self._space, vectors)
        return Prediction(adopted, one_hot(space.to_classes(adopted), space))
