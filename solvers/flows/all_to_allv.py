"""all_to_allv: shortest paths where a cut proves them best, else concurrent flows by source."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from solvers.bounds.demand_cuts import tightest_demand_cut
from solvers.flows.all_to_all import decompose_flow, path_transfers
from solvers.flows.concurrent_flow import solve_concurrent_flow
from solvers.lp.linear_program import Infeasible, NotFound
from solvers.routing.quotient import Quotient
from solvers.routing.router import Hop, RouteError, Router
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.piece_loads import fluid_time
from solvers.schedules.schedule import Schedule, Transfer, schedule
from solvers.schedules.unequal import demand_of
from solvers.settings.deadline import Watch
from solvers.timing.link_stages import staged_schedules
from topologies.model.topology import Topology, integers
from topologies.model.units import Bytes
from topologies.symmetry.group import Group, trivial

WAYS = 16  # shortest paths over which a block is spread
WAYS_LIMIT = 2**20  # paths of all blocks together
COLUMNS_LIMIT = 2**17  # ranks × links up to which the flows are solved for

Pieces = tuple[list[tuple[int, Fraction]], list[Transfer]]


def route_all_to_allv(
    topology: Topology, collective: Collective, group: Group, watch: Watch
) -> Schedule:
    """Route every block, on shortest paths if no schedule can be faster, else by concurrent flows.

    Where the machine is too large for the flows the shortest paths are taken as well, and the bound
    is that of the tightest cut or of the distances; it says how far away they are at most. The
    group is not used: the demand has no symmetry.

    Args:
        topology: the machine.
        collective: one whose blocks go from one rank to one rank.
        group: is not used.
        watch: says when to stop.

    Raises:
        Infeasible: some rank cannot be reached.
    """
    demand = np.array(demand_of(collective))
    np.fill_diagonal(demand, 0)
    if not demand.any():
        return schedule(topology, collective, *_stay(collective), Bound(None, "cut", None))
    direct = route_shortest(topology, collective, tightest_demand_cut(topology, collective, demand))
    best = collective.total * topology.unit / fluid_time(direct)
    if best == direct.bound.algbw or len(collective.ranks) * topology.links > COLUMNS_LIMIT:
        return direct
    try:
        return _route_concurrently(topology, collective, watch)
    except NotFound:
        return direct


def stage_orders(found: Schedule) -> Iterator[tuple[str, Schedule]]:
    """Put a schedule of `all_to_allv` in stages; where it relays, the shortest paths as well.

    They may be slower in the fluid limit, but have fewer messages one after the other.
    """
    for name, each in _order_paths(found):
        yield name, replace(each, provenance=each.provenance | {"order": name})


def _order_paths(found: Schedule) -> Iterator[tuple[str, Schedule]]:
    yield from staged_schedules(found)
    if len(np.unique(found.transfers.piece)) < len(found.transfers):
        direct = route_shortest(found.topology, found.collective, found.bound)
        yield "shortest ways", direct
        for name, staged in staged_schedules(direct):
            yield f"shortest ways, {name}", staged


def route_shortest(topology: Topology, collective: Collective, bound: Bound) -> Schedule:
    """Spread every block over its shortest paths, the largest blocks first.

    Where there are many equal paths one of them is taken, the one that carries the least so far.

    Raises:
        Infeasible: some rank cannot be reached.
    """
    routes = Router(topology)
    most = min(WAYS, max(WAYS_LIMIT // collective.blocks, 1))
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    for block in np.argsort(-collective.sizes, kind="stable").tolist():
        src, dst = (int(ends[block][0]) for ends in (collective.holders, collective.wanters))
        try:
            ways = _paths(routes, src, dst, most, int(collective.sizes[block]))
        except RouteError as error:
            raise Infeasible(f"{collective.name}: {error}") from None
        for share, way in ways:
            transfers += [Transfer(len(pieces), step, *hop) for step, hop in enumerate(way)]
            pieces.append((block, share))
    return schedule(topology, collective, pieces, transfers, bound, solver="shortest ways")


def _stay(collective: Collective) -> Pieces:
    return [(block, Fraction(1)) for block in range(collective.blocks)], []


def _paths(
    routes: Router, src: int, dst: int, most: int, size: Bytes
) -> list[tuple[Fraction, tuple[Hop, ...]]]:
    if src == dst:
        return [(Fraction(1), ())]
    spread = routes.paths(src, dst, most)
    return spread or [(Fraction(1), routes.path(src, dst, float(size)))]


def _route_concurrently(topology: Topology, collective: Collective, watch: Watch) -> Schedule:
    """Route every block at the highest concurrent rate: ranks × links columns.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time limit came first.
    """
    quotient = Quotient(topology, integers(collective.ranks), trivial(topology))
    ranks = list(collective.ranks)
    totals = np.zeros((len(ranks), topology.vertices), dtype=object)
    totals[:, ranks] = demand_of(collective)
    totals[np.arange(len(ranks)), ranks] = 0
    # Amounts of about 1 are what the tolerances of floats are made for.
    unit = Fraction(int(totals.max()))
    amounts, bound = solve_concurrent_flow(quotient, collective, totals / unit, unit, watch)
    pieces, transfers = _decompose(topology, collective, [amount * unit for amount in amounts])
    return schedule(topology, collective, pieces, transfers, bound)


def _decompose(topology: Topology, collective: Collective, amounts: Sequence[Fraction]) -> Pieces:
    """Make a piece of each path of each block; amounts: what each source puts on each link."""
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    bounds = pairwise(range(0, len(amounts) + 1, topology.links))
    for rank, blocks, (start, end) in zip(collective.ranks, collective.inputs, bounds, strict=True):
        to: dict[int, list[int]] = {}
        for block in blocks.tolist():
            to.setdefault(int(collective.wanters[block][0]), []).append(block)
        sizes = {target: int(collective.sizes[own].sum()) for target, own in to.items()}
        pieces += [(block, Fraction(1)) for block in to.get(rank, [])]
        needs = {target: Fraction(size) for target, size in sizes.items() if target != rank}
        for target, amount, way in decompose_flow(topology, rank, needs, amounts[start:end]):
            for block in to[target]:
                transfers += path_transfers(topology, way, len(pieces))
                pieces.append((block, amount / sizes[target]))
    return pieces, transfers
