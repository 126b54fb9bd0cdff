"""A machine from measurements: with what is stated of it, or with nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

import numpy as np

from runtime.calibrate.aim import guess
from runtime.calibrate.figures import Class, apply, classes, kinds
from runtime.calibrate.latency import latencies, overhead
from runtime.calibrate.probing import Log, Pairs, Probe, measure_pings, rough_rates
from runtime.calibrate.readings import Pair, Ping, Reading, count_outliers
from runtime.calibrate.saturation import saturate
from runtime.calibrate.scouting import find_tree, prune, repeat, scout
from runtime.calibrate.tree import machine
from runtime.calibrate.wires import Wires, wires
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
    """

    topology: Topology
    net: Wires
    classes: tuple[Class, ...]
    overhead: Seconds
    rounds: int
    outliers: int
    off: float


def calibrate(
    probe: Probe,
    stated: Topology | None = None,
    name: str = "calibrated",
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Measure a machine.

    Args:
        probe: what measures.
        stated: the machine as it is thought to be; without it a tree of switches is looked for.
        name: of a machine that is found.
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
    rounds = repeat(log, net, draw)
    if tree is not None:
        tree = prune(tree, net, saturate(net, log.of(net, rounds)))
        net = wires(machine(tree, probe.names, name, stated.unit))
    return _conclude(log, net, rounds, pings, tree is not None)


def _conclude(
    log: Log, net: Wires, rounds: Collection[Pairs], pings: Mapping[Pair, Ping], guessed: bool
) -> Calibration:
    kept = log.of(net, rounds)
    kind, count = kinds(net)
    found = classes(net, saturate(net, kept), latencies(net, pings, kind, count), kind, guessed)
    source = f"commplan calibrate: {log.rounds} rounds of flows"
    cost = overhead(pings)
    made = apply(net, found, cost, source)
    capacity = np.zeros(net.cables)
    for each in found:
        capacity[list(each.cables)] = each.used
    outliers = sum(count_outliers(flow) for each in kept for flow in each.rates.T)
    off = _compare(net, log.of(net), capacity)
    return Calibration(made, net, tuple(found), cost, log.rounds, outliers, off)


def _compare(net: Wires, readings: Sequence[Reading], capacity: FloatArray) -> float:
    """Compute how far rounds are from flows that share the cables evenly, in the median."""
    away = []
    for each in readings:
        predicted = sum(flow.guess for flow in guess(net, each.pairs, capacity))
        away.append(abs(float(each.middle.sum()) / predicted - 1))
    return median(away) if away else 0.0
