"""How the processes are called and told apart."""

import argparse
import re
import sys
from collections.abc import Callable
from typing import NoReturn

import numpy as np
from mpi4py import MPI

from runtime.emit.in_python.plan import COLLECTIVE, RANKS, TOPOLOGY
from runtime.metrics.pacing import MOST_LEAD

OPS = {"sum": np.add, "min": np.minimum, "max": np.maximum, "prod": np.multiply}
TYPES = ("int8", "uint8", "int32", "uint32", "int64", "uint64", "float32", "float64")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
UNITS |= {f"{unit}iB": factor for unit, factor in UNITS.items()}
UNITS |= {unit.lower(): factor for unit, factor in UNITS.items() if len(unit) == 1}
UNITS |= {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
MOST_BYTES = 2**50


class Parser(argparse.ArgumentParser):
    """A parser of which only process 0 is heard."""

    def format_help(self) -> str:
        """Give the help; argparse prints what is not empty."""
        return super().format_help() if MPI.COMM_WORLD.rank == 0 else ""

    def error(self, message: str) -> NoReturn:
        """End, the others without a word."""
        if MPI.COMM_WORLD.rank != 0:
            sys.exit(2)
        super().error(message)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(description=f"{COLLECTIVE} on {TOPOLOGY}")
    add = parser.add_argument
    add(
        "-b", "--size", type=size_of, nargs="+", default=[2**20], help="bytes, as 64KiB, 64K or 1MB"
    )
    add("-e", "--end", type=size_of, help="go on from the size to this one")
    add("-f", "--factor", type=whole(2), default=2, help="by this factor (2)")
    add("-n", "--iterations", type=whole(1), default=20)
    add("-w", "--warm-up", type=whole(0), default=5)
    add("-c", "--check", type=int, choices=(0, 1), default=1)
    add("--type", choices=TYPES, default="float32")
    add("--op", choices=tuple(OPS), default="sum")
    add("--chunks", type=whole(0, 2**16), default=0, help="of each piece (by the compiler's rule)")
    add("--join", type=whole(0), default=2**14, help="bytes up to which messages are joined")
    add(
        "--lead", type=whole(0, MOST_LEAD), default=0, help="steps under way at a time (the plan's)"
    )
    add("--in-place", action="store_true", help="let input and output share memory")
    add("--map", default="", help="process i plays the i-th rank of this list, as 2,0,1")
    add("--watchdog", type=float, default=0.0, help="give up a step after so many seconds")
    add("--trace", default="", help="file: when each message of one run more began and ended")
    args = parser.parse_args()
    if not 0 <= args.watchdog < 10**9:
        parser.error(f"argument --watchdog: {args.watchdog} is not from 0 to 999999999")
    args.sizes = list(args.size)
    while args.end and args.sizes[-1] * args.factor <= args.end:
        args.sizes.append(args.sizes[-1] * args.factor)
    return args


def whole(least: int, most: int = 999_999_999) -> Callable[[str], int]:
    """Give a reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number, {least} to {most}")
        return int(text)

    return read


def size_of(text: str) -> int:
    """Read a size: 4096, 64K, 64KiB or 1MB."""
    found = re.fullmatch(r"([0-9]{1,16})([A-Za-z]*)", text)
    size = int(found[1]) * UNITS.get(found[2], 0) if found else 0
    if not 1 <= size <= MOST_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is no size from 1 byte to {MOST_BYTES}")
    return size


def cast(parts: str) -> MPI.Comm | None:
    """Give the communicator in which process i plays rank RANKS[i]; None if there is none."""
    world = MPI.COMM_WORLD
    fault = ""
    played = parts.split(",") if parts else [str(rank) for rank in RANKS]
    if world.size != len(RANKS):
        fault = f"{world.size} processes were started, the plan is for {len(RANKS)}"
    elif sorted(played) != sorted(str(rank) for rank in RANKS):
        fault = f"--map {parts}: expected each of {','.join(map(str, RANKS))} once"
    if fault:
        if world.rank == 0:
            complain(fault)
        return None
    return world.Split(0, RANKS.index(int(played[world.rank])))


def complain(message: str) -> None:
    """Say on standard error what went wrong."""
    sys.stderr.write(f"commplan: {message}\n")  # one write, so that no other comes between
    sys.stderr.flush()
