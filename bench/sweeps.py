"""Whether the plan for a size gets no slower where a machine, or the size, gets only better.

For each machine and collective what `compile --size` gives is simulated with all bandwidths at a
half to four times what they are, with all latencies at the same parts, and at sizes from 4 KiB to
64 MiB. A row has, of each of these sweeps, the worst ratio: of a time to the least one on a machine
that is worse (of more latency, of less bandwidth), of the time at a size to that at any larger one,
and of the rate at a size to that at any larger one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import click

from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from topologies.formats.spec import topology
from topologies.model.topology import Topology, frozen
from topologies.model.units import Seconds
from topologies.model.units import size as parsed

MACHINES = (
    *(f"irregular:seed={seed}" for seed in (0, 1, 2, 9, 11)),
    *(
        "random:8:switches=2:seed=1",
        "random:12:switches=3:seed=2",
        "ring:8",
        "torus:4x4",
        "leaf-spine:2x2x4",
    ),
    *("dgx-a100:boxes=2", "mi250:boxes=1"),
)
NAMES = ("all_reduce", "all_gather", "all_to_all", "broadcast")
FASTER = 1.02  # a time on a better machine may be so many times that on a worse one
SIZES = (2**12, 2**26)


def parts(steps: int) -> list[Fraction]:
    """Give the parts from a half to four, `steps` of them from one to its double."""
    return [Fraction(2 ** (i / steps)).limit_denominator(64) for i in range(-steps, 2 * steps + 1)]


def seconds(machine: Topology, name: str, size: int) -> Seconds:
    """Plan for a size, and play the plan."""
    what = collective(name, range(machine.ranks), 0 if name == "broadcast" else None)
    return simulate(plan(machine, what, size=size).schedule, size).seconds


def worst(times: Sequence[Seconds]) -> float:
    """Give the greatest ratio of a time to one before it; each should be no more than those."""
    return max(late / early for i, late in enumerate(times) for early in times[: i + 1])


def swept(machine: Topology, name: str, size: int, steps: int) -> Iterator[float]:
    """Give the worst ratio of each sweep: bandwidth, latency, time and rate over sizes."""
    each = parts(steps)
    wider = [replace(machine, unit=machine.unit * part) for part in each]
    yield worst([seconds(one, name, size) for one in wider])
    later = [replace(machine, alpha=frozen(machine.alpha * float(part))) for part in each]
    yield worst([seconds(one, name, size) for one in reversed(later)])
    least, most = SIZES
    count = steps * (most // least).bit_length() - steps
    sizes = [int(least * 2 ** (i / steps)) // 4 * 4 for i in range(count + 1)]
    times = [seconds(machine, name, one) for one in sizes]
    yield worst(times[::-1])
    yield worst([time / one for time, one in zip(times, sizes, strict=True)])


@click.command()
@click.option("--machine", "machines", multiple=True, default=MACHINES)
@click.option("--collective", "names", multiple=True, default=NAMES)
@click.option("--size", default="1MiB", show_default=True, help="Where machines get better.")
@click.option("--steps", default=2, show_default=True, help="From one part or size to its double.")
def main(machines: tuple[str, ...], names: tuple[str, ...], size: str, steps: int) -> None:
    """Print the worst ratios; exit 1 where one is over what may be."""
    heads = ("bandwidth", "latency", "time", "rate")
    click.echo(f"{'machine':24}{'collective':15}" + "".join(f"{head:>11}" for head in heads))
    missed = []
    for machine in machines:
        for name in names:
            found = list(swept(topology(machine), name, parsed(size), steps))
            click.echo(f"{machine:24}{name:15}" + "".join(f"{one:11.4f}" for one in found))
            missed += [
                f"{machine} {name}: {head} {one:.4f}"
                for head, one in zip(heads, found, strict=True)
                if one > FASTER
            ]
    ended(missed)


if __name__ == "__main__":
    main()
