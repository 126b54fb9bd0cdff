"""What is measured next, from what was measured so far, until all is known or the time is over."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from runtime.calibrate import tiers
from runtime.calibrate.aim import aim, guess
from runtime.calibrate.model.tree import Tree, dissolve, grow, leaf, straighten
from runtime.calibrate.model.wires import Wires
from runtime.calibrate.probing import Log
from runtime.calibrate.readings import Flow, Pair, Round
from runtime.calibrate.rounds import Unit, permutations, spread, triples
from runtime.calibrate.saturation import SURE, Saturation, saturate
from topologies.model.topology import FloatArray, IntArray

PASSES = 9  # of each round that fills something, the first included, if there is time
TRIES = 3  # rounds that are designed for a cable before it is left
LOOKS = 2  # times that each pair of units is looked at, or so many rounds at least:
LEAST_ROUNDS, MOST_ROUNDS = 24, 400
MOST_LOOKS = 4  # times that pairs of few units are looked at
BATCH = 8  # rounds after which the time is looked at
FINDING, SCOUTING = 0.4, 0.8  # of the time, by which groups are found, and cables filled once
DOUBTING = 0.65  # of the time, up to which what seems too fast is looked at by other flows
FASTER = 0.06  # of a rate, by which it is too fast
START = 2  # orders of the ranks in which they are put into groups of three


def find_tree(log: Log, rough: FloatArray, draw: np.random.Generator) -> Tree:
    """Find which ranks share uplinks: tier by tier, from the ranks outwards.

    Args:
        log: what measures.
        rough: what each rank is thought to send, bytes per second; it is corrected.
        draw: chances.
    """
    trees = [leaf(rank) for rank in range(len(rough))]
    while len(trees) > 1:
        units = [each.all_ranks for each in trees]
        groups = [tuple(range(len(units)))]
        if len(units) > 2:
            groups = tiers.groups(len(units), _look(log, units, rough, draw))
        trees = grow(trees, groups)
    return trees[0]


def prune(tree: Tree, net: Wires, found: Saturation) -> Tree:
    """Leave out the switches of a tree whose uplinks were not seen full either way."""
    everyone = set(range(net.topology.ranks))
    full: dict[Unit, bool] = {}
    for cable in np.flatnonzero((net.ends >= net.topology.ranks).all(axis=1)).tolist():
        inside = {src for (src, _), way in net.ways.items() if cable in way}
        for side in (inside, everyone - inside):
            unit = tuple(sorted(side))
            full[unit] = full.get(unit, False) or bool(found.known[cable])
    return straighten(dissolve(tree, full))


def _look(
    log: Log, units: Sequence[Unit], rough: FloatArray, draw: np.random.Generator
) -> list[tiers.Look]:
    """Let all units send at once, each to another one, in as many rounds as are worth it."""
    looks: list[tiers.Look] = []
    number, best = -1, np.zeros(len(rough))
    others = len(units) - 1
    count = min(max(LOOKS * others, min(LEAST_ROUNDS, MOST_LOOKS * others)), MOST_ROUNDS)
    rounds = islice(permutations(len(units), draw), count)
    while batch := list(islice(rounds, BATCH)):
        flows = [[spread(units[a], units[b]) for a, b in pairs] for pairs in batch]
        asked = [_rough_round([pair for each in round for pair in each], rough) for round in flows]
        for pairs, parts, rates in zip(batch, flows, log.stream(asked), strict=True):
            for (src, _), rate in zip((p for part in parts for p in part), rates, strict=True):
                best[src] = max(best[src], rate)
            left = iter(rates)
            number += 1
            for (a, b), part in zip(pairs, parts, strict=True):
                looks.append(tiers.Look(a, b, sum(islice(left, len(part))), number))
        rough[:] = np.maximum(best, 1.0)
        if log.probe.spent() > FINDING:
            break
    return looks


def _rough_round(pairs: Sequence[Pair], rough: FloatArray) -> Round:
    return tuple(Flow(*pair, float(min(rough[list(pair)]))) for pair in pairs)


def scout(log: Log, net: Wires, draw: np.random.Generator) -> None:
    """Fill each cable: by general rounds first, then by such as are designed for the rest.

    What seems known from few passes is measured again before it is believed; then what turns out
    not to be known is aimed at once more. What seems faster than it should be gets a few rounds of
    other flows.
    """
    log.stream(list(_start(net, draw)))
    tries, doubts = (np.zeros(net.cables, dtype=np.int64) for _ in range(2))
    while True:
        found = saturate(net, log.of(net))
        wanted = [c for c in _by_importance(net, draw) if not found.known[c] and tries[c] < TRIES]
        aims = aim(net, capacity(net, found), found.least, wanted, draw)
        tries[wanted] += 1
        tries[list(aims.hopeless)] = TRIES
        rounds = aims.rounds
        if not rounds:
            rounds = _confirm(log, net, found)
            tries = np.minimum(tries, TRIES - 1)
        if not rounds and log.probe.spent() < DOUBTING:
            rounds = _doubt(log, net, found, doubts, draw)
        for start in range(0, len(rounds), BATCH):
            if log.probe.spent() > SCOUTING:
                return
            log.stream(rounds[start : start + BATCH])
        if not rounds:
            return


def _confirm(log: Log, net: Wires, found: Saturation) -> tuple[Round, ...]:
    """List rounds that are to be believed and were measured once or twice."""
    readings, now = log.of(net), capacity(net, found)
    chosen = [readings[i] for i in choose(found, net)]
    return tuple(guess(net, each.pairs, now) for each in chosen if len(each.rates) < SURE)


def _doubt(
    log: Log, net: Wires, found: Saturation, doubts: IntArray, draw: np.random.Generator
) -> tuple[Round, ...]:
    """Design rounds of other flows for cables that seem faster than they should be; count them.

    A way that seems faster than the way back, though the same is stated of both, or than most of
    what is stated says: buffers may have filled while it was measured, in all passes of a round.
    """
    part = np.where(found.known, found.best / net.stated, np.nan)
    usual = np.nanmedian(part) if found.known.any() else np.inf
    back = np.where(net.opposite < 0, np.nan, part[net.opposite])
    fast = (part > (1 + FASTER) * back) | (part > (1 + FASTER) * usual)
    firsts = net.twins == np.arange(net.cables)
    wanted = np.flatnonzero(fast & firsts & (doubts < TRIES))
    doubts[wanted] += 1
    nothing = np.zeros(net.cables)
    return aim(net, capacity(net, found), nothing, wanted.tolist(), draw, log.seen).rounds


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


def repeat(log: Log, net: Wires, draw: np.random.Generator) -> None:
    """Measure again, in another order each time, the rounds that tell something."""
    readings = log.of(net)
    found = saturate(net, readings)
    chosen = [readings[i] for i in choose(found, net)]
    now = capacity(net, found)
    for passes in range(1, PASSES):
        left = [each.pairs for each in chosen if len(each.rates) <= passes]
        log.stream([guess(net, left[i], now) for i in draw.permutation(len(left))])
        if log.probe.spent() > 1 - 1 / PASSES:
            break


def choose(found: Saturation, net: Wires) -> list[int]:
    """Choose rounds that are witness for all that is known.

    Of cables between switches that are not known those in which they carried most come on top.
    """
    chosen = set()
    left = found.known.copy()
    while left.any():
        best = int((found.witness & left).sum(axis=1).argmax())
        chosen.add(best)
        left &= ~found.witness[best]
    inner = (net.ends >= net.topology.ranks).all(axis=1)
    return sorted(chosen | {int(i) for i in found.heaviest[inner & ~found.known]})
