"""Is the bound reached at every size: all presets and shapes, from 1 to 1,024 ranks."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.fresh import Told, ask
from topologies.formats.spec import topology

COLLECTIVES = (
    *("all_gather", "reduce_scatter", "broadcast", "reduce", "scatter", "gather", "all_reduce"),
)
SIZES: dict[str, tuple[str, ...]] = {
    "ring": ("1", "2", "3", "8", "64", "256", "1000", "1024"),
    "line": ("2", "3", "8", "64", "256", "1024"),
    "full-mesh": ("2", "8", "64", "256", "512"),
    "star": ("2", "8", "64", "256", "1024"),
    "torus": ("4x4", "5x7", "8x8", "4x4x4", "16x16", "8x8x8", "32x32", "16x8x8", "8x8x4x4"),
    "mesh": ("4x4", "5x7", "8x8", "16x16", "32x32", "16x8x8"),
    "hypercube": ("1", "4", "6", "8", "10"),
    "nd-full-mesh": ("4x4", "8x8", "16x16", "32x32", "8x8x4x4"),
    "leaf-spine": ("4x4x4", "8x4x8", "16x16x16", "32x32x32", "32x8x32:oversubscription=4"),
    "fat-tree": ("4", "8", "16"),
    "rails": ("4x8", "16x8:units=4:oversubscription=2", "8x8:oversubscription=0"),
    "dragonfly": ("2x4x2", "2x4x2:groups=5", "4x8x4"),
    "dgx-1": ("",),
    "ndv2": ("boxes=1", "boxes=2", "boxes=8"),
    "dgx-2": ("boxes=1", "boxes=2", "boxes=8"),
    "dgx-a100": ("boxes=1", "boxes=2", "boxes=3", "boxes=8", "boxes=32", "boxes=128"),
    "dgx-h100": ("boxes=1", "boxes=2", "boxes=3", "boxes=8", "boxes=32", "boxes=128"),
    "dgx-b200": ("boxes=1", "boxes=4:units=2:oversubscription=2", "boxes=32:units=4"),
    "nvl72": ("", "racks=2", "racks=8"),
    "mi300x": ("boxes=1", "boxes=4", "boxes=16:units=2:oversubscription=2"),
    "mi355x": ("boxes=1", "boxes=4", "boxes=32"),
    "tpu-v4": ("2x2x4", "4x4x4", "4x4x8:twisted=1", "8x8x8"),
    "tpu-v5e": ("4x8", "16x16"),
    "tpu-v5p": ("4x4x8", "8x8x8"),
    "tpu-v6e": ("8x16", "16x16"),
    "tpu-v7": ("4x4x4", "8x8x16:twisted=1"),
    "trn2": ("instances=1", "instances=4"),
    "trn2-ultra": ("servers=1", "servers=4"),
    "atlas-800t-a2": ("boxes=4", "boxes=32:units=2"),
    "atlas-950": ("boards=1", "boards=8", "boards=128"),
    "ub-mesh": ("racks=1", "racks=2x2", "racks=4x4", "racks=2x2:pods=2"),
    "mi250": ("boxes=1", "boxes=2", "boxes=4", "boxes=16", "boxes=64"),
    "atlas-a2": ("boxes=1", "boxes=2", "boxes=3", "boxes=8", "boxes=32", "boxes=128"),
    "cloudmatrix384": (
        *("nodes=1", "nodes=2", "nodes=3", "nodes=8", "nodes=48", "nodes=8:supernodes=2"),
    ),
}
EXTRA = 60.0  # seconds after which a command is ended that did not end at its time limit
HEAD = (
    f"{'machine':38}{'collective':15}{'ranks':>6}{'bound':>10}{'reached':>10}  "
    f"{'ratio':12}{'height':>6}{'seconds':>9}{'CPU':>8}{'MB':>7}  faults"
)


@dataclass(frozen=True)
class Row:
    """The commands for one machine and collective: rates in GB/s, memory in bytes.

    seconds, busy and memory are those of `commplan compile`.

    Attributes:
        faults: what is not as it should be.
    """

    machine: str
    collective: str
    ranks: int
    made: Told
    faults: tuple[str, ...]

    def line(self) -> str:
        """Write the row of the table."""
        answer = self.made.answer
        start = f"{self.machine:38}{self.collective:15}{self.ranks:6}"
        took = f"{self.made.seconds:9.2f}{self.made.busy:8.2f}{self.made.memory / 1e6:7.0f}"
        if not answer:
            return f"{start}{'':40}{took}  {'; '.join(self.faults)}"
        bound, reached = answer["bound_exact"], answer["algbw_exact"]
        part = float(Fraction(reached) / Fraction(bound)) if reached and bound else 0.0
        ratio = "=" if reached == bound else f"{part:.9f}"
        return (
            f"{start}{_rate(bound)}{_rate(reached)}  {ratio:12}{answer['height']:6}{took}"
            f"  {'; '.join(self.faults)}"
        )


@click.command()
@click.option("--machine", "parts", multiple=True, help="Only names with this in them; repeatable.")
@click.option("--collective", "collectives", multiple=True, help="Only these; repeatable.")
@click.option("--ranks", default=1024, show_default=True, help="At most so many.")
@click.option("--from", "first", default="", help="Begin at this machine of the list.")
@click.option("--limit", default=120.0, show_default=True, help="Seconds for each command.")
def main(
    parts: tuple[str, ...], collectives: tuple[str, ...], ranks: int, first: str, limit: float
) -> None:
    """Ask `bound`, `compile` and `verify`; exit 1 where they disagree or nothing is proved.

    Each in a fresh process. What is reached must be the bound, as a fraction, and `bound` alone
    must find the same one.
    """
    click.echo(HEAD)
    count = wrong = 0
    for machine, size in machines(parts, first, ranks):
        for collective in collectives or COLLECTIVES:
            row = measure(machine, size, collective, limit)
            count, wrong = count + 1, wrong + bool(row.faults)
            click.echo(row.line())
    click.echo(f"{count - wrong} of {count} reach the bound, proved")
    sys.exit(wrong > 0)


def machines(parts: tuple[str, ...], first: str, most: int) -> Iterator[tuple[str, int]]:
    """Give the names asked for, each with how many ranks it has."""
    names = [f"{name}:{size}".rstrip(":") for name, sizes in SIZES.items() for size in sizes]
    for name in names[names.index(first) if first else 0 :]:
        if not parts or any(part in name for part in parts):
            ranks = topology(name).ranks
            if ranks <= most:
                yield name, ranks


def measure(machine: str, ranks: int, collective: str, limit: float) -> Row:
    """Run the three commands and hold their answers against each other."""
    with TemporaryDirectory() as folder:
        file = str(Path(folder) / "schedule.json.gz")
        asked = [machine, collective]
        made = ask(["compile", *asked, "--time-limit", str(limit), "-o", file], limit + EXTRA)
        if made.fault:
            return Row(machine, collective, ranks, made, (made.fault[:100],))
        bound = ask(["bound", *asked, "--time-limit", str(limit)], limit + EXTRA)
        checked = ask(["verify", file], limit + EXTRA)
    return Row(machine, collective, ranks, made, tuple(_faults(made, bound, checked)))


def _faults(made: Told, bound: Told, checked: Told) -> Iterator[str]:
    """Say what is not as it should be."""
    answer = made.answer
    if not answer["optimal"]:
        yield "not proved"
    if answer["algbw_exact"] != answer["bound_exact"]:
        yield f"gap {answer['gap']:.2%}"
    if bound.fault or bound.answer["algbw_exact"] != answer["bound_exact"]:
        yield f"bound: {bound.fault or bound.answer['algbw_exact']}"
    if checked.fault or not (checked.answer["correct"] and checked.answer["optimal"]):
        yield f"verify: {checked.fault or checked.answer['faults'] or 'not proved'}"


def _rate(exact: str | None) -> str:
    return f"{float(Fraction(exact)):10.2f}" if exact else f"{'none':>10}"


if __name__ == "__main__":
    main()
