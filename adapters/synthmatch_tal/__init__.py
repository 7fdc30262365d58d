"""TAL-NoiseMaker for synthmatch: a virtual-analogue synth, its preset files, and a prior.

Registered as ``tal``. Nothing but this package is needed to render without effects; the
plug-in is not.
"""

from __future__ import annotations

from .synth import Tal

__all__ = ["Tal"]
