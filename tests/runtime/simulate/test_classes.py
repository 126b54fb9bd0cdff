import numpy as np
import pytest

from runtime.simulate.classes import Classes
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.presets.shapes import full_mesh, leaf_spine, ring, star, torus

MACHINES = [ring(5), ring(6), torus([3, 3]), full_mesh(4), star(5), leaf_spine(2, 2, 2)]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
@pytest.mark.parametrize("name", ["all_gather", "broadcast"])
def test_pairs_are_numbered_by_orbit_and_count_what_fixes_them(machine, name):
    root = 0 if name == "broadcast" else None
    made = solve(machine, collective(name, range(machine.ranks), root))
    vertices, elements = machine.vertices, made.group.elements
    src, dst = np.divmod(np.arange(vertices**2), vertices)
    orbit, fixed = Classes(made).pairs(src, dst)
    images = elements[:, src] * vertices + elements[:, dst]
    least = images.min(axis=0)
    assert len(set(zip(least.tolist(), orbit.tolist(), strict=True))) == len(set(least.tolist()))
    assert len(set(orbit.tolist())) == len(set(least.tolist()))
    assert fixed.tolist() == (images == src * vertices + dst).sum(axis=0).tolist()
