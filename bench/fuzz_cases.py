"""Questions that nobody thought of: a machine, a collective and options, drawn at random."""

from dataclasses import dataclass

import numpy as np

from solvers.schedules.kinds import COLLECTIVES, ROOTED
from topologies.formats.spec import topology

PRESETS = (
    *("ring:5", "line:4", "star:6", "full-mesh:5", "torus:2x4", "torus:3x3", "mesh:2x3"),
    *("hypercube:3", "nd-full-mesh:2x3", "leaf-spine:2x2x3", "dgx-1", "dgx-a100", "mi300x"),
    *("atlas-a2:boxes=2", "torus:2x4:overhead=1:ports=1", "star:6:overhead=0.5"),
)
DEMANDS = {
    "all_to_allv": ("uniform", "lognormal:sigma=1", "lognormal:sigma=2:seed=3"),
    "dispatch": ("hot:experts=64,tokens=16", "grouped:tokens=16"),
    "combine": ("hot:experts=64,tokens=16", "grouped:tokens=16"),
}
SIZES = ("64", "4KiB", "100001", "1MiB", "256MiB")
LIMIT = 20  # seconds that a command may search
WILD, GROUPED, SIZED, DEMANDING, LIMITED = 0.7, 0.25, 0.6, 0.15, 0.15  # parts of the cases


@dataclass(frozen=True)
class Case:
    """A question as words of the command line.

    Attributes:
        machine: how many ranks take part in it.
    """

    machine: str
    collective: str
    options: tuple[str, ...]
    ranks: int

    @property
    def words(self) -> list[str]:
        """Give what follows `commplan compile`."""
        return [self.machine, self.collective, *self.options]


def case(seed: int, number: int) -> Case:
    """Draw a case."""
    draw = np.random.default_rng([seed, number])
    if draw.random() < WILD:
        drawn = int(draw.integers(2**31))
        machine = f"wild:{int(draw.choice([3, 5, 8, 12]))}:seed={drawn}"
    else:
        machine = str(draw.choice(PRESETS))
    made = topology(machine)
    members = np.arange(made.ranks)
    options = ["--time-limit", str(LIMIT)]
    if made.ranks > 2 and draw.random() < GROUPED:
        members = np.sort(draw.choice(made.ranks, int(draw.integers(2, made.ranks)), replace=False))
        options += ["--ranks", ",".join(map(str, members.tolist()))]
    demanding = draw.random() < DEMANDING
    name = str(draw.choice(list(DEMANDS if demanding else COLLECTIVES)))
    if name in ROOTED:
        options += ["--root", str(draw.choice(members))]
    if demanding:
        options += ["--demand", str(draw.choice(DEMANDS[name]))]
    return Case(machine, name, (*options, *_terms(draw, demanding)), len(members))


def _terms(draw: np.random.Generator, demanding: bool) -> list[str]:
    """Draw options that any collective may have."""
    words = []
    if not demanding and draw.random() < SIZED:
        words += ["--size", str(draw.choice(SIZES))]
    for option, values in (
        ("--trees", ("1", "2", "4")),
        ("--max-height", ("1", "2", "3")),
        ("--max-scratch", ("0", "0.5", "1")),
        ("--symmetry", ("none", "declared")),
    ):
        if draw.random() < LIMITED:
            words += [option, str(draw.choice(values))]
    return words
