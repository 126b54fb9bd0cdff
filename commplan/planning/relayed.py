"""The best schedule where ranks outside the collective may copy and add: never a slower one.

That is a Steiner problem. So what does without their help comes first, with a bound for all that
they might do, and stays unless a part of the machine, with some ranks around, is faster.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from commplan.anytime.checking import Checked, check_schedule
from commplan.anytime.standby import solve_in_time
from solvers.bounds.cuts import cut_bound
from solvers.groups.parts import lift_bound, submachines_with_helpers
from solvers.lp.linear_program import Infeasible
from solvers.registry import choose_solver
from solvers.schedules.capabilities import RELAYS
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective, Movement
from solvers.settings.deadline import NotFound, Watch, tighter
from solvers.settings.options import DEFAULT_OPTIONS, LimitError, SolverOptions
from solvers.solve import contracted_bound, solve_around_hubs, solve_in
from topologies.model.topology import Topology

FORWARD, ALL = RELAYS[1:]
NEAR = Fraction(97, 100)  # of the bound


def best_with_relays(
    topology: Topology,
    collective: Collective,
    watch: Watch,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Checked:
    """Find the schedule of highest throughput that there is in the time, under any use of relays.

    Args:
        topology: the machine.
        collective: over its ranks.
        watch: says when to stop, and hears of progress.
        options: what the search may use, and its limits.

    Raises:
        as `solve_in_time`.
    """
    if options.relays != ALL or len(collective.ranks) in (1, topology.ranks):
        return solve_in_time(topology, collective, watch, options)
    try:
        first = solve_in_time(topology, collective, watch, replace(options, relays=FORWARD))
    except LimitError:  # nothing is known without the others' copying and adding
        return solve_in_time(topology, collective, watch, options)
    bound = _bound(topology, collective, first.schedule.bound, watch, options)
    best = check_schedule(replace(first.schedule, relays=ALL, bound=bound))
    limited = options.max_height is not None or options.trees is not None
    if collective.shape.movement is not Movement.COPY_OF_SUM or limited or best.report.optimal:
        return best
    for made in _solve_helped(topology, collective, bound, watch, options):
        if (made.report.algbw or 0) > (best.report.algbw or 0):
            best = made
        if best.report.optimal:
            break
    return best


def _bound(
    topology: Topology, collective: Collective, known: Bound, watch: Watch, options: SolverOptions
) -> Bound:
    """Compute the tightest bound that holds whatever ranks outside do."""
    found = [lift_bound(known, topology, collective, in_network=options.in_network)]
    if known.scope != "cut" and collective.shape.everyone:
        found.append(cut_bound(topology, collective, watch))
    if collective.shape.movement is Movement.COPY_OF_SUM and options.max_height is None:
        try:
            found.append(contracted_bound(topology, collective, watch, options))
        except NotFound:
            watch.tell("no tighter bound in the time")
    best: Bound | None = None
    for each in found:
        if each is not None and tighter(each, best):
            best = each
    return best or Bound(None, "none", None)


def _solve_helped(
    topology: Topology, collective: Collective, bound: Bound, watch: Watch, options: SolverOptions
) -> Iterator[Checked]:
    """Solve with some ranks around that may copy and add: each of them for all, or any for some."""
    made_by: dict[str, str | int | float] = {}
    made_by["solver"] = choose_solver(collective, options.solver)
    for made in solve_around_hubs(topology, collective, bound, watch, options):
        checked = check_schedule(replace(made, bound=bound, provenance=made_by | made.provenance))
        yield checked
        if bound.algbw is not None and (checked.report.algbw or 0) >= NEAR * bound.algbw:
            return  # to try more parts takes minutes, for little
    for cut in submachines_with_helpers(topology, collective):
        watch.tell(f"trying {cut.topology.ranks} ranks")
        try:
            found = solve_in(cut, collective, watch, options)
        except (Infeasible, NotFound):
            continue
        yield check_schedule(replace(found, bound=bound, provenance=made_by | found.provenance))
