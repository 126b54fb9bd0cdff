"""Finish times of all_gather and all_to_all beside those that TE-CCL published, row by row.

Each row is planned under the rule of its row: store-and-forward, switches copy, and a latency of
at most `alpha_counts_above_us` is 0. The schedule is what `compile --in-network --size` gives with
`--switching store-and-forward`, and its time what `simulate` says with the same.
"""

from dataclasses import replace
from itertools import groupby
from math import exp, log
from pathlib import Path
from time import process_time
from typing import NamedTuple

import click
import msgspec
import numpy as np

from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.simulate.simulate import simulate
from solvers.bounds.latency import latency
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions, Switching
from topologies.formats.files import load
from topologies.model.topology import Topology, frozen
from topologies.model.units import bytes_of, duration

DATA = Path(__file__).parent / "data" / "teccl.json"
MACHINES = Path(__file__).parent.parent / "tests" / "data"
WORST = 1.01  # of the published time
MEAN = 0.92  # geometric, of all rows, at most
SECONDS = 180.0  # of a processor, for all rows
STORED: Switching = "store-and-forward"


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


def ours(row: Row) -> Ours:
    """Compile for a row, under its rule, and play what comes of it."""
    machine = _ruled(load(MACHINES / f"{row.topology}.toml"), row)
    asked = collective(row.collective, range(machine.ranks))
    options = SolverOptions(in_network=True, switching=STORED)
    made = plan(machine, asked, size=row.size, options=options)
    assert made.schedule.bound.algbw is not None
    limit = max(float(row.size / made.schedule.bound.algbw), latency(machine, asked))
    seconds = simulate(made.schedule, row.size, STORED).seconds
    return Ours(seconds, limit, made.report.correct)


def _ruled(machine: Topology, row: Row) -> Topology:
    """Let latencies that the row does not count be 0."""
    limit = row.alpha_counts_above_us * 1e-6 * (1 + 1e-9)
    return replace(machine, alpha=frozen(np.where(machine.alpha > limit, machine.alpha, 0.0)))


@click.command()
def main() -> None:
    """Go through all rows; exit 1 where one is wrong or slower, or all are late or slow."""
    rows, missed, ratios, started = published(), [], [], process_time()
    click.echo(rows.source)
    for (machine, name), group in groupby(rows.rows, lambda row: (row.topology, row.collective)):
        click.echo(f"\n{name} on {machine}")
        click.echo(
            f"{'':6}{'size':>12}{'published':>12}{'ours':>12}{'ratio':>8}{'bound':>12}{'s':>7}"
        )
        for row in group:
            begun, found = process_time(), ours(row)
            ratios.append(found.finish / row.finish_s)
            place = f"{name} on {machine}, {row.variant} {bytes_of(row.size)}"
            missed += [] if found.right else [f"{place}: a wrong schedule"]
            if ratios[-1] > WORST:
                missed.append(f"{place}: {ratios[-1]:.4f} of the published time, at most {WORST}")
            _tell(row, found, process_time() - begun)
    mean, spent = exp(sum(map(log, ratios)) / len(ratios)), process_time() - started
    click.echo(
        f"\n{len(ratios)} rows in {spent:.0f} s: geometric mean {mean:.4f}, "
        f"largest {max(ratios):.4f}"
    )
    missed += [] if mean <= MEAN else [f"geometric mean {mean:.4f}, at most {MEAN}"]
    missed += [] if spent <= SECONDS else [f"{spent:.0f} s for all rows, at most {SECONDS:g} s"]
    ended(missed)


def _tell(row: Row, found: Ours, spent: float) -> None:
    click.echo(
        f"{row.variant:6}{row.size:12}{duration(row.finish_s):>12}{duration(found.finish):>12}"
        f"{found.finish / row.finish_s:8.4f}{duration(found.bound):>12}{spent:7.2f}"
        f"{'' if found.right else '  WRONG'}"
    )


if __name__ == "__main__":
    main()
