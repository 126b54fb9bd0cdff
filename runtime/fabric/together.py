"""A set of collectives on an emulated machine: its time, and the bytes on its links."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runtime.fabric import counters, routes, trial
from runtime.fabric.counters import Flow
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch.together import SetMeasurement, run_together, taking_part
from runtime.metrics.chunking import chunks
from runtime.simulate.simulate import simulate
from runtime.simulate.together import playable
from solvers.schedules.ensembles.ensemble import Ensemble
from topologies.model.topology import digest
from topologies.model.units import Rank, Seconds


@dataclass(frozen=True)
class SetTrial:
    """What was measured and what was predicted for the rates of the emulation: seconds.

    Attributes:
        fluid: what the most loaded link needs for its bytes.
        bound: what the prices prove; None where they prove nothing.
        flows: what went over each link.
    """

    measured: SetMeasurement
    predicted: Seconds
    fluid: Seconds
    bound: Seconds | None
    flows: tuple[Flow, ...]

    @property
    def routed(self) -> bool:
        """Tell whether all traffic went where it was planned."""
        return all(flow.right for flow in self.flows)


def run_set(
    machine: Machine,
    ensemble: Ensemble,
    *,
    dtype: str = "float32",
    iterations: int = 5,
    warm_up: int = 1,
    played: Sequence[Rank] = (),
    timeout: Seconds = 600.0,
) -> SetTrial:
    """Run a set on an emulated machine of its topology.

    Raises:
        FabricError: the machine is of another topology, or cannot route the schedules.
        LaunchError, MapError, RunError: as of `run_together`.
    """
    made = machine.layout
    if digest(ensemble.topology) != digest(made.original):
        up, asked = made.original.name, ensemble.topology.name
        raise FabricError(f"the set is for {asked}, the emulated machine that is up is {up}")
    whole, size, programs = playable(ensemble)
    with machine.reroute(routes.of_schedule(whole)):
        before = counters.read_counters(machine.keeper, made)
        measured = run_together(
            ensemble,
            dtype=dtype,
            iterations=iterations,
            warm_up=warm_up,
            played=played,
            timeout=timeout,
            mpi=mpi(machine.keeper, played or taking_part(ensemble)),
        )
        after = counters.read_counters(machine.keeper, made)
    calls = trial.CHECKS + warm_up + iterations
    here = replace(whole, topology=made.topology)
    cut = max(chunks(own, ensemble.tasks[number].size) for number, own in ensemble.schedules)
    scale, emulated = float(made.scale), trial.emulated(machine, whole)
    return SetTrial(
        measured,
        simulate(emulated, size, sharing=trial.SHARING, programs=programs).seconds,
        float(ensemble.time) / scale,
        float(ensemble.least) / scale if ensemble.prices else None,
        tuple(counters.compare_flows(here, int(size), calls, before, after, cut)),
    )
