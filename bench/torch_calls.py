"""What torch's all_reduce costs over commplan, beside gloo, a communicator and plain mpi4py.

`python -m bench.torch_calls` prints a table for 2 and 4 processes, with what the layer of torch
adds to a call of a communicator. `--cores` divides calls of 4 bytes into what their threads ran
and what they waited for one of the cores, which more processes than cores share. `--ddp` times
steps of DDP, with the gradients beside the backward pass and after it, and `--groups N` makes and
destroys N groups. torch has to be installed.
"""

import argparse
import json
import sys
from typing import Any

import numpy as np

from runtime.launch.mpi import Mpi, find
from runtime.launch.process import run_limited
from topologies.model.units import bytes_of, duration

SECONDS = 280.0


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--processes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--rounds", type=int, default=60, help="turns of each way, of 20 calls")
    parser.add_argument("--cores", action="store_true")
    parser.add_argument("--ddp", action="store_true")
    parser.add_argument("--groups", type=int)
    args = parser.parse_args()
    mpi = find()
    for processes in args.processes:
        print(f"{processes} processes, {mpi.kind}")
        if args.groups:
            made = launched(mpi, processes, "groups", args.groups)
            print(f"  {made['groups']} groups made and destroyed in {made['seconds']:.1f} s")
        elif args.cores:
            show_cores(launched(mpi, processes, "cores", args.rounds))
        elif args.ddp:
            show_steps(launched(mpi, processes, "ddp", 4))
        else:
            show_calls(launched(mpi, processes, "calls", args.rounds))


def launched(mpi: Mpi, processes: int, what: str, often: int) -> Any:  # noqa: ANN401 (of JSON)
    """Run the processes, and read what the first of them prints."""
    command = [*mpi.command_line(processes), sys.executable, "-m", "mpi4py"]
    command += ["-m", "bench.ranks.torch_calls", what, str(often)]
    ended = run_limited(command, mpi.environment(SECONDS), SECONDS)
    if ended.code:
        sys.exit("\n".join(ended.errors))
    return json.loads(ended.output[-1])


def show_calls(found: dict[str, dict[str, list[float]]]) -> None:
    """Print medians and, in brackets, 10th percentiles."""
    print(f"{'':>10}" + "".join(f"{name:>26}" for name in found) + f"{'torch adds':>20}")
    for size in found["mpi4py"]:
        row = [found[name][size] for name in found]
        ours, inside = found["torch, commplan"][size], found["communicator"][size]
        added = [(whole - part) * 1e6 for whole, part in zip(ours, inside, strict=True)]
        cells = (f"{duration(median)} ({duration(tenth)})" for tenth, median in row)
        print(
            f"{bytes_of(int(size)):>10}"
            + "".join(f"{cell:>26}" for cell in cells)
            + f"{added[1]:>10.1f} us ({added[0]:.1f})"
        )


def show_cores(found: dict[str, list[float]]) -> None:
    """Print what a call takes, and what of it is spent on a core, waiting for one, and asleep."""
    print(f"  {'4 bytes':<16}{'in all':>12}{'on a core':>12}{'waiting':>12}{'asleep':>12}")
    found["torch adds"] = np.subtract(found["torch, commplan"], found["communicator"]).tolist()
    for way, (whole, ran, waited) in found.items():
        cells = (f"{1e6 * each:9.1f} us" for each in (whole, ran, waited, whole - ran - waited))
        print(f"  {way:<16}{''.join(cells)}")


def show_steps(found: dict[str, list[float]]) -> None:
    """Print medians and, in brackets, 10th percentiles of the time of a step."""
    for way, (tenth, median) in found.items():
        print(f"  {way:<12} {duration(median)} ({duration(tenth)})")


if __name__ == "__main__":
    main()
