"""MPICH's selection file: its own tree, with rules of ours in front."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commplan.selection.algorithm import Algorithm, Rules
from commplan.selection.mpi.mpich_algorithms import ALGORITHMS, WORDS
from commplan.selection.mpi.mpich_rules import KEYS, call_of, set_rules, text
from commplan.selection.mpi.mpich_tree import (
    GivenLibraryError,
    LibraryError,
    check,
    in_library,
    look_up,
    thresholds,
)
from runtime.launch.mpi import find
from topologies.formats import atomic
from topologies.model.messages import one_line
from topologies.model.units import Bytes

VARIABLE = "MPIR_CVAR_COLL_SELECTION_TUNING_JSON_FILE"
LIBRARY = "libmpi.so.12"
# Where a library lies, seen from the folder of its mpirun.
FOLDERS = ("../lib", "../lib64", "../lib/x86_64-linux-gnu", "../lib/aarch64-linux-gnu")
ALSO = {"reduce_scatter_block": ("reduce_scatter",)}  # words of which rules hold as well


@dataclass(frozen=True)
class Mpich:
    """The tree of an installed MPICH, and what its algorithms send."""

    tree: Mapping[str, Any]

    catalogue = ALGORITHMS
    eager = 0

    def default(self, collective: str, processes: int, size: Bytes) -> Algorithm | None:
        """Look up what the library takes by itself; None where that is not modelled."""
        word = WORDS[collective]
        named = look_up(self.tree, word, call_of(word, processes, size))
        return next(
            (
                each
                for each in ALGORITHMS[collective]
                if each.name == named.name and each.fits(processes) and not each.parameters
            ),
            None,
        )

    def changes(self, collective: str, processes: int) -> list[Bytes]:
        """List the sizes at which the library's own choice may change, and those just above."""
        word = WORDS[collective]
        found = set()
        for key, limit in thresholds(self.tree[f"collective={word}"]):
            shared = key == "avg_msg_size" and word == "alltoall"
            step = processes if shared else 1
            found |= {limit * step, (limit + 1) * step}
        return sorted(size for size in found if size > 0)

    def write(self, rules: Rules) -> str:
        """Write the file for the rules of each collective and number of processes."""
        by_word = {
            word: by_count
            for collective, by_count in rules.items()
            for word in (WORDS[collective], *ALSO.get(WORDS[collective], ()))
        }
        return text(set_rules(self.tree, by_word))

    def read(self, written: str, collective: str, processes: int, size: Bytes) -> str | None:
        """Look up what a file says, as the library does; None where that is its own choice.

        Raises:
            TreeError: the library would stop at the file.
        """
        tree = json.loads(written)
        check(tree, "file")
        word = WORDS[collective]
        call = call_of(word, processes, size)
        says, own = look_up(tree, word, call), look_up(self.tree, word, call)
        return None if says == own else says.title

    def variables(self, path: str) -> dict[str, str]:
        """Give the variables of the environment by which programs load a file."""
        return {VARIABLE: path}


def mpich(library: str | None = None) -> Mpich:
    """Read the tree of a library: the one given, or that of the mpirun that is found.

    Raises:
        LibraryError: there is none, it is of another MPI, or it has other words for its sizes.
        LaunchError: there is no mpirun.
    """
    if library is None:
        return _open(_beside())
    try:
        return _open(library)
    except LibraryError as error:
        raise GivenLibraryError(str(error)) from None


def _open(library: atomic.Name) -> Mpich:
    tree = in_library(library)
    for word in KEYS:
        if "comm_type=intra" not in tree.get(f"collective={word}", {}):
            raise LibraryError(f"collective={word}: no branch comm_type=intra")
    return Mpich(tree)


def _beside() -> Path:
    """Look for the library beside the mpirun."""
    command = find()
    if command.kind != "mpich":
        raise LibraryError(f"{command.command[0]} is no MPICH; --library names its {LIBRARY}")
    where = Path(shutil.which(command.command[0]) or command.command[0]).resolve().parent
    places = [(where / folder / LIBRARY).resolve() for folder in FOLDERS]
    for place in places:
        if place.is_file():
            return place
    raise LibraryError(
        one_line(f"no {LIBRARY} in {places[0].parent} or beside; --library names its {LIBRARY}")
    )
