from math import prod

import pytest

from runtime.metrics.height import height
from solvers.schedules.kinds import collective
from solvers.templates import TEMPLATES
from solvers.templates.recursive_exchange import radices
from topologies.presets.shapes import full_mesh


@pytest.mark.parametrize(
    ("n", "most", "groups"),
    [
        (8, 2, (2, 2, 2)),
        (8, 4, (2, 4)),
        (9, 4, (3, 3)),
        (17, 4, (4, 4)),
        (7, 4, (2, 3)),
        (1, 2, ()),
    ],
)
def test_groups_are_few_and_leave_few_over(n, most, groups):
    assert radices(n, most) == groups


@pytest.mark.parametrize("most", [2, 4, 8])
def test_no_more_could_take_part(most):
    for n in range(9, 70):
        groups = radices(n, most)
        assert all(2 <= size <= most for size in groups)
        assert not any(_splits(m, most) for m in range(prod(groups) + 1, n + 1))


def _splits(n, most):
    return n == 1 or any(n % f == 0 and _splits(n // f, most) for f in range(2, most + 1))


@pytest.mark.parametrize(("radix", "rounds"), [(4, 2), (8, 2)])
def test_a_larger_radix_takes_fewer_rounds(radix, rounds):
    mesh = full_mesh(16)
    made = TEMPLATES[f"recursive exchange {radix}"].make(mesh, collective("all_reduce", range(16)))
    assert height(made) == rounds
    assert len(made.transfers) == 16 * sum(size - 1 for size in radices(16, radix))
