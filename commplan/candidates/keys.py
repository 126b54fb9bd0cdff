"""What tells candidates apart: who made them, by what parameters, and in how many chunks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Generator(StrEnum):
    """Who makes candidates."""

    SOLVER = "solver"
    TEMPLATE = "template"
    ORDER = "order"
    SHORTEST_WAYS = "shortest ways"
    EXACT = "exact"
    ONE_TREE = "one tree"
    LOW_TREES = "low trees"
    MATCHING = "matching"


def _matching(parts: int) -> str:
    return f"greedy matching, {parts} part{'s' * (parts > 1)}"


# The words for what each makes, from its parameters.
WORDS: Mapping[Generator, Callable[..., str]] = {
    Generator.SOLVER: "highest throughput".format,
    Generator.TEMPLATE: "{}".format,
    Generator.ORDER: "{}".format,
    Generator.SHORTEST_WAYS: "shortest ways".format,
    Generator.EXACT: "exact, {} steps, {} rounds, {} chunks".format,
    Generator.ONE_TREE: "one tree for a root".format,
    Generator.LOW_TREES: "trees of height {}".format,
    Generator.MATCHING: _matching,
}
PACES: Mapping[float, str] = {
    0.25: "chunks / 4",
    0.5: "chunks / 2",
    2.0: "chunks x 2",
    4.0: "chunks x 4",
}


@dataclass(frozen=True, slots=True)
class Key:
    """What a candidate is; it prints as its name.

    Attributes:
        pace: in how many times the usual number of chunks it goes, 1 or one of PACES.
    """

    generator: Generator
    parameters: tuple[str | int, ...] = ()
    pace: float = 1.0

    def at(self, pace: float) -> "Key":
        """Name the same in another number of chunks."""
        return replace(self, pace=pace)

    def __str__(self) -> str:
        words = WORDS[self.generator](*self.parameters)
        return words if self.pace == 1 else f"{words}, {PACES[self.pace]}"


# The schedule of highest throughput, with which all others are compared.
BEST = Key(Generator.SOLVER)
