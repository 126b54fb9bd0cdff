"""all_gather beside TACOS: random greedy matching in time, the best of many seeds.

TACOS goes from time to time; at each, every rank takes its missing chunks in random order, each
over a random free link from a neighbour that has it. On machines whose links are all alike, as
those of its own examples, the times are those of rounds. This is that algorithm, written anew, so
that all are measured by one rule: a link works for bytes / bandwidth on each chunk, which is there
alpha later; ours is compiled for the size, with `--switching store-and-forward`. (Its all_reduce
is the mirror image and then this: both sides take twice the time.)

Source: Won et al., TACOS, MICRO 2024.
"""

from fractions import Fraction
from time import monotonic
from typing import NamedTuple

import click
import numpy as np

from bench.verdict import ended
from commplan.planning.planner import Plan, plan
from runtime.simulate.simulate import simulate
from solvers.bounds import time_bound
from solvers.schedules.collective import Collective, all_gather
from solvers.settings.options import SolverOptions, Switching
from topologies.model.topology import BoolArray, Topology
from topologies.model.units import bytes_of, duration
from topologies.presets import shapes

RATE, ALPHA = Fraction(50 * 2**30), 0.5e-6  # those of its examples
MACHINES: dict[str, Topology] = {
    machine.name: machine
    for machine in (
        shapes.ring(16, bandwidth=RATE, alpha=ALPHA),
        *(
            make(dims, bandwidth=RATE, alpha=ALPHA)
            for make, dims in (
                (shapes.torus, (4, 4)),
                (shapes.torus, (8, 8)),
                (shapes.torus, (4, 4, 4)),
                (shapes.torus, (12, 12)),
                (shapes.torus, (16, 16)),
                (shapes.mesh, (4, 4)),
                (shapes.mesh, (8, 8)),
            )
        ),
        *(shapes.hypercube(n, bandwidth=RATE, alpha=ALPHA) for n in (4, 6)),
    )
}
# Of what the links into a rank allow, at 1 GiB, with the best number of chunks that was tried:
# astra-sim/tacos v1.3, run by us on 1 core.
RELEASED = {"torus:4x4": 0.75, "torus:8x8": 0.98, "torus:12x12": 0.963, "torus:16x16": 0.975}
LARGEST = 2**30
CHUNKS = (1, 2, 4, 8)  # of what a rank begins with
SECONDS = 20.0  # for all seeds of a machine and a number of chunks
STORED: Switching = "store-and-forward"


class Seeds(NamedTuple):
    """The least rounds of some seeds, for a number of chunks, and how many seeds there were."""

    chunks: int
    rounds: int
    seeds: int

    def seconds(self, ranks: int, size: float) -> float:
        """Give the time at a size in bytes."""
        return self.rounds * (ALPHA + size / ranks / self.chunks / float(RATE))


def rounds(machine: Topology, chunks: int, draw: np.random.Generator) -> int:
    """Match at random until every rank has everything; count the rounds."""
    has = np.repeat(np.eye(machine.ranks, dtype=np.bool_), chunks, axis=1)
    into = [machine.src[machine.dst == rank].tolist() for rank in range(machine.ranks)]
    count = 0
    while not has.all():
        before, count = has.copy(), count + 1
        for rank in np.flatnonzero(~has.all(axis=1)).tolist():
            _take(before, has, rank, list(into[rank]), draw)
    return count


def _take(
    before: BoolArray, has: BoolArray, rank: int, free: list[int], draw: np.random.Generator
) -> None:
    """Let a rank take missing chunks in random order over its links, while some are free."""
    missing = np.flatnonzero(~before[rank] & before[free].any(axis=0))
    for chunk in draw.permutation(missing).tolist():
        holders = [src for src in free if before[src, chunk]]
        if holders:
            has[rank, chunk] = True
            free.remove(holders[int(draw.integers(len(holders)))])
            if not free:
                return


def searched(machine: Topology, chunks: int, seeds: int) -> Seeds:
    """Try seeds until there were so many or the time is over."""
    end, found = monotonic() + SECONDS, []
    for seed in range(seeds):
        found.append(rounds(machine, chunks, np.random.default_rng(seed)))
        if monotonic() > end:
            break
    return Seeds(chunks, min(found), len(found))


def ours(machine: Topology, what: Collective, size: int) -> Plan:
    """Compile for a size."""
    return plan(machine, what, size=size, options=SolverOptions(switching=STORED))


def _row(machine: Topology, what: Collective, size: int, tried: list[Seeds]) -> tuple[str, bool]:
    """Compare at one size; say whether ours is right and no slower."""
    begun = monotonic()
    made = ours(machine, what, size)
    spent, took = monotonic() - begun, simulate(made.schedule, size, STORED).seconds
    theirs = min(tried, key=lambda each: each.seconds(machine.ranks, size))
    other = theirs.seconds(machine.ranks, size)
    bound = time_bound.time_lower_bound(machine, what, made.schedule.bound, size)
    right = made.report.correct
    known = RELEASED.get(machine.name) if size == LARGEST else None
    released = f"{known:.1%}" if known else ""
    line = (
        f"{machine.name:14}{machine.ranks:6}{bytes_of(size):>9}{duration(took):>12}"
        f"{duration(other):>12}{took / other:8.3f}{duration(bound):>12}"
        f"{bound / took:8.1%}{bound / other:8.1%}"
        f"{theirs.chunks:7}{theirs.seeds:6}{released:>9}{spent:8.2f}{'' if right else '  WRONG'}"
    )
    return line, right and took <= other * (1 + 1e-9)


@click.command()
@click.option("--machine", "names", multiple=True, help="Only names with this in them.")
@click.option("--seeds", default=20, show_default=True, help="For each number of chunks, at most.")
def main(names: tuple[str, ...], seeds: int) -> None:
    """Print times, their ratio, and the bound; exit 1 where ours is slower."""
    head = f"{'machine':14}{'ranks':>6}{'size':>9}{'ours':>12}{'TACOS':>12}{'ratio':>8}"
    head += f"{'bound':>12}{'ours':>8}{'TACOS':>8}{'chunks':>7}{'seeds':>6}{'released':>9}{'s':>8}"
    click.echo(head)
    slower: list[str] = []
    for name, machine in MACHINES.items():
        if names and not any(part in name for part in names):
            continue
        what = all_gather(tuple(range(machine.ranks)))
        tried = [searched(machine, chunks, seeds) for chunks in CHUNKS]
        for size in (2**16, 2**20, LARGEST):
            line, kept = _row(machine, what, size, tried)
            slower += [] if kept else [f"{name} at {bytes_of(size)}: slower, or a wrong schedule"]
            click.echo(line)
    ended(slower)


if __name__ == "__main__":
    main()
