"""What is chosen at each size, beside the times of before programs had a lead.

Twelve machines, nine regular ones and three drawn without regularity. A row has the time that
`compile --size` predicts, what the same command predicted before (a rank waited for each step
then), their ratio, the proved bound and the part of it that is reached; then the schedule that was
chosen, its lead, its chunks, all messages, KiB of the smallest, and the CPU seconds of a play of
which nothing is remembered. Last come the geometric means; at 1 MiB it has to be GAIN.
"""

import json
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click
import numpy as np

from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.metrics.pacing import pacing_of
from runtime.simulate.simulate import simulate
from solvers.schedules.files import load, save
from solvers.schedules.kinds import collective
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, Topology, build
from topologies.model.units import bytes_of, duration
from topologies.model.units import size as parsed

# Seconds by machine, collective and bytes, predicted by commit 9980f802 of this project, the last
# one whose programs waited for each step.
BEFORE = json.loads((Path(__file__).parent / "data" / "stepped.json").read_text())
COLLECTIVES = ("all_gather", "all_reduce", "all_to_all")
SIZES = ("4KiB", "1MiB", "64MiB", "1GiB")
GAIN, GAIN_SIZE = 1.15, 2**20  # times as fast as before, at so many bytes
SLOWER = 1.02  # times as long as before, which no row may take
GIGA = 10**9


def two_boxes() -> Topology:
    """Join two boxes of two ranks by a link of half their rate."""
    pairs = (("a0", "A"), ("a1", "A"), ("b0", "B"), ("b1", "B"))
    links = [Link(*pair, Fraction(50 * GIGA), 0.5e-6, duplex=True) for pair in pairs]
    links.append(Link("A", "B", Fraction(25 * GIGA), 2e-6, duplex=True))
    return build("two-boxes", [rank for rank, _ in pairs], [Switch("A"), Switch("B")], links)


def slow_host() -> Topology:
    """Join eight hosts at a switch, one by a link of half the rate of the others."""
    hosts = [f"h{i}" for i in range(8)]
    rates = [Fraction((25 if i == 5 else 50) * GIGA) for i in range(8)]
    links = [Link(hosts[i], "s", rates[i], 0.5e-6, duplex=True) for i in range(8)]
    return build("star, a slow host", hosts, [Switch("s")], links)


REGULAR = ("ring:8", "star:8", "dgx-1", "torus:4x4", "dgx-a100:boxes=2", "mi250:boxes=2")
NAMED = (*REGULAR, "leaf-spine:4x4x4", *(f"irregular:seed={seed}" for seed in (0, 9, 11)))
MACHINES: dict[str, Callable[[], Topology]] = {
    "two-boxes": two_boxes,
    "star, a slow host": slow_host,
    **{name: partial(topology, name) for name in NAMED},
}
HEAD = (
    f"{'machine':20}{'collective':12}{'size':>8}{'now':>11}{'before':>11}{'gain':>7}{'bound':>11}"
    f"{'reached':>9}{'lead':>5}{'chunks':>7}{'messages':>9}{'KiB':>9}{'play, s':>9}  chosen"
)


class Choice(NamedTuple):
    """One machine, collective and size: seconds now and before, None where nobody kept those."""

    size: int
    now: float
    before: float | None
    line: str

    @property
    def gain(self) -> float | None:
        """Say how many times as fast it is as before."""
        return None if self.before is None else self.before / self.now


def choose(name: str, machine: Topology, kind: str, size: int) -> Choice:
    """Plan for a size, and play what was chosen once more, by the clock of the processor."""
    made = plan(machine, collective(kind, range(machine.ranks)), size=size)
    with TemporaryDirectory() as folder:
        save(made.schedule, file := Path(folder) / "choice.json.gz")
        fresh = load(file)  # of which nothing is remembered
    begun = time.process_time()
    played = simulate(fresh, size)
    spent = time.process_time() - begun
    assert made.bound is not None
    before = BEFORE["seconds"].get(f"{name} {kind} {size}")
    gained = "" if before is None else f"{before / played.seconds:.3f}"
    line = (
        f"{name:20}{kind:12}{bytes_of(size):>8}{duration(played.seconds):>11}"
        f"{'' if before is None else duration(before):>11}{gained:>7}{duration(made.bound):>11}"
        f"{made.bound / played.seconds:9.1%}{pacing_of(made.schedule).lead:5}{played.chunks:7}"
        f"{played.messages:9}{played.least_message / 2**10:9.1f}{spent:9.3f}"
        f"  {made.candidates[0].name if made.candidates else made.reason}"
    )
    return Choice(size, played.seconds, before, line)


def missed(rows: Sequence[Choice]) -> list[str]:
    """Print the geometric mean at each size; give what does not hold."""
    found = []
    for size in sorted({row.size for row in rows}):
        gains = [row.gain for row in rows if row.size == size and row.gain is not None]
        if not gains:
            continue
        mean = float(np.exp(np.log(gains).mean()))
        click.echo(
            f"{bytes_of(size)}: {mean:.3f} times as fast as before on the geometric mean of "
            f"{len(gains)}, {min(gains):.3f} to {max(gains):.3f}"
        )
        if size == GAIN_SIZE and len(gains) == len(MACHINES) * len(COLLECTIVES) and mean < GAIN:
            found.append(f"{bytes_of(size)}: {mean:.3f} times as fast, at least {GAIN}")
        if min(gains) * SLOWER < 1:
            found.append(f"{bytes_of(size)}: a row is slower than before, {min(gains):.3f}")
    return found


@click.command()
@click.option("--machine", "names", multiple=True, help="Names with this in them, or any machine.")
@click.option("--collective", "kinds", multiple=True, type=click.Choice(COLLECTIVES))
@click.option("--size", "sizes", multiple=True, default=SIZES, show_default=True)
def main(names: tuple[str, ...], kinds: tuple[str, ...], sizes: tuple[str, ...]) -> None:
    """Print the rows; exit 1 where 1 MiB did not gain enough, or anything is slower than before."""
    asked = {each: make for each, make in MACHINES.items() if not names}
    for name in names:
        known = {each: make for each, make in MACHINES.items() if name in each}
        asked |= known or {name: partial(topology, name)}
    click.echo(HEAD)
    rows = []
    for name, make in asked.items():
        machine = make()
        for kind, size in product(kinds or COLLECTIVES, map(parsed, sizes)):
            rows.append(choose(name, machine, kind, size))
            click.echo(rows[-1].line)
    ended(missed(rows))


if __name__ == "__main__":
    main()
