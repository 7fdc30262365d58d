"""The real Dexed, hosted in worker processes and programmed through its state.

``hosted``
    The plug-in as something that plays voices.
``probes``
    Voices that tell whether it takes its state, and voices whose sound depends on the past.
``diagnosis``
    What ``synthmatch doctor`` says of it.
"""

from __future__ import annotations

from .diagnosis import diagnose
from .hosted import VARIABLE, Plugin
from .probes import probe_voices, runs_freely

__all__ = ["VARIABLE", "Plugin", "diagnose", "probe_voices", "runs_freely"]
