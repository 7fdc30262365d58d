"""Parameters of a synthesizer, spaces of them, and patches.

A :class:`Parameter` is continuous (a native range, linear or logarithmic),
ordinal (a sorted list of native values) or categorical (a list of labels).
A :class:`ParameterSpace` is an ordered collection of them for one synth and
translates between three views of the same sound:

* a :class:`Patch`, native values by name;
* a *vector* in the unit cube, ``float64 [d]`` or in batches ``[n, d]``, with one
  coordinate for each free (not frozen) parameter;
* *classes*, ``int64 [n, d]``, what classification networks predict.

Native values of continuous parameters live on a fine grid (``1e-9`` of a linear
range, nine significant digits of a logarithmic one), so that
``decode(encode(patch)) == patch`` holds exactly and JSON keeps every digit.
"""

from __future__ import annotations

from .parameter import FloatArray, IntArray, Kind, Parameter, Scale, Value
from .patch import Patch
from .space import ParameterSpace

__all__ = [
    "FloatArray",
    "IntArray",
    "Kind",
    "Parameter",
    "ParameterSpace",
    "Patch",
    "Scale",
    "Value",
]
