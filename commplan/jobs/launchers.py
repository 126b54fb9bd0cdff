"""A placement as launchers read it: which job rank starts where, file by file.

A rank's host is its name up to the last dot (`n0.d3` is device 3 of n0); its device counts among
the ranks of the host, in the machine's order.
"""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from topologies.model.topology import Topology
from topologies.model.units import Rank

HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Seat(NamedTuple):
    """Where a rank of the job runs."""

    rank: Rank
    host: str
    device: int


def seats(topology: Topology, placement: Sequence[Rank]) -> list[Seat]:
    """Give the host and the device of each rank of the job.

    Args:
        topology: the machine.
        placement: the machine's rank of each rank of the job.
    """
    device: list[int] = []
    counts: dict[str, int] = {}
    hosts = [host_of(name) for name in topology.names[: topology.ranks]]
    for host in hosts:
        device.append(counts.get(host, 0))
        counts[host] = device[-1] + 1
    return [Seat(own, hosts[rank], device[rank]) for own, rank in enumerate(placement)]


def host_of(name: str) -> str:
    """Give the host in a rank's name."""
    host, dot, _ = name.rpartition(".")
    return host if dot else name


def unfit_host(topology: Topology, placement: Sequence[Rank]) -> str | None:
    """Give a host that launchers take for something else, as a comment or two words, or None."""
    hosts = (row.host for row in seats(topology, placement))
    return next((host for host in hosts if not HOST.fullmatch(host)), None)


def write_all(topology: Topology, placement: Sequence[Rank]) -> dict[str, bytes]:
    """Write the files of all launchers, by name; those of plain words only where hosts are such."""
    rows = seats(topology, placement)
    quoted = {"hccl_ranks.json": hccl(rows)}
    if unfit_host(topology, placement) is not None:
        return quoted
    return quoted | {
        "hostfile": hostfile(rows),
        "rankfile": rankfile(rows),
        "slurm_hostfile": hostfile(rows),
        "torchrun.csv": torchrun(rows),
    }


def hostfile(rows: Sequence[Seat]) -> bytes:
    """Write a line for each rank: `mpirun --hostfile F --map-by seq`, or SLURM_HOSTFILE=F.

    Slurm takes the lines in this order with `srun --distribution=arbitrary`.
    """
    return "".join(f"{row.host}\n" for row in rows).encode()


def rankfile(rows: Sequence[Seat]) -> bytes:
    """Write Open MPI's file of ranks, which binds each one to a slot of its host."""
    return "".join(f"rank {row.rank}={row.host} slot={row.device}\n" for row in rows).encode()


def hccl(rows: Sequence[Seat]) -> bytes:
    """Write the order of ranks as HCCL's rank table has it, without the devices' addresses.

    Those of a site's own table stay as they are: its rank_id are what is to be set.
    """
    servers: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        own = {"device_id": str(row.device), "rank_id": str(row.rank)}
        servers.setdefault(row.host, []).append(own)
    for devices in servers.values():
        devices.sort(key=lambda each: int(each["device_id"]))
    listed = [{"server_id": host, "device": devices} for host, devices in servers.items()]
    head = {"status": "completed", "version": "1.0", "server_count": str(len(servers))}
    table = head | {"server_list": listed}
    return (json.dumps(table, indent=1) + "\n").encode()


def torchrun(rows: Sequence[Seat]) -> bytes:
    """Write RANK of each process: torchrun counts ranks host by host, so they are set by hand.

    LOCAL_RANK counts the processes of a host by their devices, of which some may be left out.
    """
    used: dict[str, list[int]] = {}
    for row in rows:
        used.setdefault(row.host, []).append(row.device)
    node = {host: number for number, host in enumerate(used)}
    local = {
        (host, device): number
        for host, devices in used.items()
        for number, device in enumerate(sorted(devices))
    }
    lines = [
        f"{row.host},{node[row.host]},{local[row.host, row.device]},{row.device},{row.rank}\n"
        for row in rows
    ]
    return ("host,node_rank,local_rank,device,rank\n" + "".join(lines)).encode()
