"""Exit codes: 1 where the answer is no, 2 where the input is wrong, 130 and 70 for the rest."""

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from runtime.launch import RunError
from runtime.mpi import LaunchError, MapError
from runtime.program import ProgramError
from solvers.collective import CollectiveError
from solvers.linear import Infeasible, NotFound
from solvers.schedule_file import ScheduleFileError
from topologies.symmetry import SymmetryError
from topologies.topology import TopologyError
from topologies.wording import one_line

NO, WRONG_INPUT, INTERRUPTED, BUG = 1, 2, 130, 70


class RefusedError(ValueError):
    """The answer is no; a line for each reason."""


WRONG = (TopologyError, CollectiveError, ScheduleFileError, SymmetryError, MapError)
REFUSED = (RefusedError, Infeasible, NotFound, ProgramError, LaunchError, RunError)


@contextmanager
def told(ctx: click.Context) -> Iterator[None]:
    """Turn what is raised into lines on standard error and an exit code."""
    try:
        yield
    except (click.exceptions.NoArgsIsHelpError, click.exceptions.Exit):
        raise
    except click.ClickException as error:
        say(error.format_message())
        ctx.exit(WRONG_INPUT)
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        ctx.exit(INTERRUPTED)
    except WRONG as error:
        say(str(error))
        ctx.exit(WRONG_INPUT)
    except REFUSED as error:
        say(f"{_verdict(error)}{error}")
        ctx.exit(NO)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise  # click ends quietly where nobody reads on
        _confess(ctx, error)
        ctx.exit(BUG)


def say(message: str) -> None:
    """Print each line of a message on standard error, after our name."""
    for line in message.splitlines() or [""]:
        click.echo(f"commplan: {one_line(line)}", err=True)


def _verdict(error: Exception) -> str:
    """Tell the impossible from what was not found."""
    if isinstance(error, Infeasible):
        return "proved impossible: "
    return "not found in time (not proved): " if isinstance(error, NotFound) else ""


def _confess(ctx: click.Context, error: Exception) -> None:
    if ctx.meta.get("commplan.debug"):
        traceback.print_exception(error, file=sys.stderr)
    what = " ".join(str(error).split())
    say(f"internal error: {type(error).__name__}: {what} (--debug shows the trace)")
