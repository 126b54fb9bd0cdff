"""Exact flows: the one home of OR-Tools' max-flow and min-cost-flow solvers."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from ortools.graph.python.max_flow import SimpleMaxFlow
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from solvers.lp.linear_program import NotFound
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology

FLOW_LIMIT = 2**62
COST_STEPS = 10**6  # efforts are compared to a millionth of the largest


@dataclass(frozen=True, eq=False)
class Flow:
    """A maximum flow: its value, the flow on each arc, and the source's side of a minimum cut."""

    value: int
    arcs: IntArray
    side: BoolArray


def max_flow(
    vertices: int, tail: IntArray, head: IntArray, capacity: IntArray, source: int, sink: int
) -> Flow:
    """Find a maximum flow with integer capacities (push-relabel, vectorised arc arrays).

    Args:
        vertices: how many.
        tail: where each arc starts.
        head: where it ends.
        capacity: whole numbers.
        source: a vertex.
        sink: a vertex.

    Raises:
        NotFound: the capacities do not fit into 62 bits together.
    """
    if capacity.sum(dtype=np.float64) >= FLOW_LIMIT:
        raise NotFound("the capacities are too large for an exact flow")
    engine = SimpleMaxFlow()
    arcs = engine.add_arcs_with_capacity(tail, head, capacity)
    status = engine.solve(source, sink)
    if status != engine.OPTIMAL:
        raise NotFound(f"the max-flow solver ended with {status}")
    side = np.zeros(vertices, dtype=np.bool_)
    side[[v for v in engine.get_source_side_min_cut() if v < vertices]] = True
    side[source] = True
    return Flow(int(engine.optimal_flow()), np.asarray(engine.flows(arcs)), side)


def multiply(amounts: IntArray, factor: int) -> IntArray:
    """Multiply whole numbers, exactly.

    Raises:
        NotFound: a product does not fit into 62 bits.
    """
    if float(amounts.max(initial=0)) * factor >= FLOW_LIMIT:
        raise NotFound("the capacities are too large for an exact flow")
    return amounts * factor


def min_cost_flow(
    topology: Topology, root: int, needs: dict[int, int], rate: Fraction, effort: FloatArray
) -> list[Fraction]:
    """Bring each vertex what it needs from the root at `rate`, with the least effort.

    Args:
        topology: the machine.
        root: the vertex that everything comes from.
        needs: of each vertex that takes something, in whole units.
        rate: in capacity units per unit of need, one that the capacities allow.
        effort: per link and unit.

    Returns:
        the amount on each link, in units of need.

    Raises:
        NotFound: the capacities are too large for an exact flow.
    """
    engine = SimpleMinCostFlow()
    costs = np.round(effort / effort.max() * COST_STEPS).astype(np.int64)
    arcs = engine.add_arcs_with_capacity_and_unit_cost(
        topology.src, topology.dst, multiply(topology.capacity, rate.denominator), costs
    )
    for vertex, need in needs.items():
        engine.set_node_supply(vertex, -need * rate.numerator if vertex != root else 0)
    total = sum(need for vertex, need in needs.items() if vertex != root)
    engine.set_node_supply(root, total * rate.numerator)
    if (status := engine.solve()) != engine.OPTIMAL:
        raise NotFound(f"the min-cost-flow solver ended with {status}")
    return [Fraction(int(flow), rate.numerator) for flow in engine.flows(arcs)]
