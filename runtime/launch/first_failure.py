"""Which process of an mpirun died first: each has a shell for a parent, which says how it ended.

An mpirun that finds one of its processes dead ends the others, may then name one of those, and the
kernel is done with all of them in any order. But mpirun takes a process for alive as long as its
shell holds its connections: so the first one's shell speaks before mpirun ends any other, and
shells that are ended by mpirun do not speak.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from runtime.launch import kills

# What a shell says itself of a signal goes nowhere. Numbers are MPICH's, Open MPI's, and PMIx's.
SHELL = """
exec 3>&2 2>/dev/null
( exec "$@" 2>&3 3>&- )
code=$?
[ $code = 0 ] ||
    echo "# commplan process ${PMI_RANK-${OMPI_COMM_WORLD_RANK-$PMIX_RANK}} ended with $code" >&3
exit $code
"""
TOLD = re.compile(r"# commplan process (\d+) ended with (\d+)")
SIGNALS = range(1, 65)


class Death(NamedTuple):
    """A process of an mpirun, by its number, and its exit code: 128 and more for a signal."""

    process: int
    code: int


def wrap_command(command: Sequence[str]) -> list[str]:
    """Write the command that does another, and says if that ends badly."""
    return ["sh", "-c", SHELL, "sh", *command]


def read_death(line: str) -> Death | None:
    """Read who ended badly from a line, if it says so."""
    found = TOLD.search(line)
    return Death(int(found[1]), int(found[2])) if found else None


def describe_exit(code: int) -> str:
    """Say what an exit code stands for: a signal where it is above 128, or below 0."""
    number = signal_of(code)
    return kills.name(number) if number else f"exit code {code}"


def signal_of(code: int) -> int:
    """Look up the signal that an exit code stands for, 0 where it stands for none."""
    number = -code if code < 0 else code - 128
    return number if number in SIGNALS else 0
