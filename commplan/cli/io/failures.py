"""Exit codes: 1 where the answer is no, 2 for wrong input or output, 130 and 70 for the rest."""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress

import click

from topologies.formats import atomic
from topologies.model.errors import BUG, INTERRUPTED, NO, WRONG_INPUT, CommplanError
from topologies.model.messages import one_line
from topologies.model.registry import PluginError


class RefusedError(CommplanError, ValueError):
    """The answer is no; a line for each reason."""

    exit_code = NO


class UnwritableError(CommplanError, ValueError):
    """What was answered cannot be written where it should go."""

    exit_code = WRONG_INPUT


def run_reporting(work: Callable[[], int], debug: bool) -> int:
    """Do the work; turn what it raises into lines on standard error and an exit code."""
    try:
        return work()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_INPUT
    except click.ClickException as error:
        # What the user wrote may hold line ends, and click lists choices one a line.
        say(" ".join(error.format_message().split()))
        return WRONG_INPUT
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return _unread()
    except MemoryError as error:
        say(f"out of memory{': ' if str(error) else ''}{error}")
        return NO
    except Exception as error:
        if isinstance(error, CommplanError) and error.exit_code != BUG:
            say(f"{_verdict(error)}{error}")
            return error.exit_code
        if debug:
            traceback.print_exception(error, file=sys.stderr)
        what = " ".join(str(error).split())
        say(f"internal error: {type(error).__name__}: {what} (--debug shows the trace)")
        return BUG


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """Show a warning: in our way where a package of others is of no use, else in Python's."""
    if isinstance(message, PluginError):
        say(str(message))
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
        click.echo(text, nl=False, err=True)


def say(message: str) -> None:
    """Print each line of a message on standard error, after our name."""
    for line in message.splitlines() or [""]:
        with suppress(OSError):
            click.echo(f"commplan: {one_line(line)}", err=True)


def hand_over(text: str) -> None:
    """Print the whole answer on standard output.

    Raises:
        UnwritableError: it cannot be written.
        BrokenPipeError: whoever read it has gone.
    """
    if sys.stdout is None:
        raise UnwritableError("standard output: closed")
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop(sys.stdout.fileno())
        reason = (error.strerror or str(error)).lower()
        raise UnwritableError(f"standard output: {reason}") from None


def write_file(path: str, content: str | bytes) -> None:
    """Write a file that a command was asked for, whole or not at all.

    Raises:
        UnwritableError: with the reason.
    """
    try:
        atomic.write(path, content)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnwritableError(f"{path}: {reason}") from None


def drop(descriptor: int) -> None:
    """Let what is still to be written vanish; Python would try again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _unread() -> int:
    """End as every command does whose reader has gone: by the signal, without a word."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
    return NO


def _verdict(error: Exception) -> str:
    """Tell the impossible from what was not found."""
    from solvers.lp.linear_program import Infeasible, NotFound  # slow to load

    if isinstance(error, Infeasible):
        return "proved impossible: "
    return "not found in time (not proved): " if isinstance(error, NotFound) else ""
