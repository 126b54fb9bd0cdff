"""Tasks planned as one: right, proved, as an exact program says, and never slower than alone."""

import random
from fractions import Fraction
from itertools import count

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import lil_matrix

from commplan.together.planning import together
from runtime.verify.together import verify_together
from runtime.verify.verify import verify
from solvers.lp.linear_program import Infeasible
from solvers.schedules.collective import CollectiveError
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.together.joint import plan_together
from topologies.formats import spec
from topologies.model.errors import ArgumentError
from topologies.symmetry.group import trivial

KINDS = ("all_gather", "reduce_scatter", "all_reduce", "all_to_all", "broadcast", "gather")


def draw(machine, seed, most=4):
    """Deal ranks out to groups; some ranks may be in two of them."""
    chance = random.Random(seed)
    ranks = list(range(machine.ranks))
    chance.shuffle(ranks)
    groups = [ranks[i::3] for i in range(min(3, machine.ranks // 2))]
    groups.append(chance.sample(ranks, min(most, machine.ranks)))
    tasks = []
    for group in groups:
        kind = chance.choice(KINDS)
        root = min(group) if kind in ("broadcast", "gather") else None
        tasks.append(Task(collective(kind, group, root), chance.choice((1, 3, 4)) * 1000))
    return list({task.key: task for task in tasks}.values())


@pytest.mark.parametrize("name", ["torus:3x3", "mesh:2x3", "dgx-1", "random:6:switches=2:seed=3"])
def test_sets_are_right_proved_and_never_slower_than_each_alone(name):
    machine = spec.topology(name)
    for seed in range(2):
        tasks = draw(machine, seed)
        made = together(machine, tasks, "forward", Watch(60), throughput=True)
        assert made.report.correct, made.report.faults
        assert made.report.optimal
        assert made.alone.seconds >= made.seconds * (1 - 1e-9)
        assert made.gain >= 1 - 1e-9


def least_time(machine, tasks):
    """Solve one exact program of all tasks on a machine without switches, of all ranks.

    A broadcast of a unit needs, and by Edmonds' branching theorem no more than, an amount on each
    link under which a flow of a unit goes from the root to every rank; so does a sum on reversed
    links. What goes to each rank is a flow of its own.
    """
    number, entries, totals = count(), [], []
    links, loads = machine.links, []
    rows = count()

    def flow(src, dst, amount, reverse):
        own = [next(number) for _ in range(links)]
        tail, head = (machine.dst, machine.src) if reverse else (machine.src, machine.dst)
        for vertex in range(machine.vertices):
            row = next(rows)
            entries.extend((row, own[e], 1.0) for e in np.flatnonzero(tail == vertex))
            entries.extend((row, own[e], -1.0) for e in np.flatnonzero(head == vertex))
            totals.append(amount * ((vertex == src) - (vertex == dst)))
        return own

    below = []
    for task in tasks:
        what = task.collective
        part = task.size / len(what.ranks)
        for root in what.ranks:
            others = [rank for rank in what.ranks if rank != root]
            if what.name == "all_to_all":
                loads += [flow(root, rank, part, False) for rank in others]
                continue
            own = [next(number) for _ in range(links)]
            loads.append(own)
            for rank in others:
                through = flow(root, rank, part, what.name == "reduce_scatter")
                below += list(zip(through, own, strict=True))
    time = next(number)
    columns = time + 1
    equal = lil_matrix((len(totals), columns))
    for row, column, value in entries:
        equal[row, column] += value
    upper = lil_matrix((len(below) + links, columns))
    for row, (inner, outer) in enumerate(below):
        upper[row, inner], upper[row, outer] = 1.0, -1.0
    for own in loads:
        for link, column in enumerate(own):
            upper[len(below) + link, column] += 1.0
    upper[len(below) :, time] = -machine.bandwidth[:, None] / 1e9
    cost = np.zeros(columns)
    cost[time] = 1.0
    limits = np.zeros(len(below) + links)
    found = linprog(cost, upper.tocsr(), limits, equal.tocsr(), totals, method="highs")
    return found.fun / 1e9


@pytest.mark.parametrize(
    "name", ["random:5:switches=0:seed=1", "random:4:switches=0:seed=5", "mesh:2x2"]
)
@pytest.mark.parametrize("kinds", [("all_gather", "all_to_all"), ("reduce_scatter", "all_gather")])
def test_the_time_is_that_of_an_exact_program_of_all_trees_and_flows(name, kinds):
    machine = spec.topology(name)
    assert machine.vertices == machine.ranks
    sizes = (1000 * machine.ranks, 3000 * machine.ranks)
    tasks = [
        Task(collective(kind, range(machine.ranks)), size)
        for kind, size in zip(kinds, sizes, strict=True)
    ]
    made = plan_together(machine, tasks)
    assert made.time == made.least  # in fractions
    assert float(made.time) == pytest.approx(least_time(machine, tasks), rel=1e-7)


def test_two_groups_on_a_star_share_nothing_and_take_what_one_takes():
    machine = spec.topology("star:8")
    tasks = [Task(collective("all_gather", ranks), 4000) for ranks in (range(4), range(4, 8))]
    made = plan_together(machine, tasks)
    rate = machine.unit * int(machine.capacity[0])
    assert made.time == made.least == Fraction(3000) / rate


def test_symmetry_changes_no_time_and_gives_every_task_its_schedule():
    machine = spec.topology("dgx-a100:boxes=2")
    rows = [range(8), range(8, 16), *(range(i, 16, 8) for i in range(8))]
    tasks = [Task(collective("all_to_all", r), 8000) for r in rows]
    folded = plan_together(machine, tasks)
    flat = plan_together(machine, tasks, group=trivial(machine))
    assert folded.group.order > 1
    assert len(folded.schedules) < len(flat.schedules) == len(tasks)
    assert folded.time == flat.time == folded.least == flat.least
    assert verify_together(folded).optimal
    assert verify_together(flat).optimal
    for number, task in enumerate(tasks):
        own = folded.schedule(number)
        assert own.collective.ranks == task.collective.ranks
        assert verify(own).correct


def test_a_single_rank_moves_nothing_and_a_set_of_such_takes_no_time():
    machine = spec.topology("ring:4")
    alone = Task(collective("all_gather", [2]), 8)
    made = plan_together(
        machine, [alone, Task(collective("all_gather", [0, 1, 3]), 300)], "forward"
    )
    assert verify_together(made).optimal
    nothing = plan_together(machine, [alone])
    assert nothing.time == 0
    assert verify_together(nothing).correct


def test_tasks_that_make_no_set_are_refused():
    machine = spec.topology("ring:4")
    one = Task(collective("all_gather", [0, 1]), 8)
    with pytest.raises(CollectiveError, match="it is the same as 0"):
        plan_together(machine, [one, one])
    with pytest.raises(CollectiveError, match="expected ranks among the 4"):
        plan_together(machine, [Task(collective("all_gather", [0, 7]), 8)])
    what = collective("all_gather", [0, 1])
    for tasks in ([what], [Task(what, 1), None], what):
        with pytest.raises(ArgumentError, match=r"tasks.*expected a (Task|list of Task)"):
            plan_together(machine, tasks)
    with pytest.raises(CollectiveError, match="0 collectives"):
        plan_together(machine, [])
    with pytest.raises(Infeasible):
        plan_together(machine, [Task(collective("all_gather", [0, 2]), 8)], "none")
