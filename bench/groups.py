"""Groups of ranks inside large machines: what is reached, what is proved, and how soon.

Each row is one `commplan compile MACHINE COLLECTIVE --ranks ... --relays ...` in a fresh process.
Groups are in a row, at equal distances, one in each box, or drawn at random (seed 0). GB/s; `=`
where the schedule is proved the fastest. Regular groups and those of up to 16 ranks are to be
proved in 5 s, larger ones drawn at random in 30 s, or within 5 % of the bound.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from bench.fresh import Told, ask
from bench.verdict import ended
from topologies.formats.spec import topology

MACHINES = {
    "cloudmatrix384": 16,
    "dgx-a100:boxes=128": 8,
    "torus:16x8x8": 8,
    "leaf-spine:32x8x16": 16,
}  # and ranks of a box
COLLECTIVES = (
    *("all_gather", "reduce_scatter", "all_reduce", "all_to_all"),
    *("broadcast", "reduce", "scatter", "gather"),
)
KINDS = ("row", "strided", "one-a-box", "random")
SOON, LATER, GAP = 5.0, 30.0, 0.05
HEAD = f"{'machine':<20}{'group':>12}{'ranks':>6}{'relays':>9}  {'collective':<16}"
HEAD += f"{'bound':>10}{'achieved':>11}{'gap':>8}{'height':>7}{'seconds':>9}{'cpu s':>7}"


@dataclass(frozen=True)
class Case:
    """One group and what it is asked for."""

    machine: str
    kind: str
    ranks: tuple[int, ...]
    relays: str
    collective: str

    def name(self) -> str:
        """Write the columns that tell cases apart."""
        count = len(self.ranks)
        return f"{self.machine:<20}{self.kind:>12}{count:>6}{self.relays:>9}  {self.collective:<16}"

    def limit(self) -> float:
        """Give the seconds that it may take."""
        return LATER if self.kind == "random" and len(self.ranks) > 16 else SOON


def members(kind: str, ranks: int, box: int, count: int) -> tuple[int, ...] | None:
    """Choose a group, None where there is none of this kind."""
    if kind == "row":
        return tuple(range(count))
    if kind == "strided":
        return tuple(range(0, count * (ranks // count), ranks // count))
    if kind == "one-a-box":
        return tuple(range(0, count * box, box)) if count * box <= ranks else None
    drawn = np.random.default_rng(0).choice(ranks, count, replace=False)
    return tuple(sorted(drawn.tolist()))


def cases(
    machines: list[str], kinds: list[str], sizes: list[int], relays: list[str], asked: list[str]
) -> Iterator[Case]:
    """List what is asked, machine by machine."""
    for machine in machines:
        ranks = topology(machine).ranks
        for kind in kinds:
            for count in sizes:
                group = members(kind, ranks, MACHINES[machine], count)
                for use in relays if group else ():
                    yield from (Case(machine, kind, group or (), use, name) for name in asked)


def line(case: Case, answer: Told) -> str:
    """Write a row of the table."""
    took = f"{answer.seconds:9.2f}{answer.busy:7.2f}"
    if answer.fault:
        return f"{case.name()}  {answer.fault.splitlines()[-1][:70]} {took}"
    found = answer.answer
    return (
        f"{case.name()}{found['bound_GBps']:10.3f}{found['algbw_GBps']:10.3f}"
        f"{'=' if found['optimal'] else ' '}{found['gap'] or 0:8.2%}{found['height']:7}{took}"
    )


def missed(case: Case, answer: Told) -> str | None:
    """Say what a row misses, if anything; time counts as that of the processors."""
    apart = "fall apart" in answer.fault and case.relays == "none"
    if apart:
        return None
    where = " ".join(case.name().split())
    if answer.fault:
        return f"{where}: {answer.fault.splitlines()[-1]}"
    near = case.limit() == LATER and (answer.answer["gap"] or 0) <= GAP
    if not (answer.answer["optimal"] or near or case.relays == "all"):
        return f"{where}: not proved, gap {answer.answer['gap']:.2%}"
    if answer.busy > case.limit():
        return f"{where}: {answer.busy:.1f} s of the processors, {case.limit():g} are allowed"
    return None


@click.command(help=__doc__)
@click.option("--machine", "machines", multiple=True, type=click.Choice(list(MACHINES)))
@click.option("--group", "kinds", multiple=True, type=click.Choice(KINDS))
@click.option("--ranks", "sizes", multiple=True, type=click.IntRange(2), help="8, 16 and 64.")
@click.option("--relays", multiple=True, help="forward; none and all as well.")
@click.option("--collective", "asked", multiple=True, type=click.Choice(COLLECTIVES))
@click.option("--limit", default=120.0, show_default=True, help="Seconds for each.")
def main(
    machines: tuple[str, ...],
    kinds: tuple[str, ...],
    sizes: tuple[int, ...],
    relays: tuple[str, ...],
    asked: tuple[str, ...],
    limit: float,
) -> None:
    """Print the table, row by row."""
    print(HEAD, flush=True)
    reasons = []
    wanted = cases(
        list(machines or MACHINES),
        list(kinds or KINDS),
        list(sizes or (8, 16, 64)),
        list(relays or ("forward",)),
        list(asked or COLLECTIVES),
    )
    with tempfile.TemporaryDirectory() as folder:
        for case in wanted:
            words = ["compile", case.machine, case.collective, "--relays", case.relays]
            words += ["--ranks", ",".join(map(str, case.ranks))]
            words += ["-o", str(Path(folder) / "made.json.gz"), "--time-limit", f"{limit:g}"]
            answer = ask(words, limit * 2)
            print(line(case, answer), flush=True)
            if reason := missed(case, answer):
                reasons.append(reason)
    ended(reasons)


if __name__ == "__main__":
    main()
