"""What tells candidates apart: who made them, by what parameters, and how they are paced."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from runtime.metrics.pacing import MOST_LEAD, USUAL, WHOLE, Pacing


class Generator(StrEnum):
    """Who makes candidates."""

    SOLVER = "solver"
    TEMPLATE = "template"
    ORDER = "order"
    SHORTEST_WAYS = "shortest ways"
    EXACT = "exact"
    FLOW = "flow"
    ONE_TREE = "one tree"
    LOW_TREES = "low trees"
    EASED = "trees that leave room"
    MATCHING = "matching"
    QUICKEST = "quickest trees"


# The collectives that have candidates of their own: orders of messages, and ways of spreading. What
# piles up in front of a rank counts in the choice of them.
EXCHANGES = ("all_to_all", "all_to_allv", "dispatch", "combine")


def _matching(parts: int) -> str:
    return f"greedy matching, {parts} part{'s' * (parts > 1)}"


def _quickest(size: str, *words: str) -> str:
    return ", ".join((f"quickest trees at {size}", *words))


# The words for what each makes, from its parameters.
WORDS: Mapping[Generator, Callable[..., str]] = {
    Generator.SOLVER: "highest throughput".format,
    Generator.TEMPLATE: "{}".format,
    Generator.ORDER: "{}".format,
    Generator.SHORTEST_WAYS: "shortest ways".format,
    Generator.EXACT: "exact, {} steps, {} rounds, {} chunks".format,
    Generator.FLOW: "flow {}, {}".format,
    Generator.ONE_TREE: "one tree for a root".format,
    Generator.LOW_TREES: "trees of height {}".format,
    Generator.EASED: "trees in {} % of links that do not bind".format,
    Generator.MATCHING: _matching,
    Generator.QUICKEST: _quickest,
}
PACES = (0.25, 0.5, 2.0, 4.0)  # times the chunks that the rule would choose


@dataclass(frozen=True, slots=True)
class Key:
    """What a candidate is; it prints as its name.

    Attributes:
        pacing: in how many chunks it goes, how far ahead, in what order.
    """

    generator: Generator
    parameters: tuple[str | int, ...] = ()
    pacing: Pacing = USUAL

    def at(self, pacing: Pacing) -> "Key":
        """Name the same at another pacing."""
        return replace(self, pacing=pacing)

    @property
    def unpaced(self) -> "Key":
        """Name the same at the usual pacing."""
        return self.at(USUAL)

    def __str__(self) -> str:
        return ", ".join([WORDS[self.generator](*self.parameters), *_words(self.pacing)])


def _words(pacing: Pacing) -> Iterator[str]:
    """Say what of a pacing is not usual."""
    if pacing.pace == WHOLE:
        yield "pieces whole"
    elif pacing.pace != USUAL.pace:
        yield _pace(pacing.pace)
    if pacing.lead != USUAL.lead:
        yield f"lead {pacing.lead}" if pacing.lead < MOST_LEAD else "no limit of lead"
    if pacing.order != USUAL.order:
        yield f"by {pacing.order}"
    if pacing.stride != USUAL.stride:
        yield f"steps {pacing.stride} apart"
    if pacing.phases != USUAL.phases:
        yield phases_in_words(pacing)


def _pace(pace: float) -> str:
    return f"chunks x {pace:g}" if pace > USUAL.pace else f"chunks / {USUAL.pace / pace:g}"


def phases_in_words(pacing: Pacing) -> str:
    """Say how far chunks are apart, and whether steps are dealt out over that."""
    way = f"in {pacing.phases} phases"
    return way if pacing.dealt else f"chunks {pacing.phases} steps apart"


# The schedule of highest throughput, with which all others are compared.
BEST = Key(Generator.SOLVER)
