"""The MPI of this computer: its mpirun, its compiler, and how to call them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runtime.launch.first_failure import describe_exit
from topologies.model.errors import NO, WRONG_INPUT, CommplanError
from topologies.model.units import Seconds

VARIABLE = "COMMPLAN_MPIRUN"
VERSION_SECONDS = 30.0
COMPILE_SECONDS = 300.0
OPTIMISATION = "-O3"


class LaunchError(CommplanError, RuntimeError):
    """Nothing can be started: no MPI, no compiler, or a map that fits no program."""

    exit_code = NO


class MapError(LaunchError):
    """A map that cannot be read, or that fits no program."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Mpi:
    """An mpirun with the arguments it needs: its kind is mpich, openmpi or other.

    Attributes:
        variables: what it needs in its environment besides.
        inner: the mpirun itself, where the command begins with what enters another place.
    """

    command: tuple[str, ...]
    kind: str
    variables: tuple[tuple[str, str], ...] = ()
    inner: str = ""

    def command_line(self, processes: int) -> list[str]:
        """Write the command line that starts so many processes."""
        return [*self.command, "-n", str(processes)]

    def environment(self, seconds: Seconds) -> dict[str, str]:
        """Look up the environment: one thread each, root allowed, a time limit of MPI's own."""
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        limit = {"MPIEXEC_TIMEOUT": str(int(seconds) + 10)} if self.kind == "mpich" else {}
        return {**os.environ, **threads, **root, **limit, **dict(self.variables)}


def find() -> Mpi:
    """Find mpirun: named by COMMPLAN_MPIRUN, beside this Python, or on the path.

    Raises:
        LaunchError: there is none, or the one named does not start.
    """
    named = os.environ.get(VARIABLE, "").strip()
    try:
        words = tuple(shlex.split(named))
    except ValueError as error:
        raise LaunchError(f"{VARIABLE} is no command: {str(error).lower()}") from None
    return _identify(words or (_find_beside("mpiexec", "mpirun"),), bool(named))


@cache
def _identify(command: tuple[str, ...], named: bool) -> Mpi:
    """Ask an mpirun for its kind and add what that kind needs on one crowded computer."""
    try:
        answer = subprocess.run(
            [command[0], "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaunchError(f"{command[0]} does not start: {error}") from None
    words = answer.stdout + answer.stderr
    if re.search("Open ?MPI|OpenRTE|PRRTE|prterun", words, re.IGNORECASE):
        # Whoever writes arguments, for several computers say, knows better which network to take.
        ways = () if len(command) > 1 else _one_computer(words)
        return Mpi((*command, "--oversubscribe", *ways), "openmpi")
    kind = "mpich" if re.search("HYDRA|MPICH|Intel", words, re.IGNORECASE) else "other"
    return Mpi(command, kind)


def _one_computer(version: str) -> tuple[str, ...]:
    """Name Open MPI's shared-memory ways, which start many times faster than its default."""
    old = re.search(r"\) [1-4]\.", version)
    return ("--mca", "pml", "ob1", "--mca", "btl", "self,vader" if old else "self,sm")


def _find_beside(*names: str) -> str:
    """Find a command beside this Python, else on the path."""
    here = str(Path(sys.executable).parent)
    for path in (here, None):
        for name in names:
            if found := shutil.which(name, path=path):
                return found
    raise LaunchError(
        f"no {' or '.join(names)} beside {sys.executable} or on the path, and {VARIABLE} names none"
    )


def compile_c(mpi: Mpi, source: Path, program: Path, *more: str) -> None:
    """Compile a C program with the mpicc that belongs to an mpirun; more: arguments.

    Raises:
        LaunchError: there is no mpicc, or it fails; with its first words.
    """
    mpirun = mpi.inner or mpi.command[0]
    where = Path(shutil.which(mpirun) or mpirun).parent
    compiler = shutil.which("mpicc", path=str(where)) or _find_beside("mpicc")
    command = [compiler, OPTIMISATION, "-std=c11", *more, "-o", str(program), str(source), "-lm"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaunchError(f"{compiler} does not end well: {error}") from None
    if done.returncode:
        first = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise LaunchError(f"{compiler} ended with {describe_exit(done.returncode)}: {first}")
