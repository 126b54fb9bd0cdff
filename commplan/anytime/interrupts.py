"""Ctrl-C ends the search, and not the command: what there is then is handed out."""

from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT, default_int_handler, getsignal, signal
from threading import current_thread, main_thread
from types import FrameType

from solvers.settings.deadline import Watch


@contextmanager
def stop_on_interrupt(watch: Watch) -> Iterator[None]:
    """Let the first Ctrl-C stop the watch; any other one interrupts as usual.

    Where signals are none of ours (in another thread, or where the program handles them itself)
    nothing changes.
    """
    if current_thread() is not main_thread() or getsignal(SIGINT) is not default_int_handler:
        yield
        return

    def heard(number: int, frame: FrameType | None) -> None:
        if watch.late:
            default_int_handler(number, frame)
        watch.stop()

    signal(SIGINT, heard)
    try:
        yield
    finally:
        signal(SIGINT, default_int_handler)
