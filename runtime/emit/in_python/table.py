"""What is printed: the table of nccl-tests, and a line of JSON for each size."""

import argparse
import json
import sys
from typing import Any

from runtime.emit.in_python.plan import COLLECTIVE, RANKS, REDUCES, ROOT, TOPOLOGY

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
