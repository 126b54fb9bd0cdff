"""Machines that `commplan calibrate` finds, beside those that were emulated.

`python -m bench.calibrate`, as root or with user namespaces, makes ten networks one after the other
(`commplan fabric`) and runs `commplan calibrate` on each, as users do: five trees of switches, of
which it is told nothing, and five of `irregular:seed=K`, with a file that states double the rate of
three cables. All ranks together send 12 MB/s, which a small computer carries while it does
other things.

It prints whether the uplinks that were found are those that are there (with a file: whether
the slow links were told), how far measured rates are off at most, how many links nothing fills
so that they keep what is stated, latencies where the kernel emulates them, and how long all_gather
and all_reduce of 8 MiB take on the true machine with plans made on the found one, as a multiple
of the time with plans made on the true one; where latencies are not emulated, with those found.

`--simulated` measures nothing: the same search asks a simulation of processes (`simulated_probe`),
whose flows share unevenly, are noisy, are held up, and are counted while buffers fill. It takes
seconds, and `--degraded` halves so many more links of hosts, drawn at random, of every machine.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from bench.contest.unknown_machines import Case, cases, degrade
from bench.simulated_probe import SimulatedProbe
from bench.verdict import ended
from commplan.cli.io.measured.calibrations import calibration_fields
from commplan.planning.planner import plan
from runtime.calibrate.calibrate import calibrate
from runtime.calibrate.model.wires import Wires, wires
from runtime.fabric import machine
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch.process import run_limited
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.formats import files
from topologies.model.ragged import starts
from topologies.model.topology import (
    FloatArray,
    Topology,
    frozen,
    integers,
)
from topologies.model.units import size as read_size
from topologies.symmetry.group import trivial

BUDGET, NOISE, BURSTS = 400, 0.03, 0.1  # simulated: rounds, spread of rates, rounds with bursts
COLLECTIVES = ("all_gather", "all_reduce")
RATES, LATENCIES, PLANS = 0.05, 0.2, 1.02  # off at most, off at most, times as long at most


@dataclass(frozen=True)
class Row:
    """What came out.

    Attributes:
        right: uplinks are those that are there, or slow links those that are slow.
        off: the largest relative error of a rate that was measured.
        unseen: links that keep what is stated.
        late: the largest relative error of a latency; None where those are not emulated.
        times: with plans on what was found over those with plans on the truth, by collective.
        seconds: of the measurement.
    """

    right: bool
    off: float
    unseen: int
    late: float | None
    times: tuple[float, ...]
    seconds: float

    def line(self, name: str) -> str:
        """Write the row of the table."""
        late = "-" if self.late is None else f"{self.late:.1%}"
        times = "".join(f"{ratio:12.4f}" for ratio in self.times)
        shape = "right" if self.right else "WRONG"
        return (
            f"{name:26}{shape:>8}{self.off:9.1%}{self.unseen:8}{late:>9}{times}{self.seconds:8.0f}"
        )

    def faults(self, name: str) -> Iterator[str]:
        """Say which bounds it misses."""
        if not self.right:
            yield f"{name}: shared uplinks or slow links are not those that there are"
        if self.off > RATES:
            yield f"{name}: a rate is off by {self.off:.1%}"
        if self.late is not None and self.late > LATENCIES:
            yield f"{name}: a latency is off by {self.late:.1%}"
        if max(self.times) > PLANS:
            yield f"{name}: a plan takes {max(self.times):.3f} times as long"


def measure(case: Case, up: Machine, folder: Path, seconds: float) -> tuple[Topology, Any]:
    """Calibrate an emulated machine; give what was written, and what was answered.

    Raises:
        FabricError: the command failed.
    """
    written = folder / "found.json"
    words = ["--seconds", f"{seconds:g}", "--window", "0.3", "-o", str(written), "--json"]
    if case.stated is not None:
        files.save(case.stated, folder / "stated.json")
        words += ["--topology", str(folder / "stated.json")]
    here = mpi(up.keeper, range(case.truth.ranks))
    command = [sys.executable, "-m", "mpi4py", "-m", "commplan", "calibrate", *words]
    line = [*here.command_line(case.truth.ranks), *command]
    limit = 3 * seconds + 60
    done = run_limited(line, here.environment(limit), limit)
    if done.code != 0:
        raise FabricError("\n".join(done.errors) or "no end")
    return files.load(written), json.loads(done.output[0])


def compare(
    case: Case,
    real: Topology,
    delayed: bool,
    found: Topology,
    told: Any,  # noqa: ANN401
) -> Row:
    """Set what was found beside what was emulated."""
    truth, seen = wires(real), wires(found)
    pairs = _pair_cables(truth, seen)
    unseen = {name for each in told["classes"] if each["low"] is None for name in each["links"]}
    known = [(a, b) for a, b in pairs if not unseen.issuperset(_names(seen, b))]
    off = [abs(_narrow(seen)[b] / _narrow(truth)[a] - 1) for a, b in known]
    return Row(
        _is_right(case, truth, seen, pairs, told, unseen),
        max(off, default=1.0),
        len(unseen),
        _latency_error(truth, seen) if delayed else None,
        tuple(
            _plan_ratio(real if delayed else _as_late(real, found), found, each)
            for each in COLLECTIVES
        ),
        told["seconds"],
    )


def _is_right(
    case: Case,
    truth: Wires,
    seen: Wires,
    pairs: Sequence[tuple[int, int]],
    told: Any,  # noqa: ANN401
    unseen: set[str],
) -> bool:
    """Tell whether all shared uplinks were found, or all slow links that can be full, no others."""
    if case.stated is None:
        return len(pairs) == truth.cables - _needless(truth) and len(pairs) == seen.cables
    ratio = _narrow(truth) / _narrow(wires(case.stated))
    firsts = set(truth.twins.tolist())
    slow = {c for c in np.flatnonzero(ratio < 1).tolist() if c in firsts}
    said = {c for c in firsts if not set(told["slower"]).isdisjoint(_names(truth, c))}
    return said == {c for c in slow if not unseen.issuperset(_names(truth, c))}


def _needless(truth: Wires) -> int:
    """Count cables that are one with another: those of a switch that joins two switches only."""
    degree = np.bincount(truth.ends[:, 0], minlength=truth.topology.vertices)
    return 2 * int((degree[truth.topology.ranks :] == 2).sum())


def _pair_cables(truth: Wires, seen: Wires) -> list[tuple[int, int]]:
    """Pair the cables that part the same ranks: by the pairs of ranks whose data pass them."""
    known = {_users(seen, cable): cable for cable in set(seen.twins.tolist())}
    users = {_users(truth, cable): cable for cable in set(truth.twins.tolist())}
    return [(cable, known[pairs]) for pairs, cable in users.items() if pairs in known]


def _users(net: Wires, cable: int) -> frozenset[tuple[int, int]]:
    return frozenset(pair for pair, way in net.ways.items() if cable in way)


def _narrow(net: Wires) -> FloatArray:
    """Give each cable the least rate of those one behind the other: nothing tells them apart."""
    least = np.full(net.cables, np.inf)
    np.minimum.at(least, net.twins, net.stated)
    found: FloatArray = least[net.twins]
    return found


def _names(net: Wires, cable: int) -> list[str]:
    """Name a cable and those behind it."""
    return [_name(net, int(c)) for c in np.flatnonzero(net.twins == net.twins[cable])]


def _name(net: Wires, cable: int) -> str:
    src, dst = net.ends[cable].tolist()
    return f"{net.topology.names[src]} -> {net.topology.names[dst]}"


def _latency_error(truth: Wires, seen: Wires) -> float:
    """Compare the latencies of ways: two links may have been found as one."""
    there, found = _alpha(truth), _alpha(seen)
    ways = [(truth.ways[pair], seen.ways[pair]) for pair in truth.ways if pair in seen.ways]
    return max(abs(float(found[list(b)].sum() / there[list(a)].sum()) - 1) for a, b in ways)


def _alpha(net: Wires) -> FloatArray:
    alpha = np.zeros(net.cables)
    alpha[net.cable] = net.topology.alpha
    return alpha


def _as_late(truth: Topology, found: Topology) -> Topology:
    """Give a machine whose latencies the kernel did not emulate those that were measured."""
    alpha = np.full(truth.links, float(np.median(found.alpha)))
    overhead = np.full(truth.ranks, float(np.median(found.overhead)))
    return replace(truth, alpha=frozen(alpha), overhead=frozen(overhead))


def _plan_ratio(truth: Topology, found: Topology, what: str) -> float:
    """Compare a plan made on what was found with one made on the truth, both on the truth."""
    size = read_size("8MiB")
    ours, best = (
        plan(each, collective(what, range(truth.ranks)), size=size).schedule
        for each in (found, truth)
    )
    return _seconds(_moved(ours, truth), size) / _seconds(best, size)


def _seconds(schedule: Schedule, size: int) -> float:
    return float(simulate(schedule, size).seconds)


def _moved(schedule: Schedule, truth: Topology) -> Schedule:
    """Put a schedule on the true machine: over the same links, or in a tree on the only way."""
    old = schedule.topology
    if old.vertices == truth.vertices and old.links == truth.links and (old.src == truth.src).all():
        return replace(unfold(schedule), topology=truth)
    whole, net = unfold(schedule), wires(truth)
    link = {int(cable): at for at, cable in enumerate(net.cable)}
    ends = zip(whole.transfers.src.tolist(), whole.transfers.dst.tolist(), strict=True)
    routes = [[link[cable] for cable in net.ways[pair]] for pair in ends]
    transfers = replace(
        whole.transfers,
        route_start=frozen(starts(np.array([len(route) for route in routes]))),
        route=integers(at for route in routes for at in route),
    )
    return replace(whole, topology=truth, transfers=transfers, group=trivial(truth))


@click.command()
@click.option("--case", "asked", multiple=True, help="Only names with this in them; repeatable.")
@click.option("--seeds", default=5, show_default=True, help="Irregular machines.")
@click.option("--first", default=0, show_default=True, help="The first seed of these.")
@click.option("--seconds", default=60.0, show_default=True, help="That each may be measured.")
@click.option("--simulated", is_flag=True, help="Ask a simulation instead of processes.")
@click.option("--degraded", default=0, help="Links of hosts that are half as fast besides.")
def main(
    asked: tuple[str, ...], seeds: int, first: int, seconds: float, simulated: bool, degraded: int
) -> None:
    """Print the table; exit 1 where a bound is missed."""
    heads = "".join(f"{each:>12}" for each in COLLECTIVES)
    click.echo(
        f"{'machine':26}{'shape':>8}{'rates':>9}{'unseen':>8}{'latency':>9}{heads}{'seconds':>8}\n"
        f"{'at most':26}{'':8}{RATES:9.1%}{'':8}{LATENCIES:9.1%}" + f"{PLANS:12.4f}" * 2
    )
    missed: list[str] = []
    for case in cases(range(first, first + seeds)):
        if asked and not any(part in case.name for part in asked):
            continue
        try:
            worse = degrade(case, degraded, first)
            row = _simulate(worse, first) if simulated else _run(worse, seconds)
        except FabricError as error:
            raise click.ClickException(f"{case.name}: {error}") from None
        finally:
            if not simulated:
                machine.down()
        click.echo(row.line(case.name))
        missed += row.faults(case.name)
    ended(missed)


def _run(case: Case, seconds: float) -> Row:
    with TemporaryDirectory(prefix="commplan-") as folder:
        up = machine.up(case.truth, Fraction(1), _tell(case.name))
        found, told = measure(case, up, Path(folder), seconds)
    return compare(case, up.layout.topology, up.layout.delayed, found, told)


def _simulate(case: Case, seed: int) -> Row:
    began = time.process_time()
    probe = SimulatedProbe(case.truth, BUDGET, seed=seed, noise=NOISE, bursts=BURSTS)
    found = calibrate(probe, case.stated)
    told = calibration_fields(found, case.stated is not None, time.process_time() - began)
    real = replace(case.truth, overhead=frozen(np.full(case.truth.ranks, probe.overhead)))
    return compare(case, real, True, found.topology, json.loads(json.dumps(told)))


def _tell(name: str) -> Callable[[str], None]:
    def tell(news: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{name}: {news}\r", nl=False, err=True)

    return tell


if __name__ == "__main__":
    main()
