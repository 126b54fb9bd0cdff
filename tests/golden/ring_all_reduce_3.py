"""all_reduce on mesh: 3 processes, 12 messages at any size.

Written by commplan. Run it with `mpiexec -n 3 python -m mpi4py FILE -b 1MiB`; -h lists
the options. Every process makes its part of the plan below fit the size, checks its result against
the definition of the collective, and process 0 prints the table of nccl-tests.
"""

import argparse
import json
import math
import os
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from itertools import accumulate, pairwise
from statistics import median
from typing import Any, NoReturn

import numpy as np
from mpi4py import MPI

# The plan, made by commplan: figures for any size.


COLLECTIVE = "all_reduce"
TOPOLOGY = "mesh"
ROOT = -1
REDUCES = True
BUSBW = 1.3333333333333333  # busbw / algbw

# Process i plays rank RANKS[i] of the topology.
RANKS = list(range(3))

# The blocks' sizes, in a common unit; and the blocks in each process's input and output, in order.
SIZES = [1] * 1
LAYOUT = [
    (range(0, 1), range(0, 1)),
    (range(0, 1), range(0, 1)),
    (range(0, 1), range(0, 1)),
]

# Pieces: block, first part, last part. A block of n elements has PARTS parts; part k begins at
# element k * n // PARTS.
PARTS = 3
PIECES = """
0 0 1
0 1 2
0 2 3
"""

# Transfers, in the order of the steps: step, piece, src, dst, where src has the piece, where it
# comes to at dst, and how: put there; put there, then join the own input to it; or taken beside,
# and then added or copied to its place.
TRANSFERS = """
0 0 1 2 in out join
0 1 2 0 in out join
0 2 0 1 in out join
1 0 2 0 out out join
1 1 0 1 out out join
1 2 1 2 out out join
2 0 0 1 out out put
2 1 1 2 out out put
2 2 2 0 out out put
3 0 1 2 out out put
3 1 2 0 out out put
3 2 0 1 out out put
"""

# For each byte of size: the square of the best number of chunks, and how many there may be.
CHUNKS_SQUARE, CHUNKS_LINEAR = 0.003999999999999999, 1.0172526041666666e-05


# How the processes are called and told apart.


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
    add("--in-place", action="store_true", help="let input and output share memory")
    add("--map", default="", help="process i plays the i-th rank of this list, as 2,0,1")
    add("--watchdog", type=float, default=0.0, help="give up a step after so many seconds")
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


# The plan made to fit one size: what this process copies, sends, receives and adds.


Span = tuple[str, int, int]  # buffer, offset, count
# What is sent or received of a transfer: its row, where it lies or shall come to, how it lands,
# and the own input that is added to it.
Part = tuple[int, Span, str, Span | None]


def blocks_of(count: int) -> list[int]:
    """Give the elements of each block when the largest buffer has `count`; at least one each."""
    total = largest(SIZES)
    return [max(count * size // total, min(size, 1)) for size in SIZES]


def largest(sizes: list[int]) -> int:
    """Add up the blocks of the largest buffer."""
    return max(sum(sizes[b] for b in blocks) for pair in LAYOUT for blocks in pair)


def chunks_for(size: int) -> int:
    """Choose the number of chunks for a size in bytes."""
    best = min(math.sqrt(CHUNKS_SQUARE * size) + 0.5, CHUNKS_LINEAR * size, 128.0)
    return max(1, int(best))


class Plan:
    """What this process does at one size: copies, then steps of messages and what goes with them.

    Steps have copies that put together what is sent together, messages, and landings after them.
    """

    def __init__(self, me: int, sizes: list[int], chunks: int, in_place: bool, joined: int) -> None:
        """Cut every transfer of this process into chunks; chunk c of step s goes in step s + c.

        What goes to one process in one step and chunk, `joined` elements at most each, is joined.
        """
        self.me, self.sizes, self.chunks, self.joined = me, sizes, chunks, joined
        self.ins, self.outs = map(list, LAYOUT[me])
        self.starts, self.moved = self.share() if in_place else ((0, 0), False)
        self.in_place = in_place and not self.moved
        self.offsets = {"in": self.lay(self.ins), "out": self.lay(self.outs), "scratch": {}}
        self.held, self.wanted = (sum(sizes[b] for b in blocks) for blocks in LAYOUT[me])
        self.scratch = self.held if self.moved else 0
        self.beside: Counter[int] = Counter()
        self.tags: Counter[tuple[int, int, bool]] = Counter()
        self.packs: dict[int, list[tuple[Span, Span]]] = {}
        self.messages: dict[int, list[tuple[bool, int, int, int, Span]]] = {}
        self.landings: dict[int, list[tuple[int, bool, Span, Span]]] = {}
        self.parcels: dict[tuple[int, bool, int, int, int], list[Part]] = {}
        self.pieces = [tuple(map(int, line.split())) for line in PIECES.split("\n")[1:-1]]
        lines = enumerate(TRANSFERS.split("\n")[1:-1])
        received = {self.transfer(row, line.split()) for row, line in lines}
        self.copies = self.own(received)
        for (step, sends, peer, _, _), parts in self.parcels.items():
            self.message(step, sends, peer, parts)
        for landings in self.landings.values():
            landings.sort(key=lambda landing: landing[0])

    def share(self) -> tuple[tuple[int, int], bool]:
        """Find where input and output begin in one memory; if they do not fit, move the input."""
        inside = len(self.ins) <= len(self.outs)
        small, large = (self.ins, self.outs) if inside else (self.outs, self.ins)
        skip = large.index(small[0]) if small and small[0] in large else 0
        if large[skip : skip + len(small)] != small:
            return (0, 0), True
        begin = sum(self.sizes[b] for b in large[:skip])
        return ((begin, 0) if inside else (0, begin)), False

    def lay(self, blocks: list[int]) -> dict[int, int]:
        """Give where each block begins in its buffer."""
        ends = accumulate(self.sizes[b] for b in blocks)
        return {b: end - self.sizes[b] for b, end in zip(blocks, ends, strict=True)}

    def cut(self, piece: int) -> tuple[int, int]:
        """Give where a piece begins in its block, and its elements."""
        block, first, last = self.pieces[piece]
        begin = first * self.sizes[block] // PARTS
        return begin, last * self.sizes[block] // PARTS - begin

    def place(self, buffer: str, piece: int) -> tuple[str, int]:
        """Give where a piece lies; what landed in scratch has a slot there."""
        if buffer == "scratch":
            return buffer, self.offsets["scratch"][piece]
        offset = self.offsets[buffer][self.pieces[piece][0]] + self.cut(piece)[0]
        return ("scratch" if buffer == "in" and self.moved else buffer), offset

    def own(self, received: set[int]) -> list[tuple[Span, Span]]:
        """List the copies that come first: input in the way, and what is kept of it."""
        copies: list[tuple[Span, Span]] = []
        if self.moved:
            copies.append((("scratch", 0, self.held), ("in", 0, self.held)))
        kept = set() if self.in_place else set(self.ins) & set(self.outs)
        for piece, (block, _, _) in enumerate(self.pieces):
            if block in kept and piece not in received:
                size = self.cut(piece)[1]
                places = (self.place(buffer, piece) for buffer in ("out", "in"))
                copies.append(tuple((*place, size) for place in places))  # type: ignore[arg-type]
        return copies

    def transfer(self, row: int, words: list[str]) -> int:
        """Enter this process's end of a transfer; give the piece if it is received, else -1."""
        step, piece, src, dst = map(int, words[:4])
        sends, length = src == self.me, self.cut(piece)[1] if self.me in (src, dst) else 0
        buffer, landing = (words[4], "") if sends else words[5:]
        if dst == self.me and buffer == "scratch" and piece not in self.offsets["scratch"]:
            self.offsets["scratch"][piece] = self.scratch
            self.scratch += length
        for chunk in range(self.chunks if length else 0):
            skip = chunk * length // self.chunks
            size = (chunk + 1) * length // self.chunks - skip
            if size:
                key = (step + chunk, sends, dst if sends else src, chunk)
                alone = row if size > self.joined else -1
                part: Part = (row, self.part(buffer, piece, skip, size), landing, None)
                if landing == "join" and self.in_place and buffer == "out":
                    part = (*part[:2], "add", None)  # the own input lies where the sum shall be
                elif landing == "join":
                    part = (*part[:3], self.part("in", piece, skip, size))
                self.parcels.setdefault((*key, alone), []).append(part)
        return piece if dst == self.me else -1

    def part(self, buffer: str, piece: int, skip: int, size: int) -> Span:
        """Give where a part of a piece lies."""
        name, offset = self.place(buffer, piece)
        return name, offset + skip, size

    def message(self, step: int, sends: bool, peer: int, parts: list[Part]) -> None:
        """Enter one end of a message, and what is copied and added before or after it."""
        tag = self.tags[step, peer, sends] % 2**15
        self.tags[step, peer, sends] += 1
        spans = [span for _, span, _, _ in parts]
        total = sum(size for _, _, size in spans)
        (buffer, offset, _), end = spans[0], self.beside[step]
        fits = all(landing in ("", "put", "join") for _, _, landing, _ in parts)
        if not fits or any(a[:2] != (b[0], b[1] - a[2]) for a, b in pairwise(spans)):
            buffer, offset = "beside", end
            self.beside[step] += total
        self.messages.setdefault(step, []).append(
            (sends, peer, tag, parts[0][0], (buffer, offset, total))
        )
        for row, span, landing, own in parts:
            beside = ("beside", end, span[2])
            end += span[2]
            if sends and buffer == "beside":
                self.packs.setdefault(step, []).append((beside, span))
            elif buffer == "beside":
                self.landings.setdefault(step, []).append((row, landing == "add", span, beside))
            if own:
                self.landings.setdefault(step, []).append((row, True, span, own))


# A plan with memory and requests: how it runs.


Array = np.ndarray[Any, Any]


class Machine:
    """A plan with memory and persistent requests: ready to run as often as one likes."""

    def __init__(self, comm: MPI.Comm, plan: Plan, dtype: str, op: str, watchdog: float) -> None:
        """Lay out the memory and make the requests."""
        self.comm, self.add, self.watchdog = comm, OPS[op], watchdog
        (begin, start), held, wanted = plan.starts, plan.held, plan.wanted
        if plan.in_place or plan.moved:
            memory = np.zeros(max(begin + held, start + wanted), dtype)
            ins, outs = memory[begin : begin + held], memory[start : start + wanted]
        else:
            ins, outs = np.zeros(held, dtype), np.zeros(wanted, dtype)
        beside = np.zeros(max(plan.beside.values(), default=0), dtype)
        scratch = np.zeros(plan.scratch, dtype)
        self.buffers = {"in": ins, "out": outs, "scratch": scratch, "beside": beside}
        self.copies = [(self.view(to), self.view(source)) for to, source in plan.copies]
        self.steps = [
            (
                step,
                [(self.view(to), self.view(source)) for to, source in plan.packs.get(step, [])],
                [self.request(*message) for message in plan.messages[step]],
                [(peer, row) for _, peer, _, row, _ in plan.messages[step]],
                [
                    (adds, self.view(to), self.view(source))
                    for _, adds, to, source in plan.landings.get(step, [])
                ],
            )
            for step in sorted(plan.messages)
        ]

    def view(self, span: Span) -> Array:
        """Give the elements of a span."""
        buffer, offset, size = span
        return self.buffers[buffer][offset : offset + size]

    def request(self, sends: bool, peer: int, tag: int, _: int, span: Span) -> MPI.Prequest:
        """Make a persistent request for one end of a message."""
        make = self.comm.Send_init if sends else self.comm.Recv_init
        return make(self.view(span), peer, tag)

    def run(self) -> None:
        """Do the collective once."""
        for to, source in self.copies:
            to[:] = source
        for step, packs, requests, peers, landings in self.steps:
            for to, source in packs:
                to[:] = source
            MPI.Prequest.Startall(requests)
            if self.watchdog:
                self.wait(step, requests, peers)
            else:
                MPI.Request.Waitall(requests)
            for adds, to, source in landings:
                if adds:
                    self.add(to, source, out=to)
                else:
                    to[:] = source

    def wait(self, step: int, requests: list[Any], peers: list[tuple[int, int]]) -> None:
        """Wait for a step's messages, but not for ever: name who does not come, and end all."""
        deadline = time.monotonic() + self.watchdog
        while not MPI.Request.Testall(requests):
            if time.monotonic() > deadline:
                late = [pair for r, pair in zip(requests, peers, strict=True) if not r.Test()]
                lines = TRANSFERS.split("\n")[1:]
                pieces = {peer: lines[row].split()[1] for peer, row in reversed(late)}
                names = ", ".join(f"rank {RANKS[p]} (piece {pieces[p]})" for p in sorted(pieces))
                me = f"rank {RANKS[self.comm.rank]}"
                complain(f"{me} blocked in step {step} waiting for {names}")
                time.sleep(1)  # for the others to say what they wait for
                MPI.COMM_WORLD.Abort(124)
            os.sched_yield()

    def free(self) -> None:
        """Give the requests back to MPI."""
        for _, _, requests, _, _ in self.steps:
            for request in requests:
                request.Free()


# Whether the result is right.


PERIOD = 8191  # elements after which the test data repeat: a prime, so that shifts show


def contribution(rank: int, block: int, dtype: str, op: str) -> Array:
    """Give the first PERIOD elements of what a process puts into a block; then they repeat.

    The figures are small, or powers of two, so that sums and products of floats are exact.
    """
    word = np.arange(PERIOD, dtype=np.uint64) * np.uint64(0x94D049BB133111EB)
    word += np.uint64((rank * 0x9E3779B97F4A7C15 + block * 0xD1B54A32D192ED03) % 2**64)
    word = (word ^ (word >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    figure = (word >> np.uint64(57)).astype(dtype)
    if op != "prod":
        return figure
    return 2.0 ** (figure % 3 - 1) if dtype.startswith("f") else 1 + 2 * (figure % 4)


def fill(machine: Machine, plan: Plan, dtype: str, op: str) -> None:
    """Spoil all memory, then put this process's contributions into its input."""
    for buffer in machine.buffers.values():
        buffer[:] = 119
    for block, offset in plan.offsets["in"].items():
        size = plan.sizes[block]
        own = contribution(plan.me, block, dtype, op)
        machine.buffers["in"][offset : offset + size] = np.resize(own, size)


def wrong_elements(machine: Machine, plan: Plan, dtype: str, op: str) -> int:
    """Count this process's output elements that are not what the definition asks for."""
    wrong = 0
    for block, offset in plan.offsets["out"].items():
        size = plan.sizes[block]
        holders = [i for i, (ins, _) in enumerate(LAYOUT) if block in ins]
        right = contribution(holders[0], block, dtype, op)
        for rank in holders[1:]:
            right = OPS[op](right, contribution(rank, block, dtype, op)).astype(dtype)
        got = machine.buffers["out"][offset : offset + size]
        wrong += int(np.count_nonzero(got != np.resize(right, size)))
    return wrong


# What is printed: the table of nccl-tests, and a line of JSON for each size.


NCCL_NAMES = {"float32": "float", "float64": "double"}


def print_head(args: argparse.Namespace, processes: list[tuple[int, str]]) -> None:
    """Print what nccl-tests prints above its table; processes: their numbers and computers."""
    print(
        f"# nThread 1 nGpus 1 minBytes {args.sizes[0]} maxBytes {args.sizes[-1]} "
        f"step: {args.factor}(factor) warmup iters: {args.warm_up} iters: {args.iterations} "
        f"agg iters: 1 validation: {args.check} graph: 0"
    )
    print("#")
    print(f"# {COLLECTIVE} on {TOPOLOGY}, {len(RANKS)} processes")
    for rank, (pid, host) in zip(RANKS, processes, strict=True):
        print(f"#  Rank {rank:2} Group  0 Pid {pid:6} on {host:>10}")
    print("#")
    lead = "# %10s  %12s  %8s  %6s  %6s"
    print(
        lead % ("", "", "", "", "") + " " * 11 + "out-of-place" + " " * 23 + "in-place" + " " * 10
    )
    rest = "  %7s  %6s  %6s  %6s" * 2 + " "
    names, units = ("time", "algbw", "busbw", "#wrong"), ("(us)", "(GB/s)", "(GB/s)", "")
    print((lead + rest) % ("size", "count", "type", "redop", "root", *names, *names))
    print((lead + rest) % ("(B)", "(elements)", "", "", "", *units, *units), flush=True)


def print_row(row: dict[str, Any]) -> None:
    """Print a row of the table of nccl-tests."""
    op = row["op"] if REDUCES else "none"
    kind = NCCL_NAMES.get(row["type"], row["type"])
    lead = f"{row['size']:12}  {row['count']:12}  {kind:>8}  {op:>6}  {ROOT:6}"
    shown = f"  {short(row['seconds'] * 1e6, 7)}"
    shown += "".join(f"  {short(row[name] / 1e9, 6)}" for name in ("algbw", "busbw"))
    shown += "    N/A" if row["wrong"] is None else f"  {row['wrong']:6}"
    absent = "      N/A     N/A     N/A    N/A"
    print(lead + (absent + shown if row["in_place"] else shown + absent), flush=True)


def short(figure: float, width: int) -> str:
    """Give a figure with as many decimals as the width allows, at most two."""
    forms = (f"{figure:{width}.{decimals}f}" for decimals in (2, 1, 0))
    return next((form for form in forms if len(form) <= width), f"{figure:.1e}")


def print_end(rows: list[dict[str, Any]], wrong: int) -> None:
    """Print the end of the table, and a line of JSON for each size."""
    mean = sum(row["busbw"] for row in rows) / len(rows) / 1e9
    print(f"# Out of bounds values : {wrong} {'FAILED' if wrong else 'OK'}")
    print(f"# Avg bus bandwidth    : {mean:g} ")
    print("#")
    print(f"# Collective test concluded: {COLLECTIVE}_perf")
    for row in rows:
        print(f"# commplan {json.dumps(row)}")
    sys.stdout.flush()


# Measuring every size that is asked for.


def main() -> int:
    """Measure every size asked for; give the exit code."""
    args = options()
    comm = cast(args.map)
    if comm is None:
        return 2
    processes = comm.gather((os.getpid(), MPI.Get_processor_name())) or []
    if comm.rank == 0:
        print_head(args, processes)
    rows = [measure(comm, size, args) for size in args.sizes]
    wrong = sum(row["wrong"] or 0 for row in rows)
    if comm.rank == 0:
        print_end(rows, wrong)
    return 1 if wrong else 0


def measure(comm: MPI.Comm, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Check and time one size; on process 0, print its row."""
    width = np.dtype(args.type).itemsize
    sizes = blocks_of(size // width)
    count = largest(sizes)
    chunks = args.chunks or chunks_for(count * width)
    plan = Plan(comm.rank, sizes, chunks, args.in_place, args.join // width)
    machine = Machine(comm, plan, args.type, args.op, args.watchdog)
    fill(machine, plan, args.type, args.op)
    comm.Barrier()
    machine.run()
    wrong = comm.allreduce(wrong_elements(machine, plan, args.type, args.op) if args.check else 0)
    seconds = timed(comm, machine, args)
    machine.free()
    row = {"size": count * width, "count": sizes[0], "type": args.type}
    row |= {"op": args.op, "chunks": chunks, "in_place": args.in_place, "ranks": len(RANKS)}
    row |= {"iterations": args.iterations, "seconds": seconds, "algbw": row["size"] / seconds}
    row |= {"busbw": row["algbw"] * BUSBW, "wrong": wrong if args.check else None}
    if comm.rank == 0:
        print_row(row)
    return row


def timed(comm: MPI.Comm, machine: Machine, args: argparse.Namespace) -> float:
    """Give the median over the iterations of the time that the slowest process took."""
    times = np.zeros(args.iterations)
    for i in range(-args.warm_up, args.iterations):
        comm.Barrier()
        start = time.perf_counter()
        machine.run()
        times[max(i, 0)] = time.perf_counter() - start
    slowest = np.zeros_like(times)
    comm.Allreduce(times, slowest, MPI.MAX)
    return max(float(median(slowest.tolist())), 1e-9)


if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as wanted:  # the command line was wrong, or asked for help
        code = int(wanted.code or 0)
    except BaseException as fault:  # who ends alone would leave the others waiting for ever
        complain(f"process {MPI.COMM_WORLD.rank}: {type(fault).__name__}: {fault}")
        traceback.print_exc()
        time.sleep(0.5)  # for mpirun to hand this on
        MPI.COMM_WORLD.Abort(70)
    MPI.Finalize()
    sys.exit(code)
