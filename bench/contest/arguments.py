"""The command line of a benchmark: the flags of nccl-tests, and where the machine is described."""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from runtime.elements import OPERATIONS, TYPES, refusal, width
from solvers.collective import ROOTED

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
FORMATS = ("nccl", "hccl", "osu", "csv", "json")
LIMIT = 2**40  # bytes
REDUCING = frozenset({"all_reduce", "reduce_scatter", "reduce"})


@dataclass(frozen=True)
class Arguments:
    """What is measured: sizes in bytes of the largest buffer of a rank, and how often.

    topology: a name or file, empty where the machine is to be measured. schedules: files to choose
    from instead of planning. played: the rank of the topology that each process plays.
    ours, theirs: whether commplan's collective is timed, and MPI's own. root: a process, -1 where
    the collective has none.
    """

    collective: str
    topology: str
    schedules: tuple[str, ...]
    played: tuple[int, ...]
    sizes: tuple[int, ...]
    dtype: str
    op: str
    root: int
    iterations: int
    warm_up: int
    check: bool
    ours: bool
    theirs: bool
    way: str
    format: str
    time_limit: float


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Say it, and exit with 2."""
        self.exit(2, f"commplan: {message}\n")


def arguments(collective: str, processes: int, words: Sequence[str]) -> Arguments:
    """Read the flags; for a mistake, print it and exit with 2."""
    parser = _parser(collective)
    found = parser.parse_args(words)
    played = tuple(found.map) if found.map else tuple(range(processes))
    if len(set(played)) < len(played) or len(played) != processes:
        parser.error(f"argument --map: expected {processes} ranks, one for each process")
    if not 0 <= found.root < processes:
        parser.error(f"argument -r: {found.root} is no process, expected 0 to {processes - 1}")
    why = refusal(found.op, found.dtype) if collective in REDUCING else ""
    if why:
        parser.error(f"argument -o: {why}")
    return Arguments(
        collective=collective,
        topology=found.topology,
        schedules=tuple(found.schedule),
        played=played,
        sizes=_sizes(found),
        dtype=found.dtype,
        op=found.op if collective in REDUCING else "none",
        root=found.root if collective in ROOTED else -1,
        iterations=found.iterations,
        warm_up=found.warm_up,
        check=bool(found.check),
        ours=found.only != "mpi",
        theirs=found.only != "ours",
        way=found.way,
        format=found.format,
        time_limit=found.time_limit,
    )


def _parser(collective: str) -> Parser:
    parser = Parser(
        prog=f"mpirun -n N python -m mpi4py -m bench.{collective}",
        description=f"Time commplan's {collective} and MPI's own in turns.",
    )
    add = parser.add_argument
    add("--topology", default="", help="name or file of the machine (a star, measured)")
    add("--schedule", action="append", default=[], help="a compiled file to choose from; repeat")
    add("--map", type=_ranks, help="the rank that each process plays, as 0,4,1,5 (in order)")
    add("-b", "--begin", type=_size, default=8, help="smallest size, as 8, 64K or 1M (8)")
    add("-e", "--end", type=_size, default=2**25, help="largest size (32M)")
    add("-f", "--factor", type=_from(2), default=2, help="from one size to the next (2)")
    add("-i", "--increment", type=_size, help="from one size to the next, instead of a factor")
    add("-n", "--iterations", type=_from(1), default=20, help="timed runs of each (20)")
    add("-w", "--warm-up", type=_from(0), default=5, help="runs before them (5)")
    add("-c", "--check", type=int, choices=(0, 1), default=1, help="compare the results (1)")
    add("-d", "--dtype", choices=TYPES, default="float32", help="element type (float32)")
    add("-o", "--op", choices=OPERATIONS, default="sum", help="how elements are joined (sum)")
    add("-r", "--root", type=int, default=0, help="the process that is the root (0)")
    add("--only", choices=("ours", "mpi"), help="time one of the two alone")
    add("--way", choices=("best", "core", "mpi4py"), default="best", help="executor (best)")
    add("--format", choices=FORMATS, default="nccl", help="table to print (nccl)")
    add("--time-limit", type=float, default=60.0, help="seconds to plan (60)")
    return parser


def _sizes(found: argparse.Namespace) -> tuple[int, ...]:
    least = width(found.dtype)
    sizes = [max(found.begin, least)]
    while True:
        step = found.increment or sizes[-1] * (found.factor - 1)
        if sizes[-1] + max(step, least) > found.end:
            return tuple(sizes)
        sizes.append(sizes[-1] + max(step, least))


def _size(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,15})([KMG]?)(?:i?B)?", text, re.ASCII)
    size = int(found[1]) * UNITS[found[2]] if found else 0
    if not 1 <= size <= LIMIT:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no size, such as 8, 64K or 1M")
    return size


def _from(least: int) -> Callable[[str], int]:
    """Give a reader of whole numbers from `least` on."""

    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from {least}")
        return int(text)

    return read


def _ranks(text: str) -> list[int]:
    if not re.fullmatch("[0-9]{1,6}(,[0-9]{1,6})*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no list of ranks, such as 0,4,1,5")
    return [int(word) for word in text.split(",")]
