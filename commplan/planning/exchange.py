"""The plan of an all_to_all whose blocks are too many to be laid out: one routing for all sizes."""

from commplan.anytime.checking import check_schedule
from commplan.planning.planner import Plan
from runtime.alone.own_scratch import needed_scratch
from solvers.flows.exchange import route_exchange
from solvers.schedules.computed.exchange import Exchange
from solvers.settings.deadline import Watch
from solvers.settings.options import LimitError, SolverOptions
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Share

REASON = "routings of highest throughput, the only candidate"


def plan_exchange(
    topology: Topology,
    what: Exchange,
    size: Bytes | None,
    options: SolverOptions,
    max_scratch: Share | None,
    watch: Watch,
) -> Plan:
    """Find the schedule of highest throughput, verified.

    Raises:
        LimitError: a size or a limit is stated, or the machine has too little symmetry.
        NotFound: the time was over.
    """
    if size is not None or max_scratch is not None:
        asked = "a size" if size is not None else "a limit of scratch"
        ranks = f"{len(what.ranks):,} ranks"
        raise LimitError(f"an all_to_all of {ranks} is planned only without {asked}")
    found = route_exchange(topology, what, watch, options)
    watch.tell("verifying")
    checked = check_schedule(found)
    cut = tuple(watch.not_tried)
    return Plan(found, checked.report, REASON, needed_scratch(found), not_tried=cut)
