"""Errors, warnings and signals as lines for people and exit statuses."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import click

from ..errors import SynthmatchError, SynthmatchWarning

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


class Group(click.Group):
    """Turns errors and warnings of synthmatch into one line each, errors into exit status 1."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Parse the arguments of the group."""
        with _one_line(Signals()):
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its context has the :class:`Signals` as ``obj``."""
        _tolerate_any_name()
        signals = ctx.obj = Signals()
        with _one_line(signals), signals.handled(), warnings.catch_warnings():
            warnings.showwarning = _shown_by(warnings.showwarning)
            result = super().invoke(ctx)
            sys.stdout.flush()  # while a full disk can still be reported
            return result


@contextlib.contextmanager
def _one_line(signals: Signals) -> Iterator[None]:
    try:
        try:
            yield
        except Exception as error:
            if signals.lost:
                raise KeyboardInterrupt from error
            raise
    except SynthmatchError as error:
        _fail(str(error), 1)
    except MemoryError as error:
        _fail(f"not enough memory {f'({error})' if str(error) else ''}".strip(), 1)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(signals.status)
    except BrokenPipeError:
        raise  # click's own business: the reader has gone
    except OSError as error:
        if error.filename is None:  # standard output, which can be a file on a full disk
            _drop_output()
        where = f"{error.filename}: " if error.filename is not None else ""
        _fail(f"{where}{error.strerror or error}", 1)


def _fail(text: str, status: int) -> None:
    click.echo(f"error: {' '.join(text.split())}", err=True)
    sys.exit(status)


def one_line(error: Exception) -> str:
    """Return an error in one line; of one that is not synthmatch's, with its type."""
    name = "" if isinstance(error, SynthmatchError) else f"{type(error).__name__}: "
    return " ".join(f"{name}{error}".split())


def interrupted_status() -> int:
    """Return the exit status of the current command, which was interrupted: 130 or 143."""
    signals = click.get_current_context().find_object(Signals)
    return signals.status if signals is not None else 128 + signal.SIGINT


def _drop_output() -> None:
    """Throw away what is still to be written, so that the interpreter does not try at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tolerate_any_name() -> None:
    """Print the bytes of file names that are no text as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _shown_by(otherwise: Callable[..., None]) -> Callable[..., None]:
    """Return a ``showwarning`` that prints synthmatch's own warnings as people read them."""

    def show(message: Warning, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, SynthmatchWarning):
            click.echo(f"warning: {message}", err=True)
        else:
            otherwise(message, category, *where, **more)

    return show
