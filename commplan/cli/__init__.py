"""The command line, from the first moment of the process to the last."""

import gc
import os
import sys
from signal import SIGINT, default_int_handler, getsignal, signal
from time import monotonic, process_time

INTERRUPTED, BUG = 130, 70
BEGINNING = 1.0  # seconds that the imports take at most where nothing holds them up
CROWDED = 0.6  # of a processor's time, below which others take it
_begun: "list[float]" = []  # when the process began, if the command line is all there is to it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

    from topologies.model.units import Seconds


def main() -> "NoReturn":
    """Run the command line.

    The imports take a second, so that they happen here. Before and after the command itself
    nothing needs to be put in order: an interruption ends the process there and then.
    """
    _begun.append(monotonic())
    heard = getsignal(SIGINT) is default_int_handler  # else whoever started this wants it ignored
    if heard:
        signal(SIGINT, _leave)
    commands = _commands()
    try:
        if heard:
            signal(SIGINT, default_int_handler)
        commands()
    except KeyboardInterrupt:
        _leave()
    except SystemExit as end:
        _abandon(end.code)
        raise
    finally:
        if heard:
            signal(SIGINT, _leave)


def startup_delay() -> "Seconds":
    """Compute the seconds that it took to begin beyond what is usual: a time limit counts them."""
    return max(monotonic() - _begun[0] - BEGINNING, 0.0) if _begun else 0.0


def is_crowded() -> bool:
    """Tell whether others take so much of the processors that everything here takes far longer."""
    return bool(_begun) and process_time() < CROWDED * (monotonic() - _begun[0])


def _commands() -> "Callable[[], NoReturn]":
    """Import what is asked for.

    Raises:
        SystemExit: something is missing, or is not what its name says; that is told in a line.
    """
    try:
        from commplan._floors import check

        check()
        commands = _import_commands()
    except ImportError as error:
        if "--debug" in sys.argv:
            raise
        print(f"commplan: {str(error).removeprefix('commplan: ')}", file=sys.stderr)
        sys.exit(BUG)
    return commands


def _import_commands() -> "Callable[[], NoReturn]":
    """Import the command that is asked for, without a search for garbage: what it defines stays.

    NumPy starts a thread for each processor, which wait for work at full speed: a tenth of a second
    of the processor, and no command multiplies matrices for long. It reads this as it is loaded.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()
    try:
        import warnings

        from commplan.cli.group import commands
        from commplan.cli.io.failures import show_warning

        warnings.showwarning = show_warning
        asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        commands.get_command(None, asked)
    finally:
        gc.enable()
    gc.freeze()
    return commands


def _abandon(code: "int | str | None") -> None:
    """End the process at once if a solver did not stop: it would run on while Python shuts down."""
    from threading import active_count

    if active_count() > 1:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):  # it may be closed from the start
                continue
        os._exit(code if isinstance(code, int) else code is not None)


def _leave(number: int = SIGINT, frame: "FrameType | None" = None) -> "NoReturn":
    """End the process at once, with one line."""
    try:
        os.write(2, b"commplan: interrupted\n")
    finally:
        os._exit(INTERRUPTED)
