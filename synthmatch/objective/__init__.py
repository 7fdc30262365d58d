"""How far a sound is from a target: the distance that ranks candidates and drives search.

Every sound is seen as mel power spectrograms with long, middle and short windows: the
long ones tell pitch and partials, the short ones attacks and rhythm. A candidate is
first brought to the power of the target, so that the shape of a sound counts and not its
gain, which in a recording means nothing. What is then compared is never negative and
close to loudness, so two sounds can be compared by their Bray-Curtis dissimilarity
``sum |a - b| / sum (a + b)``: 0 when they are identical, 1 when they have nothing in
common, which silence has with any sound, and the same either way round. (J. R. Bray and
J. T. Curtis, "An Ordination of the Upland Forest Communities of Southern Wisconsin",
Ecological Monographs 27, 1957.)

The terms:

``log``
    The three spectrograms in dB above a floor 70 dB under the target's peak.
``magnitude``
    The three spectrograms as power to the 1/4, in which quiet noise weighs little.
``envelope``
    Power over time to the 1/4, also smoothed more and more, so that an envelope that is
    a little late scores better than one that is very late.
``level``
    ``1 - exp(-|difference in dB| / 12)``, which saturates.
``cepstrum``
    ``1 - exp(-d / 12)`` of a distance ``d`` of mel-frequency cepstra (13 coefficients, the
    first of them included, windows of 25 ms): the RMS difference over time, then the mean
    over coefficients, as in Sound2Synth's MFCCD (appendix A), but at equal power and above
    a floor 55 dB under the target's peak. It tells the colour of a sound in its quiet parts
    as well as in its loud ones, and leads a search there by a smoother way.
"""

from __future__ import annotations

from .candidate import Candidate
from .objective import WEIGHTS, Features, Objective

__all__ = ["WEIGHTS", "Candidate", "Features", "Objective"]
