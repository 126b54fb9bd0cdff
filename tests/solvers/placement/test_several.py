"""Several jobs on one machine."""

from itertools import permutations

import numpy as np
import pytest

from solvers.jobs.errors import JobError
from solvers.jobs.reading import load
from solvers.placement.judge import Judge
from solvers.placement.several import place_several
from topologies.formats.spec import topology

FLOWS = """\
# tp={tp} dp={dp}
group,collective,bytes,times
tp,all_gather,64MiB,40
dp,reduce_scatter,100MiB,1
"""


@pytest.fixture
def job(tmp_path):
    def made(tp, dp):
        path = tmp_path / f"{tp}-{dp}.csv"
        path.write_text(FLOWS.format(tp=tp, dp=dp))
        return load(str(path))

    return made


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_in_whatever_order_they_come_they_get_boxes_that_suit_them(job, order):
    machine = topology("dgx-a100:boxes=3")
    three = [job(4, 1), job(4, 2), job(8, 1)]
    found = place_several(machine, [three[number] for number in order])
    rows = [own.ranks for own in found.placements]
    assert len(set(np.concatenate(rows).tolist())) == 20
    assert [len(row) for row in rows] == [(4, 8, 8)[number] for number in order]
    assert found.bound <= found.seconds <= found.in_turn
    boxes = [set((row // 8).tolist()) for row in rows]
    assert all(len(own) == 1 for own in boxes)
    assert found.shared == 0


@pytest.mark.parametrize("machine", ["dgx-1", "torus:3x4", "irregular:seed=2"])
@pytest.mark.parametrize("second", [(1, 2), (2, 2)])
def test_no_two_jobs_get_one_rank_when_ranks_change_places(job, machine, second):
    two = [job(2, 2), job(*second)]
    found = place_several(topology(machine), two)
    taken = np.concatenate([own.ranks for own in found.placements])
    assert len(set(taken.tolist())) == len(taken)
    for own, each in zip(found.placements, two, strict=True):
        judge = Judge(topology(machine), each, forward=own.forward)
        assert judge.seconds(own.ranks) == pytest.approx(own.judged.seconds)


def test_it_is_the_best_of_all_ways_on_a_machine_that_is_small(job):
    machine = topology("dgx-a100:boxes=2")
    two = [job(2, 1), job(2, 2)]
    free = [0, 1, 2, 8, 9, 10]  # three ranks in each box
    found = place_several(machine, two, free)
    judges = [Judge(machine, each) for each in two]
    best = min(
        judges[0].seconds(np.array(row[:2])) + judges[1].seconds(np.array(row[2:]))
        for row in permutations(free)
    )
    assert found.seconds == pytest.approx(best, rel=1e-9)


def test_more_ranks_than_there_are_are_refused(job):
    with pytest.raises(JobError, match="2 jobs: 12 ranks, expected at most the 8"):
        place_several(topology("dgx-a100"), [job(8, 1), job(4, 1)])
