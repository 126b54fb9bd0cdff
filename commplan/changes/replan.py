"""A plan for what is left of a machine, made of the plan for the whole of it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

from commplan.anytime.checking import WrongSchedule
from commplan.anytime.ordering import order_like
from commplan.changes.difference import Difference, compare_traffic
from commplan.changes.shrink import on_what_is_left
from commplan.planning.planner import Plan, paced_like, plan
from runtime.metrics.link_loads import throughput
from runtime.metrics.pacing import pacing_of
from runtime.simulate.simulate import simulate
from solvers.groups.reach import refuse_parts
from solvers.kept_symmetry import find_symmetry_left
from solvers.lp.linear_program import Infeasible
from solvers.repair.repair import repair
from solvers.repair.reroute import reroute
from solvers.repair.spanning import is_spanned, span
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import is_sized, pattern_of
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import SolverOptions
from topologies.derive.damage import Damage, damaged
from topologies.derive.part import Submachine
from topologies.model.arguments import of
from topologies.model.units import Bytes, Rate, Seconds
from topologies.symmetry.group import trivial

EXPLICIT = 20_000  # transfers, up to which each of them is looked at


@dataclass(frozen=True)
class Replanned:
    """A plan for what is left of a machine, beside the one for the whole.

    Attributes:
        plan: for what is left, checked.
        left: of the machine, and its numbers in the whole.
        before: algbw of the old schedule on the whole machine.
        took: with a size, what the old schedule is predicted to take there, in seconds.
        difference: what ranks send each other now and did not before, and the other way round.
    """

    plan: Plan
    left: Submachine
    before: Rate | None
    took: Seconds | None
    difference: Difference

    @property
    def lost(self) -> Fraction | None:
        """Compute the part of the rate that is lost, with a size at that; None if nothing moves."""
        if self.took is not None and self.plan.predicted:
            return 1 - Fraction(self.took) / Fraction(self.plan.predicted)
        now = self.plan.report.algbw
        return None if now is None or not self.before else 1 - now / self.before


def replan(
    schedule: Schedule,
    damage: Damage,
    *,
    shrink: bool = False,
    keep: bool = False,
    size: Bytes | None = None,
    seconds: Seconds = 600.0,
    watch: Watch | None = None,
) -> Replanned:
    """Find the schedule of highest throughput, or the fastest at a size, on what is left.

    Switches and ranks outside the collective may do what the old schedule allows them.

    Args:
        schedule: for the whole machine; only its throughput is taken on trust.
        damage: what has failed, in numbers of the schedule's machine.
        shrink: leave ranks that are gone out of the collective.
        keep: change as little as the highest throughput allows, if that takes longer.
        size: as of `plan`, in bytes.
        seconds: of time, at most.
        watch: takes the place of `seconds`.

    Raises:
        GoneError: the collective cannot be done without what is gone.
        Infeasible: the ranks no longer reach each other; it names the parts.
        TopologyError: the damage is none of this machine.
        ArgumentError: something of another kind.
        as `plan` besides.
    """
    of("schedule", schedule, Schedule)
    left = damaged(schedule.topology, of("damage", damage, Damage))
    what = on_what_is_left(schedule.collective, left, shrink=shrink)
    refuse_parts(left.topology, what, "on what is left")
    options = SolverOptions(in_network=schedule.in_network, relays=schedule.relays)
    asked, watch = (left.topology, what), watch or Watch(seconds)
    pacing = pacing_of(schedule)
    try:
        watch.tell("repairing the old trees")
        known = paced_like(_repair(schedule, left, what, watch, keep=keep), pacing)
        again = None if keep else pacing
        made = plan(*asked, size=size, options=options, watch=watch, known=known, pacing=again)
    except (NotFound, Infeasible, WrongSchedule):  # they are not all that there is
        made = plan(*asked, size=size, options=options, watch=watch, pacing=pacing)
    difference = compare_traffic(schedule, made.schedule, left)
    took = None if made.size is None else simulate(schedule, _size(schedule, made.size)).seconds
    return Replanned(made, left, throughput(schedule).algbw, took, difference)


def _repair(
    schedule: Schedule, left: Submachine, what: Collective, watch: Watch, *, keep: bool
) -> Schedule:
    """Repair the old trees, all of them where they are few, else one of each orbit.

    Of spanning trees that use every cable all change: these are packed anew, which takes less. An
    all_to_all keeps about the number of its rounds.

    Raises:
        as `repair`.
    """
    few = len(schedule.transfers) * schedule.group.order <= EXPLICIT
    asked = schedule, left, what
    if pattern_of(what) == "all_to_all":
        found = reroute(*asked, find_symmetry_left(left, what, watch), watch)
        return order_like(found, schedule)
    if not what.shape.everyone:
        raise NotFound("no schedule of trees")  # before any search for symmetry
    if is_spanned(left.topology, what):
        with suppress(NotFound):
            group = find_symmetry_left(left, what, watch)
            return replace(span(left.topology, what, group, watch), relays=schedule.relays)
    if keep or few:
        try:
            return repair(*asked, trivial(left.topology), watch)
        except NotFound:
            if few:
                raise
    return repair(*asked, find_symmetry_left(left, what, watch), watch)


def _size(schedule: Schedule, size: Bytes) -> Bytes:
    """Give the size of the old schedule: that of its demand, where it has one."""
    return schedule.collective.total if is_sized(schedule.collective) else size
