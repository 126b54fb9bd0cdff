"""Which parts of a schedule are programs of their own, that wait for each other nowhere."""

from dataclasses import dataclass

import numpy as np

from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, frozen
from topologies.symmetry.group import Group, trivial
from topologies.symmetry.pairs import PairOrbits, pair_orbits


@dataclass(frozen=True, eq=False)
class Programs:
    """The programs that a schedule is, each of the pieces of some blocks in a row.

    Attributes:
        first: the number of the first block of each, ascending from 0.
        groups: of each, the elements of the schedule's group that carry it into itself.
    """

    first: IntArray
    groups: tuple[Group, ...]

    def of_rows(self, schedule: Schedule) -> IntArray:
        """Tell of each transfer to which program it belongs."""
        block = schedule.block[schedule.transfers.piece]
        return np.searchsorted(self.first, block, side="right") - 1

    def unfolded(self, schedule: Schedule) -> "Programs":
        """Give the same programs of the schedule with every image written out."""
        return Programs(self.first, (trivial(schedule.topology),) * len(self.groups))

    def pairs(self, program: IntArray, src: IntArray, dst: IntArray) -> PairOrbits:
        """Give what ranks send each other in each program numbers: equal ones where it is alike.

        Complexity: as of `pair_orbits`, for each program.
        """
        orbit, fixed, known = np.zeros_like(src), np.ones_like(src), 0
        for number in np.unique(program).tolist():
            some, group = np.flatnonzero(program == number), self.groups[number]
            found = pair_orbits(group, group.vertex_orbits, src[some], dst[some])
            orbit[some], fixed[some] = found.orbit + known, found.fixed
            known = int(orbit[some].max()) + 1
        return PairOrbits(orbit, fixed)

    def ranks(self, program: IntArray, rank: IntArray) -> IntArray:
        """Give each rank in a program a number: equal ones where they are alike."""
        vertex = np.stack([group.vertex_orbits for group in self.groups])
        return np.asarray(program * vertex.shape[1] + vertex[program, rank])


def one_program(schedule: Schedule) -> Programs:
    """Take a schedule for one program, as most are."""
    return Programs(frozen(np.zeros(1, dtype=np.int64)), (schedule.group,))
