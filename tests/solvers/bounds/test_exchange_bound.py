"""The bound of an all_to_all without its blocks, against the one with them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from solvers.bounds.exchange_bound import bound_exchange
from solvers.certify.certificates import prove
from solvers.certify.dual_bound import Unproven
from solvers.certify.exchange import prove_exchange
from solvers.schedules.certificate import Prices
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.settings.options import LimitError
from solvers.solve import bound
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import full_mesh, hypercube, ring, torus
from topologies.symmetry.group import declared_group, trivial

MACHINES = (ring(6), torus((3, 4)), torus((2, 3, 5)), hypercube(3), full_mesh(5), dgx_a100(2))


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_it_is_the_bound_of_the_blocks_and_routings_reach_it(machine):
    what = collective("all_to_all", range(machine.ranks))
    group = declared_group(machine)
    found = bound_exchange(machine, group, Watch(60))
    assert found.bound.algbw == bound(machine, what).algbw
    assert found.bound.algbw == prove(machine, what, found.bound.certificate, group)
    assert float(found.routed) == pytest.approx(float(found.bound.algbw))


def test_a_machine_without_symmetry_has_the_same():
    machine = replace(torus((3, 3)), symmetry=np.zeros((0, 9), dtype=np.int64))
    plain = bound_exchange(machine, trivial(machine), Watch(60)).bound.algbw
    assert (
        plain == bound_exchange(torus((3, 3)), declared_group(torus((3, 3))), Watch(60)).bound.algbw
    )


def test_prices_that_the_symmetry_does_not_keep_prove_nothing():
    machine = torus((3, 3))
    kind = (np.arange(machine.links) == 0).astype(np.int64)
    prices = Prices((Fraction(1), Fraction(2)), kind)
    with pytest.raises(Unproven, match="does not keep"):
        prove_exchange(machine, prices, declared_group(machine))
    assert prove_exchange(machine, prices, trivial(machine)) > 0


def test_of_ranks_that_all_differ_only_some_hundreds_are_looked_at(monkeypatch):
    monkeypatch.setattr("solvers.bounds.exchange_bound.MOST", 5)
    with pytest.raises(LimitError, match=r"6 ranks of 6 differ .* expected at most 5"):
        bound_exchange(ring(6), trivial(ring(6)), Watch(60))
