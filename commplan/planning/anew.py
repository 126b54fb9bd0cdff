"""Trees packed from nothing in place of repaired ones that a program does not keep up with.

A repair changes little, and leaves trees uneven: what goes over links that are full may come late
at every rank that passes it on. Where much symmetry is left, trees that use it are found sooner
than a pacing that suits the uneven ones.
"""

from collections.abc import Iterator
from contextlib import suppress

from commplan.anytime.limits import keeps_limits
from commplan.candidates.tuning import EASED_WORK
from commplan.planning.canonical import canonical_view
from runtime.metrics.link_loads import algbw
from solvers.lp.linear_program import Infeasible
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import LimitError, SolverOptions
from solvers.solve import solve


def pack_anew(best: Schedule, watch: Watch, options: SolverOptions) -> Iterator[Schedule]:
    """Pack the trees of a schedule from nothing, if that takes little work.

    Args:
        best: a schedule of highest throughput.
        watch: of the whole question.
        options: what the search may use, and its limits.

    Returns:
        one of the same throughput, or none.
    """
    own = watch.stage(EASED_WORK, "trees packed anew")
    with suppress(Infeasible, LimitError, NotFound):
        seen = canonical_view(best.topology, best.collective, options.symmetry)
        asked = best if seen is None else seen
        found = solve(asked.topology, asked.collective, own, options)
        found = found if seen is None else seen.back(found)
        if algbw(found) == algbw(best) and keeps_limits(found, options):
            yield found
