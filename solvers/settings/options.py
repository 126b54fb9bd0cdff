"""What the search for a schedule may use, and that nothing is known within its limits."""

from dataclasses import dataclass
from typing import Literal, get_args

from solvers.schedules.capabilities import RELAYS, Relays
from topologies.model.arguments import of, refuse, whole
from topologies.model.errors import NO, CommplanError

SymmetryUse = Literal["found", "declared", "none"]
SYMMETRY_USES: tuple[SymmetryUse, ...] = get_args(SymmetryUse)
# How a message crosses several links.
Switching = Literal["cut-through", "store-and-forward"]
SWITCHINGS: tuple[Switching, ...] = get_args(Switching)


class LimitError(CommplanError, ValueError):
    """No schedule is known that keeps to the limits; nothing is proved."""

    exit_code = NO


@dataclass(frozen=True)
class SolverOptions:
    """The options under which a schedule is looked for.

    Attributes:
        symmetry: "found" is what the machine declares, or a search finds; "declared" spares the
            search, "none" does without any.
        in_network: switches copy and add as far as their flags say.
        max_height: messages that may wait for each other in a row, at most.
        trees: of each root, at most.
        solver: the name of the one to take, where the collective is not to decide.
        switching: what the choice at a size is predicted with.

    Raises:
        ArgumentError: symmetry or switching is none of its words, or a number is below 1.
    """

    symmetry: SymmetryUse = "found"
    in_network: bool = False
    max_height: int | None = None
    trees: int | None = None
    relays: Relays = "forward"
    solver: str | None = None
    switching: Switching = "cut-through"

    def __post_init__(self) -> None:
        if self.relays not in RELAYS:
            refuse("relays", self.relays, f"one of {', '.join(RELAYS)}")
        if self.switching not in SWITCHINGS:
            refuse("switching", self.switching, f"one of {', '.join(SWITCHINGS)}")
        if self.symmetry not in SYMMETRY_USES:
            words = ", ".join(SYMMETRY_USES)
            refuse("symmetry", self.symmetry, f"one of {words}")
        of("in_network", self.in_network, bool, "True or False")
        if self.solver is not None:
            of("solver", self.solver, str, "the name of a solver")
        for name in ("max_height", "trees"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 1)


DEFAULT_OPTIONS = SolverOptions()
