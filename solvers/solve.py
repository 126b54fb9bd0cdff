"""Which solver does what: a machine and a collective in, the schedule of highest throughput out."""

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

import numpy as np

from solvers import flows, forest
from solvers.bounds import MIRRORED, cut_bound
from solvers.certificate import Bound
from solvers.collective import Collective
from solvers.schedule import Schedule
from topologies.symmetry import Group, declared, subgroup
from topologies.topology import Topology

Solver = Callable[[Topology, Collective, Group, float], Schedule]

SOLVERS: dict[str, Solver] = {
    "all_gather": forest.forest,
    "reduce_scatter": forest.forest,
    "broadcast": forest.forest,
    "reduce": forest.forest,
    "all_reduce": forest.all_reduce,
    "all_to_all": flows.all_to_all,
    "scatter": flows.scatter,
    "gather": flows.scatter,
}


def solve(topology: Topology, collective: Collective, seconds: float = 600.0) -> Schedule:
    """Find the schedule of highest throughput, with the certificate that none is higher.

    The declared symmetry of the machine is used as far as it keeps the collective.

    Raises:
        Infeasible: no schedule exists.
        NotFound: none was found in the time given.
        SymmetryError: the declared symmetry is no symmetry.
        KeyError: no solver knows the collective.
    """
    started = monotonic()
    solver = SOLVERS[collective.name]
    found = solver(topology, collective, kept_symmetry(topology, collective), seconds)
    provenance: dict[str, str | int | float] = {
        "solver": solver.__name__,
        "seconds": round(monotonic() - started, 3),
    }
    return replace(found, provenance=found.provenance | provenance)


def bound(topology: Topology, collective: Collective, seconds: float = 600.0) -> Bound:
    """Find the tightest bound that is known: size / time that no schedule exceeds.

    A cut does where it is certain to be attained; elsewhere the optimum's prices are needed.

    Raises:
        as `solve`.
    """
    gather_like = collective.name in MIRRORED or collective.name in MIRRORED.values()
    if gather_like and _balanced(topology, collective):
        return cut_bound(topology, collective)
    return solve(topology, collective, seconds).bound


def kept_symmetry(topology: Topology, collective: Collective) -> Group:
    """Give the part of the declared symmetry that keeps the ranks and the root."""
    group = declared(topology)
    everyone = len(collective.ranks) == topology.ranks
    if everyone and collective.root is None:
        return group
    ranks = np.array(collective.ranks)
    moved = np.sort(group.elements[:, ranks], axis=1)
    keep = (moved == ranks).all(axis=1)
    if collective.root is not None:
        keep &= group.elements[:, collective.root] == collective.root
    return subgroup(group, keep)


def _balanced(topology: Topology, collective: Collective) -> bool:
    """Say whether everyone but the collective's ranks takes in as much as it gives out.

    There the cut bound is attained (Bang-Jensen, Frank and Jackson, SIAM Journal on Discrete
    Mathematics 8 (1995)), and one flow attains that of scatter and gather anywhere.
    """
    if collective.name in ("scatter", "gather"):
        return True
    surplus = np.zeros(topology.vertices, dtype=np.int64)
    np.add.at(surplus, topology.dst, topology.capacity)
    np.subtract.at(surplus, topology.src, topology.capacity)
    surplus[list(collective.ranks)] = 0
    return not surplus.any()
