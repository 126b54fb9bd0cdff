"""The command line of a benchmark: the flags of nccl-tests, and where the machine is described."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from runtime.program.elements import OPERATIONS, TYPES, refusal, width
from solvers.schedules.kinds import ROOTED
from topologies.model import units
from topologies.model.messages import one_line, unknown
from topologies.model.units import bytes_of

Value = TypeVar("Value")
WAYS = ("best", "core", "mpi4py")
FORMATS = ("nccl", "hccl", "osu", "csv", "json")
LAST = 2**25  # bytes: the largest size where none is given, unless the smallest is larger
# The names of types in nccl-tests and hccl_test.
ALIASES = {"float": "float32", "double": "float64", "half": "float16", "char": "int8"}
ALIASES |= {"fp32": "float32", "fp64": "float64", "fp16": "float16", "bfp16": "bfloat16"}
# Flags of nccl-tests that say what holds here anyway: the values that do, and why no other does.
FIXED: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("-g", "--ngpus"): ("1", "each process plays one rank: mpirun -n says how many there are"),
    ("-t", "--nthreads"): ("1", "each process has one thread: mpirun -n says how many there are"),
    ("-m", "--agg_iters"): ("1", "calls are timed one by one (OSU's -m 8:1M is -b 8 -e 1M here)"),
    ("-z", "--blocking"): ("01", "a call always waits for its end"),
    ("-N", "--run_cycles"): ("1", "the sizes are measured once"),
    ("-y", "--stream_null"): ("0", "there is no CUDA stream"),
    ("-G", "--cudagraph"): ("0", "there is no CUDA graph"),
    ("-C", "--report_cputime"): ("0", "the time is that of whole calls"),
    ("-a", "--average"): ("3", "the time is that of the slowest process"),
    ("-R", "--local_register"): ("0", "buffers are not registered"),
    ("-T", "--timeout"): ("0", "timeout(1) ends an mpirun that takes too long"),
}
REFUSED: Mapping[str, str] = {
    "-x": "nccl-tests and OSU mean different things; -w takes the runs before those timed",
    "-J": "--format json prints a table that can be kept",
}
REDUCING = frozenset({"all_reduce", "reduce_scatter", "reduce"})


@dataclass(frozen=True)
class Arguments:
    """What is measured: sizes in bytes of the largest buffer of a rank, and how often.

    Attributes:
        topology: a name or file, empty where the machine is to be measured.
        schedules: files to choose from instead of planning.
        played: the rank of the topology that each process plays.
        root: a process, -1 where the collective has none.
        ours: whether commplan's collective is timed, and MPI's own.
        theirs: whether commplan's collective is timed, and MPI's own.
    """

    collective: str
    topology: str
    schedules: tuple[str, ...]
    played: tuple[int, ...]
    sizes: tuple[int, ...]
    step: str
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
        self.exit(2, f"commplan: {one_line(message)}\n")


def arguments(collective: str, processes: int, words: Sequence[str]) -> Arguments:
    """Read the flags; for a mistake, print it and exit with 2."""
    parser = _parser(collective)
    found = parser.parse_args(words)
    end = found.end or max(LAST, found.begin)
    if found.begin > end:
        parser.error(f"argument -b: {bytes_of(found.begin)} is above the end, {bytes_of(end)}")
    if found.increment and found.factor:
        parser.error("argument -i: the step is given as a factor (-f) already")
    if processes % max(found.npus, 1):
        parser.error(f"argument -p: {found.npus} do not divide the {processes} processes")
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
        sizes=_sizes(found, end),
        step=f"{found.increment}(bytes)" if found.increment else f"{found.factor or 2}(factor)",
        dtype=found.dtype,
        op=found.op if collective in REDUCING else "none",
        root=found.root if collective in ROOTED else -1,
        iterations=found.iterations,
        warm_up=found.warm_up,
        check=found.check == "1",
        ours=found.only != "mpi",
        theirs=found.only != "ours",
        way=found.way,
        format=found.format,
        time_limit=found.time_limit,
    )


def _parser(collective: str) -> Parser:
    parser = Parser(
        prog=f"mpirun -n N python -m mpi4py -m bench.{collective}",
        description=f"Time commplan's {collective} and MPI's own in turns. The flags of nccl-tests "
        "are taken, with the values that mean what is done here.",
        epilog="A size is 8, 64K, 64KiB (of 1024 bytes) or 64KB (of 1000); it is rounded down to "
        "whole elements of each block, one at least.",
    )
    add = parser.add_argument
    add("--topology", default="", help="name or file of the machine (a star, measured)")
    add("--schedule", action="append", default=[], help="a compiled file to choose from; repeat")
    add("--map", type=_ranks, help="the rank that each process plays, as 0,4,1,5 (in order)")
    _add_flags(parser)
    add("--only", type=_named("side", ("ours", "mpi")), help="time one of the two: ours, mpi")
    add("--way", type=_named("executor", WAYS), default="best", help=f"{_any(WAYS)} (best)")
    add("--format", type=_named("table", FORMATS), default="nccl", help=f"{_any(FORMATS)} (nccl)")
    add("--time-limit", type=_seconds, default=60.0, help="seconds to plan (60)")
    return parser


def _add_flags(parser: Parser) -> None:
    """Add the flags of nccl-tests, and what hccl_test has besides."""
    add = parser.add_argument
    types, name = _named("element type", TYPES, ALIASES), "--begin"
    add("-b", name, "--minbytes", type=_size, default=8, help="smallest size, as 8, 64K or 1M (8)")
    add("-e", "--end", "--maxbytes", type=_size, help="largest size (32M)")
    add("-f", "--factor", "--stepfactor", type=_from(2), help="from one size to the next (2)")
    add("-i", "--increment", "--stepbytes", type=_size, help="the same as bytes, not as a factor")
    add("-n", "--iterations", "--iters", type=_from(1), default=20, help="timed runs of each (20)")
    add("-w", "--warm-up", "--warmup_iters", type=_from(0), default=5, help="runs before them (5)")
    add("-c", "--check", type=_only("01", "results are compared once"), default="1", help="0, 1")
    add("-d", "--dtype", "--datatype", type=types, default="float32", help="type (float32)")
    add("-o", "--op", type=_named("operation", OPERATIONS), default="sum", help="joining (sum)")
    add("-r", "--root", type=_from(0), default=0, help="the process that is the root (0)")
    add("-p", "--parallel_init", "--npus", dest="npus", type=_from(0), default=0, help="no matter")
    for flags, (values, why) in FIXED.items():
        add(*flags, dest="fixed", type=_only(values, why), help=f"{_any(values)}: {why}")
    for flag, why in REFUSED.items():
        add(flag, dest="fixed", type=_only("", why), help=argparse.SUPPRESS)


def _any(values: Sequence[str]) -> str:
    return " or ".join(values)


def _sizes(found: argparse.Namespace, end: int) -> tuple[int, ...]:
    least = width(found.dtype)
    sizes = [max(found.begin, least)]
    while True:
        step = found.increment or sizes[-1] * ((found.factor or 2) - 1)
        if sizes[-1] + max(step, least) > end:
            return tuple(sizes)
        sizes.append(sizes[-1] + max(step, least))


def _tell(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """Let argparse show what a reader says of a fault."""

    def told(text: str) -> Value:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return told


_size = _tell(units.size)


def _from(least: int) -> Callable[[str], int]:
    """Give a reader of whole numbers from `least` on."""
    return _tell(lambda text: units.whole(text, least, 10**9))


@_tell
def _seconds(text: str) -> float:
    """Read a time limit."""
    if not 0 < units.decimal(text) <= 10**7:
        raise ValueError(f"{text[:40]!r} are no seconds above 0")
    return units.decimal(text)


def _named(
    what: str, known: Sequence[str], aliases: Mapping[str, str] | None = None
) -> Callable[[str], str]:
    """Give a reader of names, some of which have others beside."""

    def read(text: str) -> str:
        name = (aliases or {}).get(text, text)
        if name == "all":
            raise ValueError(f"one {what} at a time: {', '.join(known)}")
        if name not in known:
            raise ValueError(unknown(what, text, known))
        return name

    return _tell(read)


def _only(values: Sequence[str], why: str) -> Callable[[str], str]:
    """Give a reader of what has these values alone."""

    def read(text: str) -> str:
        if text not in tuple(values):
            expected = f", expected {_any(values)}" if values else ""
            raise ValueError(f"found {text[:40]!r}{expected}: {why}")
        return text

    return _tell(read)


def _ranks(text: str) -> list[int]:
    if not re.fullmatch("[0-9]{1,6}(,[0-9]{1,6})*", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no list of ranks, such as 0,4,1,5")
    return [int(word) for word in text.split(",")]
