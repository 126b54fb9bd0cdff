"""Schedules of tasks that share links: one linear program for all, its optimum proved by prices.

Statement. Let x(g) be amounts on the trees or paths of task g, as its own program has them, and
load(g, e) what they put on link e for a byte of the task. All are over in

    T = min max over links e of (sum over g of size(g) * load(g, e)) / capacity(e),

which is linear in all x together: the programs of the tasks side by side, with one row for each
link. Its duals are prices of links that hold for all tasks; where no task has a cheaper tree or
path under them than those in use, T is the optimum over all trees, and the prices prove it
(`solvers/certify/together.py`); else each task takes in what it asks for, and the program is solved
again. Minimising T weighs tasks by their bytes: all are done at T, and none at the cost of another.

With a group H that permutes the tasks, one task of each orbit is written down, folded by the
elements that keep it, and loads are added up over orbits of links under H: averaging over H shows
that nothing is lost, and the images of the schedules load all links of an orbit alike. A crossing
of a link counts |H| times for its orbit, whichever elements keep the task.

Source: Dantzig and Wolfe, Decomposition principle for linear programs, Operations Research 8
(1960), with a block for each task; the blocks are those of `solvers/packing/order_lp.py`.

Complexity: for each round a program of the sizes of all tasks' programs added up.
"""

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction

import numpy as np

from solvers.lp.linear_program import Infeasible
from solvers.schedules.capabilities import Relays
from solvers.schedules.ensembles.ensemble import (
    Ensemble,
    Task,
    check_tasks,
)
from solvers.settings.deadline import NO_DEADLINE, NotFound, Watch
from solvers.together.program import JointProgram
from solvers.together.symmetry import find_common
from topologies.model.topology import FloatArray, Topology
from topologies.symmetry.group import Group

CLOSE = 1e-9  # relative distance at which floats count as equal
ROUNDS = 400  # of pricing, at most


def plan_together(
    topology: Topology,
    tasks: Sequence[Task],
    relays: Relays = "none",
    watch: Watch = NO_DEADLINE,
    group: Group | None = None,
) -> Ensemble:
    """Find schedules for tasks that run at the same time, over soonest together, and the proof.

    Args:
        topology: the machine.
        tasks: different ones.
        relays: what ranks do for tasks that they are not in: "none" or "forward".
        watch: says when to stop; then the best so far is taken.
        group: automorphisms that permute the tasks; looked for, where none is given.

    Raises:
        CollectiveError: the tasks make no set.
        Infeasible: ranks of a task cannot reach each other.
        NotFound: the time was over before there was anything.
    """
    return plan_variants(topology, tasks, relays, watch, group)[0]


def plan_variants(
    topology: Topology,
    tasks: Sequence[Task],
    relays: Relays = "none",
    watch: Watch = NO_DEADLINE,
    group: Group | None = None,
    slacks: Sequence[Fraction] = (),
) -> list[Ensemble]:
    """Find the set of `plan_together`, and sets whose links may take a little longer.

    Where there is slack, what comes early can come earlier: over fewer stops, on lower trees; for
    small sizes that may be worth more than the last per cent of the links.

    Args:
        topology: the machine.
        tasks: different ones.
        relays: as of `plan_together`.
        watch: as of `plan_together`.
        group: as of `plan_together`.
        slacks: parts of the least time; those that the time limit or floats do not allow for are
            left out.

    Raises:
        CollectiveError, Infeasible, NotFound: as of `plan_together`.
    """
    check_tasks(tasks, topology)
    group = find_common(topology, tasks, watch) if group is None else group
    program = JointProgram(topology, tasks, relays, group, watch)
    if not program.shares:
        return [program.still()]
    best: tuple[float, FloatArray] = (0.0, np.zeros(0))
    now = program.solve()
    for _ in range(ROUNDS):
        due, grown = program.price(now)
        if due > best[0]:
            best = due, now.prices
        watch.tell(f"{now.time / due - 1:.2%} from the bound" if due else "planning together")
        if not grown or best[0] >= now.time * (1 - CLOSE) or watch.over:
            break
        try:
            now = program.solve(now)
        except NotFound:
            break
    prices, proved = program.certify(best[1], now.time)
    found = [program.ensemble(now, prices, proved)]
    for slack in slacks:
        with suppress(NotFound, Infeasible):
            found.append(program.ensemble(now, prices, proved, slack))
    return found
