"""The libraries that files are written for, by name."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from commplan.selection.algorithm import Algorithm, Catalogue
from commplan.selection.choose import Choice
from commplan.selection.mpich import mpich
from topologies.model.units import Bytes

Choices = Mapping[str, Mapping[int, Sequence[Choice]]]
TARGETS = ("mpich",)


class Target(Protocol):
    """A library: its algorithms, its own choice, and the file that changes it."""

    @property
    def catalogue(self) -> Catalogue:
        """List its algorithms by collective."""

    def default(self, collective: str, processes: int, size: Bytes) -> Algorithm | None:
        """Look up what it takes by itself."""

    def changes(self, collective: str, processes: int) -> list[Bytes]:
        """List sizes at which that may change."""

    def write(self, choices: Choices) -> str:
        """Write its file."""

    def line(self, path: str) -> str:
        """Write the line of a shell that loads it."""


def open_target(name: str, library: str | None = None) -> Target:
    """Look up a target by its name.

    Args:
        name: one of TARGETS.
        library: the file of MPICH's library, where it is not beside mpirun.

    Raises:
        LibraryError, LaunchError: it is not installed.
    """
    return mpich(library)
