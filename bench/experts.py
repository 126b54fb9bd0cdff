"""dispatch and combine of mixtures of experts: copies for experts, ranks and boxes, and the bound.

The same tokens on every machine: by default 64 of each rank, 8 of 256 experts in at most 4 groups
(DeepSeek-V3), 7,168 bytes each. Times are those of the fluid limit: `experts` is the bound
of an all_to_allv with a copy for each expert, `ranks` sends a copy to each rank of a token,
`chosen` is the schedule of commplan, `bound` what nothing beats. `simulated` is what the simulator
says of the schedule that `compile` chooses for the size of the demand.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import click

from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.metrics.link_loads import algbw
from solvers.demands.matrix import demand
from solvers.demands.moe_tokens import tokens
from solvers.flows.moe import first_variant
from solvers.schedules.moe import combine, dispatch
from solvers.schedules.unequal import all_to_allv
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.model.units import duration

MACHINES = tuple(
    f"{name}:boxes={boxes}"
    for name in ("dgx-a100", "dgx-h100", "atlas-a2", "mi250")
    for boxes in (2, 4)
)
MACHINES += ("cloudmatrix384:nodes=4", "star:64")
ROUTING = "node-limited:tokens=64"
AIM = 0.85
HEAD = f"{'machine':26}{'':9}{'blocks':>7}{'experts':>9}{'ranks':>10}{'chosen':>10}{'bound':>10}"
HEAD += f"{'reached':>9}{'simulated':>10}{'seconds':>8}"


@dataclass(frozen=True)
class Row:
    """One machine and direction; times in seconds."""

    machine: str
    name: str
    blocks: int
    experts: float
    ranks: float
    chosen: float
    bound: float
    simulated: float
    seconds: float

    def line(self) -> str:
        """Write the row of the table."""
        times = (self.experts, self.ranks, self.chosen, self.bound)
        return (
            f"{self.machine:26}{self.name:9}{self.blocks:7}{duration(times[0]):>9}"
            f"{''.join(f' {duration(time):>9}' for time in times[1:])}"
            f"{self.bound / self.chosen:9.1%}{duration(self.simulated):>10}{self.seconds:8.2f}"
        )


@click.command()
@click.argument("machines", nargs=-1)
@click.option("--routing", default=ROUTING, show_default=True, help="As --demand takes it.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write too.")
def main(machines: tuple[str, ...], routing: str, file: Path | None) -> None:
    """Plan; exit 1 where less than 85 % of the bound is reached."""
    click.echo(HEAD)
    rows = []
    for machine in machines or MACHINES:
        for name in ("dispatch", "combine"):
            rows.append(measure(machine, name, routing))
            click.echo(rows[-1].line())
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    ended(
        f"{row.machine} {row.name}: {row.bound / row.chosen:.1%} of the bound, aim {AIM:.0%}"
        for row in rows
        if row.bound / row.chosen < AIM
    )


def measure(machine: str, name: str, routing: str) -> Row:
    """Plan one direction on one machine."""
    where = topology(machine)
    ranks = tuple(range(where.ranks))
    make = dispatch if name == "dispatch" else combine
    what = make(ranks, tokens(routing, where.ranks))
    begin = perf_counter()
    made = plan(where, what)
    seconds = perf_counter() - begin
    matrix = demand(routing, where.ranks)
    every = all_to_allv(ranks, matrix if name == "dispatch" else matrix.T.copy())
    chosen = solve(where, what)
    return Row(
        machine,
        name,
        what.blocks,
        every.total / float(solve(where, every).bound.algbw or 0),
        what.total / float(algbw(first_variant(where, what, chosen.bound)) or 0),
        what.total / float(algbw(chosen) or 0),
        what.total / float(chosen.bound.algbw or 0),
        made.predicted or 0.0,
        seconds,
    )


if __name__ == "__main__":
    main()
