"""`commplan doctor`: what of this computer programs can run on, and why."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from commplan._version import VERSION
from commplan.cli.io.answer import Answer, Command, table
from runtime.execute import core
from runtime.launch.mpi import LaunchError, find


@click.command(cls=Command)
def doctor() -> Answer:
    """Tell which MPI, compiler and executor are found here, and why."""
    mpirun, kind, compiler = _mpi()
    packages = {name: _version(name) for name in ("mpi4py", "mpich", "openmpi", "torch")}
    way, reason = _executor(packages["mpi4py"])
    fields = {
        "version": VERSION,
        "python": platform.python_version(),
        "mpi": kind,
        "mpirun": mpirun,
        "compiler": compiler,
        "executor": way,
        "reason": reason,
        "packages": packages,
    }
    installed = ", ".join(f"{name} {number}" for name, number in packages.items() if number)
    rows = [
        ("commplan", VERSION),
        ("python", str(fields["python"])),
        ("mpirun", f"{mpirun} ({kind})" if kind else mpirun),
        ("compiler", compiler or "no mpicc: programs in C cannot be compiled here"),
        ("packages", installed or "neither mpi4py nor an MPI"),
        ("executor", f"{way or 'none'}: {reason}"),
    ]
    return Answer(fields, table("what programs can run on here", rows))


def _mpi() -> tuple[str, str, str]:
    """Find mpirun, its kind, and its compiler; in place of mpirun, the reason why there is none."""
    try:
        mpi = find()
    except LaunchError as error:
        return str(error), "", shutil.which("mpicc") or ""
    beside = Path(shutil.which(mpi.command[0]) or mpi.command[0]).parent
    compiler = shutil.which("mpicc", path=str(beside)) or shutil.which("mpicc") or ""
    return mpi.command[0], mpi.kind, compiler


def _executor(mpi4py: str) -> tuple[str, str]:
    """Say how a program would run in this Python, and why so."""
    if not mpi4py:
        return "", "mpi4py is not installed; it comes with the extra commplan[mpi]"
    here = core.status()
    if here.built:
        return "core", f"the core in C was {here.reason}"
    return "mpi4py", f"persistent requests, for there is no core in C: {here.reason}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
