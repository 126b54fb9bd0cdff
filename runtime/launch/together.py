"""Run a set of collectives under mpirun: one program, all of them at once, checked."""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.launch import launch, rank_map
from runtime.launch.mpi import Mpi, find
from runtime.program.buffer_plan import moves
from solvers.schedules.ensembles import files
from solvers.schedules.ensembles.ensemble import Ensemble
from topologies.model.arguments import number, refuse, whole
from topologies.model.units import Rank, Seconds

PROGRAM = "runtime.execute.together"
TYPES = ("float32", "float64", "int32", "int64")
EACH = "# each "


@dataclass(frozen=True)
class SetMeasurement:
    """What was measured: medians of the iterations, in seconds.

    Attributes:
        seconds: until all tasks were over, of the slowest process.
        each: until each task was.
        wrong: elements that were not what the definitions ask for, over all processes.
    """

    seconds: Seconds
    each: tuple[Seconds, ...]
    wrong: int
    ranks: int
    iterations: int


def taking_part(ensemble: Ensemble) -> tuple[Rank, ...]:
    """List the ranks that are in any task, or pass messages on for one."""
    found: set[Rank] = set()
    for number_ in range(len(ensemble.tasks)):
        found.update(moves(ensemble.schedule(number_)).ranks)
    return tuple(sorted(found))


def run_together(
    ensemble: Ensemble,
    *,
    dtype: str = "float32",
    iterations: int = 20,
    warm_up: int = 5,
    played: Sequence[Rank] = (),
    timeout: Seconds = 600.0,
    mpi: Mpi | None = None,
) -> SetMeasurement:
    """Run all tasks of a set at the same time, and give what was measured.

    Args:
        ensemble: one that is right.
        dtype: the element type.
        iterations: that are measured.
        warm_up: iterations before those.
        played: the rank that each process plays, in order if empty.
        timeout: in seconds.
        mpi: the one of this computer where none is given.

    Raises:
        ArgumentError: a type or a number that is none.
        LaunchError, MapError: nothing can be started.
        RunError: the program crashed, or did not end in time.
    """
    if dtype not in TYPES:
        refuse("dtype", dtype, f"one of {', '.join(TYPES)}")
    whole("iterations", iterations, 1)
    whole("warm_up", warm_up)
    number("timeout", timeout, above=True)
    ranks = taking_part(ensemble)
    if played:
        rank_map.check(played, ranks)
    order, each = tuple(played) or ranks, list[Seconds]()

    def hear(line: str) -> None:
        if line.startswith(EACH):
            each.extend(json.loads(line.removeprefix(EACH)))

    with tempfile.TemporaryDirectory(prefix="commplan-") as folder:
        file = Path(folder) / "set.json"
        files.save(ensemble, file)
        words = [sys.executable, "-m", "mpi4py", "-m", PROGRAM, str(file)]
        words += ["--map", ",".join(map(str, order)), "-n", str(iterations), "-w", str(warm_up)]
        words += ["--type", dtype]
        ending = launch.launch(words, order, mpi or find(), timeout, hear)
    if ending.verdict in ("crash", "hang"):
        raise launch.RunError(ending)
    [row] = ending.measurements
    return SetMeasurement(row.seconds, tuple(each), row.wrong or 0, row.ranks, iterations)
