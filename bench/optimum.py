"""A second opinion on optima: every tree and every way of a tiny machine, in one LP of floats."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, product

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import lil_matrix

from solvers.schedules.collective import Collective
from topologies.model.topology import Topology

Load = tuple[int, ...]  # of each link
INWARD = frozenset({"reduce_scatter", "reduce"})
FLOWS = frozenset({"all_to_all", "scatter", "gather"})


def optimum(
    topology: Topology, what: Collective, *, in_network: bool = False, height: int | None = None
) -> float:
    """Give the most size / time, bytes per second, that schedules of trees (or paths) reach.

    Ranks copy and add, in the collective or not; everyone else forwards. Complexity: all trees over
    all simple paths.

    Args:
        topology: the machine.
        what: the collective.
        in_network: switches do what their flags say.
        height: of the schedule, where every rank takes part and switches only forward; 0 is the
            answer if none is so low.
    """
    topology = topology if in_network else _without_flags(topology)
    if what.name in FLOWS:
        amount, seconds = what.total, _flows(topology, what)
    elif what.name == "all_reduce":
        amount, seconds = 1, _there_and_back(topology, what, height)
    else:
        amount, seconds = what.total, _trees(topology, what, height)
    return amount / seconds if seconds < np.inf else 0.0


@dataclass
class _Rows:
    """Columns with their equalities; the last variable is the time."""

    topology: Topology
    columns: list[tuple[Load, dict[object, int]]] = field(default_factory=list)
    totals: dict[object, int] = field(default_factory=dict)

    def least_time(self) -> float:
        links, rows = self.topology.links, {key: i for i, key in enumerate(self.totals)}
        load = lil_matrix((links, len(self.columns) + 1))
        equal = lil_matrix((len(rows), len(self.columns) + 1))
        for i, (loads, entries) in enumerate(self.columns):
            for link in np.flatnonzero(loads):
                load[link, i] = loads[link]
            for key, sign in entries.items():
                equal[rows[key], i] = sign
        scale = self.topology.bandwidth.max()
        load[:, -1] = -self.topology.bandwidth[:, None] / scale
        cost = np.zeros(len(self.columns) + 1)
        cost[-1] = 1.0
        found = linprog(
            cost,
            A_ub=load.tocsr(),
            b_ub=np.zeros(links),
            A_eq=equal.tocsr(),
            b_eq=list(self.totals.values()),
        )
        return float(found.fun) / float(scale) if found.status == 0 else np.inf


def _trees(topology: Topology, what: Collective, height: int | None) -> float:
    """Pack for each block trees that weigh as much as it."""
    inward = what.name in INWARD
    rows = _Rows(topology)
    for rank, blocks in zip(what.ranks, what.outputs if inward else what.inputs, strict=True):
        if len(blocks):
            rows.totals[rank] = int(what.sizes[blocks].sum())
            found = trees(topology, what, rank, inward, height)
            rows.columns += [(load, {rank: 1}) for load in found]
    return rows.least_time()


def _there_and_back(topology: Topology, what: Collective, height: int | None) -> float:
    """Pack for each root as many trees to it as from it; any vertex may be a root.

    A height is split between the two in all paths.
    """
    rows = _Rows(topology, totals={"all": 1})
    splits = [(None, None)] if height is None else [(h, height - h) for h in range(1, height)]
    for root, (there, back) in product(range(topology.vertices), splits):
        key = root, there
        rows.totals[key] = 0
        into, out = (
            trees(topology, what, root, True, there),
            trees(topology, what, root, False, back),
        )
        rows.columns += [(load, {key: 1, "all": 1}) for load in out]
        rows.columns += [(load, {key: -1}) for load in into]
    return rows.least_time()


def _without_flags(topology: Topology) -> Topology:
    return replace(topology, multicast=topology.multicast & False, reduce=topology.reduce & False)


def _flows(topology: Topology, what: Collective) -> float:
    """Let a flow for each block share the links; everyone may forward."""
    rows = _Rows(topology)
    for block, (holders, wanters) in enumerate(zip(what.holders, what.wanters, strict=True)):
        src, dst = int(holders[0]), int(wanters[0])
        if src == dst:
            continue
        for vertex in range(topology.vertices):
            amount = int(what.sizes[block]) * ((vertex == dst) - (vertex == src))
            rows.totals[block, vertex] = amount
        for link, load in enumerate(np.eye(topology.links, dtype=np.int64).tolist()):
            into, out = int(topology.dst[link]), int(topology.src[link])
            rows.columns.append((tuple(load), {(block, into): 1, (block, out): -1}))
    return rows.least_time()


def trees(
    topology: Topology, what: Collective, root: int, inward: bool, height: int | None = None
) -> set[Load]:
    """List the loads of all trees out of a root over all paths, or into it, up to a height.

    They hold any of the vertices that branch in that direction, and a root that cannot has one
    branch only.
    """
    flags = topology.reduce if inward else topology.multicast
    able = [v for v in range(topology.vertices) if v < topology.ranks or flags[v]]
    others = [v for v in able if v not in (*what.ranks, root)]
    chosen = chain.from_iterable(combinations(others, k) for k in range(len(others) + 1))
    found: set[Load] = set()
    for more in chosen:
        members = sorted({*what.ranks, root, *more})
        found |= _over(topology, members, root, inward, root in able, height or len(members))
    return found


def _over(
    topology: Topology,
    members: Sequence[int],
    root: int,
    inward: bool,
    branching_root: bool,
    height: int,
) -> set[Load]:
    """List the loads of all trees that hold exactly these members."""
    between = simple_ways(topology, members)
    others = [vertex for vertex in members if vertex != root]
    found: set[Load] = set()
    for parents in product(members, repeat=len(others)):
        above = dict(zip(others, parents, strict=True))
        if not _leads_up(above, root, height) or (parents.count(root) > 1 and not branching_root):
            continue
        arcs = [(child, parent) if inward else (parent, child) for child, parent in above.items()]
        for paths in product(*(between[arc] for arc in arcs)):
            load = np.zeros(topology.links, dtype=np.int64)
            np.add.at(load, [link for path in paths for link in path], 1)
            found.add(tuple(load.tolist()))
    return found


def _leads_up(above: dict[int, int], root: int, height: int) -> bool:
    for start in above:
        at, steps = start, 0
        while at != root and steps < height:
            at, steps = above[at], steps + 1
        if at != root:
            return False
    return True


def simple_ways(
    topology: Topology, members: Sequence[int]
) -> defaultdict[tuple[int, int], list[tuple[int, ...]]]:
    """List all simple paths from member to member through vertices that are none."""
    found: defaultdict[tuple[int, int], list[tuple[int, ...]]] = defaultdict(list)
    for src in members:
        for path in _walks(topology, frozenset(members), src, (), frozenset([src])):
            found[src, int(topology.dst[path[-1]])].append(path)
    return found


def _walks(
    topology: Topology,
    members: frozenset[int],
    at: int,
    path: tuple[int, ...],
    seen: frozenset[int],
) -> Iterator[tuple[int, ...]]:
    for link in np.flatnonzero(topology.src == at).tolist():
        to = int(topology.dst[link])
        if to in seen:
            continue
        if to in members:
            yield (*path, link)
        else:
            yield from _walks(topology, members, to, (*path, link), seen | {to})
