"""The k-synchronous question as a constraint program, for collectives that only copy.

Statement. Each block, held by one rank, is cut into C equal pieces. The schedule has S steps; step
s lasts r_s >= 1 rounds, R in all. In a round the slowest link of the machine passes one piece of
the unit size (the greatest common divisor of the block sizes, over C), any other link as many
times more as its bandwidth says; what a link passes in a step is counted over the whole step, so
that bandwidths need not be multiples of one another. Is there a schedule?

Model. Of each piece p, with a bool for each entry:
    has[p, v, s]   rank v has it after step s; 1 at its holder, and at those who want it after S
    send[p, w, s]  it takes path w in step s, from rank to rank; switches only forward
    send[p, w from u to v, s] <= has[p, u, s - 1]
    sum over the paths w into v of send[p, w, s] = has[p, v, s] - has[p, v, s - 1]
    sum over the p and w that cross link e of weight[p] send[p, w, s] c_min <= c_e r_s
The second line makes `has` rise once, so that each piece reaches a rank at most once: nothing is
lost by that, as a second copy can be left out. A rank that does not want a piece must send it on,
and variables exist only between the first step in which the piece can be there and the last one
from which it still reaches someone who wants it. Pieces of one block can change places: the first
sends of each, read as a binary number, ascend. Nothing else is left out, so no solution means
that there is no schedule.

With a group only schedules that it maps to themselves are looked for: pieces, and links in the
last line, are those of one representative of each orbit, and the group acts freely on pieces
(C is a multiple of the elements that keep a block). A solution is a schedule; none proves nothing.

Size: pieces × (ranks + paths) × S bools, over the order of the group.
Source: Cai et al., Synthesizing optimal collective algorithms, PPoPP 2021, arXiv:2008.08708 (the
question; there with SMT, without switches' paths and without groups).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from solvers.routing.switch_paths import SwitchPath
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Transfer
from solvers.settings.deadline import NotFound
from topologies.model.topology import FloatArray, IntArray, Topology
from topologies.symmetry.group import Group, link_images, orbits

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpSolver

KEY_BITS = 40  # first sends of a piece that its place among the pieces of its block is read from

Literal = Any  # a CP-SAT variable, or 0 or 1 where it is known


class Instance(NamedTuple):
    """Steps, rounds of all steps together, and pieces that each block is cut into."""

    steps: int
    rounds: int
    chunks: int


@dataclass(frozen=True, eq=False)
class Question:
    """A machine with its paths, a collective whose blocks have one holder each, and a point.

    Attributes:
        far: (ranks, ranks) the messages that it takes from rank to rank.
    """

    topology: Topology
    collective: Collective
    paths: Sequence[SwitchPath]
    far: FloatArray
    point: Instance


class Piece(NamedTuple):
    """A representative piece: the block, its holder, and who wants it."""

    block: int
    holder: int
    wanters: frozenset[int]


def pieces(question: Question, group: Group) -> list[Piece] | None:
    """Find a representative of each orbit of pieces; None where C pieces do not make whole orbits.

    Raises:
        CollectiveError: the group does not keep the collective.
    """
    what, found = question.collective, []
    covered = np.zeros(what.blocks, dtype=np.bool_)
    for block in range(what.blocks):
        if covered[block]:
            continue
        images = what.images(block, group)
        covered[images] = True
        copies, rest = divmod(question.point.chunks, int((images == block).sum()))
        if rest:
            return None
        wanters = frozenset(what.wanters[block].tolist())
        found += [Piece(block, int(what.holders[block][0]), wanters)] * copies
    return found


def slowest_link(topology: Topology) -> int:
    """Compute the least capacity of a link, in units of the machine."""
    return int(topology.capacity.min()) if topology.links else 1


def unit_size(collective: Collective) -> int:
    """Compute the greatest size that divides those of all blocks, at least 1."""
    return max(reduce(gcd, collective.sizes.tolist(), 0), 1)


class Model:
    """The constraint program of a question, and the schedule that a solution means."""

    def __init__(self, question: Question, group: Group, representatives: Sequence[Piece]) -> None:
        from ortools.sat.python import cp_model  # as in solvers/exact/search.py

        self.program = cp_model.CpModel()
        self.question, self._group = question, group
        self._ways_into: list[list[int]] = [[] for _ in range(question.topology.ranks)]
        for number, path in enumerate(question.paths):
            self._ways_into[path.dst].append(number)
        self._sends: dict[tuple[int, int, int], Literal] = {}
        self._pieces = representatives
        for number, piece in enumerate(representatives):
            self._spread(number, piece)
        self._order()
        self._rounds = self._durations()
        self._fill()

    def _spread(self, number: int, piece: Piece) -> None:
        """Let one piece reach everyone who wants it."""
        point, program = self.question.point, self.program
        windows = dict(self._windows(piece))
        has = {
            v: {s: program.new_bool_var(f"has {number} {v} {s}") for s in range(first, last + 1)}
            for v, (first, last) in windows.items()
        }

        def held(v: int, s: int) -> Literal:
            if v == piece.holder:
                return 1
            if v not in windows or s < windows[v][0]:
                return 0
            return has[v][min(s, windows[v][1])]

        onward: dict[int, list[Literal]] = {v: [] for v in windows}
        for v, (first, last) in windows.items():
            for s in range(first, last + 1):
                arriving = []
                for w in self._ways_into[v]:
                    src = self.question.paths[w].src
                    if isinstance(before := held(src, s - 1), int) and not before:
                        continue
                    send = program.new_bool_var(f"send {number} {w} {s}")
                    self._sends[number, w, s] = send
                    arriving.append(send)
                    if src != piece.holder:
                        program.add_implication(send, before)
                        onward[src].append(send)
                program.add(sum(arriving) == held(v, s) - held(v, s - 1))
        for v in windows:
            if v in piece.wanters:
                program.add(held(v, point.steps) == 1)
            else:
                program.add(sum(onward[v]) >= held(v, point.steps))

    def _windows(self, piece: Piece) -> Iterator[tuple[int, tuple[int, int]]]:
        """Compute for each rank the first and the last step in which the piece may come to it."""
        far, steps = self.question.far, self.question.point.steps
        wanters = sorted(piece.wanters - {piece.holder})
        if not wanters:
            return
        for v in range(self.question.topology.ranks):
            there, on = far[piece.holder, v], far[v, wanters].min()
            if v != piece.holder and isfinite(there) and isfinite(on) and there + on <= steps:
                yield v, (int(there), steps - int(on))

    def _order(self) -> None:
        """Put the pieces of one block in the order of their first sends."""
        firsts: dict[int, list[tuple[int, Literal]]] = {}
        for (number, w, s), send in self._sends.items():
            if s == 1:
                firsts.setdefault(number, []).append((w, send))
        keys = {
            number: sum((1 << i) * send for i, (_, send) in enumerate(sends[:KEY_BITS]))
            for number, sends in firsts.items()
        }
        for number in range(1, len(self._pieces)):
            same = self._pieces[number].block == self._pieces[number - 1].block
            if same and number in keys:
                self.program.add(keys[number - 1] <= keys[number])

    def _durations(self) -> list[Literal]:
        """Give each step its rounds."""
        point = self.question.point
        longest = point.rounds - point.steps + 1
        rounds = [self.program.new_int_var(1, longest, f"rounds {s}") for s in range(point.steps)]
        self.program.add(sum(rounds) == point.rounds)
        return rounds

    def _fill(self) -> None:
        """Keep what each link passes in each step within the step's rounds.

        Raises:
            NotFound: the figures are too large for the engine's 64 bits.
        """
        from ortools.sat.python.cp_model import LinearExpr

        topology, group = self.question.topology, self._group
        orbit = orbits(link_images(topology, group.generators), topology.links)
        images = group.order // np.bincount(orbit)
        capacity = np.zeros(len(images), dtype=np.int64)
        capacity[orbit] = topology.capacity
        weight = self._weights()
        slowest = slowest_link(topology)
        most = max(
            int(weight.max(initial=0)) * slowest * group.order,
            int(topology.capacity.max(initial=1)),
        )
        if most * (len(self._sends) + self.question.point.rounds) * topology.links >= 2**62:
            raise NotFound(f"{topology.name}: sizes and bandwidths of too many digits to be exact")
        crossings = [
            [
                (int(o), int(times) * int(images[o]) * slowest)
                for o, times in zip(
                    *np.unique(orbit[list(path.links)], return_counts=True), strict=True
                )
            ]
            for path in self.question.paths
        ]
        load: dict[tuple[int, int], tuple[list[Literal], list[int]]] = {}
        weights = weight.tolist()
        for (number, w, s), send in self._sends.items():
            for o, amount in crossings[w]:
                sends, amounts = load.setdefault((o, s), ([], []))
                sends.append(send)
                amounts.append(amount * weights[number])
        for (o, s), (sends, amounts) in load.items():
            terms, factors = [*sends, self._rounds[s - 1]], [*amounts, -int(capacity[o])]
            self.program.add(LinearExpr.weighted_sum(terms, factors) <= 0)

    def _weights(self) -> IntArray:
        """Compute the pieces' sizes in the unit."""
        what = self.question.collective
        return what.sizes[[piece.block for piece in self._pieces]] // unit_size(what)

    def read(self, solver: "CpSolver") -> tuple[list[Transfer], list[int]]:
        """Give the transfers of a solution and the rounds of each step."""
        transfers = [
            Transfer(number, s - 1, path.src, path.dst, path.links)
            for (number, w, s), send in self._sends.items()
            if solver.boolean_value(send)
            for path in (self.question.paths[w],)
        ]
        return transfers, [solver.value(rounds) for rounds in self._rounds]
