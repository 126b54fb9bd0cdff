"""The tables that people know: nccl-tests, hccl_test, OSU; and CSV and JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.contest.arguments import Arguments
from bench.contest.rows import Row, Timing
from runtime.program.elements import width

NCCL_TYPES = {"float32": "float", "float64": "double", "float16": "half"}
OSU_TYPES = {"float32": "MPI_FLOAT", "float64": "MPI_DOUBLE", "int8": "MPI_CHAR"}
OSU_BLOCKS = frozenset({"all_gather", "all_to_all", "gather", "scatter"})
OSU_NAMES = {
    "all_gather": "Allgather",
    "all_reduce": "Allreduce",
    "all_to_all": "All-to-All Personalized Exchange",
    "broadcast": "Broadcast",
    "gather": "Gather",
    "reduce": "Reduce",
    "reduce_scatter": "Reduce_scatter",
    "scatter": "Scatter",
}
FIELDS = (
    *("size", "elements", "type", "op", "root", "processes", "iterations", "seconds", "algbw"),
    *("busbw", "wrong", "in_place_seconds", "in_place_wrong", "mpi_seconds", "mpi_wrong"),
    *("ratio", "predicted_seconds", "bound_seconds", "of_bound", "chosen", "chunks", "way"),
)


@dataclass(frozen=True)
class About:
    """What stands above a table: the machine that was planned for, processes and their hosts."""

    arguments: Arguments
    machine: str
    mpi: str
    processes: Sequence[tuple[int, str]]


def fields(about: About, row: Row) -> dict[str, object]:
    """Give a row as numbers: bytes, seconds, bytes per second."""
    ours, placed, theirs = row.ours, row.in_place, row.theirs
    rate = None if ours is None else row.algbw(ours)
    values = (
        *(row.size, row.elements, row.dtype, row.op, row.root, len(about.processes)),
        *(row.iterations, ours and ours.seconds, rate, rate and rate * row.factor),
        *(ours and ours.wrong, placed and placed.seconds, placed and placed.wrong),
        *(theirs and theirs.seconds, theirs and theirs.wrong, row.ratio, row.predicted),
        *(row.bound, row.of_bound, row.chosen, row.chunks, row.way),
    )
    return dict(zip(FIELDS, values, strict=True))


def nccl_head(about: About) -> list[str]:
    """Write what nccl-tests writes above its table, and what the columns after it are."""
    args = about.arguments
    lines = [
        f"# nThread 1 nGpus 1 minBytes {args.sizes[0]} maxBytes {args.sizes[-1]} step: {args.step} "
        f"warmup iters: {args.warm_up} iters: {args.iterations} agg iters: 1 "
        f"validation: {int(args.check)} graph: 0",
        "#",
        *_notes(about),
    ]
    for rank, (pid, host) in enumerate(about.processes):
        lines.append(f"#  Rank {rank:2} Group  0 Pid {pid:6} on {host:>10}")
    names, units = ("time", "algbw", "busbw", "#wrong"), ("(us)", "(GB/s)", "(GB/s)", "")
    lead = "# %10s  %12s  %8s  %6s  %6s"
    rest = "  %7s  %6s  %6s  %6s" * 2
    more = "  %9s  %6s  %9s  %6s"
    return [
        *lines,
        "#",
        lead
        % ("", "", "", "", "")
        + "           out-of-place                       in-place          "
        "         MPI's own  /ours  predicted  of bnd",
        (lead + rest + more)
        % ("size", "count", "type", "redop", "root", *names, *names, "time", "", "time", ""),
        (lead + rest + more)
        % ("(B)", "(elements)", "", "", "", *units, *units, "(us)", "", "(us)", "(%)"),
    ]


def nccl_row(_: About, row: Row) -> list[str]:
    """Write a row of nccl-tests, and ours after it: MPI's time, ratio, predicted, % of bound."""
    kind = NCCL_TYPES.get(row.dtype, row.dtype)
    lead = f"{row.size:12}  {row.elements:12}  {kind:>8}  {row.op:>6}  {row.root:6}"
    both = "".join(_nccl_timing(row, each) for each in (row.ours, row.in_place))
    theirs = None if row.theirs is None else row.theirs.seconds * 1e6
    more = f"  {short(theirs, 9)}  {short(row.ratio, 6)}"
    predicted = None if row.predicted is None else row.predicted * 1e6
    part = None if row.of_bound is None else row.of_bound * 100
    return [f"{lead}{both}{more}  {short(predicted, 9)}  {short(part, 6)}"]


def _nccl_timing(row: Row, timing: Timing | None) -> str:
    if timing is None:
        return "      N/A     N/A     N/A     N/A"
    rate = row.algbw(timing) / 1e9
    wrong = f"{'N/A' if timing.wrong is None else timing.wrong:>6}"
    times = f"  {short(timing.seconds * 1e6, 7)}  {short(rate, 6)}  {short(rate * row.factor, 6)}"
    return f"{times}  {wrong}"


def nccl_end(about: About, rows: Sequence[Row]) -> list[str]:
    """Write the end of the table."""
    timed = [(row, each) for row in rows for each in (row.ours, row.in_place) if each]
    mean = sum(row.algbw(each) * row.factor for row, each in timed) / max(1, len(timed)) / 1e9
    wrong = sum(row.wrong for row in rows)
    return [
        f"# Out of bounds values : {wrong} {'FAILED' if wrong else 'OK'}",
        f"# Avg bus bandwidth    : {mean:g} ",
        "#",
        f"# Collective test concluded: {about.arguments.collective}_perf",
    ]


def hccl_head(about: About) -> list[str]:
    """Write the head of hccl_test, and what the columns after it are."""
    args = about.arguments
    return [
        *_notes(about),
        f"the minbytes is {args.sizes[0]}, maxbytes is {args.sizes[-1]}, "
        f"iters is {args.iterations}, warmup_iters is {args.warm_up}",
        "data_size(Bytes): |   aveg_time(us): | alg_bandwidth(GB/s): | check_result: "
        "|   mpi_time(us): | mpi/ours: | predicted(us): | of_bound(%): ",
    ]


def hccl_row(_: About, row: Row) -> list[str]:
    """Write a row of hccl_test, its time being the mean over processes."""
    ours, theirs = row.ours, row.theirs
    verdict = "NULL" if ours is None or ours.wrong is None else _verdict(ours.wrong)
    rate = None if ours is None else row.size / ours.mean / 1e9
    cells = [
        f"{row.size:<17}",
        f"{_micro(ours.mean if ours else None):>15}",
        f"{'N/A' if rate is None else f'{rate:.5f}':>20}",
        f"{verdict:<13}",
        f"{_micro(theirs.mean if theirs else None):>15}",
        f"{short(row.ratio, 9)}",
        f"{_micro(row.predicted):>14}",
        short(None if row.of_bound is None else row.of_bound * 100, 12),
    ]
    return [" | ".join(cells)]


def _verdict(wrong: int) -> str:
    return "failed" if wrong else "success"


def osu_head(about: About) -> list[str]:
    """Write the head of the OSU benchmarks; MPI's own stands in the columns after them."""
    args = about.arguments
    kind = OSU_TYPES.get(args.dtype, args.dtype)
    columns = ("Avg Latency(us)", "Min Latency(us)", "Max Latency(us)", "Iterations")
    more = ("MPI Avg(us)", "MPI/ours", "Predicted(us)", "Of bound(%)")
    return [
        f"# OSU MPI {OSU_NAMES[args.collective]} Latency Test v7.4",
        f"# Datatype: {kind}.",
        *_notes(about),
        f"{'# Size':<10}" + "".join(f"{name:>18}" for name in (*columns, *more)),
    ]


def osu_row(about: About, row: Row) -> list[str]:
    """Write a row of OSU: the bytes that a process gives to one call, or to one other process."""
    ours, theirs = row.ours, row.theirs
    times = (ours.mean, ours.least, ours.most) if ours else (None, None, None)
    cells = [*map(_micro, times), str(row.iterations), _micro(theirs.mean if theirs else None)]
    cells += [short(row.ratio, 18).strip(), _micro(row.predicted)]
    cells.append(short(None if row.of_bound is None else row.of_bound * 100, 18).strip())
    blocks = about.arguments.collective in OSU_BLOCKS
    size = row.elements * width(row.dtype) if blocks else row.size
    return [f"{size:<10}" + "".join(f"{cell:>18}" for cell in cells)]


def csv_head(_: About) -> list[str]:
    """Name the columns."""
    return [",".join(FIELDS)]


def csv_row(about: About, row: Row) -> list[str]:
    """Write the values, empty where there are none."""
    values = fields(about, row).values()
    return [",".join("" if value is None else str(value).replace(",", ";") for value in values)]


def json_end(about: About, rows: Sequence[Row]) -> list[str]:
    """Write one object with all rows."""
    head = {"collective": about.arguments.collective, "machine": about.machine, "mpi": about.mpi}
    return [json.dumps(head | {"rows": [fields(about, row) for row in rows]})]


def _notes(about: About) -> list[str]:
    """Say what ran where, as comments."""
    count = len(about.processes)
    return [f"# {about.arguments.collective} on {about.machine}, {count} processes, {about.mpi}"]


def short(figure: float | None, width: int) -> str:
    """Give a figure with as many decimals as the width allows, at most two."""
    if figure is None:
        return f"{'N/A':>{width}}"
    forms = (f"{figure:{width}.{decimals}f}" for decimals in (2, 1, 0))
    return next((form for form in forms if len(form) <= width), f"{figure:.1e}")


def _micro(seconds: float | None) -> str:
    return "N/A" if seconds is None else f"{seconds * 1e6:.2f}"


def _nothing(*_: object) -> list[str]:
    return []


Head = Callable[[About], list[str]]
Line = Callable[[About, Row], list[str]]
End = Callable[[About, Sequence[Row]], list[str]]
# What is written before, for and after the rows.
TABLES: dict[str, tuple[Head, Line, End]] = {
    "nccl": (nccl_head, nccl_row, nccl_end),
    "hccl": (hccl_head, hccl_row, _nothing),
    "osu": (osu_head, osu_row, _nothing),
    "csv": (csv_head, csv_row, _nothing),
    "json": (_nothing, _nothing, json_end),
}
