"""Messages that are late and seen in any order change no bit."""

import numpy as np
import pytest

from bench import bits
from runtime.execute import core


def test_sums_of_the_inputs_depend_on_the_order():
    a, b, c = (bits.poured(me, 500) for me in range(3))
    assert bits.digest((a + b) + c) != bits.digest(a + (b + c))
    assert bits.digest(a + b) == bits.digest(b + a)
    assert a.dtype == np.float32


@pytest.mark.mpi
@pytest.mark.usefixtures("optimised")
def test_every_executor_gives_the_bits_of_the_program(mpi, monkeypatch):
    monkeypatch.setattr(bits, "CASES", bits.CASES[1:2])
    told = list(bits.different(3))
    assert [(runs, wrong) for _, runs, wrong in told] == [(3, 0)] * (3 + core.status().built)
