"""Compiled files as what is known best: read, and trusted no more than anything from outside."""

from runtime.verify.verify import verify
from solvers.schedules.files import ScheduleFileError, check_topology, load_parts
from solvers.schedules.schedule import Schedule
from topologies.model.messages import one_line
from topologies.model.topology import Topology
from topologies.model.units import Bytes


def load_compiled(path: str, topology: Topology) -> tuple[tuple[Bytes, Schedule], ...]:
    """Read a schedule or a set, each part with the least size that it is for, and check all.

    Raises:
        ScheduleFileError: it is none, is for another machine, or holds a schedule that is wrong.
    """
    parts = load_parts(path)
    for _, schedule in parts:
        try:
            check_topology(schedule, topology)
        except ScheduleFileError as error:
            raise ScheduleFileError(one_line(f"{path}: {error}")) from None
        if faults := verify(schedule).faults:
            raise ScheduleFileError(one_line(f"{path}: wrong schedule: {faults[0]}"))
    return parts
