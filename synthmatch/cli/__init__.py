"""The command line: thin wrappers, one error line, no heavy import until a command runs.

``signals`` has interrupts; ``group`` turns errors, warnings and interrupts into lines and exit
statuses; ``commands`` puts the commands together. ``match`` (with the names of its files in
``jobs``), ``training``, ``sounds``, ``listing`` and ``doctor`` have them; ``diagnosis`` is what
the doctor finds.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.
    """
    from .signals import Signals

    signals = Signals()
    try:
        with signals.handled():  # loading takes long enough to be interrupted
            from .commands import commands

            commands.main(arguments, prog_name="synthmatch")
    except KeyboardInterrupt:
        raise SystemExit(signals.status) from None
    finally:
        # `python -m` ends by SIGINT, whatever the exit status, once an interrupt has left text
        # that is executed, as dataclasses and named tuples are; text that ends well undoes it.
        eval("None")
