"""Running the rules: all of them on a synth, or one pytest test for each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..registry import load_synth
from ..synth import Synth
from .probes import ConformanceError, RuleDoesNotApplyError
from .rules import NEEDS, RULES, Rule

if TYPE_CHECKING:
    import pytest


def check_synth(synth: Synth) -> list[str]:
    """Check ``synth`` against all :data:`RULES`.

    Returns
    -------
    list of str
        Rules that could not be checked and why; normally empty.

    Raises
    ------
    ConformanceError
        If the synth breaks rules. The message has a line for each, which begins with the
        name of the rule, and one for each rule that could not be checked.
    """
    broken: dict[Rule, str] = {}
    left_out = []
    for rule in RULES:
        missing = _broken_before(rule, broken)
        if missing:
            left_out.append(f"{rule.__name__}: not checked, it needs {missing}")
            continue
        try:
            rule(synth)
        except RuleDoesNotApplyError as reason:
            left_out.append(f"{rule.__name__}: not checked, {reason}")
        except ConformanceError as error:
            broken[rule] = str(error)
        except Exception as error:
            broken[rule] = f"{type(error).__name__}: {error}"
    if broken:
        lines = [f"{rule.__name__}: {' '.join(text.split())}" for rule, text in broken.items()]
        raise ConformanceError("\n".join([*lines, *left_out]))
    return left_out


def _broken_before(rule: Rule, broken: dict[Rule, str]) -> str:
    """Return the names of broken rules that ``rule`` needs."""
    return " and ".join(needed.__name__ for needed in NEEDS.get(rule, ()) if needed in broken)


def parametrize(*synths: str | Synth | Callable[[], Synth]) -> pytest.MarkDecorator:
    """Return a pytest decorator that runs a test once for each synth and rule.

    The test takes one argument, ``check``, and calls it. Its id names synth and rule. A
    rule that needs one that was broken before it is skipped.

    Parameters
    ----------
    *synths : str, callable or Synth
        Registered names, classes or functions that make a synth, or synths. What has to
        be loaded or made is, when its first test runs.
    """
    import pytest

    def checks(source: str | Synth | Callable[[], Synth]) -> list[Any]:
        broken: dict[Rule, str] = {}

        @functools.cache
        def synth() -> Synth:
            if isinstance(source, str):
                return load_synth(source)
            return source() if callable(source) else source

        def check(rule: Rule) -> None:
            missing = _broken_before(rule, broken)
            if missing:
                pytest.skip(f"it needs {missing}")
            try:
                rule(synth())
            except RuleDoesNotApplyError as reason:
                pytest.skip(str(reason))
            except Exception as error:
                broken[rule] = str(error)
                raise

        named = getattr(source, "__name__", None) or getattr(source, "name", source)
        return [
            pytest.param(functools.partial(check, rule), id=f"{named}-{rule.__name__}")
            for rule in RULES
        ]

    return pytest.mark.parametrize("check", [c for source in synths for c in checks(source)])
