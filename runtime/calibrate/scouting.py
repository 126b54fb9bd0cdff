"""What is measured next, from what was measured so far, until all is known or the time is over."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice

import numpy as np

from runtime.calibrate import tiers
from runtime.calibrate.aim import aim, guess
from runtime.calibrate.probing import Log, Pairs
from runtime.calibrate.readings import Flow, Pair, Reading, Round
from runtime.calibrate.rounds import Unit, permutations, spread, triples
from runtime.calibrate.saturation import Saturation, saturate
from runtime.calibrate.tree import dissolve, grow, leaf, machine
from runtime.calibrate.wires import Wires, wires
from topologies.model.topology import FloatArray

PASSES = 5  # of each round that fills something, the first included
SCOUTS = 10  # times that rounds are designed anew for what is not known yet
LOOKS = 2  # times that each pair of units is looked at, or so many rounds at least:
LEAST_ROUNDS, MOST_ROUNDS = 16, 400
SURE = 3  # passes of which the median is believed
BATCH = 8  # rounds after which the time is looked at
FINDING, SCOUTING = 0.4, 0.65  # of the time, by which groups are found, and cables filled once
START = 2  # orders of the ranks in which they are put into groups of three


def find_tree(log: Log, rough: FloatArray, name: str, draw: np.random.Generator) -> Wires:
    """Find which ranks share uplinks: tier by tier, from the ranks outwards.

    Args:
        log: what measures.
        rough: rate of each rank, bytes per second.
        name: of the machine.
        draw: chances.
    """
    trees = [leaf(rank) for rank in range(len(rough))]
    while len(trees) > 1:
        units = [each.all_ranks for each in trees]
        together = [tuple(range(len(units)))]
        found = (
            tiers.groups(len(units), _look(log, units, rough, draw)) if len(units) > 2 else together
        )
        trees = grow(trees, found)
    names = log.probe.names
    net = wires(machine(trees[0], names, name, Fraction(round(np.median(rough)))))
    known = scout(log, net, draw).known
    full: dict[Unit, bool] = {}
    for cable, (src, dst) in enumerate(net.ends.tolist()):
        if min(src, dst) >= len(names):
            below = _ranks_below(net, cable)
            for side in (below, tuple(sorted(set(range(len(names))) - set(below)))):
                full[side] = full.get(side, False) or bool(known[cable])
    return wires(machine(dissolve(trees[0], full), names, name, Fraction(round(np.median(rough)))))


def _ranks_below(net: Wires, cable: int) -> Unit:
    """List the ranks on the side of a cable of a tree where its lower switch is."""
    src, dst = net.ends[cable].tolist()
    # Switches are numbered from below, so that the lower one has the smaller number.
    upwards = cable if src < dst else net.opposite[cable]
    return tuple(sorted({pair[0] for pair, way in net.ways.items() if upwards in way}))


def _look(
    log: Log, units: Sequence[Unit], rough: FloatArray, draw: np.random.Generator
) -> list[tiers.Look]:
    """Let all units send at once, each to another one, in as many rounds as are worth it."""
    looks: list[tiers.Look] = []
    count = min(max(LOOKS * (len(units) - 1), LEAST_ROUNDS), MOST_ROUNDS)
    rounds = islice(permutations(len(units), draw), count)
    typical = rough / 2
    while batch := list(islice(rounds, BATCH)):
        flows = [[spread(units[a], units[b]) for a, b in pairs] for pairs in batch]
        asked = [
            _rough_round([pair for each in round for pair in each], typical) for round in flows
        ]
        for pairs, parts, rates in zip(batch, flows, log.stream(asked), strict=True):
            left = iter(rates)
            for (a, b), part in zip(pairs, parts, strict=True):
                looks.append(tiers.Look(a, b, sum(islice(left, len(part)))))
        typical = _typical(asked, rates, typical)
        if log.probe.spent() > FINDING:
            break
    return looks


def _rough_round(pairs: Sequence[Pair], typical: FloatArray) -> Round:
    return tuple(Flow(*pair, float(min(typical[list(pair)]))) for pair in pairs)


def _typical(asked: Sequence[Round], rates: Sequence[float], before: FloatArray) -> FloatArray:
    """Correct what ranks are thought to send by what they sent in the last round."""
    sent = before.copy()
    for flow, rate in zip(asked[-1], rates, strict=True):
        sent[flow.src] = max(rate, 1.0)
    return sent


def scout(log: Log, net: Wires, draw: np.random.Generator) -> Saturation:
    """Fill each cable once: by general rounds first, then by such as are designed for the rest."""
    if not log.of(net):
        log.stream(list(_start(net, draw)))
    hopeless: set[int] = set()
    for _ in range(SCOUTS):
        found = saturate(net, log.of(net))
        wanted = [c for c in _by_importance(net, draw) if not found.known[c] and c not in hopeless]
        if not wanted or log.probe.spent() > SCOUTING:
            break
        if _doubt(log, net, found, wanted):
            continue
        aims = aim(net, capacity(net, found), found.least, wanted, draw)
        hopeless |= aims.hopeless
        for start in range(0, len(aims.rounds), BATCH):
            if log.probe.spent() <= SCOUTING:
                log.stream(aims.rounds[start : start + BATCH])
    return saturate(net, log.of(net))


def _doubt(log: Log, net: Wires, found: Saturation, wanted: Sequence[int]) -> bool:
    """Measure again in which rounds cables carried most, where that was seen once or twice.

    Where a process was held up what waits for it is counted late: one such round would hide
    that others filled the cable. Of three passes the median does not mind.
    """
    readings = log.of(net)
    heavy = [readings[i] for i in sorted({int(found.heaviest[cable]) for cable in wanted})]
    again = [each for each in heavy if len(each.rates) < SURE]
    now = capacity(net, found)
    for each in again:
        log.stream([guess(net, each.pairs, now)] * (SURE - len(each.rates)))
    return bool(again)


def capacity(net: Wires, found: Saturation) -> FloatArray:
    """Give what cables are thought to carry: what was found, else what is stated or was carried."""
    return np.where(found.known, found.best, np.maximum(net.stated, found.least))


def _by_importance(net: Wires, draw: np.random.Generator) -> list[int]:
    """Order the cables: those between switches first, the rest by chance."""
    inner = (net.ends >= net.topology.ranks).all(axis=1)
    return [int(cable) for cable in np.lexsort((draw.random(net.cables), ~inner))]


def _start(net: Wires, draw: np.random.Generator) -> Iterator[Round]:
    """Put the ranks into threes: two send to one, or one to two, so that the one end is full."""
    order = np.arange(net.topology.ranks)
    for _ in range(START):
        for pairs in triples(order.tolist()):
            sure = [pair for pair in pairs if pair in net.ways]
            if sure:
                yield guess(net, sure, net.stated)
        order = draw.permutation(net.topology.ranks)


def repeat(log: Log, net: Wires, draw: np.random.Generator) -> set[Pairs]:
    """Measure again, in another order each time, the rounds that tell something; say which."""
    readings = log.of(net)
    found = saturate(net, readings)
    chosen = [readings[i].pairs for i in _choose(found, net, readings)]
    now = capacity(net, found)
    for _ in range(PASSES - 1):
        order = draw.permutation(len(chosen))
        log.stream([guess(net, chosen[i], now) for i in order])
        if log.probe.spent() > 1 - 1 / PASSES:
            break
    return set(chosen)


def _choose(found: Saturation, net: Wires, readings: Sequence[Reading]) -> list[int]:
    """Choose rounds that are witness for all that is known, and those that carried most else."""
    chosen = set()
    left = found.known.copy()
    while left.any():
        best = int((found.witness & left).sum(axis=1).argmax())
        chosen.add(best)
        left &= ~found.witness[best]
    return sorted(chosen | {int(i) for i in found.heaviest[~found.known]})
