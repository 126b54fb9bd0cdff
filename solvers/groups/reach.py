"""Whether the ranks of a collective reach each other on what they may use; else the parts."""

from solvers.lp.linear_program import Infeasible
from solvers.schedules.capabilities import Relays
from solvers.schedules.collective import Collective
from topologies.derive.part import islands, without_others
from topologies.model.topology import Topology
from topologies.model.units import Rank

SHOWN = 8  # parts, and ranks of each, that are named


def restrict_relays(topology: Topology, collective: Collective, relays: Relays) -> Topology:
    """Give the machine as a collective may use it: without other ranks, if these do nothing.

    Raises:
        Infeasible: then its ranks cannot reach each other; the parts that can are named.
    """
    if relays != "none":
        return topology
    left = without_others(topology, collective.ranks)
    refuse_parts(left, collective, "without other ranks as relays")
    return left


def refuse_parts(topology: Topology, collective: Collective, where: str) -> None:
    """Name the parts into which the ranks of a collective fall, if they are several.

    Args:
        topology: that the ranks reach each other on.
        collective: over some of its ranks.
        where: in words, what that is.

    Raises:
        Infeasible: there are several.
    """
    found = islands(topology, collective.ranks)
    if len(found) > 1:
        named = " | ".join(_list_ranks(topology, ranks) for ranks in found[:SHOWN])
        more = f" | and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise Infeasible(
            f"{collective.name}: {where} the {len(collective.ranks)} ranks "
            f"fall apart into {len(found)} parts: {named}{more}"
        )


def _list_ranks(topology: Topology, ranks: list[Rank]) -> str:
    """Name some ranks of a part."""
    names = ", ".join(topology.names[rank] for rank in ranks[:SHOWN])
    return f"{names} and {len(ranks) - SHOWN} more" if len(ranks) > SHOWN else names
