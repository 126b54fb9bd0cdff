"""Whose work is under way in this thread: whoever waits for one moves all of them on.

Else two processes that wait for the requests of two communicators in different order would stand
still, each for what only the other would move.
"""

from threading import get_ident
from typing import Protocol


class Worker(Protocol):
    """What has work under way.

    Attributes:
        moves_itself: a thread of its own moves it on, and nobody else has to.
    """

    moves_itself: bool

    def move_on(self) -> None:
        """Go on without waiting; what fails is told when it is asked for."""
        ...


_THREADS: dict[Worker, int] = {}  # the thread that began the work last


def enter(worker: Worker) -> None:
    """Note that a worker has work under way."""
    if not worker.moves_itself:
        _THREADS[worker] = get_ident()


def leave(worker: Worker) -> None:
    """Note that a worker has none left."""
    _THREADS.pop(worker, None)


def has_others(worker: Worker) -> bool:
    """Tell whether others of this thread have work under way; complexity: all workers."""
    return bool(_THREADS) and bool(_others(worker))


def move_others(worker: Worker) -> None:
    """Let the others of this thread go on."""
    for other in _others(worker):
        other.move_on()


def has_work() -> bool:
    """Tell whether this thread has begun any work that is not done; complexity: all workers."""
    return bool(_THREADS) and get_ident() in _THREADS.values()


def move_all() -> None:
    """Let all work of this thread go on."""
    own = get_ident()
    for worker in [each for each, thread in list(_THREADS.items()) if thread == own]:
        worker.move_on()


def _others(worker: Worker) -> list[Worker]:
    own = get_ident()
    return [each for each, thread in list(_THREADS.items()) if thread == own and each is not worker]
