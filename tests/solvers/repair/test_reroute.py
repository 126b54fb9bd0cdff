"""Old paths on what is left: the rate of paths from nothing, begun with fewer links."""

from random import Random

import pytest

from commplan.changes.shrink import on_what_is_left
from runtime.verify.verify import verify
from solvers.kept_symmetry import find_symmetry
from solvers.repair.reroute import reroute
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NotFound, Watch
from solvers.solve import solve
from topologies.derive.damage import damaged
from topologies.derive.failures import read_damage
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import hypercube, ring, torus
from topologies.symmetry.group import trivial

MACHINES = (
    ring(6),
    torus((3, 4)),
    hypercube(3),
    dgx_a100(2),
    *(random_machine(s, 9, 2) for s in range(4)),
)


def solved(machine, name="all_to_all", ranks=None):
    return solve(machine, collective(name, ranks or range(machine.ranks)))


def rerouted(old, words, *, folded=False):
    left = damaged(old.topology, read_damage(old.topology, **words))
    what = on_what_is_left(old.collective, left, shrink=True)
    group = find_symmetry(left.topology, what) if folded else trivial(left.topology)
    return reroute(old, left, what, group, Watch(60))


def some_failures(machine):
    """Name a link of a rank as one that is gone, one that is slower, and the rank itself."""
    link = Random(machine.name).randrange(machine.links)
    src, dst = (machine.names[int(end[link])] for end in (machine.src, machine.dst))
    yield {"without": [f"{src}:{dst}"]}
    yield {"slow": [f"{src}:{dst}=0.5"]}
    yield {"without_ranks": [machine.names[0]]}


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_what_is_left_carries_what_it_does_from_nothing(machine, folded):
    old = solved(machine)
    for words in some_failures(machine):
        found = rerouted(old, words, folded=folded)
        report = verify(found)
        assert report.correct, report.faults
        assert report.optimal
        assert report.algbw == verify(solve(found.topology, found.collective)).algbw


def test_trees_and_parts_of_a_machine_are_left_to_others():
    machine = ring(5)
    for old in (solved(machine, "all_gather"), solved(machine, ranks=(0, 1, 2))):
        with pytest.raises(NotFound, match="between all ranks"):
            rerouted(old, {"without": ["r3:r4"]})
