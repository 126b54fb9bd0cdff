from dataclasses import replace

import numpy as np
import pytest

from bench.limits import uneven
from runtime.verify.verify import verify
from solvers import fallback as module
from solvers.bounds.cuts import cut_bound, rank_bound
from solvers.fallback import fallback_schedule
from solvers.kept_symmetry import find_symmetry
from solvers.lp.linear_program import Infeasible
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.settings.deadline import NotFound, Watch
from topologies.model.topology import Link, build
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import leaf_spine, ring, star, torus
from topologies.symmetry.group import trivial

MACHINES = [
    *(ring(2), ring(5), star(5), torus([3, 4]), leaf_spine(2, 2, 3), uneven(torus([3, 3]))),
    *(random_machine(seed, 5, 2) for seed in range(2)),
]


def made(topology, name, ranks, group=None):
    what = collective(name, ranks, ranks[-1] if name in ROOTED else None)
    group = group or find_symmetry(topology, what, 0.0)
    return fallback_schedule(topology, what, group, rank_bound(topology, what))


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("topology", MACHINES, ids=lambda topology: topology.name)
def test_plain_schedules_are_right(topology, name):
    some = [rank for rank in range(topology.ranks) if rank != 1]
    for ranks in (range(topology.ranks), some):
        for group in (None, trivial(topology)):
            report = verify(made(topology, name, ranks, group))
            assert report.correct, report.faults


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("topology", MACHINES, ids=lambda topology: topology.name)
def test_ranks_outside_copy_and_add_nothing_where_they_may_only_pass_on(topology, name):
    draw = np.random.default_rng(0)
    for size in sorted({2, topology.ranks // 2 + 1} & set(range(2, topology.ranks))):
        ranks = sorted(draw.choice(topology.ranks, size, replace=False).tolist())
        what = collective(name, ranks, ranks[-1] if name in ROOTED else None)
        for group in (find_symmetry(topology, what, 0.0), trivial(topology)):
            found = fallback_schedule(
                topology, what, group, rank_bound(topology, what), relays="forward"
            )
            report = verify(replace(found, relays="forward"))
            assert report.correct, report.faults


def test_a_good_part_of_the_bound_is_reached_on_a_torus_and_on_boxes():
    for topology in (uneven(torus([4, 4])), uneven(dgx_a100(4))):
        what = collective("all_gather", range(topology.ranks))
        report = verify(made(topology, "all_gather", range(topology.ranks)))
        assert report.algbw > cut_bound(topology, what).algbw * 2 / 5


def test_where_time_gets_short_every_root_sends_along_its_shortest_ways(monkeypatch):
    monkeypatch.setattr(module, "HURRY", 2.0)
    topology, what = torus([4, 4]), collective("all_gather", range(16))
    watch = Watch(600.0)
    schedule = fallback_schedule(
        topology, what, trivial(topology), rank_bound(topology, what), watch
    )
    report = verify(schedule)
    assert report.correct
    assert report.height == 4  # the farthest rank of a 4×4 torus


def test_the_load_spreads_over_equal_ways():
    topology = leaf_spine(2, 4, 4)
    rows = made(topology, "all_to_all", range(8), trivial(topology)).transfers
    used = np.unique(topology.dst[rows.route])
    assert used.tolist() == list(range(14))  # every rank, both leaves and all four spines


def test_the_loads_of_an_all_to_all_prove_more_than_cuts_around_ranks_do():
    topology = uneven(dgx_a100(3))
    what = collective("all_to_all", range(24))
    schedule = made(topology, "all_to_all", range(24))
    report = verify(schedule)
    assert report.correct
    assert report.proved == schedule.bound.algbw < rank_bound(topology, what).algbw / 2


def test_a_single_rank_has_nothing_to_send():
    assert not len(made(ring(4), "all_reduce", [2]).transfers)


def test_what_cannot_be_reached_is_infeasible():
    links = [Link("a", "b", 10**9, duplex=True), Link("c", "a", 10**9)]
    topology = build("dead end", ["a", "b", "c"], [], links)
    what = collective("all_gather", range(3))
    with pytest.raises(Infeasible, match="cannot be reached"):
        fallback_schedule(topology, what, trivial(topology), rank_bound(ring(3), what))


def test_time_that_is_over_ends_it():
    topology, what = ring(4), collective("all_gather", range(4))
    with pytest.raises(NotFound, match="the time is over"):
        fallback_schedule(topology, what, trivial(topology), rank_bound(topology, what), Watch(0.0))


@pytest.mark.parametrize("name", ["all_gather", "all_to_all", "scatter"])
def test_more_transfers_than_can_be_written_are_refused(name, monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    with pytest.raises(NotFound, match="more than 10, the most that are written out"):
        made(torus([3, 3]), name, range(9), trivial(torus([3, 3])))


def test_an_all_reduce_takes_fewer_roots_rather_than_too_many_transfers(monkeypatch):
    topology = uneven(torus([3, 3]))
    monkeypatch.setattr(module, "MOST", 60)
    schedule = made(topology, "all_reduce", range(9))
    assert verify(schedule).correct
    assert len(schedule.transfers) < 9 * 16 * module.BATCHES
