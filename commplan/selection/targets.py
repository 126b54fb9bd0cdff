"""The libraries that files are written for, by name."""

from collections.abc import Mapping
from typing import Protocol

from commplan.selection.algorithm import Algorithm, Catalogue, Rules
from commplan.selection.mpi.mpich import mpich
from commplan.selection.mpi.openmpi import OpenMpi, OpenMpiJson, eager_limit
from runtime.fabric.hosts import AT_ONCE
from topologies.model.units import Bytes

MPICH = "mpich"
EAGER: Bytes = 2**21  # up to which messages should be sent without asking
TARGETS = (MPICH, "openmpi", "openmpi-json")


class Target(Protocol):
    """A library: its algorithms, its own choice, and the file that changes it."""

    @property
    def catalogue(self) -> Catalogue:
        """List its algorithms by collective."""

    @property
    def eager(self) -> Bytes:
        """Give the bytes up to which it sends a message without asking; 0 where that is unknown."""

    def default(self, collective: str, processes: int, size: Bytes) -> Algorithm | None:
        """Look up what it takes by itself."""

    def changes(self, collective: str, processes: int) -> list[Bytes]:
        """List sizes at which that may change."""

    def write(self, rules: Rules) -> str:
        """Write its file."""

    def read(self, written: str, collective: str, processes: int, size: Bytes) -> str | None:
        """Look up what a file says, as it does; None where its own choice stays."""

    def variables(self, path: str) -> Mapping[str, str]:
        """Give the variables of the environment by which programs load a file."""


def open_target(name: str, library: str | None = None) -> Target:
    """Look up a target by its name.

    Args:
        name: one of TARGETS.
        library: the file of MPICH's library, where it is not beside mpirun.

    Raises:
        LibraryError, LaunchError: it is not installed.
    """
    if name == "openmpi":
        return OpenMpi(eager_limit())
    return OpenMpiJson(eager_limit()) if name == "openmpi-json" else mpich(library)


def notes(target: Target) -> list[str]:
    """List what would make the predictions for a target better."""
    if not isinstance(target, OpenMpi) or target.eager:
        return []
    return [
        f"{AT_ONCE} is not set, so messages are played as those of MPICH",
        f"over TCP, predictions are better after `export {AT_ONCE}={EAGER}`, here and for the job",
    ]
