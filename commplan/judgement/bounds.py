"""What nothing beats, for each row of a log."""

from collections.abc import Iterable

from commplan.expectation.expect import switches_help
from commplan.measurements.rows import Measured
from solvers.bounds.time_bound import time_lower_bound
from solvers.schedules.certificate import Bound
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.solve import bound
from topologies.model.topology import Topology
from topologies.model.units import Seconds


def time_bounds(topology: Topology, rows: Iterable[Measured], watch: Watch) -> list[Seconds]:
    """Compute for each row the seconds that no schedule beats, over the first ranks.

    Complexity: a bound of throughput for each collective and number of ranks.

    Args:
        topology: the machine.
        rows: of at most as many ranks as it has.
        watch: hears of progress, and says when to stop.
    """
    adds = switches_help(topology)
    options = SolverOptions(in_network=adds)
    known: dict[tuple[str, int], Bound] = {}
    found = []
    for row in rows:
        key, what = (row.collective, row.ranks), collective(row.collective, range(row.ranks))
        if key not in known:
            watch.tell(f"bounding {row.collective} over {row.ranks} ranks")
            known[key] = bound(topology, what, watch, options)
        found.append(time_lower_bound(topology, what, known[key], row.size, in_network=adds))
    return found
