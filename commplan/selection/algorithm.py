"""An algorithm of a library, as it is asked for, and what it sends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from solvers.selectable.messages import Pattern
from topologies.model.units import Bytes


def any_number(n: int) -> bool:
    """Take any number of processes."""
    return n > 1


def power_of_two(n: int) -> bool:
    """Take powers of two."""
    return n > 1 and n & (n - 1) == 0


def even(n: int) -> bool:
    """Take even numbers."""
    return n > 1 and n % 2 == 0


@dataclass(frozen=True)
class Algorithm:
    """What a library calls an algorithm, and the messages that it sends among n processes.

    Attributes:
        name: the library's.
        parameters: of it, in the order in which they are written.
        pattern: gives the messages for a number of processes.
        fits: tells whether it can do so many processes as it is modelled.
    """

    name: str
    parameters: tuple[tuple[str, str], ...]
    pattern: Callable[[int], Pattern]
    fits: Callable[[int], bool] = any_number

    @property
    def title(self) -> str:
        """Write name and parameters."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.parameters)])


@dataclass(frozen=True)
class Rule:
    """An algorithm up to a size, inclusive, of the largest buffer of a process.

    Attributes:
        most: bytes.
        algorithm: None where the library's own choice stays.
    """

    most: Bytes
    algorithm: Algorithm | None


# By collective and number of processes, sizes ascending.
Rules = Mapping[str, Mapping[int, Sequence[Rule]]]
Catalogue = Mapping[str, Sequence[Algorithm]]
