"""Run by mpirun: times of all_reduce by torch over commplan and gloo, a communicator and mpi4py.

Words: "calls", "cores", "ddp" or "groups", and how often; for "ddp" the ways of exchanging
gradients and the rows of a batch. Prints a line of JSON at process 0.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from mpi4py import MPI
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import commplan.torch
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD
N = WORLD.size
SIZES = (4, 64, 1024, 16384, 2**18, 2**20, 2**22, 2**24)
BATCH = 20  # calls of one way, before it is another's turn
WIDE, LAYERS = 768, 6  # of the model: 2.25 MiB of gradients a layer
WAYS = ("thread", "caller", "gloo", "none")  # of gradients
Call = Callable[[], object]
Clocks = np.ndarray[tuple[int], np.dtype[np.float64]]


def main() -> None:
    """Measure what is asked for."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    what, often = sys.argv[1], int(sys.argv[2])
    ask = {"calls": time_calls, "cores": time_cores, "ddp": time_steps, "groups": time_groups}
    found = ask[what](often)
    if WORLD.rank == 0:
        print(json.dumps(found))


def join(progress: str) -> None:
    """Make the world's group of torch."""
    commplan.torch.register(star(N), progress=progress)
    start("commplan")


def start(backend: str) -> None:
    """Make a group over a file: processes of an emulated network have no address in common."""
    name = WORLD.bcast(tempfile.mktemp() if WORLD.rank == 0 else None)
    dist.init_process_group(backend, f"file://{name}", rank=WORLD.rank, world_size=N)


def time_calls(rounds: int) -> dict[str, dict[int, list[float]]]:
    """Time each way at each size, in turns; a call takes what it takes the slowest process."""
    join("thread")
    gloo = dist.new_group(backend="gloo")
    world = commplan.Communicator(WORLD, star(N))
    found: dict[str, dict[int, list[float]]] = {}
    for size in SIZES:
        ways = list_ways(size, gloo, world)
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(max(3, rounds >> max(0, size.bit_length() - 16))):
            for name in sorted(ways, key=partial(place, turn)):
                batch = time_batch(ways[name])
                times[name] += batch if turn else []  # the first plans
        for name, seconds in times.items():
            found.setdefault(name, {})[size] = np.percentile(seconds, [10, 50]).tolist()
    dist.destroy_process_group()
    return found


def list_ways(size: int, gloo: object, world: commplan.Communicator) -> dict[str, Call]:
    """List the ways of an all_reduce in place, of one memory."""
    # All of one kind: numpy asks for large pages, which torch does not.
    array = np.zeros(size // 4, np.float32)
    given = torch.from_numpy(array)
    return {
        "torch, commplan": partial(dist.all_reduce, given),
        "torch, gloo": partial(dist.all_reduce, given, group=gloo),
        "communicator": partial(world.Allreduce, MPI.IN_PLACE, array),
        "mpi4py": partial(WORLD.Allreduce, MPI.IN_PLACE, array),
    }


def time_cores(rounds: int) -> dict[str, list[float]]:
    """Tell of a call of 4 bytes how long its thread ran on a core, and how long it was ready to.

    The medians of means of turns and processes: seconds in all, on a core, and waiting for one, as
    Linux counts them for the thread that calls.
    """
    join("thread")
    ways = list_ways(4, dist.new_group(backend="gloo"), commplan.Communicator(WORLD, star(N)))
    found: dict[str, list[Clocks]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in sorted(ways, key=partial(place, turn)):
            WORLD.Barrier()
            before = read_clocks()
            for _ in range(BATCH):
                ways[name]()
            own = (read_clocks() - before) / BATCH
            found[name] += [WORLD.allreduce(own) / N] if turn else []  # the first plans
    dist.destroy_process_group()
    return {name: np.median(rows, axis=0).tolist() for name, rows in found.items()}


def read_clocks() -> Clocks:
    """Read seconds that passed, that this thread was on a core, and that it waited for one."""
    words = Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()
    return np.array([time.perf_counter(), int(words[0]) / 1e9, int(words[1]) / 1e9])


def place(turn: int, name: str) -> int:
    """Give a number by which the ways change places from turn to turn."""
    return (sum(name.encode()) * (turn + 1)) % 7


def time_batch(call: Call) -> list[float]:
    """Time some calls one after the other; of each the slowest process counts."""
    own = np.zeros(BATCH)
    WORLD.Barrier()
    for i in range(BATCH):
        began = time.perf_counter()
        call()
        own[i] = time.perf_counter() - began
    slowest = np.zeros(BATCH)
    WORLD.Allreduce(own, slowest, MPI.MAX)
    return [float(each) for each in slowest]


def time_steps(rounds: int) -> dict[str, list[float]]:
    """Time steps of DDP: gradients go beside the backward pass, after it, and not at all."""
    ways = sys.argv[3].split(",") if len(sys.argv) > 3 else WAYS
    rows = int(sys.argv[4]) if len(sys.argv) > 4 else 96
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in found:
            if way == "gloo":
                start("gloo")
            else:
                join("caller" if way == "none" else way)
            found[way] += train(rows=rows, exchange=way != "none")
            dist.destroy_process_group()
    return {way: np.percentile(times, [10, 50]).tolist() for way, times in found.items()}


def train(steps: int = 14, *, rows: int, exchange: bool) -> list[float]:
    """Train a model of some layers; give the time of each step but the first ones."""
    torch.manual_seed(0)
    layers = [each for _ in range(LAYERS) for each in (nn.Linear(WIDE, WIDE), nn.ReLU())]
    model = DistributedDataParallel(nn.Sequential(*layers), bucket_cap_mb=3)
    inputs, seconds = torch.randn(rows, WIDE), []
    for _ in range(steps):
        WORLD.Barrier()
        began = time.perf_counter()
        if exchange:
            model(inputs).square().mean().backward()
        else:
            with model.no_sync():
                model(inputs).square().mean().backward()
        WORLD.Barrier()
        seconds.append(time.perf_counter() - began)
        model.zero_grad()
    return seconds[4:]


def time_groups(count: int) -> dict[str, float]:
    """Make and destroy groups."""
    join("thread")
    began = time.perf_counter()
    for _ in range(count):
        dist.destroy_process_group(dist.new_group(list(range(N))))
    seconds = time.perf_counter() - began
    dist.destroy_process_group()
    return {"groups": count, "seconds": seconds}


if __name__ == "__main__":
    main()
