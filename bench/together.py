"""Collectives that run at the same time: bound, planned as one, planned each alone, and the gain.

`python -m bench.together` prints a line for each set: those of training jobs on machines that are
sold, and groups drawn at random on regular and irregular ones (seeds in a row, none left out).
Times are those of the most loaded link; `played` is how many times as long the separate plans take
in the simulator, where all programs share the links; a star marks sets of which another than the
one whose links need least is predicted to be over sooner. A set is verified before it is printed.

`python -m bench.together fabric [MACHINE...]` runs sets on emulated networks, both ways in turns.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, log2
from statistics import median
from time import monotonic
from typing import NamedTuple

from commplan.together.alone import as_ensemble
from commplan.together.planning import Together, together
from commplan.together.reading import read_words
from runtime.fabric import machine as emulated
from runtime.fabric.layout import FabricError
from runtime.fabric.together import run_set
from runtime.launch.mpi import LaunchError
from solvers.schedules.capabilities import Relays
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from topologies.formats import spec
from topologies.model.topology import Topology, TopologyError
from topologies.model.units import Seconds, duration

SECONDS = 60.0  # for a set, at most
MIB = 2**20
KINDS = ("all_gather", "reduce_scatter", "all_reduce", "all_to_all")
SCALE_TO = 6e6  # bytes a second of the fastest link of an emulated machine
LONGEST = 1.5  # seconds of an emulated set; larger ones are halved until they take no more
LAUNCHES = 2
EXACT = 1e-12  # of a time, that floats may be off
TP = "all/8:all_reduce:64MiB"
JOBS = (
    ("cloudmatrix384", (TP,)),
    ("cloudmatrix384", ("all/16:all_gather:64MiB", "all%16:reduce_scatter:256MiB")),
    ("cloudmatrix384", ("all%48:all_to_all:32MiB", "all%16:reduce_scatter:64MiB")),
    ("dgx-a100:boxes=16", (TP,)),
    ("dgx-a100:boxes=16", ("all/32:all_to_all:32MiB", "all%8:reduce_scatter:64MiB")),
    ("dgx-h100:boxes=4", ("all/16:all_to_all:32MiB", "all%8:reduce_scatter:64MiB")),
    ("ub-mesh", (TP,)),
    ("ub-mesh", ("all/16:all_to_all:32MiB", "all%16:reduce_scatter:64MiB")),
    ("tpu-v4:4x4x4", ("all/16:all_gather:64MiB",)),
    ("tpu-v4:4x4x4", ("all/16:all_to_all:32MiB", "all%16:reduce_scatter:64MiB")),
)
DRAWN = (
    *((f"irregular:seed={seed}", "forward") for seed in range(8)),
    *((f"random:8:switches=2:seed={seed}", "forward") for seed in range(4)),
    *(("torus:4x4", "forward"), ("mesh:4x4", "forward"), ("nd-full-mesh:4x4", "forward")),
    *(("dgx-a100:boxes=16", "none"), ("dgx-1", "forward"), ("rails:4x8", "none")),
)
# Tokens of experts beside sums of gradients: emulated where "experts" is asked for.
EXPERTS = (
    "torus:3x3",
    ("all:dispatch:hot:tokens=64,experts=9,top=2,share=0.3,hot=2", "0,4,8:reduce_scatter:2MiB"),
)
IRREGULAR = tuple(f"irregular:seed={seed}" for seed in (5, 16, 19, 38))
EMULATED = ("torus:3x3", "mesh:2x4", "hypercube:3", *IRREGULAR, "experts")


class Row(NamedTuple):
    """A set, and what came of it."""

    machine: str
    what: str
    made: Together
    spent: Seconds


def main() -> None:
    """Print all sets, or run some on an emulated network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "where", nargs="?", choices=["fabric"], help="run sets on emulated networks"
    )
    parser.add_argument("machines", nargs="*", help=f"emulated ({', '.join(EMULATED)})")
    args = parser.parse_args()
    if args.where:
        try:
            fabric(args.machines or EMULATED)
        except TopologyError as error:
            parser.error(str(error))
        except (FabricError, LaunchError) as error:
            print(f"no emulated machine here: {error}")
        return
    head = ("machine", "set", "bound", "together", "alone", "gain", "played", "", "s")
    print(_line(*head))
    for row in sets():
        print(_told(row), flush=True)


def sets() -> Iterator[Row]:
    """Plan all sets."""
    for name, words in JOBS:
        machine = spec.topology(name)
        relays: Relays = "none" if "tpu" not in name else "forward"
        yield plan(machine, read_words(machine, words), " + ".join(words), relays)
    for name, told in DRAWN:
        machine = spec.topology(name)
        tasks, what = draw(machine, seed=len(name))
        yield plan(machine, tasks, what, "forward" if told == "forward" else "none")


def draw(machine: Topology, seed: int) -> tuple[list[Task], str]:
    """Deal the ranks out to groups at random, and let each do something of some size."""
    chance = random.Random(f"{machine.name} {seed}")
    ranks = list(range(machine.ranks))
    chance.shuffle(ranks)
    count = chance.randint(2, max(2, min(machine.ranks // 3, 16)))
    tasks = [
        Task(collective(chance.choice(KINDS), ranks[i::count]), chance.choice((1, 4, 16)) * MIB)
        for i in range(count)
    ]
    return tasks, f"{count} groups at random"


def plan(machine: Topology, tasks: Sequence[Task], what: str, relays: Relays) -> Row:
    """Plan a set both ways, and play both."""
    began = monotonic()
    made = together(machine, tasks, relays, Watch(SECONDS))
    return Row(machine.name, what, made, monotonic() - began)


def _told(row: Row) -> str:
    made = row.made
    alone = "-" if made.alone is None else duration(made.alone.seconds)
    least = made.report.least
    return _line(
        row.machine,
        row.what,
        "-" if least is None else duration(float(least)),
        duration(made.least),
        alone,
        f"{made.gain:.3f}" if made.gain else "-",
        f"{made.predicted_gain:.3f}" if made.predicted_gain else "-",
        _proof(made),
        f"{row.spent:.1f}",
    )


def _proof(made: Together) -> str:
    """Say whether the least time is proved, or how far above the bound it is; and what is taken."""
    gap = made.least / float(made.report.least or 1) - 1
    proof = "proved" if gap <= EXACT else f"{gap:.1e}"
    return proof + "*" * (made.seconds > made.least * (1 + EXACT))


def _line(*cells: str) -> str:
    widths = (26, 58, 11, 11, 11, 7, 7, 8, 5)
    return " ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _emulated(name: str) -> tuple[Topology, list[Task], str]:
    """Give the machine of a name, and a set: tokens beside gradients, or drawn at random."""
    if name == "experts":
        machine = spec.topology(EXPERTS[0])
        return machine, read_words(machine, EXPERTS[1]), "tokens beside gradients"
    machine = spec.topology(name)
    return machine, *draw(machine, seed=len(name))


def fabric(names: Sequence[str]) -> None:
    """Run sets on emulated machines, as planned together and as planned alone, in turns."""
    print(
        "machine, set; LP gain, predicted gain; together: measured (predicted, by loads);", end=""
    )
    print(" alone; measured gain")
    for name in names:
        machine, tasks, what = _emulated(name)
        made = together(machine, tasks, "forward", Watch(SECONDS))
        scale = Fraction(round(SCALE_TO)) / Fraction(machine.unit * int(machine.capacity.max()))
        if (halves := ceil(log2(made.least / float(scale) / LONGEST))) > 0:
            tasks = [replace(task, size=max(task.size >> halves, 1)) for task in tasks]
            made = together(machine, tasks, "forward", Watch(SECONDS))
        assert made.alone is not None
        ways = {"together": made.ensemble, "alone": as_ensemble(made.ensemble, made.alone).ensemble}
        times: dict[str, list[float]] = {way: [] for way in ways}
        told: dict[str, str] = {}
        foretold: dict[str, Seconds] = {}
        with emulated.while_up(machine, scale) as bed:
            for _ in range(LAUNCHES):
                for way, each in ways.items():
                    found = run_set(bed, each, iterations=3, warm_up=1, timeout=120)
                    assert found.measured.wrong == 0
                    times[way].append(found.measured.seconds)
                    foretold[way] = found.predicted
                    told[way] = (
                        f"{duration(found.predicted)} predicted, {duration(found.fluid)} by loads"
                    )
        first, second = (median(times[way]) for way in ways)
        print(
            f"{machine.name}, {what}: LP gain {made.gain:.3f}, "
            f"predicted {foretold['alone'] / foretold['together']:.3f}; "
            f"together {duration(first)} ({told['together']}); "
            f"alone {duration(second)} ({told['alone']}); measured gain {second / first:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
