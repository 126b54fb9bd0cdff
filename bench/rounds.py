"""all_to_all: bound, fluid optimum, what the simulator says of it at a large size, and its order.

A share is what `simulate` reaches of the fluid optimum. Switches are cut through; the store and
forward column counts whole messages on each link, which only direct networks do. `pile` is what
waits in front of a rank at worst, in messages: 0 where each link from a switch has one sender in a
round.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import click

from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from solvers.schedules.piece_loads import incast_bytes
from topologies.formats.spec import topology

TE_CCL = Path(__file__).parents[1] / "tests" / "data"
MACHINES = (
    *("ring:8", "torus:4x4", "torus:4x4x4", "torus:8x8x8", "hypercube:6", "nd-full-mesh:4x4x4"),
    *("dgx-1", "dgx-a100", "dgx-a100:boxes=4", "dgx-a100:boxes=16", "dgx-h100:boxes=2", "nvl72"),
    *("mi250:boxes=1", "mi250:boxes=2", "atlas-a2:boxes=4"),
    *(f"leaf-spine:4x4x4:oversubscription={rate}" for rate in (2, 4)),
    *(f"cloudmatrix384:nodes={nodes}" for nodes in (1, 4, 48)),
    *(str(TE_CCL / f"teccl-{name}.toml") for name in ("dgx2-2x16", "ndv2-4x8")),
)
LARGE = 2**30
AIM = 0.97
HEAD = f"{'machine':36}{'ranks':>6}{'bound':>10}{'fluid':>10}{'cut-thr.':>9}{'st.&fw.':>9}"
HEAD += f"{'chunks':>7}{'height':>7}{'steps':>6}{'pile':>6}{'seconds':>9}"


@dataclass(frozen=True)
class Row:
    """One machine: rates in GB/s, shares of the fluid optimum, seconds of planning."""

    machine: str
    ranks: int
    bound: float
    fluid: float
    optimal: bool
    share: float
    store_and_forward: float
    chunks: int
    height: int
    steps: int
    pile: float
    seconds: float

    def line(self) -> str:
        """Write the row of the table."""
        sign = "=" if self.optimal else " "
        return (
            f"{self.machine:36}{self.ranks:6}{self.bound:10.3f}{sign}{self.fluid:9.3f}"
            f"{self.share:9.2%}{self.store_and_forward:9.2%}{self.chunks:7}{self.height:7}"
            f"{self.steps:6}{self.pile:6.1f}{self.seconds:9.2f}"
        )


@click.command()
@click.argument("machines", nargs=-1)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write too.")
def main(machines: tuple[str, ...], file: Path | None) -> None:
    """Measure; exit 1 where the simulator does not confirm 97 % of the fluid optimum."""
    click.echo(HEAD)
    rows = []
    for name in machines or MACHINES:
        rows.append(measure(name))
        click.echo(rows[-1].line())
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    ended(
        f"{row.machine}: the simulator confirms {row.share:.2%} of the fluid optimum, aim {AIM:.0%}"
        for row in rows
        if row.share < AIM
    )


def measure(name: str) -> Row:
    """Plan for one machine, and play it at a large size."""
    machine, begin = topology(name), perf_counter()
    made = plan(machine, collective("all_to_all", range(machine.ranks)))
    seconds = perf_counter() - begin
    fluid = float(made.report.algbw or 0)
    played = simulate(made.schedule, LARGE)
    whole = simulate(made.schedule, LARGE, "store-and-forward")
    return Row(
        Path(name).stem,
        machine.ranks,
        float(made.schedule.bound.algbw or 0) / 1e9,
        fluid / 1e9,
        made.report.optimal,
        (played.algbw or 0) / fluid,
        (whole.algbw or 0) / fluid,
        played.chunks,
        made.report.height,
        played.steps - played.chunks + 1,
        incast_bytes(made.schedule) * machine.ranks,
        seconds,
    )


if __name__ == "__main__":
    main()
