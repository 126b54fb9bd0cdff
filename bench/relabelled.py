"""How far answers differ between a machine and the same one with its parts in another order.

`python -m bench.relabelled` shuffles ranks, switches and links, and turns the dimensions of grids
round, and prints for each machine, collective and size the spread of what is predicted: the largest
over the smallest, less 1. `--natural` plans for each machine as it is written down, for comparison.
`--quick` looks at one other order, which declares no symmetry, at 64 KiB alone: some minutes.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import click
import numpy as np

from commplan.planning import planner
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from topologies.derive.relabel import relabel
from topologies.formats.spec import topology
from topologies.model.topology import Topology, frozen

MACHINES = (
    *("torus:2x8", "torus:4x4", "mesh:2x3", "hypercube:3", "nd-full-mesh:2x4", "ring:6", "line:5"),
    *("star:8", "full-mesh:6", "leaf-spine:2x2x4", "dgx-1", "dgx-a100:boxes=2", "mi250"),
    *("dgx-h100:boxes=2:overhead=0.5", "cloudmatrix384:nodes=2", "leaf-spine:6x3x8"),
)
GRIDS = ("torus", "mesh", "nd-full-mesh")
SIZES = (2**10, 2**16, 2**20, 2**30)
SECONDS = 600.0  # so that a busy computer cuts nothing short
MOST = 0.02  # spread


def shuffle(machine: Topology, seed: int, *, symmetry: bool = True) -> tuple[Topology, list[int]]:
    """Put ranks, switches and links in another order; tell where each rank went."""
    draw = np.random.default_rng(seed)
    switches = machine.ranks + draw.permutation(machine.vertices - machine.ranks)
    place = np.concatenate([draw.permutation(machine.ranks), switches])
    moved = relabel(machine, place).topology
    order = draw.permutation(moved.links)
    back = np.append(np.argsort(order), -1)  # no mate stays none
    columns = ("src", "dst", "capacity", "alpha", "link_class", "plane")
    made = replace(
        moved,
        **{name: frozen(getattr(moved, name)[order]) for name in columns},
        mate=frozen(back[moved.mate[order]]),
    )
    kept = made if symmetry else replace(made, symmetry=made.symmetry[:0])
    return kept, place[: machine.ranks].tolist()


def turn(machine: str) -> str:
    """Turn the dimensions of a grid round."""
    name, *rest = machine.split(":")
    if name not in GRIDS:
        return machine
    return ":".join([name, "x".join(reversed(rest[0].split("x"))), *rest[1:]])


def alike(machine: str, times: int) -> Iterator[tuple[Topology, int]]:
    """Give a machine in several orders, each with the rank that stands where 0 stood."""
    made = topology(machine)
    yield made, 0
    if turn(machine) != machine:
        yield topology(turn(machine)), 0
    for seed in range(times):
        other, place = shuffle(made, seed, symmetry=seed % 2 == 1)
        yield other, place[0]


def predict(machine: Topology, name: str, root: int, size: int, *, natural: bool) -> float:
    """Give the seconds predicted at a size."""
    what = collective(name, range(machine.ranks), root if name in ROOTED else None)
    if natural:
        made = planner.plan_as_is(machine, what, size, SolverOptions(), None, Watch(SECONDS))
    else:
        made = planner.plan(machine, what, size=size, seconds=SECONDS)
    assert made.predicted is not None
    return made.predicted


def spread(times: Sequence[float]) -> float:
    """Give how much the largest is above the smallest."""
    return max(times) / min(times) - 1 if min(times) else 0.0


@click.command()
@click.argument("machines", nargs=-1)
@click.option("--collective", "names", multiple=True, type=click.Choice(list(COLLECTIVES)))
@click.option("--size", "sizes", multiple=True, type=click.IntRange(1))
@click.option("--times", type=click.IntRange(1), default=3, show_default=True)
@click.option("--natural", is_flag=True, help="Plan for machines as they are written down.")
@click.option("--quick", is_flag=True, help="One other order, at 64 KiB alone.")
def main(
    machines: tuple[str, ...],
    names: tuple[str, ...],
    sizes: tuple[int, ...],
    times: int,
    natural: bool,
    quick: bool,
) -> None:
    """Print the spread of predictions over orders of the same machine."""
    worst = 0.0
    if quick:
        times, sizes = 1, sizes or (2**16,)
    for machine in machines or MACHINES:
        orders = list(alike(machine, times))
        for name in names or tuple(COLLECTIVES):
            found = []
            for size in sizes or SIZES:
                taken = [predict(m, name, r, size, natural=natural) for m, r in orders]
                found.append(spread(taken))
            worst = max(worst, *found)
            cells = "".join(f"{each:9.2%}" for each in found)
            print(f"{machine:<32}{name:<16}{cells}", flush=True)
    click.echo(f"largest spread {worst:.2%}, allowed {MOST:.0%}")
    sys.exit(worst > MOST)


if __name__ == "__main__":
    main()
