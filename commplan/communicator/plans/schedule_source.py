"""Where a communicator's schedules come from: a folder of compiled files, or the planner."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from commplan.anytime.checking import check_schedule
from commplan.candidates.keys import BEST
from commplan.candidates.select import compare
from commplan.planning.planner import plan
from runtime.program.buffer_plan import moves
from runtime.simulate.simulate import simulate
from runtime.verify.determinism import is_deterministic
from runtime.verify.verify import verify
from solvers.schedules.collective import Collective, all_to_allv
from solvers.schedules.files import ScheduleFileError, check_topology, load_all
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from topologies.derive.restrict import restrict
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds, duration

UNLIKE = "ranks add up in different orders, and rounding would leave them with different bits"
ALL_TO_ALLV = "all_to_allv"
ENDINGS = (".json", ".json.gz")


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


@dataclass(frozen=True)
class Source:
    """Makes schedules for processes that play these ranks of a topology, in ascending order.

    Ranks without a process forward, and do nothing else.

    Attributes:
        files: what a folder holds for them.
        found: the schedules of highest throughput so far, by collective and root.
    """

    topology: Topology
    ranks: tuple[int, ...]
    seconds: Seconds
    files: tuple[Schedule, ...] = ()
    found: dict[tuple[str, int], Schedule] = field(default_factory=dict)

    def schedule(self, need: Need) -> tuple[Schedule, str]:
        """Look up the schedule that is predicted to be fastest, and the reason why it was taken.

        Raises:
            ValueError: none can be had, with the reason.
        """
        fits = [each for each in self.files if self._fits(each, need)]
        if fits:
            times = [simulate(each, need.size).seconds for each in fits]
            best = int(np.argmin(times))
            return fits[best], f"compiled, {duration(times[best])}, of {len(fits)} schedules"
        if need.demand:
            made = plan(self.machine, self._collective(need), size=need.size, seconds=self.seconds)
            return made.schedule, made.reason
        return self._choose(need)

    @cached_property
    def machine(self) -> Topology:
        """Give the machine as the processes see it."""
        return restrict(self.topology, self.ranks)

    def _choose(self, need: Need) -> tuple[Schedule, str]:
        """Choose for a size; the schedule of highest throughput is found once for all sizes."""
        best = self.found.get((need.name, need.root))
        if best is None:
            best = plan(self.machine, self._collective(need), seconds=self.seconds).schedule
            self.found[need.name, need.root] = best
        first = compare(best, need.size, None, Watch(self.seconds))[0]
        reason = f"{first.name}: {duration(first.seconds)}, height {first.height}"
        if first.key == BEST:
            return best, reason
        return check_schedule(replace(first.schedule, bound=best.bound)).schedule, reason

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
        root = self.ranks[need.root] if need.root >= 0 else None
        return not need.demand and (what.name, what.root) == (need.name, root)


def load_compiled(
    folder: str | Path, topology: Topology, ranks: Sequence[int]
) -> tuple[Schedule, ...]:
    """Load the schedules of a folder, those of sets too, that run on exactly these ranks.

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
                if moves(schedule).ranks == tuple(sorted(ranks)):
                    found.append(schedule)
    return tuple(found)
