"""What programs reach of the rate that is proved, on machines drawn without any regularity.

For each machine and collective the schedule that `compile` gives is played at one size; a share is
the time at the rate that `compile` calls achieved, over the time played. Columns are leads, first
with links that cut through, then with links that store and forward.
"""

from typing import NamedTuple

import click
import numpy as np

from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.metrics.pacing import ORDERS, USUAL, Order
from runtime.simulate.simulate import SHARINGS, Sharing, simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SWITCHINGS, Switching
from topologies.formats.spec import topology
from topologies.model.topology import FloatArray
from topologies.model.units import bytes_of
from topologies.model.units import size as parsed

LEADS = (1, 2, 3, 4)
NAMES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
ROOTED = ("broadcast", "reduce", "gather", "scatter")
# In 99 of 100 rows; the least may be so much lower.
AIMS: dict[Switching, float] = {"cut-through": 0.97, "store-and-forward": 0.95}
SLACK = 0.05


class Playing(NamedTuple):
    """At which size in bytes, in how many chunks, in which order; None is what is usual."""

    size: int
    chunks: int | None
    order: Order | None
    sharing: Sharing


def shares(schedule: Schedule, rate: float, how: Playing) -> list[float]:
    """Give the share of each switching and lead."""
    return [
        how.size
        / rate
        / simulate(
            schedule,
            how.size,
            switching,
            how.chunks,
            lead=lead,
            order=how.order,
            sharing=how.sharing,
        ).seconds
        for switching in SWITCHINGS
        for lead in LEADS
    ]


def rows(machine: str, how: Playing) -> list[list[float]]:
    """Print the rows of a machine; give their shares."""
    drawn, found = topology(machine), []
    for name in (*NAMES, *ROOTED):
        made = plan(drawn, collective(name, range(drawn.ranks), 0 if name in ROOTED else None))
        assert made.report.algbw is not None
        found.append(shares(made.schedule, float(made.report.algbw), how))
        usual = simulate(made.schedule, how.size, chunks=how.chunks, order=how.order)
        click.echo(
            f"{machine:22}{name:15}{usual.chunks:6}{usual.messages:9}"
            f"{bytes_of(round(usual.least_message)):>12}{_line(found[-1])}"
        )
    return found


def _line(figures: list[float]) -> str:
    return "".join(
        ("  " if i % len(LEADS) == 0 else "") + f"{figure:7.3f}" for i, figure in enumerate(figures)
    )


def _told(title: str, figures: FloatArray) -> None:
    click.echo(f"{title:64}{_line(figures.tolist())}")


@click.command()
@click.option("--machines", default=20, show_default=True, help="Seeds from --first on.")
@click.option("--first", default=0, show_default=True)
@click.option("--size", default="1GiB", show_default=True)
@click.option("--chunks", type=int, help="Instead of the rule's.")
@click.option("--sharing", type=click.Choice(SHARINGS), default="fifo", show_default=True)
@click.option("--order", type=click.Choice(ORDERS), help="Instead of the schedule's.")
def main(
    machines: int,
    first: int,
    size: str,
    chunks: int | None,
    sharing: Sharing,
    order: Order | None,
) -> None:
    """Print the shares; exit 1 where with fifo the usual lead misses the aims."""
    how, found = Playing(parsed(size), chunks, order, sharing), []
    head = f"{'machine':22}{'collective':15}{'chunks':>6}{'messages':>9}{'least':>12}"
    click.echo(head + ("  " + "".join(f"{lead:7}" for lead in LEADS)) * len(SWITCHINGS))
    for seed in range(first, first + machines):
        found += rows(f"irregular:seed={seed}", how)
    table = np.array(found)
    for title, part in (("median", 50), ("first percentile", 1), ("least", 0)):
        _told(title, np.percentile(table, part, axis=0, method="lower"))
    ended(_missed(table) if sharing == "fifo" else [])


def _missed(table: FloatArray) -> list[str]:
    """Say what the usual lead misses."""
    missed = []
    for i, switching in enumerate(SWITCHINGS):
        reached = table[:, i * len(LEADS) + LEADS.index(USUAL.lead)]
        low, least = np.percentile(reached, 1, method="lower"), reached.min()
        if low < AIMS[switching] or least < AIMS[switching] - SLACK:
            missed.append(f"{switching}: first percentile {low:.3f}, least {least:.3f}")
    return missed


if __name__ == "__main__":
    main()
