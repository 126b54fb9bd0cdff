"""What the search for a schedule may use."""

from dataclasses import dataclass
from typing import Literal, get_args

SymmetryUse = Literal["found", "declared", "none"]
SYMMETRY_USES: tuple[SymmetryUse, ...] = get_args(SymmetryUse)


@dataclass(frozen=True)
class Terms:
    """The terms under which a schedule is looked for.

    symmetry: "found" is what the machine declares, or a search finds; "declared" spares the search,
    "none" does without any. in_network: switches copy and add as far as their flags say.
    max_height: messages that may wait for each other in a row, at most. trees: of each root, at
    most.

    Raises:
        ValueError: symmetry is none of the three words, or a number is below 1.
    """

    symmetry: SymmetryUse = "found"
    in_network: bool = False
    max_height: int | None = None
    trees: int | None = None

    def __post_init__(self) -> None:
        if self.symmetry not in SYMMETRY_USES:
            words = ", ".join(SYMMETRY_USES)
            raise ValueError(f"symmetry: {self.symmetry!r}, expected one of {words}")
        for name in ("max_height", "trees"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: {value}, expected 1 or more")


USUAL = Terms()
