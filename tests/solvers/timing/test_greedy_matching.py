from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from solvers.timing.greedy_matching import match_sends, schedule_by_matching
from solvers.timing.greedy_problem import Arcs, GreedyProblem, problem_along
from topologies.formats.files import load
from topologies.model.topology import Link, build, integers
from topologies.presets.shapes import hypercube, mesh, ring, torus

DATA = Path(__file__).parents[2] / "data"
SIZE = 1e8


def finish(made, size):
    """Play with nothing to wait for but data, links, and what goes before to the same rank."""
    return simulate(made, size, "store-and-forward", 1, 0, lead=10**6).seconds


def best_of(machine, name="all_gather", root=None, in_network=False):
    asked = collective(name, range(machine.ranks), root)
    return solve(machine, asked, options=SolverOptions(in_network=in_network))


def free_problem(machine, asked, size, parts, seed=0):
    """Let every piece of an all_gather take every link of a machine without switches, at random."""
    block = np.repeat(np.arange(asked.blocks), parts)
    shape = (machine.links, len(block))
    return GreedyProblem(
        topology=machine,
        arcs=Arcs(machine.src, machine.dst, tuple((link,) for link in range(machine.links))),
        block=block,
        share=(Fraction(1, parts),) * len(block),
        load=asked.sizes[block] * (size / asked.total / parts),
        root=integers(int(asked.holders[b][0]) for b in block.tolist()),
        allowed=np.ones(shape, dtype=np.bool_),
        key=np.random.default_rng(seed).integers(0, 2**16, shape),
    )


@pytest.mark.parametrize("leeway", [0.0, 4.0])
@pytest.mark.parametrize("name", ["all_gather", "broadcast", "all_to_all", "scatter", "gather"])
def test_what_is_matched_is_right_on_every_machine(small_machine, name, leeway):
    if small_machine.ranks == 1 or (leeway and name not in ("all_gather", "broadcast")):
        return
    root = 0 if name in ("broadcast", "scatter", "gather") else None
    best = best_of(small_machine, name, root)
    made = schedule_by_matching(problem_along(best, SIZE, 2, leeway), best.collective, best.bound)
    report = verify(made)
    assert report.correct, report.faults
    assert finish(made, SIZE) >= SIZE / float(best.bound.algbw) * (1 - 1e-9)


@pytest.mark.parametrize(
    "machine",
    [ring(5), mesh([3, 3]), torus([4, 4]), hypercube(3)],
    ids=["ring", "mesh", "torus", "cube"],
)
def test_without_a_guide_every_link_helps(machine):
    asked = collective("all_gather", range(machine.ranks))
    bound = best_of(machine).bound
    made = schedule_by_matching(free_problem(machine, asked, SIZE, 3, seed=1), asked, bound)
    assert verify(made).correct
    assert finish(made, SIZE) < 1.5 * SIZE / float(bound.algbw)


def test_a_piece_reaches_each_rank_once():
    machine = torus([3, 3])
    asked = collective("all_gather", range(9))
    sends = match_sends(free_problem(machine, asked, SIZE, 2))
    assert len(sends) == len({(s.piece, int(machine.dst[s.arc])) for s in sends}) == 2 * 9 * 8


def test_a_seed_gives_one_schedule():
    machine = mesh([3, 4])
    asked = collective("all_gather", range(12))
    first, again, other = (
        match_sends(free_problem(machine, asked, SIZE, 2, seed)) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_links_go_at_their_own_pace():
    # A fast and a slow way around: the slow one brings what it can in the same time.
    links = [
        Link("a", "b", 10**9, duplex=True),
        Link("b", "c", 10**9, duplex=True),
        Link("a", "c", 10**8, duplex=True),
    ]
    machine = build("uneven", ["a", "b", "c"], [], links)
    asked = collective("all_gather", range(3))
    made = schedule_by_matching(
        free_problem(machine, asked, SIZE, 8), asked, best_of(machine).bound
    )
    carried = np.bincount(made.transfers.route, minlength=machine.links)
    assert carried[4:].min() > 0
    assert carried[4:].max() < carried[:4].min()


def test_times_of_the_search_are_those_of_the_model():
    machine = torus([3, 4])
    asked = collective("all_gather", range(12))
    work = free_problem(machine, asked, SIZE, 2)
    starts = [send.start for send in match_sends(work)]
    assert starts == sorted(starts)
    hop = float(work.load[0] / machine.bandwidth[0])
    last = starts[-1] * hop / 2**20 + hop + float(machine.alpha[0])
    made = schedule_by_matching(work, asked, best_of(machine).bound)
    assert finish(made, SIZE) == pytest.approx(last, rel=1e-4)


def test_switches_that_copy_are_fed_once():
    best = best_of(load(DATA / "teccl-dgx2-2x16.toml"), in_network=True)
    made = schedule_by_matching(
        problem_along(best, 1e6, 1, 4.0), best.collective, best.bound, in_network=True
    )
    assert verify(made).correct
    into = made.transfers.dst >= made.topology.ranks
    pairs = list(zip(made.transfers.piece[into], made.transfers.dst[into], strict=True))
    assert len(pairs) == len(set(pairs))
