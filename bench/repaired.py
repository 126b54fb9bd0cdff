"""Repaired plans beside plans from nothing, on random machines.

Of each machine a cable is gone, or half of one, or a rank. `commplan replan` makes of the plan for
the whole machine one for what is left; `commplan compile` plans for a file of what is left. Both
must come to the same rate and the same bound, in fractions, as `commplan.verify` reads them from
the files; where one says that it cannot be done, the other has to say so as well.

`python -m bench.repaired`; `--machine`, `--collective` ask for less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

import click

import commplan
from bench.fresh import ask
from bench.verdict import ended

LIMIT = 600.0  # seconds, after which a command is ended
MACHINES = (
    *("random:6:seed=1", "random:8:switches=2:seed=2", "random:10:seed=3"),
    *("random:12:switches=3:seed=4", "random:16:seed=5"),
    *(f"irregular:seed={seed}" for seed in range(1, 8)),
)
COLLECTIVES = (
    *("all_gather", "reduce_scatter", "all_reduce", "all_to_all"),
    *("broadcast", "reduce", "scatter", "gather"),
)


@dataclass(frozen=True)
class Row:
    """One failure of a machine under one collective, planned for in both ways.

    Attributes:
        repaired: what the checker said of the repaired plan; None where there is none.
        anew: of that from nothing.
        seconds: of the processor that both commands took, from the start of Python.
        fault: what is wrong; empty where nothing is.
    """

    machine: str
    failure: str
    collective: str
    repaired: commplan.Report | None
    anew: commplan.Report | None
    seconds: tuple[float, float]
    fault: str

    def __str__(self) -> str:
        ours, theirs = self.repaired, self.anew
        start = f"{self.machine:27} {self.failure:24} {self.collective:14}"
        if ours is None or theirs is None or not ours.algbw or not theirs.algbw or not ours.proved:
            return f"{start} {self.fault or 'cannot be done, both say'}"
        rate, whole = float(ours.algbw), float(theirs.algbw)
        proofs = "".join("yes " if each.optimal else "no  " for each in (ours, theirs))
        return (
            f"{start} {rate / 1e9:9.4f} {float(ours.proved) / 1e9:9.4f} {rate / whole:7.4f} "
            f"{proofs} {self.seconds[0]:7.2f} {self.seconds[1]:7.2f} {self.fault}"
        )


def failures(machine: commplan.Topology) -> Iterator[tuple[str, ...]]:
    """Draw a cable that is gone, half of one, and a rank that is no root, as options of replan."""
    draw = Random(machine.name)
    for option, part in (("--without", ""), ("--slow", "=0.5")):
        link = draw.randrange(machine.links)
        ends = [machine.names[int(side[link])] for side in (machine.src, machine.dst)]
        yield option, ":".join(ends) + part
    yield "--without-rank", machine.names[draw.randrange(1, machine.ranks)], "--shrink"


def compare(folder: Path, spec: str, name: str) -> Iterator[Row]:
    """Plan for what failures leave of a machine, in both ways."""
    machine = commplan.topology(spec)
    whole, left, anew = (str(folder / f"{each}.json") for each in ("whole", "left", "anew"))
    told = ask(["compile", spec, name, "-o", whole], LIMIT)
    if told.fault:
        raise click.ClickException(f"{spec} {name}: {told.fault}")
    for words in failures(machine):
        option = {"--without": "without", "--slow": "slow"}.get(words[0], "without_ranks")
        damage = commplan.read_damage(machine, **{option: [words[1]]})
        commplan.save_topology(commplan.damaged(machine, damage).topology, folder / "machine.json")
        first = ask(["replan", whole, *words, "-o", left], LIMIT)
        second = ask(["compile", str(folder / "machine.json"), name, "-o", anew], LIMIT)
        ours, theirs = (
            None if each.fault else commplan.verify(commplan.load_schedule(path))
            for each, path in ((first, left), (second, anew))
        )
        said = f"replan: {first.fault or 'done'}; compile: {second.fault or 'done'}"
        seconds, fault = (first.busy, second.busy), differ(ours, theirs, said)
        yield Row(spec, " ".join(words[:2]), name, ours, theirs, seconds, fault)


def differ(ours: commplan.Report | None, theirs: commplan.Report | None, said: str) -> str:
    """Say in what a repaired plan differs from one from nothing, where it may not."""
    if ours is None or theirs is None:
        return said if (ours is None) != (theirs is None) else ""
    if not ours.correct:
        return f"wrong: {'; '.join(ours.faults)}"
    if ours.proved != theirs.proved:
        return "other bound"
    if (ours.algbw or 0) < (theirs.algbw or 0):
        return "slower"
    return "not proved" if theirs.optimal and not ours.optimal else ""


@click.command()
@click.option("--machine", "machines", multiple=True, default=MACHINES, help="Of these alone.")
@click.option("--collective", "names", multiple=True, default=COLLECTIVES, help="Of these alone.")
def main(machines: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Print each row, and exit with 1 where a repaired plan is not as good."""
    click.echo(
        f"{'machine':27} {'failure':24} {'collective':14} {'GB/s':>9} {'bound':>9} {'ratio':>7} "
        f"{'proved':8} {'replan':>7} {'compile':>7}"
    )
    rows = list[Row]()
    with TemporaryDirectory() as folder:
        for spec in machines:
            for name in names:
                for row in compare(Path(folder), spec, name):
                    click.echo(row)
                    rows.append(row)
    wrong = [row for row in rows if row.fault]
    both = [median(row.seconds[way] for row in rows) for way in (0, 1)]
    click.echo(
        f"{len(rows)} repairs, {len(rows) - len(wrong)} as good as from nothing; "
        f"median CPU seconds {both[0]:.2f} against {both[1]:.2f}"
    )
    ended(f"{row.machine} {row.failure} {row.collective}: {row.fault}" for row in wrong)


if __name__ == "__main__":
    main()
