"""One launch of a schedule as a user runs it: under mpirun, here or on an emulated machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runtime.fabric import trial
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch import launch
from runtime.launch.mpi import MapError
from runtime.program.program import ProgramError
from solvers.schedules.schedule import Schedule
from topologies.model.units import Bytes, Rank, Seconds, count_of


@dataclass(frozen=True)
class Manner:
    """How each launch is run.

    Attributes:
        target: what programs are written for.
        dtype: the element type.
        iterations: that are measured in a launch, after some that are not.
        played: the rank that each process plays, in order if empty.
        timeout: of each mpirun, at most.
        machine: the emulated machine to run on; None for this computer.
    """

    target: str = "c"
    dtype: str = "float32"
    iterations: int = 20
    warm_up: int = 5
    played: Sequence[Rank] = ()
    timeout: Seconds = 60.0
    machine: Machine | None = None


@dataclass(frozen=True)
class Launched:
    """What a launch gave: the median of its iterations, or what was wrong.

    Attributes:
        predicted: for the rates of an emulated machine.
    """

    seconds: Seconds = 0.0
    fault: str = ""
    predicted: Seconds | None = None


Launcher = Callable[[Schedule, Bytes, Seconds], Launched]


def launcher(manner: Manner) -> Launcher:
    """Give what launches a schedule at a size (bytes) within some seconds, and checks the result.

    It raises what would befall every schedule: that nothing can be started.
    """

    def start(schedule: Schedule, size: Bytes, timeout: Seconds) -> Launched:
        try:
            return _start(manner, schedule, size, timeout)
        except (launch.RunError, ProgramError, FabricError, MapError) as error:
            return Launched(fault=" ".join(str(error).split()))

    return start


def _start(manner: Manner, schedule: Schedule, size: Bytes, timeout: Seconds) -> Launched:
    predicted = None
    if manner.machine is None:
        [measured] = launch.run(
            schedule,
            [size],
            manner.target,
            dtype=manner.dtype,
            iterations=manner.iterations,
            warm_up=manner.warm_up,
            played=manner.played,
            timeout=timeout,
        )
    else:
        found = trial.run(
            manner.machine,
            schedule,
            size,
            manner.target,
            dtype=manner.dtype,
            iterations=manner.iterations,
            warm_up=manner.warm_up,
            played=manner.played,
            timeout=timeout,
        )
        measured, predicted = found.measured, found.predicted
    wrong = f"{count_of(measured.wrong, 'element')} of the result wrong" if measured.wrong else ""
    return Launched(measured.seconds, wrong, predicted)
