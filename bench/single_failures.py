"""Every single failure of small machines, beside the row of a contingency that stands for it.

A row of `commplan contingency` holds for all failures that are alike. Here each failure is written
as a machine of its own: the file of the whole one without some lines, and without symmetry. Its
bound and what its row says must be the same fraction. Which failures a row stands for is followed
along the permutations of the folder; each failure must belong to one row, and be counted there.

`python -m bench.single_failures` takes minutes; `--machine`, `--collective` ask for less.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import click
import numpy as np

import commplan
from bench.fresh import ask
from bench.verdict import ended

LIMIT = 600.0  # seconds, after which a command is ended
MACHINES = (
    "dgx-a100:boxes=2",
    "dgx-h100:boxes=2",
    "leaf-spine:2x2x4",
    "leaf-spine:3x2x2:oversubscription=2",
    "rails:2x4",
    "dragonfly:2x2x1",
    "torus:4x4",
    "torus:2x3",
    "ring:7",
    "star:6",
    "irregular:seed=1",
    "irregular:seed=2",
    "irregular:seed=3",
    "random:5:switches=2:seed=4",
    "random:6:switches=1:seed=9",
)
COLLECTIVES = ("all_gather", "all_reduce", "broadcast", "all_to_all")

Broken = tuple[frozenset[int], frozenset[int]]  # links and vertices that are gone
Seen = tuple[tuple[int, ...], tuple[int, ...]]  # the same, so that twins are not told apart


@dataclass(frozen=True)
class Whole:
    """A machine, and the lines of its file: `links` gives for each line the links that it makes."""

    machine: commplan.Topology
    lines: Mapping[str, Any]
    links: Sequence[frozenset[int]]

    def without(self, broken: Broken, folder: Path) -> commplan.Topology | None:
        """Write and read the file without what is gone; None where it is no machine any more."""
        links, vertices = broken
        gone = {self.machine.names[v] for v in vertices}
        left = {key: self.lines[key] for key in ("format", "name", "classes") if key in self.lines}
        for key in ("ranks", "switches"):
            own = self.lines.get(key, ())
            left[key] = [e for e in own if (e if isinstance(e, str) else e["name"]) not in gone]
        left["links"] = [
            line
            for line, made in zip(self.lines["links"], self.links, strict=True)
            if not made & links and not {line["src"], line["dst"]} & gone
        ]
        (folder / "left.json").write_text(json.dumps(left))
        try:
            return commplan.load_topology(folder / "left.json") if left["ranks"] else None
        except commplan.TopologyError as error:
            if "cannot be reached" in str(error):
                return None
            raise


def read_whole(machine: commplan.Topology, folder: Path) -> Whole:
    """Write a machine to a file, and look up which links each line of it makes."""
    commplan.save_topology(machine, folder / "whole.json")
    lines = json.loads((folder / "whole.json").read_text())
    links, at = [], 0
    for line in lines["links"]:
        ends = (machine.names[machine.src[at]], machine.names[machine.dst[at]])
        if ends != (line["src"], line["dst"]):
            raise click.ClickException(f"{machine.name}: link {at} is not that of its line")
        count = 1 + bool(line.get("duplex"))
        links.append(frozenset(range(at, at + count)))
        at += count
    return Whole(machine, lines, links)


def list_broken(whole: Whole) -> Iterator[tuple[str, Broken]]:
    """List the single failures of a machine, one by one."""
    machine, none = whole.machine, frozenset[int]()
    for cable in whole.links:
        yield "link", (cable, none)
    for rank in range(machine.ranks):
        at = (machine.src == rank) | (machine.dst == rank)
        kinds = set(machine.link_class[at].tolist())
        for kind in kinds if len(kinds) > 1 else ():
            own = set(np.flatnonzero(at & (machine.link_class == kind)).tolist())
            cables = [cable for cable in whole.links if cable & own]
            if len(cables) > 1:
                yield "nic", (none.union(*cables), none)
    for vertex in range(machine.vertices):
        yield "rank" if vertex < machine.ranks else "switch", (none, frozenset({vertex}))


class Carrier:
    """Follows a failure along permutations; of links that agree in all, any may be meant."""

    def __init__(self, machine: commplan.Topology, alike: Sequence[Sequence[int]]) -> None:
        columns = (machine.src, machine.dst, machine.capacity, machine.alpha)
        figures = list(zip(*(column.tolist() for column in columns), strict=True))
        first = {each: link for link, each in reversed(list(enumerate(figures)))}
        self._first = [first[each] for each in figures]
        self._vertex = alike
        self._link = [[first[to[a], to[b], *rest] for a, b, *rest in figures] for to in alike]

    def seen(self, broken: Broken) -> Seen:
        """Write a failure down so that those that differ in nothing are the same."""
        links, vertices = broken
        return tuple(sorted(self._first[e] for e in links)), tuple(sorted(vertices))

    def all_like(self, broken: Broken) -> set[Seen]:
        """Find all failures that one is carried to."""
        found = {self.seen(broken)}
        fresh = list(found)
        while fresh:
            links, vertices = fresh.pop()
            for vertex, link in zip(self._vertex, self._link, strict=True):
                image = (
                    tuple(sorted(link[e] for e in links)),
                    tuple(sorted(vertex[v] for v in vertices)),
                )
                if image not in found:
                    found.add(image)
                    fresh.append(image)
        return found


class Table:
    """The table of a folder: for each failure the rows that may stand for it."""

    def __init__(self, folder: Path, machine: commplan.Topology) -> None:
        table = json.loads((folder / "contingency.json").read_text())
        self.rows: list[dict[str, Any]] = table["outcomes"]
        self._carrier = Carrier(machine, table["alike"])
        self._rows: dict[tuple[str, Seen], list[int]] = {}
        for number, row in enumerate(self.rows):
            one = frozenset(link for link, _ in row["links"]), frozenset(row["vertices"])
            for each in self._carrier.all_like(one):
                self._rows.setdefault((row["kind"], each), []).append(number)

    def of(self, kind: str, broken: Broken) -> list[int]:
        """Look up the rows that a failure is carried to."""
        return self._rows.get((kind, self._carrier.seen(broken)), [])


def loss(whole: Whole, broken: Broken, what: commplan.Collective, folder: Path) -> Fraction:
    """Compute by the bound of what is left which part of the rate is lost; 1 where all of it is."""
    left = whole.without(broken, folder)
    ranks = [rank for rank in what.ranks if rank not in broken[1]]
    if left is None or (what.root is not None and what.root not in ranks):
        return Fraction(1)
    root = None if what.root is None else ranks.index(what.root)
    try:
        asked = commplan.collective(what.name, range(len(ranks)), root=root)
        rate = commplan.bound(left, asked).algbw
    except commplan.Infeasible:
        return Fraction(1)
    before = commplan.bound(whole.machine, what).algbw
    return Fraction(0) if rate is None or before is None else 1 - rate / before


def differing(folder: Path) -> tuple[int, Table, list[str]]:
    """Compare each failure with its row; count failures, and say what differs.

    Args:
        folder: with `plan.json` and `failures`, of `commplan compile` and `contingency`.
    """
    what = commplan.load_schedule(folder / "plan.json")
    table, whole = Table(folder / "failures", what.topology), read_whole(what.topology, folder)
    counted: Counter[int] = Counter()
    wrong: list[str] = []
    broken = list(list_broken(whole))
    for kind, each in broken:
        rows = table.of(kind, each)
        counted.update(rows)
        expected = loss(whole, each, what.collective, folder)
        wrong += [] if rows else [f"no row stands for {kind} {each}"]
        for row in (table.rows[number] for number in rows):
            found = Fraction(row["lost_exact"])
            if found != expected if row["proved"] else found < expected:
                wrong.append(f"{kind} {each} costs {expected}, row {row['name']} says {found}")
    for number, row in enumerate(table.rows):
        if counted[number] < row["count"]:
            wrong.append(f"row {row['name']} counts {row['count']}, there are {counted[number]}")
    if (count := sum(row["count"] for row in table.rows)) != len(broken):
        wrong.append(f"there are {len(broken)} failures, counted are {count}")
    return len(broken), table, wrong


def compare(machine: str, name: str, folder: Path) -> tuple[str, list[str]]:
    """Plan for the failures of a machine; give a line, and what differs."""
    began, plan = process_time(), str(folder / "plan.json")
    for words in (
        ("compile", machine, name, "-o", plan),
        ("contingency", plan, "-o", str(folder / "failures")),
    ):
        if fault := ask(words, LIMIT).fault:
            return f"{machine:36} {name:11} {fault}", [f"{machine} {name}: {fault}"]
    failures, table, wrong = differing(folder)
    unproved = sum(not row["proved"] for row in table.rows)
    figures = f"{failures:8} {len(table.rows):5} {unproved:8} {len(wrong):6}"
    line = f"{machine:36} {name:11} {figures} {process_time() - began:14.1f}"
    return line, [f"{machine} {name}: {each}" for each in wrong]


@click.command()
@click.option("--machine", "machines", multiple=True, default=MACHINES, help="Only this.")
@click.option("--collective", "names", multiple=True, default=COLLECTIVES, help="Only this.")
def main(machines: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Print a line for each machine and collective; exit 1 where a failure differs from its row."""
    head = f"{'failures':>8} {'rows':>5} {'unproved':>8} {'differ':>6} {'bounds: CPU s':>14}"
    click.echo(f"{'machine':36} {'collective':11} {head}")
    wrong: list[str] = []
    for machine, name in product(machines, names):
        with TemporaryDirectory() as folder:
            line, faults = compare(machine, name, Path(folder))
        click.echo(line)
        wrong += faults
    ended(wrong)


if __name__ == "__main__":
    main()
