"""What height costs in throughput, and what few trees do: a frontier of each.

Heights are bounds on messages one after the other (`--max-height`), trees those of each root
(`--trees`). GB/s; `=` where the schedule is proved the fastest within its limits.
"""

import json
from dataclasses import asdict, dataclass
from time import perf_counter

import click

from bench.published import FEW_TREES, FEW_TREES_SOURCE
from commplan.anytime.limits import count_trees
from commplan.planning.planner import Plan, plan
from solvers.lp.linear_program import Infeasible
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from topologies.formats.spec import topology

HEAD = f"{'limit':>12}{'bound':>12}{'achieved':>12}{'share':>9}{'height':>8}{'trees':>7}"
HEAD += f"{'seconds':>9}"


@dataclass(frozen=True)
class Row:
    """One limit: rates in GB/s (None where nothing is so low), share of what no limit allows."""

    limit: str
    bound: float | None = None
    achieved: float | None = None
    optimal: bool = False
    share: float | None = None
    height: int | None = None
    trees: int | None = None
    seconds: float = 0.0

    def line(self) -> str:
        """Write the row of the table."""
        if self.achieved is None or self.bound is None or self.share is None:
            return f"{self.limit:>12}  impossible"
        return (
            f"{self.limit:>12}{self.bound:12.3f}{self.achieved:11.3f}{'=' if self.optimal else ' '}"
            f"{self.share:9.2%}{self.height:8}{self.trees:7}{self.seconds:9.2f}"
        )


def row(
    machine: str, name: str, limit: str, options: SolverOptions, whole: Plan | None
) -> tuple[Row, Plan]:
    """Plan within limits.

    Args:
        machine: its name.
        name: the collective's.
        limit: in words.
        options: what the search may use, and its limits.
        whole: what is reached without.

    Raises:
        Infeasible: nothing is so low.
    """
    made = topology(machine)
    started = perf_counter()
    found = plan(made, collective(name, range(made.ranks)), options=options)
    seconds = perf_counter() - started
    bound, algbw = found.schedule.bound.algbw, found.report.algbw
    assert bound is not None
    assert algbw is not None
    highest = (whole or found).report.algbw or algbw
    rates = float(bound) / 1e9, float(algbw) / 1e9
    height, count = found.report.height, count_trees(found.schedule)
    share = float(algbw / highest)
    return Row(limit, *rates, found.report.optimal, share, height, count, seconds), found


@click.command()
@click.argument("machine", default="mi250:boxes=2")
@click.argument("name", metavar="COLLECTIVE", default="all_gather")
@click.option("--trees", "most", type=click.IntRange(0), default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(machine: str, name: str, most: int, as_json: bool) -> None:
    """Plan without limits, for each height below the one found, and for 1, 2, ... trees."""
    first, whole = row(machine, name, "none", SolverOptions(), None)
    rows = [first]
    limits = [
        (f"height {h}", SolverOptions(max_height=h)) for h in range(whole.report.height, 0, -1)
    ]
    limits += [(f"{k} trees", SolverOptions(trees=k)) for k in range(most, 0, -1)]
    if not as_json:
        click.echo(f"{name} on {machine}\n{HEAD}\n{first.line()}")
    for limit, options in limits:
        try:
            now = row(machine, name, limit, options, whole)[0]
        except Infeasible:
            now = Row(limit)
        rows.append(now)
        if not as_json:
            click.echo(now.line())
    if as_json:
        click.echo(json.dumps([asdict(each) for each in rows]))
    elif known := FEW_TREES.get((machine, name)):
        told = ", ".join(f"{count} trees {rate:g} GB/s" for count, rate in known.items())
        click.echo(f"ForestColl: {told}\n{FEW_TREES_SOURCE}")


if __name__ == "__main__":
    main()
