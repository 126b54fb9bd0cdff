"""Schedules of trees against an LP over all trees: every small digraph, and machines at random."""

import sys
from collections.abc import Iterator
from itertools import chain, count, product
from time import monotonic

import click

from bench.optimum import optimum
from bench.small_digraphs import digraphs, sample
from runtime.verify.verify import verify
from solvers.schedules.kinds import ROOTED, collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SYMMETRY_USES, SolverOptions, SymmetryUse
from solvers.solve import solve
from topologies.model.topology import Topology
from topologies.presets.random_machines import AWKWARD, EVEN, random_machine

TREES = ("all_gather", "reduce_scatter", "broadcast", "reduce", "all_reduce")
TOLERANCE = 1e-9  # of the LP, which computes in floats
SECONDS = 60.0  # for each schedule
SHAPES = ((2, 1), (3, 1), (2, 2), (4, 1), (3, 2), (2, 3), (5, 1), (4, 2), (3, 3))


def disagreement(
    topology: Topology, name: str, root: int = 0, symmetry: SymmetryUse = "found"
) -> str:
    """Solve, verify, and compare with the LP; say what is wrong, or nothing."""
    what = collective(name, range(topology.ranks), root if name in ROOTED else None)
    report = verify(solve(topology, what, Watch(SECONDS), SolverOptions(symmetry)))
    if not report.correct:
        return report.faults[0]
    reached, best = float(report.algbw or 0), optimum(topology, what)
    if abs(reached - best) > TOLERANCE * best:
        return f"reached {reached}, of {best}"
    return "" if report.optimal else "not proved"


def machines(seed: int) -> Iterator[Topology]:
    """Give the small digraphs, and then without end machines with switches, at most 6 vertices."""
    yield from chain(digraphs(3, (1, 2)), digraphs(4), sample(4, (1, 2, 3), 200, seed))
    yield from map(switched, count(seed))


def switched(seed: int) -> Topology:
    """Draw a machine with switches and at most 6 vertices."""
    ranks, switches = SHAPES[seed % len(SHAPES)]
    return random_machine(seed, ranks, switches, AWKWARD if seed % 4 == 3 else EVEN, density=0.05)


@click.command()
@click.option("--machines", "many", default=2000, show_default=True, help="How many.")
@click.option("--seed", default=1000, show_default=True, help="Of the first one at random.")
def main(many: int, seed: int) -> None:
    """Compare the five collectives of trees on many small machines; exit 1 if one differs.

    The symmetry used changes from machine to machine; rooted collectives have each rank as root.
    """
    started, compared, wrong = monotonic(), 0, 0
    for number, topology in zip(range(many), machines(seed), strict=False):
        symmetry = SYMMETRY_USES[number % len(SYMMETRY_USES)]
        for name, root in product(TREES, range(topology.ranks)):
            if root and name not in ROOTED:
                continue
            found = disagreement(topology, name, root, symmetry)
            compared += 1
            if found:
                wrong += 1
                click.echo(f"{number} {topology.name} {name} from {root}: {found}")
    click.echo(
        f"{many} machines, {compared} schedules, {wrong} not the optimum of the LP or not "
        f"proved, {monotonic() - started:.0f} s"
    )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
