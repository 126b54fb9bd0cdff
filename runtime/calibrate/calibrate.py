"""A machine from measurements: with what is stated of it, or with nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

import numpy as np

from runtime.calibrate.figures import Class, apply, classes, kinds
from runtime.calibrate.latency import latencies, overhead
from runtime.calibrate.launches import Launch, join_pings, readings
from runtime.calibrate.model.fair import fair_rates, passes
from runtime.calibrate.model.tree import machine
from runtime.calibrate.model.wires import Wires, wires
from runtime.calibrate.probing import Log, Probe, measure_pings, rough_rates
from runtime.calibrate.readings import Reading, count_outliers
from runtime.calibrate.saturation import saturate
from runtime.calibrate.scouting import find_tree, prune, repeat, scout
from topologies.model.topology import FloatArray, Topology
from topologies.model.units import Seconds

SEED = 0


@dataclass(frozen=True)
class Calibration:
    """The machine with its measured figures, and what is to be told.

    Attributes:
        rounds: how many were measured, passes counted.
        outliers: flows in them that carried much less or more than in the other passes.
        off: how far the machine, with flows that share evenly, is from what all flows of a round
            carried together: the median over the rounds, as a part of it.
        launch: what was measured, for a file.
        launches: how many are behind the figures.
    """

    topology: Topology
    net: Wires
    classes: tuple[Class, ...]
    overhead: Seconds
    rounds: int
    outliers: int
    off: float
    launch: Launch
    launches: int


def calibrate(
    probe: Probe,
    stated: Topology | None = None,
    name: str = "calibrated",
    earlier: Sequence[Launch] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Measure a machine.

    Args:
        probe: what measures.
        stated: the machine as it is thought to be; without it a tree of switches is looked for.
        name: of a machine that is found.
        earlier: what other jobs of the same ranks measured.
        tell: gets what is being done, in words.
    """
    draw = np.random.default_rng(SEED)
    tell("measuring small messages")
    pings = measure_pings(probe)
    rough = rough_rates(pings, len(probe.names))
    log = Log(probe)
    tree = None
    if stated is None:
        tell("looking for groups")
        tree = find_tree(log, rough, draw)
        stated = machine(tree, probe.names, name, Fraction(round(np.median(rough))))
    net = wires(stated)
    tell("filling links")
    scout(log, net, draw)
    tell("measuring again")
    repeat(log, net, draw)
    launch = Launch(pings, log.seen)
    if tree is not None:
        tree = prune(tree, net, saturate(net, _sure(net, launch, earlier)))
        net = wires(machine(tree, probe.names, name, stated.unit))
    return _conclude(log, net, launch, earlier, tree is not None)


def _sure(net: Wires, launch: Launch, earlier: Sequence[Launch]) -> list[Reading]:
    """List rounds of flows whose ways are sure, of this launch and of earlier ones."""
    own = [Reading(pairs, np.array(rates)) for pairs, rates in launch.rounds.items()]
    sure = set(net.ways)
    return [each for each in (*own, *readings(earlier)) if sure.issuperset(each.pairs)]


def _conclude(
    log: Log, net: Wires, launch: Launch, earlier: Sequence[Launch], guessed: bool
) -> Calibration:
    rounds, pings = _sure(net, launch, earlier), join_pings([launch, *earlier])
    kind, count = kinds(net)
    found = classes(net, saturate(net, rounds), latencies(net, pings, kind, count), kind, guessed)
    launches = 1 + len(earlier)
    source = f"commplan calibrate: {log.rounds} rounds of flows"
    source += f", {launches} launches" if earlier else ""
    cost = overhead(pings)
    made = apply(net, found, cost, source, guessed)
    capacity = np.zeros(net.cables)
    for each in found:
        capacity[list(each.cables)] = each.used
    outliers = sum(count_outliers(flow) for each in rounds for flow in each.rates.T)
    off = _compare(net, log.of(net), capacity)
    return Calibration(made, net, tuple(found), cost, log.rounds, outliers, off, launch, launches)


def _compare(net: Wires, readings: Sequence[Reading], capacity: FloatArray) -> float:
    """Compute how far rounds are from flows that share the cables evenly, in the median."""
    away = []
    for each in readings:
        passing = passes([net.ways[pair] for pair in each.pairs], net.cables)
        predicted = float(fair_rates(passing, capacity).sum())
        away.append(abs(float(each.middle.sum()) / predicted - 1))
    return median(away) if away else 0.0
