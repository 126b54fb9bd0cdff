import numpy as np
import pytest

from runtime.interpret import interpret
from runtime.lower import lower
from runtime.sums import alike
from solvers.collective import all_reduce
from solvers.solve import solve
from solvers.templates import TEMPLATES
from topologies.shapes import full_mesh, star, torus

MADE = [name for name, (_, known) in TEMPLATES.items() if "all_reduce" in known]


def bits(schedule, n):
    """Run a schedule on floats of all sizes; count the results that differ."""
    program = lower(schedule, 24)
    draw = np.random.default_rng(0)
    values = [
        (draw.normal(size=24) * 10.0 ** draw.integers(-3, 4, 24)).astype(np.float32)
        for _ in range(n)
    ]
    return len({out.tobytes() for out in interpret(program, values)})


@pytest.mark.parametrize("n", [2, 3, 5, 8])
@pytest.mark.parametrize("name", MADE)
def test_tokens_foretell_whether_bits_differ(name, n):
    made = TEMPLATES[name][0](full_mesh(n), all_reduce(range(n)))
    assert alike(made) == (bits(made, n) == 1)


@pytest.mark.parametrize("machine", [star(5), torus([2, 3]), full_mesh(1)])
def test_trees_leave_all_with_the_same_bits(machine):
    made = solve(machine, all_reduce(range(machine.ranks)))
    assert alike(made)
    assert bits(made, machine.ranks) == 1


def test_everyone_adding_in_an_order_of_his_own_is_noticed():
    assert not alike(TEMPLATES["direct"][0](full_mesh(5), all_reduce(range(5))))
