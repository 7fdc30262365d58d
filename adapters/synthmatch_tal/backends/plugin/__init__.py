"""The real TAL-NoiseMaker, hosted in worker processes and programmed through its state.

``hosted``
    The plug-in as something that plays presets.
``instrument``
    What runs inside a worker.
``probes``
    Presets that tell whether it takes its state, and presets whose sound depends on the past.
``diagnosis``
    What ``synthmatch doctor`` says of it.
"""

from __future__ import annotations

from .diagnosis import diagnose
from .hosted import VARIABLE, Plugin
from .probes import draws, probe_presets

__all__ = ["VARIABLE", "Plugin", "diagnose", "draws", "probe_presets"]
