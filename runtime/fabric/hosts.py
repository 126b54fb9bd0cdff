"""mpirun on an emulated machine: every rank a host of its own, data on its links only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runtime.fabric import record
from runtime.fabric.commands import BRIDGE, CONTROL, DATA
from runtime.fabric.keeper import Keeper
from runtime.fabric.layout import CONTROLS, FabricError, namespace
from runtime.launch.mpi import Mpi, find
from topologies.model.units import Rank

COMPILE_SECONDS = 60.0
# Open MPI sends messages up to this many bytes (with its own header) over TCP without asking. The
# answer to a question waits behind the messages of the other direction, in one connection: two
# neighbours that send each other what needs one get half of what their cable carries. Networks
# whose answers have a way of their own, or are given by the hardware, know nothing of this.
AT_ONCE, LARGEST_AT_ONCE = "OMPI_MCA_btl_tcp_eager_limit", 2**21
# What mpirun calls instead of ssh: HOST COMMAND..., the host being a network.
REMOTE = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*"
"""
# A rank that waits polls; with more ranks than cores it takes the time of those that have work.
POLITE = """#include <time.h>
int sched_yield(void)
{
    struct timespec pause = {0, 20000};
    nanosleep(&pause, 0);
    return 0;
}
"""


def mpi(keeper: Keeper, ranks: Sequence[Rank]) -> Mpi:
    """Give the mpirun whose process i is on the host of ranks[i].

    Raises:
        LaunchError: there is no MPI.
        FabricError: its kind is neither MPICH nor Open MPI.
    """
    plain = find()
    place = record.make() / "programs"
    place.mkdir(exist_ok=True)
    remote = place / "remote"
    remote.write_text(REMOTE)
    remote.chmod(0o700)
    hosts = [namespace(rank) for rank in ranks]
    enter = [*keeper.entry_words(), "ip", "netns", "exec", CONTROL]
    variables = {"LD_PRELOAD": str(polite)} if (polite := _build_yielding(place)) else {}
    # Open MPI names its files by numbers of processes, which each machine begins anew: what one
    # left that was killed would be in the way of the next.
    variables["TMPDIR"] = tempfile.mkdtemp(dir=place)
    if plain.kind == "mpich":
        words = _mpich(plain.command[0], remote, hosts)
        variables |= {"FI_PROVIDER": "tcp", "FI_TCP_IFACE": DATA, "MPIR_CVAR_NOLOCAL": "1"}
        variables |= {"MPIR_CVAR_CH4_NETMOD": "ofi", "MPIR_CVAR_POLLS_BEFORE_YIELD": "20"}
    elif plain.kind == "openmpi":
        words = ["unshare", "--uts", "sh", "-c", f'hostname {CONTROL}; exec "$@"', "sh"]
        words += _openmpi(plain.command[0], remote, hosts)
        variables[AT_ONCE] = os.environ.get(AT_ONCE, str(LARGEST_AT_ONCE))
    else:
        raise FabricError(f"{plain.command[0]}: neither MPICH nor Open MPI")
    return replace(
        plain,
        command=(*enter, *words),
        variables=tuple(variables.items()),
        inner=_path(plain.command[0]),
    )


def _mpich(mpirun: str, remote: Path, hosts: Sequence[str]) -> list[str]:
    launcher = ["-launcher", "ssh", "-launcher-exec", str(remote)]
    return [_path(mpirun), "-iface", BRIDGE, *launcher, "-hosts", ",".join(hosts), "-ppn", "1"]


def _openmpi(mpirun: str, remote: Path, hosts: Sequence[str]) -> list[str]:
    runtime = ["--prtemca", "plm", "ssh", "--prtemca", "plm_ssh_agent", str(remote)]
    # By addresses: where one of several interfaces is missing, 5.0 crashes now and then.
    runtime += ["--prtemca", "oob_tcp_if_include", f"{CONTROLS}.0.0/16"]
    paths = ["--mca", "pml", "ob1", "--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", DATA]
    paths += ["--mca", "mpi_yield_when_idle", "1", "--bind-to", "none"]
    # A remote command that is over while its daemon lives may count as a host that never came up.
    runtime += ["--leave-session-attached"]
    listed = ",".join(f"{host}:1" for host in hosts)
    return [_path(mpirun), *runtime, *paths, "--host", listed]


def _path(mpirun: str) -> str:
    return shutil.which(mpirun) or mpirun


def _build_yielding(place: Path) -> Path | None:
    """Build what lets waiting ranks sleep; without a compiler they poll."""
    source, library = place / "polite.c", place / "polite.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source.write_text(POLITE)
    words = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source)]
    done = subprocess.run(words, capture_output=True, timeout=COMPILE_SECONDS)
    return library if done.returncode == 0 and os.path.exists(library) else None
