"""A schedule on an emulated machine: its time beside the prediction, its bytes beside the plan."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from runtime.fabric import counters, routes
from runtime.fabric.commands import burst
from runtime.fabric.counters import Flow
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch import launch
from runtime.launch.rank_map import check
from runtime.metrics.link_loads import throughput
from runtime.program.buffer_plan import moves
from runtime.simulate.simulate import Sharing, simulate
from solvers.bounds.time_bound import time_lower_bound
from solvers.schedules.schedule import Schedule
from topologies.model.topology import Topology, digest, frozen
from topologies.model.units import Bytes, Rank, Seconds

HIDDEN = 0.05  # of what a link carries may pass it at once
# How links of an emulated machine share: connections of TCP go all at once.
SHARING: Sharing = "fair"
CHECKS = 1  # calls besides the warm-up and the iterations: the one whose result is looked at


@dataclass(frozen=True)
class Trial:
    """What was measured and what was predicted for the rates of the emulation: seconds.

    Attributes:
        flows: what went over each link.
        marks: why the time says little of the machine that was asked for, if so.
    """

    measured: launch.Measurement
    predicted: Seconds
    bound: float | None
    flows: tuple[Flow, ...]
    marks: tuple[str, ...] = ()

    @property
    def routed(self) -> bool:
        """Tell whether all traffic went where it was planned."""
        return all(flow.right for flow in self.flows)

    def faults(self) -> Iterator[str]:
        """Say what was not right: elements of the result, or what a link carried.

        Links count what TCP sends again as well, so traffic may be more than planned where every
        element is right.
        """
        if self.measured.wrong:
            yield f"{self.measured.wrong} elements are wrong"
        for flow in self.flows:
            if not flow.right:
                yield (
                    f"vertex {flow.src} sent {flow.dst} {flow.counted / 1e6:.2f} MB, planned were "
                    f"{flow.planned / 1e6:.2f} and at most {flow.most / 1e6:.2f} are explained"
                )


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
    trace: Callable[[Path], None] | None = None,
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
        trace: gets the file with the events of one run more, in a launch whose bytes do not count:
            they come together over the same links.

    Raises:
        FabricError: the machine is of another topology, or cannot route the schedule.
        LaunchError, MapError, RunError: as launch.run.
    """
    check_machine(machine, schedule.topology)
    here = replace(schedule, topology=machine.layout.topology)
    ranks = moves(schedule).ranks
    if played:
        check(played, ranks)
    launched = partial(
        launch.run,
        schedule,
        [size],
        target,
        dtype=dtype,
        played=played,
        timeout=timeout,
        mpi=mpi(machine.keeper, played or ranks),
    )
    with machine.reroute(routes.of_schedule(schedule)):
        before = counters.read_counters(machine.keeper, machine.layout)
        [measured] = launched(iterations=iterations, warm_up=warm_up, report=report)
        after = counters.read_counters(machine.keeper, machine.layout)
        if trace is not None:
            launched(iterations=1, warm_up=1, trace=trace)
    calls = CHECKS + warm_up + iterations
    expected = simulate(
        emulated(machine, schedule), measured.size, chunks=measured.chunks, sharing=SHARING
    )
    return Trial(
        measured,
        expected.seconds,
        _bound(schedule, measured.size, machine.layout.topology, machine.layout.scale),
        tuple(counters.compare_flows(here, measured.size, calls, before, after, measured.chunks)),
        tuple(marks(machine, schedule, measured.size)),
    )


def check_machine(machine: Machine, topology: Topology) -> None:
    """Hold a topology that is to be run on against the one that is emulated.

    Raises:
        FabricError: it is another one.
    """
    if digest(topology) != digest(machine.layout.original):
        up, asked = machine.layout.original.name, topology.name
        raise FabricError(f"the schedule is for {asked}, the emulated machine that is up is {up}")


def emulated(machine: Machine, schedule: Schedule) -> Schedule:
    """Put a schedule on its machine as it is emulated: its rates, and what this computer takes.

    That is the latency that was measured of the cables beyond what they are to have, one for all
    so that what is alike stays alike; and what a message costs a rank is what the topology says.
    """
    made = machine.layout.topology
    asked = {(cable.a, cable.b): sum(cable.late) / 2 for cable in machine.layout.cables}
    pairs = [(min(rate.src, rate.dst), max(rate.src, rate.dst)) for rate in machine.rates]
    late = [
        max(rate.latency - asked[pair], 0.0)
        for rate, pair in zip(machine.rates, pairs, strict=True)
    ]
    alpha = frozen(made.alpha + (median(late) if late else 0.0))
    stated = machine.layout.original.overhead
    return replace(schedule, topology=replace(made, alpha=alpha, overhead=stated))


def marks(machine: Machine, schedule: Schedule, size: Bytes) -> Iterator[str]:
    """Say why a time at a size (bytes) would say little of the machine that was asked for."""
    made = machine.layout
    bare = replace(made.topology, alpha=frozen(np.zeros(made.topology.links)))
    timed = replace(made.topology, alpha=made.original.alpha)
    fluid, whole = (_bound(schedule, size, each, made.scale) for each in (bare, timed))
    if fluid is not None and whole is not None and whole > 2 * fluid and not made.delayed:
        yield "most of the bound is latency, which is not emulated"
    found = throughput(replace(schedule, topology=made.topology))
    if found.algbw is not None and found.busiest is not None:
        rate = float(made.topology.bandwidth[found.busiest])
        at_once = burst(rate) / (rate * size / float(found.algbw))
        if at_once > HIDDEN:
            yield f"{min(at_once, 1.0):.0%} of what the busiest link carries passes as a burst"


def _bound(schedule: Schedule, size: Bytes, machine: Topology, scale: Fraction) -> float | None:
    """Compute the seconds that nothing beats on the machine of a schedule as it is emulated."""
    if schedule.bound.algbw is None:
        return None
    slowed = replace(schedule.bound, algbw=schedule.bound.algbw * scale)
    return time_lower_bound(machine, schedule.collective, slowed, size)
