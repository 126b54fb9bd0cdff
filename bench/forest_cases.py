"""The machines on which schedules of trees are measured, and the seconds they may take."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.broken import without_link
from solvers.settings.options import SymmetryUse
from topologies.formats.files import load, save
from topologies.formats.spec import topology
from topologies.model.topology import Topology

COLLECTIVES = ("all_gather", "all_reduce", "broadcast")
TECCL = Path(__file__).parents[1] / "tests" / "data"


class Case(NamedTuple):
    """A machine, what is to be used of its symmetry, and the seconds for a whole command.

    Attributes:
        machine: as on the command line, or the name of a file of tests/data.
        quick: it takes part in the short run.
        dead: the ends of a link to be left out.
    """

    machine: str
    seconds: float | None = None
    symmetry: SymmetryUse = "found"
    quick: bool = False
    dead: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """Name the machine in the table."""
        return f"{self.machine}, dead link" if self.dead else self.machine

    def made(self) -> Topology:
        """Make the machine."""
        file = TECCL / f"{self.machine}.toml"
        whole = load(file) if file.exists() else topology(self.machine)
        return without_link(whole, *self.dead) if self.dead else whole

    def written(self, folder: Path) -> str:
        """Name the machine on the command line, as a file where it has no other name."""
        file = TECCL / f"{self.machine}.toml"
        if file.exists():
            return str(file)
        if not self.dead:
            return self.machine
        broken = folder / "broken.json"
        save(self.made(), broken)
        return str(broken)


CASES = (
    Case("dgx-h100", 2, quick=True),
    Case("teccl-dgx2-2x16", 2, quick=True),
    Case("teccl-ndv2-4x8", 2, quick=True),
    Case("dgx-a100:boxes=2", 2, quick=True),
    Case("dgx-a100:boxes=4", 2, quick=True),
    Case("dgx-a100:boxes=4", 30, "none"),
    Case("mi250:boxes=2", 2, quick=True),
    Case("mi250:boxes=2", 30, "none"),
    Case("dgx-a100:boxes=8", 2, quick=True),
    Case("dgx-a100:boxes=8", 30, "none"),
    Case("torus:4x4x4", 2, quick=True),
    Case("nvl72", 5, quick=True),
    Case("cloudmatrix384", 5, quick=True),
    Case("cloudmatrix384", 20, dead=("n0.d0", "n0.L1.0")),
    Case("dgx-a100:boxes=128", 10),
    Case("torus:16x8x8", 10),
    Case("nd-full-mesh:8x8x4x4", 10),  # the UB-Mesh pod
    Case("torus:16x16x16", 60),
)

Growth = dict[str, dict[SymmetryUse, tuple[str, ...]]]

# Machines of N, 2N, 4N and 8N ranks, and others, smaller, that are solved without symmetry.
GROWTH: Growth = {
    "2D torus": {
        "found": ("torus:16x16", "torus:32x16", "torus:32x32", "torus:64x32"),
        "none": ("torus:4x2", "torus:4x4", "torus:8x4", "torus:8x8"),
    },
    "3D torus": {
        "found": ("torus:8x8x8", "torus:16x8x8", "torus:16x16x8", "torus:16x16x16"),
        "none": ("torus:2x2x2", "torus:4x2x2", "torus:4x4x2", "torus:4x4x4"),
    },
    "A100 boxes": {
        "found": tuple(f"dgx-a100:boxes={boxes}" for boxes in (16, 32, 64, 128)),
        "none": tuple(f"dgx-a100:boxes={boxes}" for boxes in (1, 2, 4, 8)),
    },
}


def choose(machines: tuple[str, ...], quick: bool, symmetry: SymmetryUse) -> Iterator[Case]:
    """Give the machines asked for, or those of the list."""
    for machine in machines:
        yield Case(machine, None, symmetry)
    if not machines:
        yield from (case for case in CASES if case.quick or not quick)
