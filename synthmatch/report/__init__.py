"""A match as one HTML page: players, pictures, scores and parameters, and nothing to load.

The page holds all it shows, so it can be mailed, and opened without a network. Making
it needs Jinja and matplotlib, which the extra ``synthmatch[report]`` brings.

``contents`` says and checks what a page shows, and ``page`` lays it out by the ``templates``:
``players`` has its sounds, ``pictures`` draws what ``svg`` puts into the page, ``scores`` and
``parameter_tables`` make the tables, ``formatting`` writes numbers and notes.
"""

from __future__ import annotations

from .contents import ReportUnavailableError, require_packages, write_report
from .formatting import describe_note

__all__ = ["ReportUnavailableError", "describe_note", "require_packages", "write_report"]
