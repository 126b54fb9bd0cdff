"""A schedule on an emulated machine: its time beside the prediction, its bytes beside the plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from runtime.fabric import counters, routes
from runtime.fabric.counters import Flow
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch import launch
from runtime.launch.rank_map import check
from runtime.program.buffer_plan import moves
from runtime.simulate.simulate import simulate
from solvers.schedules.schedule import Schedule
from topologies.model.topology import digest, frozen
from topologies.model.units import Bytes, Rank, Seconds

CHECKS = 1  # calls besides the warm-up and the iterations: the one whose result is looked at


@dataclass(frozen=True)
class Trial:
    """What was measured and what was predicted for the rates of the emulation: seconds.

    Attributes:
        flows: what went over each link.
    """

    measured: launch.Measurement
    predicted: Seconds
    bound: float | None
    flows: tuple[Flow, ...]

    @property
    def routed(self) -> bool:
        """Tell whether all traffic went where it was planned."""
        return all(flow.right for flow in self.flows)


def run(
    machine: Machine,
    schedule: Schedule,
    size: Bytes,
    target: str = "c",
    *,
    dtype: str = "float32",
    iterations: int = 5,
    warm_up: int = 1,
    played: Sequence[Rank] = (),
    timeout: Seconds = 600.0,
    report: Callable[[str], None] | None = None,
) -> Trial:
    """Run a schedule at a size (bytes) on an emulated machine of its topology.

    Args:
        machine: the emulated machine.
        schedule: of its topology.
        size: in bytes.
        target: what the program is written for.
        dtype: the element type.
        iterations: that are measured.
        warm_up: iterations before those.
        played: the rank that each process plays.
        timeout: in seconds.
        report: gets each line that the program prints.

    Raises:
        FabricError: the machine is of another topology, or cannot route the schedule.
        LaunchError, MapError, RunError: as launch.run.
    """
    if digest(schedule.topology) != digest(machine.layout.original):
        up, asked = machine.layout.original.name, schedule.topology.name
        raise FabricError(f"the schedule is for {asked}, the emulated machine that is up is {up}")
    here = replace(schedule, topology=machine.layout.topology)
    ranks = moves(schedule).ranks
    if played:
        check(played, ranks)
    with machine.reroute(routes.of_schedule(schedule)):
        before = counters.read_counters(machine.keeper, machine.layout)
        [measured] = launch.run(
            schedule,
            [size],
            target,
            dtype=dtype,
            iterations=iterations,
            warm_up=warm_up,
            played=played,
            timeout=timeout,
            report=report,
            mpi=mpi(machine.keeper, played or ranks),
        )
        after = counters.read_counters(machine.keeper, machine.layout)
    calls = CHECKS + warm_up + iterations
    return Trial(
        measured,
        simulate(emulated(machine, schedule), measured.size, chunks=measured.chunks).seconds,
        _bound(machine, schedule, measured.size),
        tuple(counters.compare_flows(here, measured.size, calls, before, after, measured.chunks)),
    )


def emulated(machine: Machine, schedule: Schedule) -> Schedule:
    """Put a schedule on its machine as it is emulated: its rates, and what this computer takes.

    That is the latency that was measured of the cables, one for all so that what is alike stays
    alike; and what a message costs a rank is what the topology says.
    """
    made, late = machine.layout.topology, [rate.latency for rate in machine.rates]
    alpha = frozen(np.full(made.links, median(late) if late else 0.0))
    stated = machine.layout.original.overhead
    return replace(schedule, topology=replace(made, alpha=alpha, overhead=stated))


def _bound(machine: Machine, schedule: Schedule, size: Bytes) -> float | None:
    """Compute the seconds that the bound of the schedule leaves at the rates of the emulation."""
    limit = schedule.bound.algbw
    return None if limit is None else size / float(limit * machine.layout.scale)
