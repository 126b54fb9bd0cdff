"""The languages that a schedule can be written in."""

from collections.abc import Callable

from runtime.emit import c, mpi4py
from runtime.program.program import ProgramError
from runtime.verify.structure import sound
from solvers.schedules.schedule import Schedule
from topologies.model.messages import unknown

TARGETS: dict[str, Callable[[Schedule], str]] = {"mpi4py": mpi4py.emit, "c": c.emit}


def emit(schedule: Schedule, target: str) -> str:
    """Write a schedule as the text of a program that needs nothing of commplan.

    Raises:
        ProgramError: an unknown target, or a schedule that it cannot express.
    """
    sound(schedule)
    if not isinstance(target, str) or target not in TARGETS:
        raise ProgramError(unknown("target", target, TARGETS))
    return TARGETS[target](schedule)
