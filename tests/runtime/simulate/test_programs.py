"""Which messages behave alike in each of the programs of a set, and how those are played."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.metrics.pacing import MOST_LEAD, USUAL
from runtime.simulate.messages import Cutting
from runtime.simulate.play import play, play_in_python
from runtime.simulate.programs import one_program
from runtime.simulate.recent import prepare
from runtime.simulate.simulate import SHARINGS, simulate
from runtime.simulate.together import (
    LEADS,
    NEAR,
    lateness,
    playable,
    simulate_together,
    with_best_lead,
)
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.kinds import collective
from solvers.schedules.unfold import unfold
from solvers.settings.deadline import NO_DEADLINE
from solvers.solve import solve
from solvers.together.joint import plan_variants
from topologies.presets.shapes import full_mesh, leaf_spine, ring, star, torus

MACHINES = [ring(5), ring(6), torus([3, 3]), full_mesh(4), star(5), leaf_spine(2, 2, 2)]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
@pytest.mark.parametrize("name", ["all_gather", "broadcast"])
def test_pairs_are_numbered_by_orbit_and_count_what_fixes_them(machine, name):
    root = 0 if name == "broadcast" else None
    made = solve(machine, collective(name, range(machine.ranks), root))
    vertices, elements = machine.vertices, made.group.elements
    src, dst = np.divmod(np.arange(vertices**2), vertices)
    orbit, fixed = one_program(made).pairs(np.zeros_like(src), src, dst)
    images = elements[:, src] * vertices + elements[:, dst]
    least = images.min(axis=0)
    assert len(set(zip(least.tolist(), orbit.tolist(), strict=True))) == len(set(least.tolist()))
    assert len(set(orbit.tolist())) == len(set(least.tolist()))
    assert fixed.tolist() == (images == src * vertices + dst).sum(axis=0).tolist()


def relayed():
    """Two reduce_scatters over a full mesh of 8, whose messages other ranks pass on."""
    machine = full_mesh(8)
    tasks = [
        Task(collective("reduce_scatter", ranks), 2**24) for ranks in ((1, 2, 5, 6), (0, 3, 4, 7))
    ]
    return plan_variants(machine, tasks, "forward", NO_DEADLINE, None, ())[0]


def test_programs_of_a_set_have_orders_and_leads_of_their_own():
    whole, size, programs = playable(relayed())
    as_one, apart = (
        simulate(whole, size, lead=MOST_LEAD, programs=each).seconds for each in (None, programs)
    )
    assert apart > 1.5 * as_one  # what a rank holds stands before all that it passes on


def test_programs_of_a_set_take_as_long_with_and_without_symmetry():
    whole, size, programs = playable(relayed())
    assert whole.group.order > 1
    flat, each = unfold(whole), programs.unfolded(whole)
    for lead in (1, 3, MOST_LEAD):
        found = simulate(whole, size, lead=lead, programs=programs).seconds
        assert found == pytest.approx(
            simulate(flat, size, lead=lead, programs=each).seconds, rel=1e-9
        )


def test_the_lead_of_a_set_is_the_longest_of_those_near_the_best():
    made = relayed()
    paced, times = with_best_lead(made)
    every = [
        tuple(simulate_together(replace(made, lead=lead), sharing=own).seconds for own in SHARINGS)
        for lead in LEADS
    ]
    assert times == tuple(simulate_together(paced, sharing=own).seconds for own in SHARINGS)
    late = dict(zip(LEADS, lateness(every), strict=True))
    near = [lead for lead in LEADS if late[lead] <= NEAR * min(late.values())]
    assert (paced.lead or USUAL.lead) == max(near) < MOST_LEAD
    assert min(late.values()) == 1 < NEAR < max(late.values())


def test_late_is_what_takes_longer_in_one_of_the_ways_that_all_were_played():
    assert lateness([(2.0, 3.0), (1.0, 6.0)]) == [2.0, 2.0]
    assert lateness([(2.0,), (1.0, 6.0)]) == [2.0, 1.0]


def test_twin_and_core_play_programs_alike():
    whole, size, programs = playable(relayed())
    for fair in (False, True):
        work, _ = prepare(whole, Cutting(size, 4, 2**14, "place", programs=programs), False, fair)
        for lead in (1, 3, MOST_LEAD):
            assert play_in_python(work, lead).end == play(work, lead).end
