"""A schedule at any time: the solver works in a thread of its own, a plain one stands by.

Whoever asks waits for the solver here, and is never held up by it: when the time is over, or at
Ctrl-C, the solver is told to stop, and gets a moment to hand in the best that it has. If it does
not, or if what it has is no better, the plain schedule is the answer.

The plain schedule is made when a solver has worked for long, and in good time before the end of a
limit; where someone stops the work before, it is made then: most solvers end without needing one.
"""

from dataclasses import replace
from threading import Thread
from time import monotonic

from commplan.anytime.abandon import Abandoned, Alarm, end_with, overtime
from commplan.anytime.checking import Checked, check_schedule
from commplan.anytime.interrupts import stop_on_interrupt
from commplan.anytime.limits import keeps_limits
from commplan.anytime.ordering import order_exchange
from solvers.bounds.cuts import rank_bound
from solvers.kept_symmetry import find_symmetry
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NO_DEADLINE, NotFound, Watch, tighter
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions
from solvers.solve import solve
from solvers.trees.large import MOST_PAIRS
from topologies.model.topology import Topology
from topologies.model.units import Seconds

PATIENCE = 30.0  # seconds after which a plain schedule is made; sooner where the time is short:
EARLY = 0.2  # so much of it is left to the solver alone
LAST = 20.0  # seconds for making one after someone stopped the work
LATER = 0.6  # of the overtime, for making one where there is nothing else
GRACE = 0.15  # of the time, or
LONGEST_GRACE = 10.0  # seconds, if that is shorter, for the solver to hand in what it has
STOPPED_GRACE = 1.0  # seconds for that where someone stopped the work
LAST_GRACE = 0.2  # seconds for it to end where that was not enough
AFTERWARDS = 6.0  # what is done after the solver, in units of what verifying the plain one took
LOOK = 0.05  # seconds after which whoever waits looks whether the time is over
FASTER = "schedules of higher throughput"


class _Solver:
    """The solver in its thread, and how it ended."""

    def __init__(
        self, topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
    ) -> None:
        self.watch = Watch(on_progress=watch.pass_on, whole=watch, what=FASTER)
        self.found: Schedule | None = None
        self.error: BaseException | None = None
        self._alarm = Alarm()
        # No daemon: the interpreter waits for it rather than fall apart under a running engine.
        self._thread = Thread(target=self._run, args=(topology, collective, options))

    def start(self) -> None:
        """Let it work, until it ends or is abandoned: whoever starts it must see to that."""
        self._thread.start()

    def _run(self, topology: Topology, collective: Collective, options: SolverOptions) -> None:
        try:
            try:
                self._alarm.listen()
                self.found = solve(topology, collective, self.watch, options)
            finally:
                self._alarm.end()
        except BaseException as error:  # raised again where the answer is waited for
            self.error = error

    def wait(self, seconds: Seconds, watch: Watch | None = None) -> bool:
        """Wait so long for the end, and tell whether it came; watch: ends the waiting as well."""
        until = monotonic() + seconds
        while self._thread.is_alive() and (left := until - monotonic()) > 0:
            if watch is not None and watch.late:
                break
            self._thread.join(min(left, LOOK))
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Let the thread end wherever it is: it has nothing to hand in that anyone waits for."""
        self.watch.stop()
        if self._thread.is_alive():
            self._alarm.set(0.0)
            self.wait(LAST_GRACE)

    def answer(self) -> Schedule | None:
        """Look up what was found in time, if anything.

        Raises:
            whatever the solver raised, but NotFound.
        """
        if self.error is not None and not isinstance(self.error, NotFound | Abandoned):
            raise self.error
        return self.found


def solve_in_time(
    topology: Topology,
    collective: Collective,
    watch: Watch,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Checked:
    """Find the schedule of highest throughput, or the best there is when the time is over.

    Every schedule is verified before it counts. A Ctrl-C ends the search as the end of the time
    does. In the plain schedule switches never copy or add.

    Args:
        topology: the machine.
        collective: over its ranks.
        watch: says when to stop, and hears of progress.
        options: what the search may use, and its limits.

    Returns:
        a schedule, with what the checker said of it.

    Raises:
        Infeasible: no schedule exists.
        NotFound: the time was over before there was any.
        WrongSchedule: a bug.
        KeyboardInterrupt: at a second Ctrl-C.
    """
    with stop_on_interrupt(watch):
        solver, standby = _search(topology, collective, watch, options)
        return _better(topology, collective, solver, standby, watch, options)


def _search(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> tuple[_Solver, Checked | None]:
    """Let the solver work to its end, or that of the time; give it and the plain schedule."""
    grace = min(GRACE * watch.left, LONGEST_GRACE)
    alone = _patience(watch)
    solver, standby = _Solver(topology, collective, watch, options), None
    if not alone:  # before there is a solver, which would take half of what time there is
        standby = _standby(topology, collective, watch, options)
    try:
        solver.start()
        if not solver.wait(alone, watch):
            if alone and not watch.late and topology.ranks <= MOST_PAIRS:
                with solver.watch.held():
                    standby = _standby(topology, collective, watch, options)
            afterwards = AFTERWARDS * standby.seconds if standby else 0.0
            solver.wait(watch.left - afterwards - grace, watch)
        stopped = watch.late
        solver.watch.stop()
        watch.tell("ending")
        solver.wait(min(grace, STOPPED_GRACE) if stopped else grace)
    finally:
        solver.abandon()
    return solver, standby


def _patience(watch: Watch) -> Seconds:
    """Compute the seconds that the solver has for itself: nearly all commands end within them."""
    alone = 0.0 if watch.crowded else EARLY * watch.left
    return min(PATIENCE, max(alone, watch.left - PATIENCE))


def make_fallback(
    topology: Topology,
    collective: Collective,
    bound: Bound,
    watch: Watch = NO_DEADLINE,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Schedule:
    """Make the plain schedule of a problem, under the symmetry that is known at once.

    Raises:
        as `fallback_schedule`.
    """
    from solvers.fallback import fallback_schedule  # most solvers end without needing it

    group = find_symmetry(topology, collective, 0.0, options)
    found = fallback_schedule(topology, collective, group, bound, watch, options.relays)
    return replace(found, in_network=options.in_network, relays=options.relays)


def _standby(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> Checked | None:
    """Make a plain schedule and verify it; None if it takes too long, or is beyond the limits.

    Who stops the work wants what there is, so that this goes on.
    """
    late = LATER * overtime(watch)  # the rest is for what comes after
    own = Watch(LAST if watch.stopped else watch.left + late)
    try:
        with end_with(own):
            watch.tell("making a plain schedule")
            known = rank_bound(topology, collective)
            made = check_schedule(make_fallback(topology, collective, known, own, options))
    except NotFound:
        return None
    if not keeps_limits(made.schedule, options):
        return None
    watch.tell(bound=known, best=_rate(made))
    return made


def _better(
    topology: Topology,
    collective: Collective,
    solver: _Solver,
    standby: Checked | None,
    watch: Watch,
    options: SolverOptions,
) -> Checked:
    """Choose between what the solver found and the plain schedule, whichever there is.

    What is not optimal is compared with the plain schedule even where the solver was faster than
    it takes to make that, so that the choice is the same on every computer.
    """
    found = solver.answer()
    if found is None:
        standby = standby or _standby(topology, collective, watch, options)
        if standby is None:
            raise _reason(solver)
        return _with_bound(standby, solver.watch.news.bound, watch)
    try:
        best = _verify(found, watch, standby)
    except NotFound:
        watch.leave_out(FASTER)
        assert standby is not None
        return standby
    # On machines too large for pairs of ranks it would take minutes to make a plain one.
    if best.report.optimal or is_sized(collective) or topology.ranks > MOST_PAIRS:
        return best
    standby = standby or _standby(topology, collective, watch, options)
    if standby is None or _rate(best) >= _rate(standby):
        return best
    return _with_bound(standby, found.bound, watch)


def _reason(solver: _Solver) -> NotFound:
    """Say why there is no schedule at all."""
    if isinstance(solver.error, NotFound):
        return solver.error
    return NotFound("the time was over before there was any schedule")


def _verify(found: Schedule, watch: Watch, standby: Checked | None) -> Checked:
    """Put what was found in a good order, and verify it.

    Raises:
        NotFound: there is a plain schedule, and the time does not suffice.
    """
    if standby is None:
        return _order(found, watch)
    if watch.left < standby.seconds - STOPPED_GRACE:
        raise NotFound("the time is over")
    with end_with(watch, max(standby.seconds, STOPPED_GRACE)):
        return _order(found, watch)


def _order(found: Schedule, watch: Watch) -> Checked:
    found = order_exchange(found, watch)
    watch.tell("verifying")
    return check_schedule(found)


def _with_bound(made: Checked, bound: Bound | None, watch: Watch) -> Checked:
    """Give a schedule another bound that says as much or more, and verify it with that.

    Where that takes longer than there is, it keeps the one that it has.
    """
    if bound is None or bound is made.schedule.bound or tighter(made.schedule.bound, bound):
        return made
    if watch.left < made.seconds - STOPPED_GRACE:
        return made
    return check_schedule(replace(made.schedule, bound=bound))


def _rate(made: Checked) -> float:
    return float(made.report.algbw or 0)
