"""What binds brief collectives on emulated machines: the number of messages of all ranks.

`python -m bench.brief`, as root or with user namespaces, runs on the machines of `fabric_contest`
an all_reduce of 4 KiB as MPI does it, as a loop in C does it by recursive doubling, and as every
candidate that commplan knows does it, in turns. Beside each are its messages and the time for one.
All ranks share the cores of one computer, and 20 kB pass a link at once: so what counts here is
neither a link nor the chain of messages, which a plan is chosen by, but how many messages there
are. The emitted recursive doubling beside the loop tells what the executor costs; `chosen` is what
the model of the machine, whose links and ranks are each their own, makes of it.
"""

from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from bench.contest.algorithms import algorithms
from bench.fabric_contest import AGAIN, CASES, SOURCE, Bed, counted
from bench.verdict import ended
from commplan.candidates.measure import Candidate
from commplan.planning.planner import plan
from runtime.fabric import machine
from runtime.launch.mpi import compile_c, find
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from topologies.model.topology import Topology
from topologies.model.units import bytes_of
from topologies.model.units import size as read_size

WHAT = "all_reduce"
BY_HAND = Path(__file__).parent / "ranks" / "doubling.c"
LIKE = "recursive_doubling"  # what is done by hand
STOCK = ("default", LIKE, "recexch k=3", "recexch k=4")


def named(made: Topology, size: int) -> dict[str, Candidate]:
    """Plan, and give the best of the candidates of each name, the chosen one first."""
    planned = plan(made, collective(WHAT, range(made.ranks)), size=size)
    found: dict[str, Candidate] = {}
    for each in planned.candidates:
        found.setdefault(str((*each.key.parameters, each.key.generator.value)[0]), each)
    return found


@click.command()
@click.option("--case", "cases", multiple=True, default=["two supernodes"], help="Names of these.")
@click.option("--size", default="4KiB", show_default=True)
@click.option("--launches", default=3, show_default=True, help="Of each, in turns.")
@click.option("--most", default=4, show_default=True, help="Candidates, the best predicted.")
def main(cases: tuple[str, ...], size: str, launches: int, most: int) -> None:
    """Print microseconds; exit 1 where a result was not right."""
    kind, unsound = find().kind, list[str]()
    stock = {n: v for n, v in algorithms(kind, WHAT).items() if n in STOCK}
    with TemporaryDirectory(prefix="commplan-") as folder:
        programs = [Path(folder) / source.stem for source in (SOURCE, BY_HAND)]
        for source, program in zip((SOURCE, BY_HAND), programs, strict=True):
            compile_c(find(), source, program)
        for case in cases:
            make, played = CASES[case]
            made, asked = make(), read_size(size)
            with machine.while_up(counted(made, asked), Fraction(1)) as up:
                theirs, by_hand = (Bed(up, played, program) for program in programs)
                ours = named(up.layout.original, asked)
                known = dict(list(ours.items())[:most])
                known |= {n: each for n, each in ours.items() if n in (LIKE, "4-nomial")}
                times: dict[str, list[float]] = {}
                for _ in range(launches):
                    for name, variables in stock.items():
                        taken = theirs.stock(WHAT, asked, variables, AGAIN)
                        times.setdefault(f"{kind}: {name}", []).append(taken)
                    taken = by_hand.stock(WHAT, asked, {}, AGAIN)
                    times.setdefault(f"by hand: {LIKE}", []).append(taken)
                    for name, each in known.items():
                        trial = theirs.ours(each.schedule, asked)
                        times.setdefault(name, []).append(trial.measured.seconds)
                        if trial.measured.wrong:
                            unsound.append(f"{case}, {name}: {trial.measured.wrong} wrong elements")
            click.echo(f"{case}, {kind}, {WHAT} of {bytes_of(asked)}")
            click.echo(f"{'':40}{'us':>8}{'predicted':>11}{'messages':>10}{'us each':>9}")
            chosen = next(iter(ours))
            for name, seconds in sorted(times.items(), key=lambda row: median(row[1])):
                click.echo(line(name, median(seconds), ours.get(name), asked, name == chosen))
    ended(unsound)


def line(name: str, seconds: float, each: Candidate | None, size: int, chosen: bool) -> str:
    """Write a row of the table."""
    row = f"{name:40}{seconds * 1e6:8.0f}"
    if each is None:
        return row
    messages = simulate(each.schedule, size, chunks=each.chunks).messages
    row += f"{each.seconds * 1e6:11.0f}{messages:10}{seconds * 1e6 / messages:9.1f}"
    return row + ("  chosen" if chosen else "")


if __name__ == "__main__":
    main()
