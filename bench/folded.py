"""How far predictions from representatives are from those of whole schedules.

Schedules in which images of a message meet on links are played folded and written out, at sizes of
few chunks and of many; the ratio is the time of the first over that of the second.
"""

from collections.abc import Iterator
from unittest.mock import patch

import click

from bench.verdict import ended
from runtime.simulate import recent
from runtime.simulate.classes import Classes
from runtime.simulate.simulate import SHARINGS, Sharing, simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from solvers.settings.options import SWITCHINGS
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.model.units import bytes_of
from topologies.model.units import size as parsed

MACHINES = (
    *("star:16", "leaf-spine:4x2x4", "fat-tree:4", "dgx-a100:boxes=2", "dgx-h100:boxes=2"),
    *("atlas-a2:boxes=2", "mi250:boxes=2", "cloudmatrix384:nodes=1"),
)
NAMES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
ROOTED = ("broadcast", "reduce", "gather", "scatter")
LEAST, MOST = 0.89, 1.14  # what docs/model.md says of links that serve one message after the other
LARGEST = 20_000  # visits to links of what is written out


def meeting(machine: str) -> Iterator[tuple[str, Schedule]]:
    """Give the schedules of a machine in which images of a message meet on a link."""
    drawn = topology(machine)
    for name in (*NAMES, *ROOTED):
        made = solve(drawn, collective(name, range(drawn.ranks), 0 if name in ROOTED else None))
        few = len(made.transfers.route) * made.group.order <= LARGEST
        if few and Classes(made).meet_on(made.transfers.route):
            yield name, made


def ratios(made: Schedule, size: int, sharing: Sharing) -> list[float]:
    """Play a schedule folded and written out, for each way of switching."""
    whole, found = unfold(made), []
    with patch.object(recent, "WHOLE", 0):
        for way in SWITCHINGS:
            times = [simulate(one, size, way, sharing=sharing).seconds for one in (made, whole)]
            found.append(times[0] / times[1])
    return found


@click.command()
@click.option("--machine", "machines", multiple=True, default=MACHINES)
@click.option("--size", "sizes", multiple=True, default=["1MiB", "64MiB"], show_default=True)
@click.option("--sharing", type=click.Choice(SHARINGS), default="fifo", show_default=True)
def main(machines: tuple[str, ...], sizes: tuple[str, ...], sharing: Sharing) -> None:
    """Print the ratios; exit 1 where one is outside of what is said of them."""
    click.echo(
        f"{'machine':24}{'collective':15}{'size':>8}{'chunks':>7}{'  through':>9}{'stored':>9}"
    )
    found = []
    for machine in machines:
        for name, made in meeting(machine):
            for size in map(parsed, sizes):
                now = ratios(made, size, sharing)
                found += now
                told = "".join(f"{each:9.3f}" for each in now)
                chunks = simulate(made, size).chunks
                click.echo(f"{machine:24}{name:15}{bytes_of(size):>8}{chunks:7}{told}")
    near = sum(abs(each - 1) <= 0.01 for each in found)
    least, most = min(found, default=0), max(found, default=0)
    click.echo(f"{near} of {len(found)} within 1 %, least {least:.3f}, most {most:.3f}")
    wrong = sharing == "fifo" and not LEAST <= least <= most <= MOST
    ended([f"outside of {LEAST} to {MOST}"] * wrong)


if __name__ == "__main__":
    main()
