"""Exchanges by a matrix, and tokens of experts, in sets: right, and proved."""

import numpy as np
import pytest

from commplan.together.reading import read_words
from runtime.verify.together import verify_together
from solvers.lp.linear_program import Infeasible
from solvers.schedules.collective import CollectiveError
from solvers.schedules.ensembles import files
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.kinds import KINDS, collective
from solvers.together import block_share
from solvers.together.joint import plan_together
from topologies.formats import spec

TOKENS = "hot:tokens=4,experts=9,top=2,share=0.3,hot=2"


def matrix(ranks, demand):
    what = KINDS["all_to_allv"].make(tuple(ranks), ranks[0], demand)
    return Task(what, what.total)


@pytest.mark.parametrize(
    ("relays", "words"),
    [
        ("none", ("all:dispatch:" + TOKENS, "0-2:reduce_scatter:1MiB")),
        ("forward", ("all:combine:" + TOKENS, "0-5:all_to_allv:lognormal:sigma=1,mean=1000")),
        ("forward", ("0-4:gatherv:1,0,3000,50,7", "3-8:scatterv:1,2,3000,400,5,6")),
    ],
)
def test_what_has_blocks_of_its_own_is_right_and_proved_beside_others(words, relays, tmp_path):
    machine = spec.topology("torus:3x3")
    made = plan_together(machine, read_words(machine, words), relays)
    report = verify_together(made)
    assert report.correct, report.faults
    assert report.optimal
    files.save(made, tmp_path / "set.json.gz")
    assert verify_together(files.load(tmp_path / "set.json.gz")).optimal


@pytest.mark.parametrize("name", ["ring:5", "mesh:2x3"])
def test_a_matrix_of_equal_entries_takes_what_an_all_to_all_does(name):
    machine = spec.topology(name)
    ranks, beside = range(machine.ranks), Task(collective("all_gather", [0, 1]), 6000)
    size = 1000 * machine.ranks
    plain = plan_together(machine, [Task(collective("all_to_all", ranks), size), beside])
    even = np.full((machine.ranks,) * 2, 1000)
    given = plan_together(machine, [matrix(ranks, even), beside])
    assert given.time == plain.time == given.least


def test_symmetry_that_keeps_a_matrix_is_used_and_one_that_does_not_is_not():
    machine = spec.topology("ring:6")
    turning = np.array([[100 + (j - i) % 6 for j in range(6)] for i in range(6)])
    folded = plan_together(machine, [matrix(range(6), turning)])
    assert folded.group.order == 6
    assert verify_together(folded).optimal
    uneven = turning + np.arange(36).reshape(6, 6)
    assert plan_together(machine, [matrix(range(6), uneven)]).group.order == 1


def test_equal_parts_of_one_exchange_are_images_of_each_other():
    machine = spec.topology("nd-full-mesh:2x3")
    words = ["all/3:dispatch:hot:tokens=2,experts=3,top=2", "all%3:reduce_scatter:64KiB"]
    made = plan_together(machine, read_words(machine, words))
    assert made.copies[1].like == 0
    assert verify_together(made).optimal


def test_too_many_blocks_and_ranks_that_are_not_joined_are_refused(monkeypatch):
    machine = spec.topology("ring:4")
    with pytest.raises(Infeasible):
        plan_together(machine, [matrix((0, 2), np.full((2, 2), 5))], "none")
    monkeypatch.setattr(block_share, "MOST_BLOCKS", 3)
    uneven = np.arange(16).reshape(4, 4)
    with pytest.raises(CollectiveError, match="expected in a set at most 3"):
        plan_together(machine, [matrix(range(4), uneven)])
