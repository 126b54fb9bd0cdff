"""Where a communicator's schedules come from: a folder of compiled files, or the planner."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from commplan.anytime.checking import check_schedule
from commplan.candidates.keys import BEST
from commplan.candidates.select import compare
from commplan.changes.ready_plans import ReadyPlans
from commplan.communicator.options import Options
from commplan.communicator.plans.background import PLANNING
from commplan.communicator.plans.direct import send_directly
from commplan.communicator.plans.kept_schedules import KeptSchedules, Wanted
from commplan.planning.planner import plan
from runtime.program.buffer_plan import moves
from runtime.simulate.simulate import simulate
from runtime.verify.determinism import is_deterministic
from runtime.verify.verify import verify
from solvers.schedules.collective import Collective
from solvers.schedules.files import ScheduleFileError, check_topology, load_all
from solvers.schedules.kinds import collective, pattern_of
from solvers.schedules.schedule import Schedule
from solvers.schedules.unequal import all_to_allv
from solvers.settings.deadline import NotFound, Watch
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.derive.damage import Damage
from topologies.derive.restrict import restrict
from topologies.model.cached import cached_property
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds, count_of, duration

UNLIKE = "ranks add up in different orders, and rounding would leave them with different bits"
ALL_TO_ALLV = "all_to_allv"
ENDINGS = (".json", ".json.gz")
# Patterns of which making one and playing it takes no more than a few milliseconds.
AT_ONCE = (
    *("direct", "recursive_doubling", "recursive_halving"),
    *("binomial", "ring", "two-way ring"),
)
MOST_RANKS = 64
MOST_BEGUN = 256  # searches at a time


@dataclass(frozen=True)
class Need:
    """What is asked for: a collective, its root as a process, and about how many bytes.

    Attributes:
        demand: of an all_to_allv, what each process sends to each, in elements, as a matrix of
            int64; of a collective of unequal blocks, the block of each process.
    """

    name: str
    root: int
    size: Bytes
    demand: bytes = b""


class Found(NamedTuple):
    """A schedule, why it was taken, and what it should take; none where MPI serves for now.

    Attributes:
        final: nothing better is searched for.
    """

    schedule: Schedule | None
    reason: str
    seconds: Seconds | None
    final: bool = True


@dataclass(frozen=True)
class Source:
    """Makes schedules for processes that play these ranks of a topology, in ascending order.

    Ranks without a process forward, and do nothing else.

    Attributes:
        files: what a folder holds for them.
        kept: where schedules are kept from one job to the next, if anywhere.
        ready: contingencies that were read.
        found: the schedules of highest throughput so far, by collective and root.
        begun: what is searched for in the background.
        whole: of the machine before something failed.
    """

    topology: Topology
    ranks: tuple[int, ...]
    seconds: Seconds
    files: tuple[Schedule, ...] = ()
    kept: KeptSchedules | None = None
    begun: dict[Need, Future[Found]] = field(default_factory=dict)
    ready: tuple[ReadyPlans, ...] = ()
    found: dict[tuple[str, int], Schedule] = field(default_factory=dict)
    whole: "Source | None" = None

    def first(self, need: Need) -> Found:
        """Give at once what serves the first calls, and search for a better one in the background.

        These are, in this order: a compiled schedule, one that was kept, or the fastest of a few
        known patterns; where none fits, nothing.
        """
        found = self._compiled(need) or self._kept_one(need)
        if found is not None:
            return found
        patterns = [
            (simulate(each, need.size).seconds, name, each) for name, each in self._patterns(need)
        ]
        if not need.demand:
            self._begin(need)
        if not patterns:
            return Found(None, "a plan is searched for in the background", None, False)
        seconds, name, best = min(patterns, key=lambda each: each[0])
        reason = f"{name}, at first, of {count_of(len(patterns), 'known pattern')}"
        return Found(check_schedule(best).schedule, reason, seconds, False)

    def best(self, need: Need) -> Found:
        """Find the schedule that is predicted to be fastest, where it was not begun before.

        Raises:
            ValueError: none can be had, with the reason.
        """
        begun = self.begun.pop(need, None)
        if begun is not None:
            return begun.result()
        return self._compiled(need) or self._kept_one(need) or self._search(need)

    def schedule(self, need: Need) -> tuple[Schedule, str]:
        """Look up the schedule that is predicted to be fastest, and the reason why it was taken.

        Raises:
            ValueError: none can be had, with the reason.
        """
        found = self._compiled(need) or self._kept_one(need) or self._search(need)
        assert found.schedule is not None
        return found.schedule, found.reason

    def _begin(self, need: Need) -> None:
        if len(self.begun) < MOST_BEGUN:
            self.begun[need] = PLANNING.begin(lambda: self._search(need))

    def _compiled(self, need: Need) -> Found | None:
        """Take the fastest of the files that fit."""
        fits = [each for each in self.files if self._fits(each, need)]
        if not fits:
            return None
        times = [simulate(each, need.size).seconds for each in fits]
        best = int(np.argmin(times))
        reason = f"compiled, {duration(times[best])}, of {len(fits)} schedules"
        return Found(fits[best], reason, times[best])

    def _kept_one(self, need: Need) -> Found | None:
        """Take what another job kept."""
        schedule = None if self.kept is None else self.kept.load(self.machine, self._what(need))
        if schedule is None:
            return None
        seconds = simulate(schedule, need.size).seconds
        return Found(schedule, f"kept, {duration(seconds)}", seconds)

    def _search(self, need: Need) -> Found:
        """Plan, and keep it for other jobs."""
        if need.demand:
            made = plan(self.machine, self._collective(need), size=need.size, seconds=self.seconds)
            found = Found(made.schedule, made.reason, made.predicted)
        else:
            found = self._choose(need)
        if self.kept is not None and found.schedule is not None:
            self.kept.save(self.machine, self._what(need), found.schedule)
        return found

    def _patterns(self, need: Need) -> Iterator[tuple[str, Schedule]]:
        """Make the patterns that are soon made, as far as they fit."""
        what = self._collective(need)
        for name in AT_ONCE:
            make, known = TEMPLATES[name]
            if pattern_of(what) in known and 1 < len(what.ranks) <= MOST_RANKS:
                try:
                    made = make(self.machine, what)
                except (TemplateError, NotFound):
                    continue
                if is_deterministic(made):
                    yield name, made

    def _what(self, need: Need) -> Wanted:
        return Wanted(self._collective(need), need.size)

    @cached_property
    def machine(self) -> Topology:
        """Give the machine as the processes see it."""
        return restrict(self.topology, self.ranks)

    def _choose(self, need: Need) -> Found:
        """Choose for a size; the schedule of highest throughput is found once for all sizes."""
        best = self.found.get((need.name, need.root))
        if best is None:
            best = plan(self.machine, self._collective(need), seconds=self.seconds).schedule
            self.found[need.name, need.root] = best
        first = compare(best, need.size, None, Watch(self.seconds))[0]
        reason = f"{first.name}: {duration(first.seconds)}, height {first.height}"
        if first.key == BEST:
            return Found(best, reason, first.seconds)
        made = check_schedule(replace(first.schedule, bound=best.bound)).schedule
        return Found(made, reason, first.seconds)

    def _collective(self, need: Need) -> Collective:
        processes = range(len(self.ranks))
        root = None if need.root < 0 else need.root
        if not need.demand:
            return collective(need.name, processes, root)
        demand = np.frombuffer(need.demand, dtype=np.int64)
        if need.name == ALL_TO_ALLV:
            return all_to_allv(tuple(processes), demand.reshape(len(processes), -1))
        return collective(need.name, processes, root, blocks=demand)

    def _fits(self, schedule: Schedule, need: Need) -> bool:
        what = schedule.collective
        root = -1 if what.root is None else what.ranks.index(what.root)
        return not need.demand and (what.name, root) == (need.name, need.root)


def load_compiled(
    folder: str | Path, topology: Topology, ranks: Sequence[int]
) -> tuple[Schedule, ...]:
    """Load the schedules of a folder, those of sets too, that run on exactly these ranks.

    What other ranks pass on in a schedule of these goes past them in one message (`direct.py`).

    Raises:
        ScheduleFileError: a file that cannot be read, or that was made for another machine.
        OSError: the folder cannot be read.
    """
    found = []
    for path in sorted(Path(folder).iterdir()):
        if path.name.lower().endswith(ENDINGS):
            for schedule in load_all(str(path)):
                check_topology(schedule, topology)
                faults = verify(schedule).faults
                if faults:
                    raise ScheduleFileError(f"{path}: wrong: {faults[0]}")
                if not is_deterministic(schedule):
                    raise ScheduleFileError(f"{path}: {UNLIKE}")
                found += _among(schedule, tuple(sorted(ranks)))
    return tuple(found)


def _among(schedule: Schedule, ranks: tuple[int, ...]) -> list[Schedule]:
    """Give a schedule as these ranks alone run it, if they can."""
    if moves(schedule).ranks == ranks:
        return [schedule]
    if schedule.collective.ranks != ranks:
        return []
    made = send_directly(schedule)
    return [made] if verify(made).correct and is_deterministic(made) else []


def share_source(
    comm: Any,  # noqa: ANN401
    topology: Topology,
    played: Sequence[int],
    options: Options,
    before: tuple[Source | None, Damage] | None = None,
) -> Source | None:
    """Give process 0 where it finds schedules; what is wrong with them is told to all.

    Args:
        comm: the communicator, of mpi4py.
        topology: what is left of the machine.
        played: the rank of each process.
        options: of the communicator.
        before: the source of the whole machine, and what has failed of it; None at the beginning,
            when contingencies are read.

    Raises:
        ScheduleFileError: see `load_compiled`; a folder that cannot be read.
        FolderError: a contingency that cannot be read, is wrong, or for another machine.
    """
    source: Source | None = None
    fault: Exception | None = None
    if comm.rank == 0:
        try:
            source = _find_source(topology, played, options, before)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            fault = ScheduleFileError(f"{options.schedules}: {reason}")
        except ValueError as error:
            fault = error
    fault = comm.bcast(fault)
    if fault is not None:
        raise fault
    return source


def _find_source(
    topology: Topology,
    played: Sequence[int],
    options: Options,
    before: tuple[Source | None, Damage] | None,
) -> Source:
    """Read what there is for a machine; of the whole one all is known as it was."""
    known, damage = before or (None, Damage())
    whole = None if known is None else known.whole or known
    folder, cache = options.schedules, options.cache
    if whole is not None and folder is None and whole.topology is topology:
        return whole
    files = () if folder is None else load_compiled(folder, topology, played)
    ready = _read_or_keep(topology, options, before)
    if before is not None and sorted(played) == list(range(topology.ranks)):
        found = [plans.schedule(damage) for plans in ready]
        files += tuple(each for each in found if each is not None)
    kept = None if cache is None else KeptSchedules(cache)
    asked = topology, tuple(sorted(played)), options.planning_seconds, files, kept
    return Source(*asked, ready=ready, whole=whole if damage != Damage() else None)


def _read_or_keep(
    topology: Topology, options: Options, before: tuple[Source | None, Damage] | None
) -> tuple[ReadyPlans, ...]:
    """Read the contingencies at the beginning, and keep them from then on."""
    if before is None:
        return tuple(ReadyPlans(each, topology) for each in options.folders)
    return () if before[0] is None else before[0].ready
