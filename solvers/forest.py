"""Schedules of trees: all_gather, reduce_scatter, broadcast, reduce, and all_reduce."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from solvers.alone import alone
from solvers.bounds import cut_bound
from solvers.certificate import Bound
from solvers.collective import Collective
from solvers.growth import Family
from solvers.packing import Goal, Packer, Packing
from solvers.prices import price_bound
from solvers.quotient import Quotient
from solvers.schedule import Schedule, Transfer, schedule
from solvers.trees import Router, paired, trees
from solvers.watch import Watch
from topologies.symmetry import Group
from topologies.topology import FloatArray, Topology, integers

BOUNDING = 0.3  # of the time, for the tightest cut
INWARD = frozenset({"reduce_scatter", "reduce"})


def forest(topology: Topology, collective: Collective, group: Group, watch: Watch) -> Schedule:
    """Pack trees for all_gather, reduce_scatter, broadcast or reduce, at the highest throughput.

    group: must keep the machine and the collective.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time limit came first.
    """
    if len(collective.ranks) == 1:
        return alone(topology, collective)
    quotient = Quotient(topology, integers(collective.ranks), group)
    bound = cut_bound(topology, collective, watch.part(BOUNDING))
    watch.tell(bound=bound)
    inward = collective.name in INWARD
    roots = quotient.roots if collective.root is None else [collective.root]
    families = [Family(int(root), inward, _size(collective, int(root), inward)) for root in roots]
    packer = Packer(quotient, families, free=False, watch=watch)
    goal = _goal(topology, collective, bound)
    packing = packer.solve(
        goal, lambda p, t: _prove(quotient, collective, p, t), _teller(topology, collective, watch)
    )
    pieces, transfers = _pieces(quotient, packing, collective, families)
    return schedule(topology, collective, pieces, transfers, packing.bound or bound, group)


def _teller(topology: Topology, collective: Collective, watch: Watch) -> Callable[[float], None]:
    """Tell a watch what the times of the rounds mean as size / time."""
    return lambda time: watch.tell(best=float(collective.total * topology.unit) / time)


def _goal(topology: Topology, collective: Collective, bound: Bound | None) -> Goal | None:
    if bound is None or bound.algbw is None:
        return None
    return Goal(collective.total * topology.unit / bound.algbw, bound)


def _prove(
    quotient: Quotient, collective: Collective, prices: FloatArray, time: float
) -> Goal | None:
    """Work out what prices prove at an optimum of the given time."""
    topology = quotient.topology
    expected = float(collective.total * topology.unit) / time
    return _goal(topology, collective, price_bound(quotient, collective, prices, expected))


def _pieces(
    quotient: Quotient, packing: Packing, collective: Collective, families: Sequence[Family]
) -> tuple[list[tuple[int, Fraction]], list[Transfer]]:
    """Make a piece of each tree."""
    router, found = Router(quotient, packing), trees(quotient, packing)
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    for family in families:
        block = _block(collective, family.root, family.inward)
        for tree in found[family]:
            route = router.inward if family.inward else router.outward
            transfers += route(tree, len(pieces))
            pieces.append((block, tree.share / int(collective.sizes[block])))
    return pieces, transfers


def _block(collective: Collective, root: int, inward: bool) -> int:
    """Find the block that belongs to the root: the one it alone holds, or alone wants."""
    buffers = collective.outputs if inward else collective.inputs
    return int(buffers[collective.ranks.index(root)][0])


def _size(collective: Collective, root: int, inward: bool) -> int:
    return int(collective.sizes[_block(collective, root, inward)])


def all_reduce(topology: Topology, collective: Collective, group: Group, watch: Watch) -> Schedule:
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
    cut = cut_bound(topology, collective, watch.part(BOUNDING))
    watch.tell(bound=cut)
    packer = Packer(quotient, families, free=True, watch=watch)
    goal = _goal(topology, collective, cut)
    packing = packer.solve(
        None,
        lambda p, t: _prove(quotient, collective, p, t),
        _teller(topology, collective, watch),
        2 * float(goal.time) if goal else None,  # what comes in, goes out again
    )
    bound = packing.bound or cut
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
