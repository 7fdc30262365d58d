"""The real Massive, hosted in worker processes and programmed parameter by parameter.

``hosted``
    The plug-in as something that plays presets.
``instrument``
    What runs inside a worker; it works round Massive's reset.
``states``
    Massive's own presets, written and read through the plug-in.
``probes``
    Presets that tell whether it obeys.
``diagnosis``
    What ``synthmatch doctor`` says of it.
"""

from __future__ import annotations

from .diagnosis import diagnose
from .hosted import VARIABLE, Plugin, locate
from .instrument import BASE
from .states import read_state, write_state

__all__ = ["BASE", "VARIABLE", "Plugin", "diagnose", "locate", "read_state", "write_state"]
