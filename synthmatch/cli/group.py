"""Errors, warnings and interrupts as lines for people and exit statuses."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import click

from ..errors import SynthmatchError, SynthmatchWarning
from .signals import Signals


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
