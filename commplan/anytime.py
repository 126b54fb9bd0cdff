"""A schedule at any time: the solver works in a thread of its own, a plain one stands by.

Whoever asks waits for the solver here, and is never held up by it: when the time is over, or at
Ctrl-C, the solver is told to stop, and gets a moment to hand in the best that it has. If it does
not, or if what it has is no better, the plain schedule is the answer.
"""

from dataclasses import replace
from threading import Thread

from commplan.checking import Checked, checked
from commplan.limits import within
from commplan.ordering import in_good_order
from solvers.bounds import rank_bound
from solvers.certificate import Bound
from solvers.collective import Collective
from solvers.plain import plain
from solvers.schedule import Schedule
from solvers.solve import kept_symmetry, solve
from solvers.terms import USUAL, Terms
from solvers.watch import UNHURRIED, NotFound, Watch, tighter
from topologies.topology import Topology

PATIENCE = 4.0  # seconds after which a plain schedule is made, or after
EARLY = 0.2  # of the time, if that is sooner
GRACE = 0.15  # of the time, or
LONGEST_GRACE = 10.0  # seconds, if that is shorter, for the solver to hand in what it has
AFTERWARDS = 4.0  # what is done after the solver, in units of what verifying the plain one took


class _Solver:
    """The solver in its thread, and how it ended."""

    def __init__(
        self, topology: Topology, collective: Collective, watch: Watch, terms: Terms
    ) -> None:
        self.watch = Watch(watch.left, watch.pass_on)
        self.found: Schedule | None = None
        self.error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(topology, collective, terms), daemon=True)
        self._thread.start()

    def _run(self, topology: Topology, collective: Collective, terms: Terms) -> None:
        try:
            self.found = solve(topology, collective, self.watch, terms)
        except BaseException as error:  # raised again where the answer is waited for
            self.error = error

    def ended(self, seconds: float) -> bool:
        """Wait so long for the end, and tell whether it came."""
        self._thread.join(max(seconds, 0.0))
        return not self._thread.is_alive()

    def answer(self) -> Schedule | None:
        """Give what was found in time, if anything.

        Raises:
            whatever the solver raised, but NotFound.
        """
        if self.error is not None and not isinstance(self.error, NotFound):
            raise self.error
        return self.found


def best_within(
    topology: Topology, collective: Collective, watch: Watch, terms: Terms = USUAL
) -> Checked:
    """Find the schedule of highest throughput, or the best there is when the time is over.

    Every schedule is verified before it counts. A Ctrl-C ends the search as the end of the time
    does, once there is something to hand out. In the plain schedule switches never copy or add.

    Raises:
        Infeasible: no schedule exists.
        NotFound: the time was over before there was any.
        WrongSchedule: a bug.
        KeyboardInterrupt: at a second Ctrl-C, or at one before there was any schedule.
    """
    grace = min(GRACE * watch.left, LONGEST_GRACE)
    solver, standby = _Solver(topology, collective, watch, terms), None
    try:
        if not solver.ended(min(PATIENCE, EARLY * watch.left)):
            with solver.watch.held():
                standby = _standby(topology, collective, watch, terms)
            afterwards = AFTERWARDS * standby.seconds if standby else 0.0
            solver.ended(watch.left - afterwards - grace)
    except KeyboardInterrupt:
        if standby is None and not solver.watch.news.best:
            raise
        watch.stop()
    finally:
        solver.watch.stop()
    watch.tell("ending")
    solver.ended(grace)
    return _better(topology, collective, solver, standby, watch, terms)


def plain_one(
    topology: Topology,
    collective: Collective,
    bound: Bound,
    watch: Watch = UNHURRIED,
    terms: Terms = USUAL,
) -> Schedule:
    """Make the plain schedule of a problem, under the symmetry that is known at once.

    Raises:
        as `plain`.
    """
    group = kept_symmetry(topology, collective, 0.0, terms)
    found = plain(topology, collective, group, bound, watch)
    return replace(found, in_network=terms.in_network)


def _standby(
    topology: Topology, collective: Collective, watch: Watch, terms: Terms
) -> Checked | None:
    """Make a plain schedule and verify it; None if it takes too long, or is beyond the limits."""
    known = watch.news.bound or rank_bound(topology, collective)
    try:
        made = checked(plain_one(topology, collective, known, watch, terms))
    except NotFound:
        return None
    if not within(made.schedule, terms):
        return None
    watch.tell(bound=known, best=_rate(made))
    return made


def _better(
    topology: Topology,
    collective: Collective,
    solver: _Solver,
    standby: Checked | None,
    watch: Watch,
    terms: Terms,
) -> Checked:
    """Choose between what the solver found and the plain schedule, whichever there is."""
    found = solver.answer()
    if found is not None:
        found = in_good_order(found, watch)
        watch.tell("verifying")
        best = checked(found)
        if standby is None or best.report.optimal or _rate(best) >= _rate(standby):
            return best
        return _bounded(standby, found.bound)
    standby = standby or _standby(topology, collective, watch, terms)
    if standby is None:
        raise solver.error or NotFound("the time was over before there was any schedule")
    return _bounded(standby, watch.news.bound)


def _bounded(made: Checked, bound: Bound | None) -> Checked:
    """Give a schedule a tighter bound, and verify it with that."""
    if bound is None or not tighter(bound, made.schedule.bound):
        return made
    return checked(replace(made.schedule, bound=bound))


def _rate(made: Checked) -> float:
    return float(made.report.algbw or 0)
