"""Trees of the same throughput that leave room on links which need not be full.

The packing of highest throughput is not unique, and the solver takes the lowest trees, however full
they make links that do not bind. A link that is full has to be shared at exactly the plan's rates,
and networks give every pair as much: what should go fast over it comes late, and the links that do
bind wait. So the trees are packed again on a machine that offers a part of each link only, and of
some links more: as long as that machine allows less than the throughput, links that its
certificate prices are what binds, and get as much more as makes their certificate allow it. What is
found then is a schedule of the true machine, of the throughput of before.

Statement. With capacities c, the rate is min over prices p >= 0 of p·c / cost(p) (duality), so a
certificate whose p·c is brought to rate × cost(p) forbids the rate no more. Shares of links only
grow, by a hundredth at least, so that it ends.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from commplan.anytime.limits import keeps_limits
from commplan.candidates.tuning import EASED_RANKS, EASED_WORK
from runtime.metrics.link_loads import algbw
from solvers.bounds.cuts import cut_bound, is_bounded
from solvers.bounds.time_bound import incomes
from solvers.lp.linear_program import Infeasible
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Movement
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import LimitError, SolverOptions
from solvers.solve import solve
from topologies.derive.derate import scale_links
from topologies.model.topology import IntArray, Topology, TopologyError
from topologies.model.units import Rate
from topologies.symmetry.group import SymmetryError, link_images, link_orbits, trivial

WHOLE = 100  # hundredths of a link
ROUNDS = 64  # in which more is offered, at most; few are used
TINY = 1e-6  # hundredths, of what floats may be off
TREES = (Movement.COPY, Movement.SUM, Movement.COPY_OF_SUM)


def ease(
    best: Schedule, parts: tuple[int, ...], watch: Watch, options: SolverOptions
) -> Iterator[tuple[int, Schedule]]:
    """Pack trees again on machines that offer less where nothing binds, if that takes little work.

    It is done where all ranks take part: a group would go long ways round, over links of others.

    Args:
        best: a schedule of highest throughput.
        parts: hundredths of each link that are offered at first, one after the other.
        watch: of the whole question.
        options: what the search may use, and its limits.

    Returns:
        each with its part; of the throughput of the best. None where that needs all links.
    """
    what, wanted = best.collective, algbw(best)
    few = 1 < len(what.ranks) == best.topology.ranks <= EASED_RANKS
    if wanted is None or not few or options.in_network:
        return
    if what.shape.movement not in TREES or not is_bounded(what):
        return
    for part in parts:
        if watch.leaves_out("trees that leave room"):
            return
        own = watch.stage(EASED_WORK, f"trees in {part} % of links")
        try:
            found = _solve_eased(best, wanted, part, own, options)
        except (Infeasible, LimitError, NotFound, TopologyError):
            continue
        if found is not None and keeps_limits(found, options):
            yield part, found


def _solve_eased(
    best: Schedule, wanted: Rate, part: int, watch: Watch, options: SolverOptions
) -> Schedule | None:
    """Offer more of the links that bind until the throughput is that of the best."""
    orbit = link_orbits(best.topology, best.group)
    offered = np.full(best.topology.links, part)
    for _ in range(ROUNDS):
        eased = _offer(best, offered)
        bound = cut_bound(eased, best.collective, watch)
        if bound.algbw is None or bound.algbw >= wanted:
            found = solve(eased, best.collective, watch, options)
            if (algbw(found) or 0) >= wanted:
                return _put_back(found, best)
            bound = found.bound
        more = _offer_more(offered, eased, bound, wanted)
        if np.array_equal(more, offered):
            return None
        offered = _largest_of_each(more, orbit)
        if (offered == WHOLE).all():
            return None
    return None


def _offer(best: Schedule, offered: IntArray) -> Topology:
    """Give each link a part of its bandwidth; what the schedule's symmetry joins stays alike."""
    shares = [Fraction(each, WHOLE) for each in offered.tolist()]
    return replace(scale_links(best.topology, shares), symmetry=best.group.generators)


def _offer_more(offered: IntArray, eased: Topology, bound: Bound, wanted: Rate) -> IntArray:
    """Let the links that a certificate prices offer so much that it allows the rate wanted."""
    income = incomes(eased, bound)
    some = (income > 0) & (offered < WHOLE)
    if bound.algbw is None or not some.any():
        return offered
    missing = income.sum() * (float(wanted / bound.algbw) - 1)
    grown = offered * (1 + missing / income[some].sum())
    return np.where(some, np.clip(np.ceil(grown - TINY), offered + 1, WHOLE), offered).astype(int)


def _largest_of_each(offered: IntArray, orbit: IntArray) -> IntArray:
    """Let all links of an orbit offer what the one of them does that offers most."""
    most = np.zeros(int(orbit.max()) + 1, dtype=np.int64)
    np.maximum.at(most, orbit, offered)
    return np.asarray(most[orbit])


def _put_back(found: Schedule, best: Schedule) -> Schedule:
    """Make a schedule of the true machine of one of an eased machine."""
    machine = best.topology
    try:
        moved = link_images(machine, found.group.generators)
        alike = np.array_equal(moved, link_images(found.topology, found.group.generators))
    except SymmetryError:
        alike = False
    if not alike:
        found = replace(unfold(found), group=trivial(machine))
    return replace(found, topology=machine, bound=best.bound, relays=best.relays)
