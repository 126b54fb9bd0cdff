"""An all_to_all on what is left of a machine, begun with the paths that there were.

What each source sent went over few links. A linear program over these, and over the shortest paths
that are left, is small, and near the optimum where little has failed; its prices ask for other
links, as they do where a machine is planned for from nothing (`solvers/flows`), and prove the rate.

Complexity: images of the old transfers at the sources, and a linear program for each round.
"""

from dataclasses import replace

import numpy as np

from solvers.flows.all_to_all import route_between_all
from solvers.routing.quotient import Quotient
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from topologies.derive.part import Submachine
from topologies.model.ragged import stretches
from topologies.model.topology import BoolArray, integers
from topologies.symmetry.group import Group, moved_links


def reroute(
    old: Schedule, left: Submachine, what: Collective, group: Group, watch: Watch
) -> Schedule:
    """Find the all_to_all of highest throughput on what is left, from the paths that there were.

    Args:
        old: for the whole machine.
        left: of it.
        what: the collective on what is left.
        group: keeps what is left and the collective.
        watch: says when to stop.

    Returns:
        the schedule, not checked yet, with its bound.

    Raises:
        NotFound: it is no all_to_all over all ranks, or its program is too large.
        Infeasible: some rank cannot be reached.
    """
    if pattern_of(what) != "all_to_all" or not 1 < len(what.ranks) == left.topology.ranks:
        raise NotFound("no all_to_all between all ranks")
    quotient = Quotient(left.topology, integers(what.ranks), group)
    found = route_between_all(quotient, what, watch, _links_used(old, left, quotient))
    return replace(found, provenance={"solver": "repair"}, relays=old.relays)


def _links_used(old: Schedule, left: Submachine, quotient: Quotient) -> BoolArray:
    """Mark the links that are left of those that each source's data took: (sources, links)."""
    topology, rows = old.topology, old.transfers
    source, number = (np.full(n, -1) for n in (topology.vertices, topology.links))
    source[left.vertices[quotient.roots]] = np.arange(len(quotient.roots))
    number[left.links] = np.arange(len(left.links))
    first = np.flatnonzero(np.diff(rows.piece, prepend=-1))
    elements = np.arange(old.group.order)[:, None]
    sources = source[old.group.images(elements, rows.src[first][None])]
    element, piece = np.nonzero(sources >= 0)
    ends = rows.route_start[np.append(first, len(rows))]
    length = np.diff(ends)[piece]
    route = rows.route[stretches(ends[piece], length)]
    link = number[moved_links(topology, route, old.group, np.repeat(element, length))]
    by = np.repeat(sources[element, piece], length)
    marks = np.zeros((len(quotient.roots), len(left.links)), dtype=np.bool_)
    marks[by[link >= 0], link[link >= 0]] = True
    return marks
