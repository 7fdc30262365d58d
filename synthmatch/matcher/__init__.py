"""From a recording to ranked presets.

``matcher`` has :class:`Matcher`, which ties the stages together, and ``match`` what it returns.
``arguments`` takes recordings, notes and budgets in any form, ``fitting`` trains, ``matching``
runs the stages of a match. ``target`` carries the recording and its note, ``finding`` starts
and runs the search, ``network`` asks a trained network, ``rates`` says at which sample rates
to compare, ``ranking`` picks the candidates that are returned, and ``saving`` writes them.
``several`` and ``multi_match`` do it on several synths under one budget.
"""

from __future__ import annotations

from ..objective import Candidate
from .match import Match
from .matcher import DEFAULT_SECONDS, Matcher
from .multi_match import MultiMatch
from .several import MultiMatcher

__all__ = ["DEFAULT_SECONDS", "Candidate", "Match", "Matcher", "MultiMatch", "MultiMatcher"]
