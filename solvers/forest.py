"""Schedules of trees: all_gather, reduce_scatter, broadcast, reduce, and all_reduce."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from solvers.alone import alone
from solvers.bounds import cut_bound
from solvers.collective import Collective
from solvers.packing import Family, Packer, Packing
from solvers.prices import price_bound
from solvers.quotient import Quotient
from solvers.schedule import Schedule, Transfer, schedule
from solvers.trees import Router, paired, trees
from topologies.symmetry import Group
from topologies.topology import FloatArray, Topology, integers

INWARD = frozenset({"reduce_scatter", "reduce"})


def forest(topology: Topology, collective: Collective, group: Group, seconds: float) -> Schedule:
    """Pack trees for all_gather, reduce_scatter, broadcast or reduce, at the highest throughput.

    group: must keep the machine and the collective.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time limit came first.
    """
    if len(collective.ranks) == 1:
        return alone(topology, collective)
    quotient = Quotient(topology, integers(collective.ranks), group)
    bound = cut_bound(topology, collective)
    inward = collective.name in INWARD
    roots = quotient.roots if collective.root is None else [collective.root]
    families = [Family(int(root), inward) for root in roots]
    packer = Packer(quotient, families, free=False)
    target = bound.algbw and collective.total * topology.unit / bound.algbw
    packing = packer.solve(target, lambda prices: _least(quotient, collective, prices), seconds)
    if packing.time != target:
        bound = price_bound(quotient, collective, packing.prices)
    pieces, transfers = _pieces(quotient, packing, collective, families)
    return schedule(topology, collective, pieces, transfers, bound, group)


def _least(quotient: Quotient, collective: Collective, prices: FloatArray) -> Fraction:
    """Work out the least time, in capacity units, that prices allow."""
    algbw = price_bound(quotient, collective, prices).algbw
    assert algbw is not None
    return collective.total * quotient.topology.unit / algbw


def _pieces(
    quotient: Quotient, packing: Packing, collective: Collective, families: Sequence[Family]
) -> tuple[list[tuple[int, Fraction]], list[Transfer]]:
    """Make a piece of each tree."""
    router, found = Router(quotient, packing), trees(quotient, packing)
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    for family in families:
        block = _block(collective, family)
        for tree in found[family]:
            route = router.inward if family.inward else router.outward
            transfers += route(tree, len(pieces))
            pieces.append((block, tree.share / int(collective.sizes[block])))
    return pieces, transfers


def _block(collective: Collective, family: Family) -> int:
    """Find the block that belongs to the root: the one it alone holds, or alone wants."""
    place = collective.ranks.index(family.root)
    buffers = collective.outputs if family.inward else collective.inputs
    return int(buffers[place][0])


def all_reduce(
    topology: Topology, collective: Collective, group: Group, seconds: float
) -> Schedule:
    """Pack pairs of a tree that adds and a tree that spreads; each root's share is free.

    Reduce-scatter followed by all_gather is the case of equal shares; on uneven machines others
    are faster. The optimum is that of all schedules that add towards a root and spread from it.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time limit came first.
    """
    if len(collective.ranks) == 1:
        return alone(topology, collective)
    quotient = Quotient(topology, integers(collective.ranks), group)
    families = [Family(int(r), inward) for r in quotient.roots for inward in (False, True)]
    packer = Packer(quotient, families, free=True)
    packing = packer.solve(None, lambda prices: _least(quotient, collective, prices), seconds)
    bound = price_bound(quotient, collective, packing.prices)
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    for share, now in _pairs(quotient, packing):
        transfers += [t._replace(piece=len(pieces)) for t in now]
        pieces.append((0, share))
    return schedule(topology, collective, pieces, transfers, bound, group)


def _pairs(quotient: Quotient, packing: Packing) -> Iterator[tuple[Fraction, list[Transfer]]]:
    """Join the trees of each root: the sum arrives, and then goes out."""
    router, found = Router(quotient, packing), trees(quotient, packing)
    for root in quotient.roots.tolist():
        spread, add = found[Family(root, False)], found[Family(root, True)]
        for share, out, into in paired(spread, add):
            sums = router.inward(into, 0)
            start = max((t.step + 1 for t in sums), default=0)
            yield share, sums + router.outward(out, 0, start)
