"""Which way the packets between two vertices go: shortest paths, or those of a schedule."""

from collections.abc import Mapping

from runtime.fabric.layout import FabricError
from solvers.routing import by_destination
from solvers.routing.by_destination import follow
from solvers.routing.router import RouteError
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.model.topology import IntArray, Topology

Path = tuple[int, ...]


def next_hops(topology: Topology) -> IntArray:
    """Compute where each vertex sends what is for another: (vertices, vertices), itself on itself.

    Raises:
        FabricError: a vertex cannot reach another; then no answer comes back.
    """
    try:
        return by_destination.next_hops(topology)
    except RouteError as error:
        raise FabricError(str(error)) from None


def of_schedule(schedule: Schedule) -> dict[tuple[int, int], Path]:
    """Give the path that a schedule takes between each two ranks that it lets talk.

    Raises:
        FabricError: it takes several for one pair; MPI has one connection for it.
    """
    whole = unfold(schedule)
    rows, topology = whole.transfers, whole.topology
    taken: dict[tuple[int, int], set[Path]] = {}
    ends = zip(rows.src.tolist(), rows.dst.tolist(), strict=True)
    starts = zip(rows.route_start[:-1].tolist(), rows.route_start[1:].tolist(), strict=True)
    for (src, dst), (start, end) in zip(ends, starts, strict=True):
        passed = topology.dst[rows.route[start:end]].tolist()
        taken.setdefault((src, dst), set()).add((src, *passed))
    for (src, dst), several in taken.items():
        if len(several) > 1:
            pair = f"{topology.names[src]} -> {topology.names[dst]}"
            raise FabricError(
                f"{pair}: the schedule takes {len(several)} ways, MPI has one connection for a pair"
            )
    return {pair: next(iter(several)) for pair, several in taken.items()}


def keep_differing(
    paths: Mapping[tuple[int, int], Path], hops: IntArray
) -> dict[tuple[int, int], Path]:
    """Keep the paths that the next hops would not take."""
    return {pair: found for pair, found in paths.items() if follow(hops, *pair) != found}
