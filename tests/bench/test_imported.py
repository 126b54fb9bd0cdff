"""Bounds on files of each format, against sums done by hand."""

import pytest

from bench.imported import SAMPLES, bounds
from topologies.importers.importing import import_files

GIB = 1.073741824  # GB/s that ASTRA-sim means by one
# What enters the ranks that are hardest to reach, GB/s, and the part of all_gather that must.
ENTERS = {
    "ascend-topology.json": (28 + 168, 1 / 2),
    "astra.yml": ((2 * 200 + 100 + 50) * GIB, 15 / 16),
    "edges.csv": (2 * 12.5, 1 / 2),  # a pair, to which two adapters lead
    "graph.json": (25, 3 / 4),
    "hwloc-gpus.xml": (25 + 25, 2 / 3),
    "hwloc-sockets.xml": (16, 1 / 2),
    "ibnetdiscover.out": (2 * 25, 3 / 4),
    "nccl-nvswitch.xml": (12 * 25, 3 / 4),
    "rank-table-1.0.json": (7 * 28 + 25, 15 / 16),
    "rank-table-1.2.json": (2 * 7 * 28, 30 / 32),  # the two dies of a package
    "rank-table-2.0.json": (3 * 28 + 4 * 28, 7 / 8),
    "rccl-ring.xml": (100 + 50, 1 / 2),  # a pair, between links of 100 and 50
    "ring.graphml": (2 * 25, 3 / 4),
    "slurm-block.conf": (25, 7 / 8),
    "slurm-tree.conf": (25, 8 / 9),
    "smi-mesh.txt": (3 * 4 * 25, 3 / 4),
    "smi-switch.txt": (18 * 25, 7 / 8),
}
# A leaf beside stronger ranks takes and gives each byte of a sum once; else it is half as much.
ONCE = {"graph.json": 25, "hwloc-gpus.xml": 50}


@pytest.mark.parametrize("name", ENTERS)
def test_bounds_on_files_are_those_of_a_cut_found_by_hand(name):
    enters, part = ENTERS[name]
    gather, reduce = map(float, bounds(import_files([str(SAMPLES / name)]).topology))
    assert gather == pytest.approx(enters / part, rel=1e-5)
    assert reduce == pytest.approx(ONCE.get(name, gather / 2), rel=1e-5)


def test_every_sample_of_a_kind_is_read():
    assert ENTERS.keys() >= {path.name for path in SAMPLES.iterdir()} - {
        "nccl-partial.xml",  # a single socket
        "slurm.yaml",
        "topograph.yaml",
    }
