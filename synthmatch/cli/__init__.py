"""The command line: thin wrappers, one error line, no heavy import until a command runs.

``commands`` has the group and the small commands; ``match``, ``training`` and ``doctor`` have
theirs; ``diagnosis`` is what the doctor looks at.
"""

from __future__ import annotations

from .commands import main

__all__ = ["main"]
