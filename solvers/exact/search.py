"""Exact small schedules: found, proved impossible, or not found in time.

`ScclSearch` asks for schedules of S steps, R rounds and C pieces a block (`model` says what that
means, and why the answer is right). What the model knows is collectives that copy; the others
come from them:

- reduce_scatter and reduce are all_gather and broadcast on the reversed machine, played backwards:
  the paths of a piece to those who want it, turned around, add up what these ranks have. Nothing is
  lost: of a sum that a rank sends in parts, the last message can carry everything.
- all_reduce is a reduce_scatter and then an all_gather, each in half of the steps and rounds.
  `impossible` is said of such schedules only.

A question is first put to what needs no search: a block has to pass so many ranks, and the bound
with its certificate holds for rounds as for any other time. Then schedules are looked for that the
symmetry of the machine maps to themselves, and at last any schedule; only this proves anything.
The search has a fixed seed and one worker and counts its work, so the answer is always the same,
unless the time is over before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from solvers import solve
from solvers.bounds.cuts import rank_bound
from solvers.exact.model import (
    Instance,
    Model,
    Question,
    pieces,
    slowest_link,
    unit_size,
)
from solvers.kept_symmetry import find_symmetry
from solvers.lp.linear_program import LONGEST, Infeasible
from solvers.registry import SolverError
from solvers.routing.switch_paths import message_distances, switch_paths
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective, CollectiveError, all_gather, reduce_scatter
from solvers.schedules.schedule import Schedule, Transfer, schedule
from solvers.schedules.unfold import unfold
from solvers.settings.cp_sat import WORKERS, new_solver
from solvers.settings.deadline import NO_DEADLINE, NotFound, Watch
from topologies.model.cached import cached_property
from topologies.model.errors import ArgumentError
from topologies.model.topology import Topology, reverse
from topologies.model.units import Seconds
from topologies.symmetry.group import Group, trivial

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver


SEED = 0
WRITING = 6e-5  # work to write a constraint down and simplify it
SEARCHING = 6.0  # work for each unit that CP-SAT counts
BOUNDING = 0.3  # of the work, for the bound of the throughput
SYMMETRIC = 0.5  # of a question's work, for schedules that the symmetry keeps

Verdict = Literal["found", "impossible", "not found in time"]
FOUND: Verdict = "found"
IMPOSSIBLE: Verdict = "impossible"
OPEN: Verdict = "not found in time"


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a question, why, after how many seconds, and the schedule if there is one.

    Attributes:
        rounds: of each step of the schedule.
    """

    point: Instance
    verdict: Verdict
    reason: str
    seconds: Seconds
    schedule: Schedule | None = None
    rounds: tuple[int, ...] = ()


class ScclSearch:
    """One machine and one collective, to be asked for schedules of many points.

    least_steps and least_ratio (rounds / chunks) are what no schedule is below; parts is 2 where
    two halves follow each other (all_reduce), else 1: steps and rounds are multiples of it.
    """

    def __init__(
        self, topology: Topology, collective: Collective, watch: Watch = NO_DEADLINE
    ) -> None:
        """Find the paths, the symmetry and the bound.

        Raises:
            CollectiveError: a block has several holders and several wanters, and the collective
                is no all_reduce over at least two ranks.
            Infeasible: no schedule exists.
            NotFound: the machine has too many paths, or the time is over.
        """
        self.topology, self.collective = topology, collective
        self._halves = [_Half(topology, half, watch.part(BOUNDING)) for half in _halves(collective)]
        self.parts = len(self._halves)
        self.least_steps = self.parts * max(half.least_steps for half in self._halves)
        self.least_ratio = self.parts * max(half.least_ratio for half in self._halves)
        one = self._halves[0].bound
        self._bound = one if self.parts == 1 else _bound(topology, collective, watch.part(BOUNDING))

    def ask(self, point: Instance, watch: Watch = NO_DEADLINE) -> Answer:
        """Look for a schedule of at most so many steps, and so many rounds.

        Args:
            point: steps, rounds and chunks.
            watch: says when to stop.

        Returns:
            a schedule, or that there is none, or neither.

        Raises:
            ArgumentError: a number below 1.
        """
        if min(point) < 1:
            raise ArgumentError(f"{point}: expected numbers from 1")
        started = watch.elapsed
        half = Instance(point.steps // self.parts, point.rounds // self.parts, point.chunks)
        found: list[_Found] = []
        for number, each in enumerate(self._halves):
            result = each.ask(half, watch.part(1 / (self.parts - number)))
            if not isinstance(result, _Found):
                return Answer(point, *result, watch.elapsed - started)
            found.append(result)
        made = self._join_halves(found, point)
        parts = zip(self._halves, found, strict=True)
        rounds = tuple(r for half, part in parts for r in part.rounds[:: -1 if half.inward else 1])
        made = replace(made, provenance=_provenance(point, rounds))
        return Answer(point, FOUND, found[-1].reason, watch.elapsed - started, made, rounds)

    def seconds_per_size(self, point: Instance) -> Fraction:
        """Compute the seconds that all rounds take for each byte of size, were there no latency."""
        what = self.collective if self.parts == 1 else self._halves[0].collective
        share = Fraction(unit_size(what), what.total * point.chunks)
        return point.rounds * share / (slowest_link(self.topology) * self.topology.unit)

    @cached_property
    def alpha(self) -> float:
        """Compute the seconds that a step takes for the latency of its slowest path."""
        overhead = self.topology.overhead
        return max(
            (
                float(self.topology.alpha[list(path.links)].sum())
                + float(overhead[path.src] + overhead[path.dst])
                for path in self._halves[0].paths
            ),
            default=0.0,
        )

    def _join_halves(self, found: Sequence["_Found"], point: Instance) -> Schedule:
        """Make one schedule of the halves."""
        laid = [half.lay_out(each) for half, each in zip(self._halves, found, strict=True)]
        if self.parts == 1:
            return replace(laid[0], bound=self._bound)
        start = len(found[0].rounds)
        transfers = [*_number(laid[0], point.chunks, 0), *_number(laid[1], point.chunks, start)]
        count = self._halves[0].collective.blocks * point.chunks
        shares = [(0, Fraction(1, count))] * count
        return schedule(self.topology, self.collective, shares, transfers, self._bound)


class _Found(NamedTuple):
    """A solution of the model: the pieces' blocks, and the rounds of each step."""

    blocks: list[int]
    chunks: int
    transfers: list[Transfer]
    group: Group
    rounds: list[int]
    reason: str


_Not = tuple[Verdict, str]


class _Half:
    """A collective that copies, or one that is such a collective backwards."""

    def __init__(self, topology: Topology, collective: Collective, watch: Watch) -> None:
        self.topology, self.collective = topology, collective
        self.inward = any(len(holders) > 1 for holders in collective.holders)
        self._machine = reverse(topology) if self.inward else topology
        self._copying = _reverse(collective) if self.inward else collective
        self.paths = switch_paths(self._machine)
        self._far = message_distances(self._machine, self.paths)
        self.group = find_symmetry(topology, collective, min(watch.room, 10.0) / 10, watch=watch)
        self.least_steps = self._farthest()
        self.bound = _bound(topology, collective, watch)
        self.least_ratio = self._ratio()

    def _farthest(self) -> int:
        """Count the ranks that some block has to pass.

        Raises:
            Infeasible: a rank cannot be reached.
        """
        what, far = self._copying, 0.0
        for holders, wanters in zip(what.holders, what.wanters, strict=True):
            far = max(far, float(self._far[np.ix_(holders, wanters)].max(initial=0.0)))
        if np.isinf(far):
            raise Infeasible(f"{self.collective.name}: some rank cannot be reached")
        return int(far)

    def _ratio(self) -> Fraction:
        """Turn the bound into rounds / chunks."""
        if self.bound.algbw is None:
            return Fraction(0)
        rate = slowest_link(self.topology) * self.topology.unit / self.bound.algbw
        return rate * self.collective.total / unit_size(self.collective)

    def ask(self, point: Instance, watch: Watch) -> _Found | _Not:
        """Answer by what needs no search, else by symmetric schedules, else by all."""
        # A step without a round carries nothing and can be left out.
        point = point._replace(steps=min(point.steps, point.rounds))
        if point.steps < self.least_steps:
            return IMPOSSIBLE, f"a block takes {self.least_steps} steps"
        if Fraction(point.rounds, point.chunks) < self.least_ratio:
            return IMPOSSIBLE, f"at least {self.least_ratio} rounds for each chunk (bound)"
        question = Question(self._machine, self._copying, self.paths, self._far, point)
        if self.group.order > 1:
            found = _search(question, self.group, watch.part(SYMMETRIC))
            if isinstance(found, _Found):
                return found
        return _search(question, trivial(self.topology), watch)

    def lay_out(self, found: _Found) -> Schedule:
        """Make the schedule that a solution means, backwards where the collective is."""
        shares = [(block, Fraction(1, found.chunks)) for block in found.blocks]
        last = len(found.rounds) - 1
        transfers = [
            Transfer(t.piece, last - t.step, t.dst, t.src, t.route[::-1], reduce=True)
            if self.inward
            else t
            for t in found.transfers
        ]
        return schedule(
            self.topology, self.collective, shares, transfers, UNPROVED, group=found.group
        )


def _search(question: Question, group: Group, watch: Watch) -> _Found | _Not:
    """Search for a schedule that the group maps to itself."""
    representatives = pieces(question, group)
    if watch.over or representatives is None:
        return OPEN, "no time left"
    from ortools.sat.python import cp_model  # a third of a second that only searches cost

    model = Model(question, group, representatives)
    solver = new_solver(SEED)
    watch.spend(WRITING * len(model.program.proto.constraints))
    solver.parameters.max_deterministic_time = min(watch.room / SEARCHING, LONGEST)
    solver.parameters.max_time_in_seconds = min(watch.left, LONGEST)
    status = _run(solver, model.program, watch)
    watch.spend(SEARCHING * solver.response_proto.deterministic_time)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        blocks = [piece.block for piece in representatives]
        symmetric = f", symmetry of order {group.order}" if group.order > 1 else ""
        transfers, rounds = model.read(solver)
        reason = f"search{symmetric}"
        return _Found(blocks, question.point.chunks, transfers, group, rounds, reason)
    if status == cp_model.INFEASIBLE:
        return IMPOSSIBLE, "search"
    if status == cp_model.UNKNOWN:
        return OPEN, "no time left" if watch.note_end() else "search"
    raise RuntimeError(f"CP-SAT: {solver.status_name(status)}")


def _run(solver: "CpSolver", program: "CpModel", watch: Watch) -> Any:  # noqa: ANN401
    """Run the engine in a thread of its own, so that Ctrl-C ends it at once.

    Raises:
        KeyboardInterrupt: at Ctrl-C, when the engine has stopped.
    """
    status: list[Any] = []
    thread = Thread(target=lambda: status.append(solver.solve(program)), daemon=True)
    with watch.running(solver.stop_search):
        thread.start()
        try:
            thread.join()
        except KeyboardInterrupt:
            solver.stop_search()
            thread.join()
            raise
    return status[0]


def _halves(collective: Collective) -> list[Collective]:
    """Take a collective apart into those that copy, or do so backwards, one after the other.

    Raises:
        CollectiveError: it is neither, and no all_reduce.
    """
    if all(len(holders) <= 1 for holders in collective.holders):
        return [collective]
    if all(len(wanters) <= 1 for wanters in collective.wanters):
        return [collective]
    if collective.shape.everyone and collective.blocks == 1:
        return [reduce_scatter(collective.ranks), all_gather(collective.ranks)]
    raise CollectiveError(
        f"{collective.name}: exact schedules are for blocks of one holder or of one wanter"
    )


def _reverse(collective: Collective) -> Collective:
    """Swap what is held and what is wanted."""
    return replace(collective, inputs=collective.outputs, outputs=collective.inputs)


def _bound(topology: Topology, collective: Collective, watch: Watch) -> Bound:
    """Compute the tightest bound that is found in time, or that of a single rank."""
    try:
        return solve.bound(topology, collective, watch)
    except (NotFound, SolverError):  # no time, or no solver
        pass
    return rank_bound(topology, collective)


def _number(half: Schedule, chunks: int, start: int) -> Iterator[Transfer]:
    """Write a half out, pieces in the order of blocks, steps from `start` on."""
    whole = unfold(half)
    order = np.argsort(whole.block, kind="stable")
    assert len(order) == half.collective.blocks * chunks
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    for t in range(len(whole.transfers)):
        row = whole.transfers[t]
        yield row._replace(piece=int(number[row.piece]), step=row.step + start)


def _provenance(point: Instance, rounds: Sequence[int]) -> dict[str, str | int | float]:
    """Note what was asked for, and with what settings it was found."""
    return {
        "solver": "synchronous",
        **point._asdict(),
        "rounds_of_steps": " ".join(map(str, rounds)),
        "search_seed": SEED,
        "workers": WORKERS,
    }
