"""Why nothing is faster: values that anyone can check without a solver."""

from dataclasses import dataclass
from fractions import Fraction

from topologies.model.topology import IntArray
from topologies.model.units import Rate, rate


@dataclass(frozen=True, eq=False)
class Cut:
    """Vertices whose leaving links are the bottleneck (`inside`, ascending vertex numbers).

    The bound is the data that must leave the set, over the capacity of the links that leave it;
    with `reversed_links`, the data that must enter over the capacity that enters.
    """

    inside: IntArray
    reversed_links: bool = False


@dataclass(frozen=True, eq=False)
class Prices:
    """A price for each class of links (`of_link` names each link's class).

    Whatever path the data takes, it pays at least what the cheapest trees or paths cost; all links
    together take in capacity × price per second. The quotient is a bound (LP duality).

    Attributes:
        height: it speaks of schedules in which no more messages wait for each other in a row.
    """

    of_class: tuple[Fraction, ...]
    of_link: IntArray
    height: int | None = None


Certificate = Cut | Prices


@dataclass(frozen=True)
class Bound:
    """What no schedule can beat: size / time in bytes per second, and the reason.

    scope is `cut`, `prices`, `reduce-broadcast trees`, or `none` where nothing is proved; a height
    follows where it speaks of bounded ones only. algbw is None there, and where there is nothing to
    move (a single rank).
    """

    algbw: Rate | None
    scope: str
    certificate: Certificate | None

    def __str__(self) -> str:
        return f"at most {rate(self.algbw)} ({self.scope})"


UNPROVED = Bound(None, "none", None)
