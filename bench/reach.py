"""What programs reach of the rate that is proved, on machines drawn without any regularity.

Or on those named by `--machine`, or on the presets and shapes of `--regular`. For each machine and
collective the schedule that `compile` gives is played as `simulate` plays it, at each size and with
each way of sharing links; a share is the time at the rate that `compile` calls achieved, over the
time played. `own` is the lead that the schedule states; the leads beside it show what that choice
is worth. `KiB` is the least message. First with links that cut through, then with links that store
and forward. `--rows FILE` keeps each schedule's rows as they are
played, and `--seconds` ends in time; the same command again goes on. Rows of older code are
known by nothing: begin a new file after a change.
"""

import time
from collections.abc import Sequence
from functools import partial
from itertools import product
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from bench.contest.kept import Kept, TimeOverError
from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.metrics.pacing import pacing_of
from runtime.simulate.simulate import SHARINGS, Sharing, simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SWITCHINGS, Switching
from topologies.formats.spec import topology
from topologies.model.topology import FloatArray
from topologies.model.units import bytes_of
from topologies.model.units import size as parsed

FORMAT = "commplan/bench-reach/1"
NAMES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
ROOTED = ("broadcast", "reduce", "gather", "scatter")
LARGE = 2**30
# Of large sizes, in 99 of 100 rows; the least may be so much lower. Of smaller ones, of all rows.
AIMS: dict[Sharing, dict[Switching, float]] = {
    "fifo": {"cut-through": 0.97, "store-and-forward": 0.95},
    "fair": {"cut-through": 0.85, "store-and-forward": 0.85},
}
SLACK = 0.05
SMALL_AIM = 0.90
REGULAR = (
    *("ring:16", "torus:4x4", "torus:4x4x4", "torus:16x16", "torus:16x8x8", "hypercube:4"),
    *("full-mesh:8", "star:16", "leaf-spine:4x2x4", "leaf-spine:6x3x8", "fat-tree:4", "dgx-1"),
    *("dgx-a100:boxes=2", "dgx-a100:boxes=4", "dgx-h100:boxes=2", "dgx-h100:boxes=4"),
    *("mi250:boxes=2", "atlas-a2:boxes=2", "atlas-a2:boxes=8", "cloudmatrix384:nodes=4"),
    *("cloudmatrix384", "cloudmatrix384:nodes=4:supernodes=2"),
)
PARTS = ("median", 50), ("first percentile", 1), ("least", 0)


class Playing(NamedTuple):
    """At which size in bytes, with which way of sharing, and with which leads beside its own."""

    size: int
    sharing: Sharing
    leads: Sequence[int | None]

    def shares(self, schedule: Schedule, rate: float) -> list[float]:
        """Give the share of each switching and lead."""
        return [
            self.size
            / rate
            / simulate(schedule, self.size, way, lead=lead, sharing=self.sharing).seconds
            for way in SWITCHINGS
            for lead in self.leads
        ]

    @property
    def name(self) -> str:
        """Write it for a table."""
        return f"{bytes_of(self.size):>8} {self.sharing:5}"


def rows(machine: str, plays: Sequence[Playing], kept: Kept) -> list[list[list[float]]]:
    """Print the rows of a machine; give their shares, collective by collective and play by play."""
    found = []
    for name in (*NAMES, *ROOTED):
        asked = {"machine": machine, "collective": name, "plays": [_key(play) for play in plays]}
        row = kept.once(asked, partial(_played, asked, plays))
        for play, told, shares in zip(plays, row["told"], row["shares"], strict=True):
            click.echo(f"{machine:36}{name:15}{play.name}{told}{_line(shares, len(play.leads))}")
        found.append(row["shares"])
    return found


def _key(play: Playing) -> list[Any]:
    return [play.size, play.sharing, list(play.leads)]


def _played(asked: dict[str, Any], plays: Sequence[Playing]) -> dict[str, Any]:
    drawn, name = topology(asked["machine"]), asked["collective"]
    made = plan(drawn, collective(name, range(drawn.ranks), 0 if name in ROOTED else None))
    assert made.report.algbw is not None
    told, rate = [], float(made.report.algbw)
    for play in plays:
        own = simulate(made.schedule, play.size, sharing=play.sharing)
        told.append(
            f"{pacing_of(made.schedule).lead:5}{own.chunks:7}{own.messages:11}"
            f"{own.least_message / 2**10:9.1f}"
        )
    return {"told": told, "shares": [play.shares(made.schedule, rate) for play in plays]}


def _line(figures: Sequence[float], leads: int) -> str:
    return "".join(
        ("  " if i % leads == 0 else "") + f"{figure:7.3f}" for i, figure in enumerate(figures)
    )


@click.command()
@click.option("--machines", default=20, show_default=True, help="Seeds from --first on.")
@click.option("--first", default=0, show_default=True)
@click.option("--machine", "named", multiple=True, help="Instead of seeds.")
@click.option("--regular", is_flag=True, help="Presets and shapes instead of seeds.")
@click.option("--size", "sizes", multiple=True, default=["1GiB"], show_default=True)
@click.option("--sharing", "ways", multiple=True, type=click.Choice(SHARINGS), default=["fifo"])
@click.option("--lead", "leads", multiple=True, type=int, help="Beside the schedule's own.")
@click.option("--rows", "path", type=click.Path(dir_okay=False, path_type=Path), help="Keep here.")
@click.option("--seconds", type=float, default=inf, help="Begin nothing after so long.")
def main(
    machines: int,
    first: int,
    named: tuple[str, ...],
    regular: bool,
    sizes: tuple[str, ...],
    ways: tuple[Sharing, ...],
    leads: tuple[int, ...],
    path: Path | None,
    seconds: float,
) -> None:
    """Print the shares; exit 1 where the schedules' own leads miss the aims."""
    kept = Kept(FORMAT, "simulated", path, time.monotonic() + seconds)
    columns = (None, *leads)
    plays = [Playing(parsed(size), way, columns) for size, way in product(sizes, ways)]
    heads = "".join(f"{'own' if lead is None else lead:>7}" for lead in columns)
    click.echo(
        f"{'machine':36}{'collective':15}{'size':>8} {'links':5}{'lead':>5}{'chunks':>7}"
        f"{'messages':>11}{'KiB':>9}{('  ' + heads) * len(SWITCHINGS)}"
    )
    found: list[list[list[float]]] = []
    drawn = [f"irregular:seed={seed}" for seed in range(first, first + machines)]
    asked = [*named, *REGULAR * regular] or drawn
    try:
        for machine in asked:
            found += rows(machine, plays, kept)
    except TimeOverError:
        click.echo(f"time is over: {len(found) // len(NAMES + ROOTED)} machines of {len(asked)}")
    missed = [] if found else ["nothing was played"]
    for play, table in zip(plays, np.array(found).swapaxes(0, 1) if found else [], strict=False):
        for title, part in PARTS:
            figures = np.percentile(table, part, axis=0, method="lower")
            click.echo(f"{title:51}{play.name}{'':32}{_line(figures.tolist(), len(columns))}")
        missed += _missed(play, table)
    ended(missed)


def _missed(play: Playing, table: FloatArray) -> list[str]:
    """Say what the schedules' own leads miss."""
    missed = []
    for way, reached in zip(SWITCHINGS, table[:, :: len(play.leads)].T, strict=True):
        aim = AIMS[play.sharing][way]
        low, least = np.percentile(reached, 1, method="lower"), reached.min()
        if play.sharing == "fair" or play.size < LARGE:
            wanted = min(aim, SMALL_AIM)
            wrong = least < wanted
        else:
            wrong = low < aim or least < aim - SLACK
        if wrong:
            missed.append(f"{play.name}, {way}: first percentile {low:.3f}, least {least:.3f}")
    return missed


if __name__ == "__main__":
    main()
