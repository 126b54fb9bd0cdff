"""Other flows of the same throughput for an all_to_all: over few stops, or of little latency.

Many flows are optimal, and at a size at which latency tells one of them may be a quarter faster
than another. Which one a solver finds hangs on details; these are told apart by what they are best
at, measured in latencies of the mean link, so that they are the same flows however fast links are.
The faster one of them then gets no slower where all links get faster.

Statement. Among the flows of a given throughput over any links find one of least cost: a linear
program with sources × links columns, as in `concurrent_flow`, whose time is known.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from solvers.flows.all_to_all import all_pairs, make_pieces
from solvers.flows.concurrent_flow import state_program
from solvers.lp.linear_program import solve
from solvers.routing.quotient import Quotient
from solvers.schedules.schedule import Schedule, schedule
from solvers.settings.deadline import NotFound, Watch
from topologies.model.topology import FloatArray, Topology, integers
from topologies.model.units import Rate

# What a link's latency counts for, and a stop at a rank, in latencies of the mean link.
LIKED = {"of few stops": (1e-3, 1.0), "of little latency": (1.0, 1e-3), "of both": (1.0, 1.0)}
DIGITS = 9  # to which costs are rounded, so that they are the same where all links are faster
CROSSING = 1e-6  # latencies of the mean link; between equals the one over fewer links


def other_flows(
    best: Schedule, rate: Rate, columns: int, watch: Watch
) -> Iterator[tuple[str, Schedule]]:
    """Find flows that are as good as the best, each with words for what it is best at.

    Complexity: a linear program of sources × links columns and sources × vertices rows for each.

    Args:
        best: a schedule of an all_to_all between several ranks.
        rate: size / time that it reaches.
        columns: of each program, beyond which it is not tried.
        watch: says when to stop.

    Raises:
        NotFound: the programs are too large, or the work was over.
    """
    machine, what = best.topology, best.collective
    quotient = Quotient(machine, integers(what.ranks), best.group)
    if len(quotient.roots) * machine.links > columns:
        raise NotFound("the linear programs are too large for other flows")
    program = state_program(quotient, all_pairs(quotient))
    target = what.total * machine.unit / Fraction(rate)
    everything = np.ones(len(quotient.roots) * machine.links, dtype=np.bool_)
    for name, weights in LIKED.items():
        costs = np.tile(_cost(machine, *weights), len(quotient.roots))
        found = solve(program.cheapest(float(target), costs, everything), watch, once=True)
        amounts = program.exact(found.x, float(target), target, watch)[0]
        made = schedule(machine, what, *make_pieces(quotient, what, amounts), best.bound)
        yield name, replace(made, group=best.group, provenance=best.provenance)


def _cost(machine: Topology, latency: float, stop: float) -> FloatArray:
    """Price a crossing of each link, whatever all latencies are multiplied by."""
    mean = float(machine.alpha.mean()) or 1.0
    price = latency * machine.alpha / mean + stop * (machine.dst < machine.ranks) + CROSSING
    return np.asarray(np.round(price, DIGITS))
