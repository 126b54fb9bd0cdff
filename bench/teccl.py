"""Finish times of all_gather and all_to_all beside those that TE-CCL published, row by row.

Each row is planned under the rule of its row: store-and-forward, switches copy, and a latency of
at most `alpha_counts_above_us` is 0. The schedule is one of highest throughput, played in pieces
by greedy matching in time; it is verified, and its time is that of `runtime.simulate.dataflow`.
"""

from dataclasses import replace
from itertools import groupby
from math import exp, log
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import click
import msgspec
import numpy as np

from bench.verdict import ended
from runtime.simulate.dataflow import finish
from runtime.verify.verify import verify
from solvers.bounds.latency import latency
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from solvers.timing.greedy_matching import matched
from solvers.timing.greedy_problem import guided
from topologies.formats.files import load
from topologies.model.topology import Topology, frozen
from topologies.model.units import bytes_of, duration

DATA = Path(__file__).parent / "data" / "teccl.json"
MACHINES = Path(__file__).parent.parent / "tests" / "data"
WORST = 1.01  # of the published time
SECONDS = 60.0  # for all sizes of one machine and collective
# Parts of a block, and how much slower an arc beside the tree may be.
TRIED = {
    "all_gather": ((16, 0.0), (16, 4.0)),
    "all_to_all": ((1, 0.0), (4, 0.0)),
}


class Row(msgspec.Struct, frozen=True):
    """A published finish time: bytes and seconds; latencies up to the limit count as 0."""

    topology: str
    collective: str
    variant: str
    size: int
    finish_s: float
    solver_s: float
    epoch_s: float
    alpha_counts_above_us: float


class Published(msgspec.Struct, frozen=True):
    """The file of the rows."""

    source: str
    model: str
    topologies: str
    rows: list[Row]


class Ours(NamedTuple):
    """What we reach in a row's rule: seconds, and what no schedule beats."""

    finish: float
    bound: float
    right: bool


def published() -> Published:
    """Read the rows, in the order of machine and collective."""
    return msgspec.json.decode(DATA.read_bytes(), type=Published)


def base(row: Row) -> Schedule:
    """Find the schedule of highest throughput for a row's machine and collective."""
    machine = load(MACHINES / f"{row.topology}.toml")
    asked = collective(row.collective, range(machine.ranks))
    return solve(machine, asked, options=SolverOptions(in_network=True))


def ours(row: Row, best: Schedule) -> Ours:
    """Play the schedule at the row's size, under its rule, in the ways that are tried."""
    machine = _ruled(best.topology, row)
    known = replace(best, topology=machine)
    made = [
        matched(
            guided(known, row.size, parts, leeway), best.collective, best.bound, in_network=True
        )
        for parts, leeway in TRIED[row.collective]
    ]
    chosen = min(made, key=lambda schedule: finish(schedule, row.size))
    assert best.bound.algbw is not None
    flowing = float(row.size / best.bound.algbw)
    limit = max(flowing, latency(machine, best.collective))
    return Ours(finish(chosen, row.size), limit, verify(chosen).correct)


def _ruled(machine: Topology, row: Row) -> Topology:
    """Let latencies that the row does not count be 0."""
    limit = row.alpha_counts_above_us * 1e-6 * (1 + 1e-9)
    return replace(machine, alpha=frozen(np.where(machine.alpha > limit, machine.alpha, 0.0)))


@click.command()
def main() -> None:
    """Go through all rows; exit 1 where one is wrong, late, slower, or all are no faster."""
    rows, missed, ratios = published(), [], []
    click.echo(rows.source)
    for (machine, name), group in groupby(rows.rows, lambda row: (row.topology, row.collective)):
        click.echo(f"\n{name} on {machine}")
        click.echo(
            f"{'':6}{'size':>12}{'published':>12}{'ours':>12}{'ratio':>8}{'bound':>12}{'s':>7}"
        )
        started, best = monotonic(), None
        for row in group:
            begun, best = monotonic(), best or base(row)
            found = ours(row, best)
            ratios.append(found.finish / row.finish_s)
            place = f"{name} on {machine}, {row.variant} {bytes_of(row.size)}"
            missed += [] if found.right else [f"{place}: a wrong schedule"]
            if ratios[-1] > WORST:
                missed.append(f"{place}: {ratios[-1]:.4f} of the published time, at most {WORST}")
            _tell(row, found, monotonic() - begun)
        spent = monotonic() - started
        if spent > SECONDS:
            missed.append(f"{name} on {machine}: {spent:.1f} s together, at most {SECONDS:g} s")
        click.echo(f"together {spent:.1f} s")
    mean = exp(sum(map(log, ratios)) / len(ratios))
    click.echo(f"\n{len(ratios)} rows: geometric mean {mean:.4f}, largest {max(ratios):.4f}")
    missed += ["the rows are no faster on the mean"] if mean >= 1 else []
    ended(missed)


def _tell(row: Row, found: Ours, spent: float) -> None:
    click.echo(
        f"{row.variant:6}{row.size:12}{duration(row.finish_s):>12}{duration(found.finish):>12}"
        f"{found.finish / row.finish_s:8.4f}{duration(found.bound):>12}{spent:7.2f}"
        f"{'' if found.right else '  WRONG'}"
    )


if __name__ == "__main__":
    main()
