"""From a machine and a collective to a schedule that is checked, and chosen for its size.

What searches is loaded where something is searched for: a plan that is known, as after a failure,
needs none of it, and to load it takes as long as to plan for a small machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from commplan.anytime.abandon import end_with, overtime
from commplan.anytime.checking import Checked, check_schedule
from commplan.anytime.interrupts import stop_on_interrupt
from commplan.candidates.fewer import take_fewer
from commplan.candidates.keys import BEST, Generator
from commplan.candidates.large import no_others, pace_for_large, play_seconds
from commplan.candidates.measure import Candidate, allocated, measure
from commplan.candidates.select import compare, distinct, try_pacings
from commplan.candidates.tuning import EASED_LARGE_PARTS
from runtime.alone.own_scratch import needed_scratch
from runtime.metrics.pacing import Pacing, pacing_of, with_pacing
from runtime.simulate.simulate import Simulation
from runtime.verify.structure import collective_faults
from runtime.verify.verify import Report
from solvers.registry import check
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS, LimitError, SolverOptions
from topologies.model.arguments import number, whole
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds, Share, duration

if TYPE_CHECKING:
    from commplan.planning.nearby import Nearby

LEADS = "other leads"  # what is not tried where the time does not suffice
CROWDED = 3.0  # times as long as alone that a play takes where others have the processors


@dataclass(frozen=True)
class Plan:
    """A checked schedule, and why it is the one.

    With a size (bytes): predicted is what the simulator says, bound what nothing can beat, both in
    seconds; candidates lists all that were compared and need no more scratch than is allowed, each
    at the pacing that suits it best, the chosen one first.

    Attributes:
        scratch: the most that a rank needs, as a part of the size: with a size what the program
            allocates, but for what small messages are put together in where it has very many;
            without what it needs in the chunks of 1 GiB.
        not_tried: what was left out or cut short because the time was over, or someone stopped the
            search.
        reached: without a size, what is expected of the schedule's program at 1 GiB; None where to
            play it would take long, or the time was over.
    """

    schedule: Schedule
    report: Report
    reason: str
    scratch: Share
    size: Bytes | None = None
    predicted: Seconds | None = None
    bound: float | None = None
    candidates: tuple[Candidate, ...] = ()
    not_tried: tuple[str, ...] = ()
    reached: Simulation | None = None


def plan(
    topology: Topology,
    collective: Collective,
    *,
    size: Bytes | None = None,
    seconds: Seconds = 600.0,
    options: SolverOptions = DEFAULT_OPTIONS,
    max_scratch: Share | None = None,
    watch: Watch | None = None,
    known: Schedule | None = None,
    pacing: Pacing | None = None,
) -> Plan:
    """Find the schedule of highest throughput or, for a size in bytes, the fastest one known.

    Every schedule passes `verify` before it is returned. When the seconds are over, or at Ctrl-C,
    the search ends with the best so far. An all_to_allv, dispatch or combine is planned for the
    size of its demand, in bytes, where no other is given.

    Args:
        topology: the machine.
        collective: over ranks of the machine.
        size: in bytes, of the largest buffer of a rank; without one, throughput decides.
        seconds: of time, at most.
        options: which symmetry to use, what switches and ranks outside may do, and limits.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
        watch: reports progress and can be stopped early; takes the place of `seconds`.
        known: a schedule of highest throughput, where there is one already; it is checked. With a
            pacing that does not suit it another may take its place that is found soon.
        pacing: of a schedule for a machine that is nearly the same: what is found keeps its lead
            and its order where these suit it; without a size others are tried only where not.

    Returns:
        the schedule, what the checker said of it, and why it was chosen.

    Raises:
        Infeasible: no schedule exists.
        NotFound: none was found in the time given.
        ScratchError: none that is known makes do with the scratch.
        LimitError: none that is known keeps to the height or the number of trees.
        CollectiveError: the collective is none, or not for this machine.
        ArgumentError: a size below 1, or something of another kind.
        WrongSchedule: a bug.
        KeyboardInterrupt: at a second Ctrl-C.
    """
    allowed = float(number("seconds", seconds, above=True, endless=True))
    watch = watch or Watch(allowed)
    check(topology, collective, watch, options)
    if faults := list(collective_faults(topology, collective)):
        raise CollectiveError("\n".join(faults))
    if known is None:
        from solvers.trees.large import refuse_too_large, refuse_too_many_transfers

        refuse_too_large(topology, collective, options)
        refuse_too_many_transfers(topology, collective)
    size = size if size is None else whole("size", size, 1, 2**60)
    if max_scratch is not None:
        number("max_scratch", max_scratch)
    with stop_on_interrupt(watch):
        if isinstance(collective, Exchange) and known is None:
            from commplan.planning.exchange import plan_exchange

            return plan_exchange(topology, collective, size, options, max_scratch, watch)
        if known is not None:
            return plan_as_is(
                topology, collective, size, options, max_scratch, watch, known, pacing
            )
        return _in_order(topology, collective, size, options, max_scratch, watch, pacing)


def _in_order(
    topology: Topology,
    collective: Collective,
    size: Bytes | None,
    options: SolverOptions,
    max_scratch: Share | None,
    watch: Watch,
    pacing: Pacing | None,
) -> Plan:
    """Plan for a machine in an order of its own, and turn the plan back.

    What is in hand then is turned and verified, however late it is. Small messages that are put
    together, since their blocks lie apart once turned, take scratch: where that is too much, the
    machine is planned for as it is.
    """
    from commplan.planning.canonical import canonical_view
    from solvers.groups.reach import restrict_relays

    with end_with(watch, overtime(watch)):
        watch.tell("putting the machine in order")
        topology = restrict_relays(topology, collective, options.relays)
        seen = canonical_view(topology, collective, options.symmetry)
        asked = (topology, collective) if seen is None else (seen.topology, seen.collective)
        made = plan_as_is(*asked, size, options, max_scratch, watch, pacing=pacing)
    if seen is None:
        return made
    schedule = seen.back(made.schedule)
    turned = tuple(replace(c, schedule=seen.back(c.schedule)) for c in made.candidates)
    if turned:
        schedule = replace(schedule, transfers=turned[0].schedule.transfers)
    room = made.scratch
    if size is not None and turned:
        room = allocated(schedule, size, turned[0].chunks)
    if max_scratch is not None and room > max_scratch:
        with end_with(watch, overtime(watch)):
            return plan_as_is(
                topology, collective, size, options, max_scratch, watch, pacing=pacing
            )
    watch.tell("verifying")
    report = check_schedule(schedule).report
    return replace(made, schedule=schedule, report=report, scratch=room, candidates=turned)


def plan_as_is(
    topology: Topology,
    collective: Collective,
    size: Bytes | None,
    options: SolverOptions,
    max_scratch: Share | None,
    watch: Watch,
    known: Schedule | None = None,
    pacing: Pacing | None = None,
) -> Plan:
    """Plan for a machine as it is."""
    if known is None:
        found = _highest(topology, collective, watch, options)
    else:
        found = check_schedule(known)
    best, report = found.schedule, found.report
    if size is None and is_sized(collective):
        size = collective.total
    around = _nearby(best)
    seen = best if around is None else around.best
    candidates = compare(seen, size, max_scratch, watch, options, exact=True)
    if around is not None:
        candidates = [replace(c, schedule=around.back(c.schedule)) for c in candidates]
    candidates = distinct(candidates)
    best = _take(candidates[0], best, options)
    if best is not candidates[0].schedule or (size and pacing_of(best).phases > 1):
        watch.tell(f"verifying {candidates[0].name}")
        report = check_schedule(best).report
    if size is not None:
        return _for_size(best, report, candidates, size, watch)
    pieces, paced = best.block, known is not None or pacing is not None
    if pacing is not None:
        best = paced_like(best, pacing)
    again = pacing if known is not None else None
    best, reached = _pace(best, max_scratch, watch, options, paced=paced, again=again)
    if best.block is not pieces or pacing_of(best).phases > 1:
        report = check_schedule(best).report
    cut = tuple(watch.not_tried)
    room = needed_scratch(best)
    return Plan(best, report, _reason(candidates), room, not_tried=cut, reached=reached)


def plan_again(
    made: Plan, size: Bytes, watch: Watch, options: SolverOptions = DEFAULT_OPTIONS
) -> Plan:
    """Choose for another size among the candidates of a plan; nothing is searched for.

    Args:
        made: a plan for about this size.
        size: in bytes.
        watch: says when to stop.
        options: those of the plan.
    """
    found = [measure(c.key, c.schedule, size, options.switching) for c in made.candidates]
    candidates = distinct(try_pacings(found, size, watch, options))
    best = _take(candidates[0], made.schedule, options)
    return _for_size(best, check_schedule(best).report, candidates, size, watch)


def _take(first: Candidate, highest: Schedule, options: SolverOptions) -> Schedule:
    """Give the schedule of a candidate, with what is known of the one of highest throughput."""
    if first.key.generator is Generator.SOLVER:
        return first.schedule
    return replace(
        first.schedule,
        bound=highest.bound,
        in_network=options.in_network,
        relays=options.relays,
    )


def _for_size(
    best: Schedule, report: Report, candidates: list[Candidate], size: Bytes, watch: Watch
) -> Plan:
    """Make the plan of a schedule that was chosen at a size."""
    first = candidates[0]
    return Plan(
        best,
        report,
        _reason(candidates),
        allocated(best, size, first.chunks),
        size,
        first.seconds,
        schedule_time_bound(best, size),
        tuple(candidates),
        tuple(watch.not_tried),
    )


def _nearby(best: Schedule) -> "Nearby | None":
    """Look for the part of the machine around a group, where not all ranks take part."""
    if len(best.collective.ranks) == best.topology.ranks:
        return None
    from commplan.planning.nearby import find_nearby

    return find_nearby(best)


def _pace(
    best: Schedule,
    max_scratch: Share | None,
    watch: Watch,
    options: SolverOptions,
    *,
    paced: bool,
    again: Pacing | None,
) -> tuple[Schedule, Simulation | None]:
    """Choose a lead by playing the schedule; it stays as it is where the time does not suffice.

    Where it reaches little, trees of the same throughput that leave room on links may take its
    place, or few trees out of one root.

    A play that has begun is not cut short. What is `paced` keeps its pacing where that suits it;
    where not, and trees that are packed `again` go well so, it is these.
    """
    slower = CROWDED if watch.crowded else 1.0
    if watch.left < slower * play_seconds(best):
        watch.leave_out(LEADS)
        return best, None
    watch.tell("playing it")
    others = partial(_with_room, best, watch, options)
    anew = no_others if again is None else partial(_anew, best, watch, options, again)
    found = pace_for_large(best, max_scratch, others, paced=paced, anew=anew)
    return found if paced else take_fewer(best, found, max_scratch, watch, options)


def _anew(
    best: Schedule, watch: Watch, options: SolverOptions, pacing: Pacing
) -> Iterable[Schedule]:
    """Pack the trees of a repaired schedule from nothing, and pace them."""
    from commplan.planning.anew import pack_anew  # once one is asked for: most suit as they are

    for made in pack_anew(best, watch, options):
        yield paced_like(made, pacing)


def paced_like(made: Schedule, pacing: Pacing) -> Schedule:
    """Pace a schedule as another one, but for steps that stood further apart."""
    kept = replace(pacing_of(made), lead=pacing.lead, order=pacing.order)
    return with_pacing(made, kept)


def _with_room(best: Schedule, watch: Watch, options: SolverOptions) -> Iterable[Schedule]:
    """Pack the trees of a schedule again, one time after the other, with room on its links."""
    from commplan.candidates.eased import ease

    return (made for _, made in ease(best, EASED_LARGE_PARTS, watch, options))


def _highest(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> Checked:
    """Find the schedule of highest throughput; where none is so low, a plain one to begin with.

    Patterns, which a solver does not know, may be lower than its trees.
    """
    from commplan.planning.relayed import best_with_relays

    try:
        return best_with_relays(topology, collective, watch, options)
    except LimitError:
        from commplan.anytime.standby import make_fallback
        from solvers.bounds.cuts import cut_bound

        known = cut_bound(topology, collective, watch)
        return check_schedule(make_fallback(topology, collective, known, watch, options))


def schedule_time_bound(schedule: Schedule, size: float) -> Seconds:
    """Compute the seconds that nothing beats at a size, whatever the schedule."""
    from solvers.bounds import time_bound

    return time_bound.time_lower_bound(
        schedule.topology,
        schedule.collective,
        schedule.bound,
        size,
        in_network=schedule.in_network,
    )


def _reason(candidates: list[Candidate]) -> str:
    """Say why the first of the candidates is the choice."""
    first, *others = candidates
    highest = next((each for each in (first, *others) if each.key.unpaced == BEST), None)
    if highest is None:
        return f"{first.name}: {BEST} is left out (limits, or a pile in front of a rank)"
    if not others:
        return f"{first.name}, the only candidate"
    other = others[0] if highest is first else highest
    return (
        f"{first.name}: {duration(first.seconds)}, height {first.height}, against "
        f"{duration(other.seconds)}, height {other.height}, of {other.name}"
    )
