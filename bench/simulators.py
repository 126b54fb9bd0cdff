"""Schedules as other tools take them: sizes, losses, seconds; and what simulators say of them.

Every row is emitted as by `commplan emit`. MSCCL++ plans are executed in memory, traces are read
back and played by the rules of their simulators, over links. Where that is off from what is
simulated, the same trace is played as programs start messages, with those of shorter and of longer
ways first where they come at one time, and compared with a play of all images of the schedule: one
of the two, or what lies between them, has to be what is simulated. Where the binary
of ASTRA-sim (`--astra-sim`) or of LogGOPSim (`--loggopsim`, beside its `txt2bin`) is given, it is
run on the same files, on a star of ranks, which both have; else the row says that it was skipped.

`--rows FILE` keeps the rows of a machine and a collective as they end, and `--seconds` ends in
time: the same command goes on where it was left. Another version needs a new file.
"""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from time import process_time
from typing import NamedTuple

import click

from bench.contest.kept import Kept, TimeOverError
from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.emit.targets import write
from runtime.emit.traces.build import make_trace
from runtime.foreign.traces import chakra, goal
from runtime.foreign.traces.play import over_links, play
from runtime.foreign.traces.trace import Trace
from runtime.program.program import ProgramError
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.formats.spec import topology

MACHINES = (
    *("ring:8", "star:8", "full-mesh:8", "torus:4x4", "hypercube:3", "leaf-spine:4x2x4"),
    *("dgx-1", "dgx-2", "dgx-a100", "dgx-a100:boxes=2", "dgx-a100:boxes=4", "dgx-h100"),
    *("dgx-2:boxes=2", "ndv2:boxes=2"),
)
COLLECTIVES = ("all_gather", "reduce_scatter", "all_reduce", "all_to_all")
SIZE = "1MiB"
BYTES = 2**20
TARGETS = ("mscclpp", "mscclpp:protocol=packet", f"chakra:size={SIZE}", f"goal:size={SIZE}")
FORMAT = "commplan/bench-simulators/1"
WITHIN = 0.05  # of what is simulated
MOST_LOSS = 0.05  # by rounding to equal chunks
GIBI = 2**30 / 1e9  # ASTRA-sim's GB


class Row(NamedTuple):
    """A line of the table.

    ratio: played by the simulators' rules / simulated. alike: where that is off, the least and the
    most of plays as programs start messages.
    """

    machine: str
    collective: str
    target: str
    size: int
    loss: float
    seconds: float
    ratio: float | None
    alike: tuple[float, float] | None = None
    note: str = ""

    @property
    def played(self) -> str:
        """Say what the plays gave."""
        if self.ratio is None:
            return self.note
        told = f"{self.ratio:.4f} of simulated"
        if self.alike is not None:
            told += ", as programs start {:.4f} to {:.4f}".format(*self.alike)
        return told


def rows(machine: str, name: str) -> Iterator[Row]:
    """Emit the schedule of highest throughput to every target."""
    made = topology(machine)
    schedule = plan(made, collective(name, range(made.ranks))).schedule
    for target in (
        "mscclpp",
        "mscclpp:protocol=packet",
        f"chakra:size={SIZE}",
        f"goal:size={SIZE}",
    ):
        started = process_time()
        text, loss, note = _emit(schedule, target)
        spent = process_time() - started
        ratio, alike = (None, None) if text is None else _compare(schedule, text)
        size = note if isinstance(note, int) else 0
        said = note if isinstance(note, str) else ""
        yield Row(machine, name, target, size, loss, spent, ratio, alike, said)


def _compare(schedule: Schedule, trace: Trace) -> tuple[float, tuple[float, float] | None]:
    """Play a trace, and once more as programs would where that is not what is simulated."""
    found = make_trace(schedule, BYTES)
    ways = over_links(schedule.topology, found.ranks, found.routes)
    expected = simulate(schedule, BYTES, "store-and-forward", joined=0)
    ratio = play(trace, ways, stored=True) / expected.seconds
    if abs(ratio - 1) <= WITHIN:
        return ratio, None
    whole = simulate(unfold(schedule), BYTES, "store-and-forward", expected.chunks, joined=0)
    one, other = (
        play(trace, ways, stored=True, rendezvous=True, far_first=far) / whole.seconds
        for far in (False, True)
    )
    return ratio, (min(one, other), max(one, other))


def _emit(schedule: Schedule, target: str) -> tuple[Trace | None, float, int | str]:
    """Emit, with equal chunks where shares ask for them; give the trace, the loss, the bytes."""
    try:
        made = write(schedule, target)
    except ProgramError as error:
        found = re.search(r"--equal-chunks (\d+) rounds", str(error))
        if found is None:
            return None, 0.0, str(error)
        made = write(schedule, f"{target}:equal-chunks={found[1]}")
    size = len(made.text) + sum(map(len, made.files.values()))
    loss = float(str(made.fields.get("loss", 0.0)))
    if target.startswith("goal"):
        return goal.decode(made.text), loss, size
    if target.startswith("chakra"):
        ranks = range(sum(name.startswith("algorithm") for name in made.files))
        trace = tuple(chakra.decode(r, made.files[f"algorithm.{r}.et"]) for r in ranks)
        return trace, loss, size
    return None, loss, size


def outside(astra: str | None, loggopsim: str | None) -> Iterator[str]:
    """Run the simulators that are given on a star of eight, and say which were skipped."""
    made = topology("star:8")
    schedule = plan(made, collective("all_gather", range(8))).schedule
    alpha, rate = float(made.alpha[0]), float(made.bandwidth[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if loggopsim is None:
            yield "LogGOPSim: skipped, --loggopsim names no binary"
        else:
            expected = simulate(schedule, BYTES, joined=0).seconds
            took = _loggopsim(schedule, Path(loggopsim), folder, 2 * alpha, rate)
            yield f"LogGOPSim: {took * 1e6:.2f} us, {took / expected:.3f} of what is simulated"
        if astra is None:
            yield "ASTRA-sim: skipped, --astra-sim names no binary"
        else:
            expected = simulate(schedule, BYTES, "store-and-forward", joined=0).seconds
            took = _astra(schedule, Path(astra), folder, alpha, rate)
            yield f"ASTRA-sim: {took * 1e6:.2f} us, {took / expected:.3f} of what is simulated"


def _loggopsim(
    schedule: Schedule, binary: Path, folder: Path, latency: float, rate: float
) -> float:
    """Run LogGOPSim; G is whole nanoseconds for a byte, so a unit of bytes stands for more."""
    unit = max(round(rate / 1e9), 1)  # bytes in a nanosecond
    text = write(schedule, f"goal:size={SIZE}").text
    scaled = re.sub(r" (\d+)b ", lambda m: f" {max(int(m[1]) // unit, 1)}b ", text)
    text_file, made = folder / "x.goal", folder / "x.bin"
    text_file.write_text(scaled)
    convert: list[str | Path] = [binary.with_name("txt2bin"), "-i", text_file, "-o", made]
    subprocess.run(convert, check=True, capture_output=True, timeout=600)
    words = ["-L", round(latency * 1e9), "-o", 0, "-g", 0, "-G", 1, "-S", 2**40, "-O", 0]
    command: list[str | Path] = [binary, "-f", made, *map(str, words)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    times = [int(found) for found in re.findall(r"(\d+)\s*$", told, re.MULTILINE)]
    return max(times) * 1e-9


def _astra(schedule: Schedule, binary: Path, folder: Path, alpha: float, rate: float) -> float:
    """Run ASTRA-sim's congestion-aware backend on a switch of as many ranks."""
    for name, content in write(schedule, f"chakra:size={SIZE}").files.items():
        (folder / name).write_bytes(content)
    (folder / "network.yml").write_text(
        f"topology: [ Switch ]\nnpus_count: [ {schedule.topology.ranks} ]\n"
        f"bandwidth: [ {rate / 1e9 / GIBI} ]\nlatency: [ {alpha * 1e9} ]\n"
    )
    (folder / "memory.json").write_text('{"memory-type": "NO_MEMORY_EXPANSION"}')
    command = [
        str(binary),
        "--workload-configuration=workload",
        "--system-configuration=system.json",
        "--network-configuration=network.yml",
        "--remote-memory-configuration=memory.json",
    ]
    told = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=600, cwd=folder
    ).stdout
    return max(int(found) for found in re.findall(r"finished, (\d+) cycles", told)) * 1e-9


@click.command(help=__doc__)
@click.option("--machines", default=",".join(MACHINES), show_default=True)
@click.option("--collectives", default=",".join(COLLECTIVES), show_default=True)
@click.option("--astra-sim", help="Its binary: AstraSim_Analytical_Congestion_Aware.")
@click.option("--loggopsim", help="Its binary.")
@click.option(
    "--rows", "file", type=click.Path(dir_okay=False, path_type=Path), help="Keep rows here."
)
@click.option("--seconds", default=inf, help="After which no rows begin.")
def main(
    machines: str,
    collectives: str,
    astra_sim: str | None,
    loggopsim: str | None,
    file: Path | None,
    seconds: float,
) -> None:
    """Print the table, and end with 1 if a row is off."""
    kept = Kept(FORMAT, "commplan", file, time.monotonic() + seconds)
    missed: list[str] = []
    head = ("machine", "collective", "target", "bytes", "loss", "s", "played")
    print("{:18} {:14} {:24} {:>9} {:>7} {:>6}  {}".format(*head))
    for machine in machines.split(","):
        for name in collectives.split(","):
            for row in _kept_rows(kept, machine, name):
                print(
                    f"{row.machine:18} {row.collective:14} {row.target:24} {row.size:9} "
                    f"{row.loss:7.2%} {row.seconds:6.2f}  {row.played}",
                    flush=True,
                )
                missed += _missed(row)
    for line in outside(astra_sim, loggopsim):
        print(line)
    ended(missed)


def _kept_rows(kept: Kept, machine: str, name: str) -> Iterator[Row]:
    """Give the rows that were kept, or make them."""
    case = {"machine": machine, "collective": name}
    try:
        found = kept.once(case, lambda: {"rows": [row[2:] for row in rows(machine, name)]})
    except TimeOverError:
        raise SystemExit("the time is over: the same command goes on") from None
    for target, size, loss, spent, ratio, alike, note in found["rows"]:
        both = None if alike is None else (alike[0], alike[1])
        yield Row(machine, name, target, size, loss, spent, ratio, both, note)


def _missed(row: Row) -> Iterator[str]:
    where = f"{row.machine} {row.collective} {row.target}"
    if row.note:
        yield f"{where}: {row.note}"
    if row.loss > MOST_LOSS:
        yield f"{where}: {row.loss:.2%} lost"
    least, most = row.alike or (row.ratio, row.ratio)
    if least is not None and most is not None and not 1 - most <= WITHIN >= least - 1:
        yield f"{where}: {row.played}"


if __name__ == "__main__":
    main()
