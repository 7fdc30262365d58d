"""A match as one HTML page: players, pictures, scores and parameters, and nothing to load.

The page holds all it shows, so it can be mailed, and opened without a network. Drawing
it needs matplotlib, which the extra ``synthmatch[report]`` brings.

``contents`` says and checks what a page shows, ``pictures`` draws, ``page`` lays it out.
"""

from __future__ import annotations

from .contents import ReportCandidate, ReportMetric, report_match, write_report
from .pictures import ReportUnavailableError

__all__ = [
    "ReportCandidate",
    "ReportMetric",
    "ReportUnavailableError",
    "report_match",
    "write_report",
]
