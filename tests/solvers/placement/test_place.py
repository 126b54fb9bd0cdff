"""Placements: judged rightly, never worse than the usual ones, and within their bound."""

from itertools import permutations

import networkx as nx
import numpy as np
import pytest
from msgspec.structs import replace

from solvers.jobs.errors import JobError
from solvers.jobs.job import Hidden
from solvers.jobs.layout import axes, groups
from solvers.jobs.reading import load
from solvers.placement.bounds import lower_bound
from solvers.placement.judge import Judge
from solvers.placement.orders import Nested
from solvers.placement.search import place
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from solvers.solve import bound
from topologies.formats.spec import topology

FLOWS = """\
# tp={tp} dp={dp} pp={pp}
group,collective,bytes,times
tp,all_gather,64MiB,40
tp,all_to_all,8MiB,10
dp,all_reduce,16MiB,4
dp,reduce_scatter,100MiB,1
pp,send,4MiB,16
"""
EXCHANGE = """\
# tp={tp} dp={dp} pp={pp}
group,collective,bytes,times
dp,all_to_all,1MiB,1
"""


@pytest.fixture
def job(tmp_path):
    def made(tp=1, dp=1, pp=1, text=FLOWS):
        path = tmp_path / f"{tp}-{dp}-{pp}.csv"
        path.write_text(text.format(tp=tp, dp=dp, pp=pp))
        return load(str(path))

    return made


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        *((m, c) for m in ("star:6", "cloudmatrix384:nodes=2", "dgx-h100:boxes=2")
          for c in ("all_gather", "reduce_scatter", "all_reduce", "all_to_all")),
        ("full-mesh:5", "all_gather"),
        ("nd-full-mesh:4x4", "all_to_all"),
        ("torus:4x4", "all_to_all"),
        ("ring:8", "all_gather"),
    ],
)  # fmt: skip
def test_over_all_ranks_the_cuts_are_what_the_planner_proves(job, machine, name):
    made = topology(machine)
    judge = Judge(made, job(tp=made.ranks))
    found, _ = judge.rate(np.arange(made.ranks), "tp", name)
    proved = bound(made, collective(name, range(made.ranks))).algbw
    assert found * float(proved) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all"])
@pytest.mark.parametrize(("tp", "dp"), [(8, 4), (2, 16), (16, 2)])
def test_a_group_alone_is_no_faster_than_all_at_once_are_judged(job, tp, dp, name):
    made = topology("cloudmatrix384:nodes=2")
    found, _ = Judge(made, job(tp=tp, dp=dp)).rate(np.arange(32), "tp", name)
    what = collective(name, range(tp))
    alone = bound(made, what, options=SolverOptions(relays="none")).algbw
    assert found * float(alone) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_to_all"])
@pytest.mark.parametrize("group", [(0, 1, 8, 16), (0, 8, 9, 10), (0, 1, 2, 8, 9, 16)])
def test_ranks_that_idle_give_a_group_none_of_their_links(job, group, name):
    made = topology("dgx-h100:boxes=3")
    found, _ = Judge(made, job(tp=len(group))).rate(np.array(group), "tp", name)
    alone = bound(made, collective(name, group), options=SolverOptions(relays="none")).algbw
    assert found * float(alone) == pytest.approx(1, rel=1e-9)


def test_a_group_larger_than_a_box_is_placed_with_proof_among_idle_ranks(job):
    placed = place(topology("dgx-h100:boxes=4"), job(dp=16, text=EXCHANGE))
    assert placed.gap == pytest.approx(0, abs=1e-9)
    assert len(np.unique(placed.ranks // 8)) == 2


@pytest.mark.parametrize("machine", ["leaf-spine:3x1x2", "ring:6", "full-mesh:6", "wild:6:seed=3"])
@pytest.mark.parametrize(("tp", "dp", "pp"), [(2, 3, 1), (3, 1, 2), (1, 3, 2)])
def test_no_placement_at_all_beats_the_bound(job, machine, tp, dp, pp):
    made = topology(machine)
    assert made.ranks == 6
    placed = place(made, job(tp, dp, pp))
    judge = Judge(made, job(tp, dp, pp), placed.forward)
    least = min(judge.seconds(np.array(each)) for each in permutations(range(6)))
    assert lower_bound(judge, np.arange(6)) <= least * (1 + 1e-9)
    assert placed.judged.seconds == pytest.approx(least, rel=1e-9)
    assert placed.gap == pytest.approx(0, abs=1e-9)
    assert placed.bound <= placed.judged.seconds * (1 + 1e-9)
    assert placed.judged.seconds <= 1.05 * least


@pytest.mark.parametrize("machine", ["dgx-a100:boxes=2", "cloudmatrix384:nodes=1", "torus:4x4"])
@pytest.mark.parametrize(("tp", "dp", "pp"), [(4, 2, 2), (2, 4, 2), (2, 2, 4)])
def test_none_of_the_usual_placements_is_better(job, machine, tp, dp, pp):
    placed = place(topology(machine), job(tp, dp, pp))
    assert placed.judged.seconds <= min(placed.others.values())
    assert sorted(placed.ranks.tolist()) == list(range(16))


def test_what_moves_most_stays_where_links_are_fast(job):
    placed = place(topology("dgx-a100:boxes=4"), job(tp=8, dp=4))
    assert placed.proved
    boxes = placed.ranks.reshape(4, 8) // 8  # job ranks of one tp group in a row
    assert (boxes == boxes[:, :1]).all()


def test_dead_ranks_are_left_out_and_blocks_stay_whole(job):
    made = topology("dgx-a100:boxes=4")
    alive = [rank for rank in range(32) if rank not in (1, 9, 10, 17, 18, 19, 25, 30)]
    text = "# tp=4 dp=6\ngroup,collective,bytes,times\ntp,all_gather,64MiB,40\n"
    placed = place(made, job(text=text), alive)
    assert set(placed.ranks.tolist()) <= set(alive)
    assert placed.judged.seconds <= min(placed.others.values())
    # Boxes of 7, 6, 5 and 6 can hold a whole group each; the rest, 8 ranks, are of two.
    label = placed.ranks.reshape(6, 4) // 8
    assert sum((row == row[0]).all() for row in label) >= 3


def test_a_rank_whose_sibling_is_dead_bounds_what_can_be_reached(job):
    # A die's link to the other die of its package is of no use where that one is dead.
    made = topology("cloudmatrix384:nodes=1")
    text = "# tp=2 dp=7\ngroup,collective,bytes,times\ntp,all_gather,64MiB,40\n"
    placed = place(made, job(text=text), [rank for rank in range(16) if rank not in (3, 8)])
    assert placed.gap < 0.01  # but for the latency inside a package


def test_pinned_ranks_stay_where_they_are(job):
    placed = place(topology("dgx-a100:boxes=2"), job(tp=4, dp=4), pinned={0: 15, 7: 2})
    assert (placed.ranks[0], placed.ranks[7]) == (15, 2)
    assert not placed.proved
    assert sorted(placed.ranks.tolist()) == list(range(16))


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        ({99: 0}, "found rank 99 of the job, expected 0 to 15"),
        ({0: 99}, "rank 99 of the machine may not be used"),
        ({0: 3, 1: 3}, "rank 3 of the machine is job rank 0's too"),
    ],
)
def test_pins_that_cannot_be_are_refused(job, pins, said):
    with pytest.raises(JobError, match=said):
        place(topology("dgx-a100:boxes=2"), job(tp=4, dp=4), pinned=pins)


def test_more_ranks_than_there_are_are_refused(job):
    with pytest.raises(JobError, match="= 32 ranks, expected at most the 16 of dgx-a100:boxes=2"):
        place(topology("dgx-a100:boxes=2"), job(tp=4, dp=8))


def test_what_is_hidden_does_not_count(job):
    made = job(tp=8, dp=2)
    hidden = load("ub-mesh-moe-2t", ["hidden.dp.part=0.5"]).hidden
    machine = topology("dgx-a100:boxes=2")
    plain = place(machine, made).judged
    import msgspec

    half = place(machine, msgspec.structs.replace(made, hidden=hidden)).judged
    assert half.exposed["dp"] == pytest.approx(plain.exposed["dp"] / 2)


def test_nothing_hides_that_ranks_do_not_reach_each_other(job):
    own = replace(job(tp=2, dp=2), hidden={"tp": Hidden(part=1.0)})
    assert Judge(topology("ring:8"), own).seconds(np.array([0, 4, 2, 6])) == float("inf")


def test_a_placement_is_the_same_each_time(job):
    made = topology("torus:4x4")
    one, other = (place(made, job(tp=4, dp=2, pp=2)) for _ in range(2))
    assert (one.ranks == other.ranks).all()


def test_boxes_with_a_way_out_wider_than_a_ranks_own_are_seen(job):
    # Each leaf has two hosts of 50 GB/s and 100 to the spines: as wide as both, wider than one.
    made = topology("leaf-spine:4x2x4")
    placed = place(made, job(tp=4, dp=4))
    assert {family.count for family in Judge(made, job(tp=4, dp=4)).families} == {4}
    assert placed.judged.seconds <= min(placed.others.values())


def test_several_links_to_one_rank_all_count_in_the_bound(job):
    machine, usable = topology("random:4:switches=2:seed=15"), list(range(4))
    text = "# tp=4\ngroup,collective,bytes,times\ntp,reduce_scatter,1MiB,3\n"
    placed = place(machine, job(tp=4, text=text), usable)
    assert placed.bound <= placed.judged.seconds


def test_ranks_that_the_job_has_no_need_of_take_the_places_of_slower_ones(job):
    machine, usable = topology("random:5:switches=1:seed=26"), [0, 1, 2]
    small = job(tp=2, text="# tp=2\ngroup,collective,bytes,times\ntp,all_reduce,64MiB,1\n")
    placed = place(machine, small, usable)
    judge = Judge(machine, small, placed.forward)
    assert placed.judged.seconds == min(judge.seconds(np.array(p)) for p in permutations(usable, 2))
    assert placed.judged.seconds < 0.6 * placed.others["Megatron-LM's"]


@pytest.mark.parametrize("name", ["ring:8", "ring:16", "full-mesh:8", "star:8", "dgx-a100"])
def test_what_is_said_to_be_the_best_nested_order_is_that(job, name):
    machine = topology(name)
    asked = job(dp=4, pp=2, tp=machine.ranks // 8, text=EXCHANGE)
    found = place(machine, asked)
    judge, of = Judge(machine, asked), axes(asked.layout)
    halves = [(at, 2) for at, axis in enumerate(of) for _ in range(axis.size.bit_length() - 1)]
    orders = {Nested(row, tuple(of)) for row in permutations(halves)}
    best = min(judge.seconds(order.place(np.arange(machine.ranks))) for order in orders)
    assert found.judged.seconds <= best * (1 + 1e-9) or not found.proved
    assert found.proved == (not name.startswith("ring"))


def test_no_group_falls_apart_where_others_pass_nothing_on(job):
    machine = topology("mesh:4x4")
    asked = job(tp=2, dp=4, pp=2, text=EXCHANGE)
    found = place(machine, asked)
    links = nx.Graph(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
    assert not found.forward
    for ranks in found.ranks[groups(asked.layout, "dp")].tolist():
        assert nx.is_connected(links.subgraph(ranks))


@pytest.mark.parametrize("seed", [0, 8, 15, 22])
def test_a_small_job_on_a_larger_machine_is_not_left_where_chance_finds_better(job, seed):
    machine = topology(f"irregular:seed={seed}")
    asked = job(dp=2, pp=2, text=FLOWS)
    found = place(machine, asked)
    judge, rng = Judge(machine, asked, found.forward), np.random.default_rng(seed)
    drawn = (rng.choice(machine.ranks, 4, replace=False) for _ in range(300))
    assert found.judged.seconds <= min(map(judge.seconds, drawn)) * (1 + 1e-9)
