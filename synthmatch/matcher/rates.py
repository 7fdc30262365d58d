"""The sample rates that a search compares at: low for most of it, higher at the end.

Where there are two, the distance at the first is a quick one.
"""

from __future__ import annotations

from .target import Target

_RATES = (16_000, 22_050, 32_000)  # Hz; the objective goes up to 16 kHz
_ABOVE = 0.1  # share of a sound that may lie above half the rate of the first stage
_WORTHWHILE = 0.8  # of a rate: a lower one that saves less is not used


def search_rates(target: Target, native: int) -> tuple[int, ...]:
    """Return one or two rates in Hz to search at for a synth of a native rate, in order.

    The first is the lowest at which little of the recording is lost.
    """
    highest = min(native, _RATES[-1])
    lower = [rate for rate in _RATES if rate <= _WORTHWHILE * highest]
    if not lower:
        return (highest,)
    objective = target.objective(highest)
    enough = (rate for rate in lower if objective.share_above(rate / 2) <= _ABOVE)
    first = next(enough, highest)
    return (first, highest) if first < highest else (highest,)
