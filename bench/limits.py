"""Does a time limit hold, and what is there when it ends: machines × collectives × limits."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product, starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click
import numpy as np

from bench.fresh import ask
from bench.verdict import ended
from topologies.formats.files import save
from topologies.formats.spec import topology
from topologies.model.topology import Topology, frozen

COLLECTIVES = ("all_gather", "all_reduce", "all_to_all", "broadcast")
UNEVEN = "uneven "  # before the name of a machine that has lost its symmetry


class Question(NamedTuple):
    """What is compiled.

    Attributes:
        words: further options.
    """

    machine: str
    collective: str
    words: tuple[str, ...] = ()


SYMMETRIC = (
    *("cloudmatrix384", "cloudmatrix384:supernodes=2", "torus:16x16", "torus:16x8x8"),
    *("dgx-a100:boxes=128", "random:32", "random:64"),
)
# Machines as they are, and without any symmetry, from a few hundred ranks to two thousand.
QUESTIONS = (
    *starmap(Question, product(SYMMETRIC, COLLECTIVES)),
    *(Question("dgx-a100:boxes=8", c, ("--symmetry", "none")) for c in COLLECTIVES),
    *(Question("mi250:boxes=2", c, ("--size", "1MiB")) for c in COLLECTIVES),
    *(
        Question(UNEVEN + machine, collective)
        for machine in ("torus:16x16", "dgx-a100:boxes=32", "torus:13x13x12", "dgx-a100:boxes=250")
        for collective in COLLECTIVES
    ),
)
SLACK, LOADED = 1.15, 1.5  # times its limit that a command may take, alone and beside busy loops
START = 2.0  # seconds that it may take besides


class Ending(NamedTuple):
    """How one command ended: whole seconds, what it achieved as a part of the bound."""

    seconds: float
    part: float | None
    words: str

    def late(self, limit: float, busy: int) -> bool:
        """Tell whether it took longer than it may, beside so many busy loops."""
        return self.seconds > (LOADED if busy else SLACK) * limit + START


def uneven(machine: Topology, seed: int = 0) -> Topology:
    """Give every pair of links a bandwidth of its own, from half to all of what it had."""
    draw = np.random.default_rng(seed)
    part = draw.integers(500, 1001, machine.links)
    first = np.maximum(np.arange(machine.links), machine.mate)
    return replace(
        machine,
        name=f"uneven-{machine.name}".replace(":", "-").replace(",", "-"),
        capacity=frozen(machine.capacity * part[first]),
        unit=machine.unit / 1000,
        symmetry=machine.symmetry[:0],
    )


@click.command()
@click.option("--machine", "machines", multiple=True, help="Only these (all).")
@click.option("--collective", "collectives", multiple=True, help="Only these (four).")
@click.option("--limit", "limits", multiple=True, type=float, default=(5.0, 10.0, 20.0, 60.0))
@click.option("--busy", "loads", multiple=True, type=int, default=(0, 4), help="Busy loops beside.")
def main(
    machines: tuple[str, ...],
    collectives: tuple[str, ...],
    limits: tuple[float, ...],
    loads: tuple[int, ...],
) -> None:
    """Run `commplan compile --time-limit` and see when and how it ends; exit 1 if one is late."""
    click.echo(
        f"{'machine':26}{'collective':12}{'busy':>5}{'limit':>6}{'seconds':>9}{'ratio':>7}"
        f"{'part':>8}  ending"
    )
    late: list[str] = []
    with TemporaryDirectory() as folder:
        for asked in QUESTIONS:
            if machines and asked.machine not in machines:
                continue
            if collectives and asked.collective not in collectives:
                continue
            machine = _write(asked.machine, Path(folder))
            for limit, busy in product(limits, loads):
                with burning(busy):
                    ending = compile_for(asked._replace(machine=machine), limit, Path(folder))
                if ending.late(limit, busy):
                    late.append(f"{asked}: {ending.seconds:.2f} s of {limit:g} s")
                part = "" if ending.part is None else f"{ending.part:8.4f}"
                click.echo(
                    f"{asked.machine:26}{asked.collective:12}{busy:5}{limit:6g}"
                    f"{ending.seconds:9.2f}{ending.seconds / limit:7.2f}{part:>8}"
                    f"  {ending.words}{', LATE' if ending.late(limit, busy) else ''}"
                )
    ended(late)


@contextmanager
def burning(loops: int) -> Iterator[None]:
    """Keep processors busy with so many loops."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def _write(name: str, folder: Path) -> str:
    """Write a machine without symmetry to a file; others stay as they are."""
    if not name.startswith(UNEVEN):
        return name
    file = folder / f"{name.replace(':', '-')}.json"
    save(uneven(topology(name.removeprefix(UNEVEN))), file)
    return str(file)


def compile_for(asked: Question, limit: float, folder: Path) -> Ending:
    """Run one command in a process of its own."""
    words = ["compile", asked.machine, asked.collective, *asked.words, "--time-limit", str(limit)]
    ended = ask([*words, "-o", str(folder / "schedule.json.gz")], 4 * limit + 60)
    if ended.fault:
        return Ending(ended.seconds, None, ended.fault[:60])
    found = ended.answer
    bound = found["bound_GBps"]
    part = found["algbw_GBps"] / bound if bound else None
    return Ending(ended.seconds, part, "proved" if found["optimal"] else "not proved")


if __name__ == "__main__":
    main()
