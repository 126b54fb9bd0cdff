"""Programs of more elements than 2^31, interpreted: every offset and count has to be wide enough.

`python -m bench.counts` needs 14 GB; the all_reduce is in place. Inputs are given by a pattern
whose period divides no power of two, so that an offset that lost its highest bits shows; all
outputs are compared in full. What one message carries is less: lines are cut at the limit of MPI
where a process takes its part.
"""

from itertools import pairwise
from time import monotonic

import click
import numpy as np

from bench.verdict import ended
from runtime.interpret.interpret import interpret
from runtime.program.floats import Array
from runtime.program.lower import lower
from runtime.program.program import Program
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.model.units import bytes_of

MACHINE = "ring:2"
PERIOD = 8191  # a prime
COUNT = 2**31 + 2**20
MOST = 2**26  # elements that are compared at a time
CASES = ("all_gather", "broadcast", "all_reduce")


def pattern(first: int, count: int) -> Array:
    """Give elements of a buffer from one of them on."""
    period = (np.arange(PERIOD) % 120).astype(np.int8)
    return np.tile(period, count // PERIOD + 2)[first % PERIOD :][:count]


def wrong(program: Program, name: str) -> int:
    """Interpret a program; count the elements of all outputs that are not as they should be."""
    parts = 2 if name == "all_gather" else 1
    share = COUNT // parts
    given = [pattern(0, share)] * 2
    if name == "all_gather":
        given[1] = pattern(share, share)
    if name == "broadcast":
        given[1] = given[1][:0]
    times = 2 if name == "all_reduce" else 1
    found = 0
    for output in interpret(program, given):
        found += abs(len(output) - COUNT)
        for first, last in pairwise([*range(0, len(output), MOST), len(output)]):
            right = np.multiply(pattern(first, last - first), times, dtype=np.int8)
            found += int(np.count_nonzero(output[first:last] != right))
    return found


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(CASES))
def main(names: tuple[str, ...]) -> None:
    """Print a line for each collective; exit 1 where an element is wrong."""
    faults = []
    made = topology(MACHINE)
    for name in names or CASES:
        begun = monotonic()
        root = 0 if name == "broadcast" else None
        schedule = solve(made, collective(name, range(made.ranks), root))
        program = lower(schedule, COUNT, dtype="int8", in_place=name == "all_reduce")
        found = wrong(program, name)
        end = int((program.offset + program.size).max())
        click.echo(
            f"{name:12}{bytes_of(COUNT):>24} int8, instructions {len(program)}, the last ends at "
            f"element {end}, wrong {found}, {monotonic() - begun:.0f} s"
        )
        faults += [f"{name}: {found} wrong elements"] if found else []
        faults += [f"{name}: no offset past 2^31"] if end <= 2**31 else []
    ended(faults)


if __name__ == "__main__":
    main()
