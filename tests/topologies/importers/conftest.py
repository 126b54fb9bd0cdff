"""Files as clusters have them, written for these tests."""

from pathlib import Path

import pytest

from topologies.importers.importing import import_files
from topologies.importers.registry import IMPORTERS

SAMPLES = Path(__file__).parents[3] / "bench" / "data" / "imports"


@pytest.fixture
def sample():
    """Give a function that names a sample file."""
    return lambda name: str(SAMPLES / name)


@pytest.fixture
def imported(sample):
    """Give a function that imports sample files."""
    return lambda *names, **asked: import_files([sample(name) for name in names], **asked)


@pytest.fixture
def draft():
    """Give a function that reads a text in a format."""
    return lambda form, text: IMPORTERS[form].read(text, "box")


@pytest.fixture
def rates():
    """Give a function that lists the links of a machine: ends to GB/s."""

    def listed(machine):
        ends = zip(machine.src, machine.dst, machine.bandwidth, strict=True)
        return {(machine.names[a], machine.names[b]): rate / 1e9 for a, b, rate in ends}

    return listed


@pytest.fixture
def bound():
    """Give a function that computes the bound of a collective over all ranks, in GB/s."""
    from solvers.schedules.kinds import collective
    from solvers.solve import bound as certified

    def computed(machine, name):
        return float(certified(machine, collective(name, range(machine.ranks))).algbw) / 1e9

    return computed
