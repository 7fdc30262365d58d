"""The conformance kit: one plain function for each rule that every synth keeps.

A rule takes a synth and raises :class:`ConformanceError` where the synth breaks it.
:func:`check_synth` runs them all; in a test suite, :func:`parametrize` gives each rule a
test of its own::

    import synthmatch.testing

    @synthmatch.testing.parametrize("plucked")
    def test_conformance(check):
        check()

All rules together render a few hundred short notes, and two for each parameter.

The rules lie in ``definition`` (attributes, space, capabilities), ``sound`` (rendering),
``knowledge`` (prior, own note, what is audible and what sounds alike) and ``files`` (presets);
``rules`` lists them, ``checking`` runs them, ``probes`` makes and compares their sounds.
"""

from __future__ import annotations

from .checking import check_synth, parametrize
from .probes import ConformanceError
from .rules import RULES, Rule

__all__ = ["RULES", "ConformanceError", "Rule", "check_synth", "parametrize"]
