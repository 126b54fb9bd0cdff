"""Does a time limit hold, and what is there when it ends: machines × collectives × limits."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click
import numpy as np

from bench.fresh import told
from bench.verdict import ended
from topologies.files import save
from topologies.spec import topology
from topologies.topology import Topology, frozen

# Machines without any symmetry, from a few hundred ranks to two thousand, and the supernode.
MACHINES = ("torus:16x16", "dgx-a100:boxes=32", "torus:13x13x12", "dgx-a100:boxes=250")
SUPERNODE = "cloudmatrix384"
COLLECTIVES = ("all_gather", "broadcast", "all_reduce", "all_to_all")
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
@click.option("--limit", "limits", multiple=True, type=float, default=(3.0, 10.0, 30.0))
@click.option("--busy", "loads", multiple=True, type=int, default=(0, 4), help="Busy loops beside.")
def main(
    machines: tuple[str, ...],
    collectives: tuple[str, ...],
    limits: tuple[float, ...],
    loads: tuple[int, ...],
) -> None:
    """Run `commplan compile --time-limit` and see when and how it ends; exit 1 if one is late."""
    click.echo(
        f"{'machine':28}{'collective':16}{'busy':>5}{'limit':>6}{'seconds':>9}{'part':>8}  ending"
    )
    late: list[str] = []
    with TemporaryDirectory() as folder:
        for name in machines or (*MACHINES, SUPERNODE):
            machine = _written(name, Path(folder))
            for collective in collectives or COLLECTIVES:
                for limit, busy in product(limits, loads):
                    with burning(busy):
                        ending = compiled(machine, collective, limit, Path(folder))
                    if ending.late(limit, busy):
                        late.append(f"{name} {collective}: {ending.seconds:.2f} s of {limit:g} s")
                    part = "" if ending.part is None else f"{ending.part:8.4f}"
                    click.echo(
                        f"{name:28}{collective:16}{busy:5}{limit:6g}{ending.seconds:9.2f}{part:>8}"
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


def _written(name: str, folder: Path) -> str:
    """Write a machine without symmetry to a file; the supernode stays as it is."""
    if name == SUPERNODE:
        return name
    file = folder / f"{name.replace(':', '-')}.json"
    save(uneven(topology(name)), file)
    return str(file)


def compiled(machine: str, collective: str, limit: float, folder: Path) -> Ending:
    """Run one command in a process of its own."""
    words = ["compile", machine, collective, "--time-limit", str(limit)]
    ended = told([*words, "-o", str(folder / "schedule.json.gz")], 4 * limit + 60)
    if ended.fault:
        return Ending(ended.seconds, None, ended.fault[:60])
    found = ended.answer
    bound = found["bound_GBps"]
    part = found["algbw_GBps"] / bound if bound else None
    return Ending(ended.seconds, part, "proved" if found["optimal"] else "not proved")


if __name__ == "__main__":
    main()
