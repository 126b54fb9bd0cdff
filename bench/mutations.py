"""Break right schedules at random, and see whether the checker notices: python -m bench.mutations.

Prints how many mutations were tried, refused, and still right by a second opinion.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import click
import numpy as np

from bench.oracle import right
from bench.zoo import zoo
from runtime.verify.verify import verify
from solvers.schedules.schedule import Schedule, Transfer, columns
from topologies.model.topology import integers
from topologies.symmetry.group import Group, trivial

Rows = list[Transfer]
Draw = np.random.Generator


@dataclass(frozen=True)
class Trial:
    """One mutation, the checker's answer and the second opinion."""

    schedule: str
    mutation: str
    mutant: Schedule
    accepted: bool
    right: bool


def trial(seed: int) -> Trial:
    """Mutate a schedule of the zoo once or twice, and judge the mutant."""
    draw = np.random.default_rng(seed)
    name, given = ZOO[draw.integers(len(ZOO))]
    mutant, done = given, []
    for _ in range(1 if draw.random() < 0.8 else 2):
        mutation = list(MUTATIONS)[draw.integers(len(MUTATIONS))]
        mutant = MUTATIONS[mutation](mutant, draw)
        done.append(mutation)
    # The claims of the zoo are closed formulas, so whatever else is claimed is wrong.
    truth = right(mutant) and mutant.bound == given.bound
    return Trial(name, " and ".join(done), mutant, verify(mutant).correct, truth)


def on_rows(change: Callable[[Rows, Schedule, Draw], Rows]) -> Callable[[Schedule, Draw], Schedule]:
    """Make a mutation of schedules from one of transfers."""

    def mutate(schedule: Schedule, draw: Draw) -> Schedule:
        rows = [schedule.transfers[t] for t in range(len(schedule.transfers))]
        return replace(schedule, transfers=columns(change(rows, schedule, draw) if rows else rows))

    return mutate


def _one(rows: Rows, draw: Draw) -> int:
    return int(draw.integers(len(rows)))


def drop(rows: Rows, _: Schedule, draw: Draw) -> Rows:
    """Leave a transfer out."""
    i = _one(rows, draw)
    return rows[:i] + rows[i + 1 :]


def duplicate(rows: Rows, _: Schedule, draw: Draw) -> Rows:
    """Do a transfer again, at once or later."""
    row = rows[_one(rows, draw)]
    return [*rows, row._replace(step=row.step + int(draw.integers(3)))]


def reorder(rows: Rows, _: Schedule, draw: Draw) -> Rows:
    """Move a transfer to another step."""
    i = _one(rows, draw)
    rows[i] = rows[i]._replace(step=rows[i].step + int(draw.integers(-2, 3)))
    return rows


def swap(rows: Rows, _: Schedule, draw: Draw) -> Rows:
    """Exchange the steps, or the pieces, of two transfers."""
    i, j = _one(rows, draw), _one(rows, draw)
    a, b = rows[i], rows[j]
    if draw.random() < 0.5:
        rows[i], rows[j] = a._replace(step=b.step), b._replace(step=a.step)
    else:
        rows[i], rows[j] = a._replace(piece=b.piece), b._replace(piece=a.piece)
    return rows


def redirect(rows: Rows, schedule: Schedule, draw: Draw) -> Rows:
    """Send from or to another rank, over the route of before or over one that fits."""
    i = _one(rows, draw)
    rank = int(draw.integers(-1, schedule.topology.ranks + 1))
    row = rows[i]._replace(src=rank) if draw.random() < 0.5 else rows[i]._replace(dst=rank)
    fitting = [r.route for r in rows if (r.src, r.dst) == (row.src, row.dst)]
    rows[i] = row._replace(route=fitting[0]) if fitting else row
    return rows


def reroute(rows: Rows, schedule: Schedule, draw: Draw) -> Rows:
    """Replace a link of a route, leave it out, or add one."""
    i = _one(rows, draw)
    route = list(rows[i].route)
    place = int(draw.integers(len(route) + 1))
    links = int(draw.integers(-1, schedule.topology.links + 1))
    route[place : place + int(draw.integers(2))] = [links] * int(draw.integers(2))
    rows[i] = rows[i]._replace(route=tuple(route))
    return rows


def flip(rows: Rows, _: Schedule, draw: Draw) -> Rows:
    """Add instead of replacing, or the other way round."""
    i = _one(rows, draw)
    rows[i] = rows[i]._replace(reduce=not rows[i].reduce)
    return rows


def move(rows: Rows, schedule: Schedule, draw: Draw) -> Rows:
    """Give a transfer to another piece."""
    i = _one(rows, draw)
    rows[i] = rows[i]._replace(piece=int(draw.integers(-1, schedule.pieces + 1)))
    return rows


def share(schedule: Schedule, draw: Draw) -> Schedule:
    """Change a share."""
    shares = list(schedule.share)
    i = int(draw.integers(len(shares)))
    shares[i] *= Fraction(int(draw.integers(-1, 5)), int(draw.integers(1, 4)))
    return replace(schedule, share=tuple(shares))


def transfer_of_share(schedule: Schedule, draw: Draw) -> Schedule:
    """Take some share from one piece and give it to another."""
    shares = list(schedule.share)
    i, j = draw.integers(len(shares), size=2)
    some = shares[i] / int(draw.integers(1, 4))
    shares[i] -= some
    shares[j] += some
    return replace(schedule, share=tuple(shares))


def block(schedule: Schedule, draw: Draw) -> Schedule:
    """Make a piece one of another block."""
    blocks = schedule.block.tolist()
    blocks[draw.integers(len(blocks))] = int(draw.integers(-1, schedule.collective.blocks + 1))
    return replace(schedule, block=integers(blocks))


def group(schedule: Schedule, draw: Draw) -> Schedule:
    """Forget the group, or spoil a generator."""
    generators = schedule.group.generators.copy()
    if not len(generators) or draw.random() < 0.3:
        return replace(schedule, group=trivial(schedule.topology))
    i, j = draw.integers(generators.shape[1], size=2)
    generators[0, [i, j]] = generators[0, [j, i]]
    return replace(schedule, group=Group(generators))


def claim(schedule: Schedule, draw: Draw) -> Schedule:
    """Claim a bound that is higher or lower, by much or by next to nothing, or of another scope."""
    bound, part = schedule.bound, Fraction(1, 10 ** int(draw.integers(30)))
    if bound.certificate is not None and draw.random() < 0.2:
        return replace(schedule, bound=replace(bound, scope=SCOPES[draw.integers(len(SCOPES))]))
    if bound.algbw is None:
        return replace(schedule, bound=replace(bound, algbw=1 / part))
    return replace(schedule, bound=replace(bound, algbw=bound.algbw * (1 + part * _sign(draw))))


def _sign(draw: Draw) -> int:
    return int(draw.integers(2)) * 2 - 1


SCOPES = ("cut", "prices", "reduce-broadcast trees")
ZOO = tuple(zoo())
MUTATIONS = {
    **{
        change.__name__: on_rows(change)
        for change in (drop, duplicate, reorder, swap, redirect, reroute, flip, move)
    },
    **{change.__name__: change for change in (share, transfer_of_share, block, group, claim)},
}


@click.command(help="Break schedules at random and count what the checker refuses.")
@click.option("--trials", default=20_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
def main(trials: int, seed: int) -> None:
    """Run the trials; exit 1 if checker and second opinion ever disagree."""
    counts: dict[str, Counter[str]] = {mutation: Counter() for mutation in MUTATIONS}
    wrong = []
    for i in range(trials):
        found = trial(seed * trials + i)
        for mutation in found.mutation.split(" and "):
            counts[mutation]["right" if found.right else "refused"] += 1
        if found.accepted != found.right:
            wrong.append(f"seed {seed * trials + i}: {found.schedule}, {found.mutation}")
    click.echo(f"{'mutation':20}{'refused':>10}{'still right':>14}")
    for mutation, count in counts.items():
        click.echo(f"{mutation:20}{count['refused']:10}{count['right']:14}")
    click.echo(f"{trials} tried, {len(wrong)} where the second opinion differs")
    for sentence in wrong[:20]:
        click.echo(sentence)
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
