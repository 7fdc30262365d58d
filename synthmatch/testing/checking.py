"""Running the rules: all of them on a synth, or one pytest test for each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..registry import load_synth
from ..synth import Synth
from .probes import ConformanceError, RuleDoesNotApplyError
from .rules import RULES, Rule

if TYPE_CHECKING:
    import pytest


def check_synth(synth: Synth) -> list[str]:
    """Check ``synth`` against all :data:`RULES`, in order, up to the first that it breaks.

    Returns
    -------
    list of str
        Rules that could not be checked and why; normally empty.

    Raises
    ------
    ConformanceError
        If the synth breaks a rule; the message begins with the name of the rule.
    """
    left_out = []
    for rule in RULES:
        try:
            rule(synth)
        except RuleDoesNotApplyError as reason:
            left_out.append(f"{rule.__name__}: {reason}")
        except ConformanceError as error:
            raise ConformanceError(f"{rule.__name__}: {error}") from error
        except Exception as error:
            raise ConformanceError(f"{rule.__name__}: {type(error).__name__}: {error}") from error
    return left_out


def parametrize(*synths: str | Synth | Callable[[], Synth]) -> pytest.MarkDecorator:
    """Return a pytest decorator that runs a test once for each synth and rule.

    The test takes one argument, ``check``, and calls it. Its id names synth and rule.

    Parameters
    ----------
    *synths : str, callable or Synth
        Registered names, classes or functions that make a synth, or synths. What has to
        be loaded or made is, when its first test runs.
    """
    import pytest

    def checks(source: str | Synth | Callable[[], Synth]) -> list[Any]:
        @functools.cache
        def synth() -> Synth:
            if isinstance(source, str):
                return load_synth(source)
            return source() if callable(source) else source

        def check(rule: Rule) -> None:
            try:
                rule(synth())
            except RuleDoesNotApplyError as reason:
                pytest.skip(str(reason))

        named = getattr(source, "__name__", None) or getattr(source, "name", source)
        return [
            pytest.param(functools.partial(check, rule), id=f"{named}-{rule.__name__}")
            for rule in RULES
        ]

    return pytest.mark.parametrize("check", [c for source in synths for c in checks(source)])
