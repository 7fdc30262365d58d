"""Interrupts: SIGTERM as Ctrl-C, and none lost. It loads nothing, so that it can be there first."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

_AGAIN = 0.05  # seconds after which an interrupt that was lost is made again


class Signals:
    """Makes SIGTERM interrupt a command as Ctrl-C does, and remembers which of them it was.

    An exception that is raised while C code calls back, as a compiler does, goes no further: the
    interpreter reports it and goes on. So an interrupt that ends like that is made again.

    Attributes
    ----------
    lost : bool
        Whether one was: what fails after it may fail for what it left half done.
    """

    def __init__(self) -> None:
        self._received: int = signal.SIGINT
        self.lost = False

    @property
    def status(self) -> int:
        """The exit status of a command that was interrupted: 130 or 143."""
        return 128 + self._received

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Interrupt the block on SIGTERM, and on Ctrl-C even where the first is lost."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before, report = signal.signal(signal.SIGTERM, self._interrupt), sys.unraisablehook

        def lost(unraisable: sys.UnraisableHookArgs) -> None:
            if not issubclass(unraisable.exc_type, KeyboardInterrupt):
                report(unraisable)
                return
            self.lost = True
            again = threading.Timer(_AGAIN, _thread.interrupt_main, [self._received])
            again.daemon = True
            again.start()

        sys.unraisablehook = lost
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
            sys.unraisablehook = report

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._received = number
        raise KeyboardInterrupt
