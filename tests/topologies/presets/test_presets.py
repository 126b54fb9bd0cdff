"""What holds for every preset: evidence, symmetry, connection, a stable digest."""

import networkx as nx
import numpy as np
import pytest

from topologies.model.topology import TopologyError, digest
from topologies.presets.amd import mi250, mi300x
from topologies.presets.huawei import atlas_a2, cloudmatrix384
from topologies.presets.nvidia import dgx_1, dgx_a100, dgx_h100, nvl72
from topologies.symmetry.group import declared_group

# preset, its arguments, ranks, switches, directed links, order of the declared group
KNOWN = [
    (cloudmatrix384, (1,), 16, 7, 2 * (8 + 112), 16),
    (cloudmatrix384, (3,), 48, 21 + 112, 2 * 3 * (8 + 112 + 112), 48),
    (cloudmatrix384, (), 768, 336 + 112, 2 * (384 + 5376 + 5376), 768),
    (cloudmatrix384, (1, 2), 32, 14 + 17, 2 * (2 * (8 + 112) + 32 + 16), 32),
    (cloudmatrix384, (2, 3), 96, 3 * (14 + 112) + 17, 2 * (3 * (16 + 448) + 96 + 16), 96),
    (atlas_a2, (), 8, 0, 56, 8),
    (atlas_a2, (2,), 16, 8, 2 * 56 + 32, 16),
    (dgx_1, (), 8, 0, 32, 4),
    (dgx_a100, (), 8, 1, 16, 8),
    (dgx_a100, (16,), 128, 17, 16 * 32, 128),
    (dgx_h100, (), 8, 4, 64, 8),
    (dgx_h100, (4,), 32, 16 + 9, 4 * (64 + 16) + 16, 32),
    (nvl72, (), 72, 18, 2 * 72 * 18, 72),
    (mi300x, (), 8, 0, 56, 8),
    (mi250, (), 16, 0, 56, 4),
    (mi250, (2,), 32, 1, 2 * (56 + 32), 8),
]


@pytest.fixture(params=KNOWN, ids=lambda known: f"{known[0].__name__}{known[1]}")
def known(request):
    preset, sizes, *counts = request.param
    return preset(*sizes), counts


def test_counts_and_order_of_the_group_are_as_known(known):
    machine, counts = known
    switches = machine.vertices - machine.ranks
    assert [machine.ranks, switches, machine.links, declared_group(machine).order] == counts


def test_no_symmetry_but_the_identity_fixes_a_rank(known):
    machine, _ = known
    moved = declared_group(machine).elements[1:, : machine.ranks]
    assert (moved != np.arange(machine.ranks)).all()


def test_every_link_class_is_in_use_and_has_its_source_and_evidence(known):
    machine, _ = known
    assert sorted(set(machine.link_class.tolist())) == list(range(len(machine.classes)))
    for link_class in machine.classes:
        assert "latency" in link_class.source
        assert link_class.evidence in {
            *("documented", "secondary", "measured", "derived", "estimate"),
        }


def test_every_link_takes_time_and_is_duplex(known):
    machine, _ = known
    assert (machine.alpha > 0).all()
    assert np.array_equal(machine.mate[machine.mate], np.arange(machine.links))


def test_every_vertex_reaches_every_other(known):
    machine, _ = known
    graph = nx.DiGraph(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
    assert len(graph) == machine.vertices
    assert nx.is_strongly_connected(graph)


@pytest.mark.parametrize("preset", [dgx_1, nvl72, mi250, cloudmatrix384])
def test_a_preset_built_twice_has_one_digest(preset):
    assert digest(preset()) == digest(preset())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cloudmatrix384(0), "nodes: 0, expected 1 to 48"),
        (lambda: cloudmatrix384(49), "nodes: 49, expected 1 to 48"),
        (lambda: cloudmatrix384(48, 0), "supernodes: 0, expected 1 or more"),
        (lambda: atlas_a2(0), "boxes: 0, expected 1 or more"),
        (lambda: dgx_a100(0), "boxes: 0, expected 1 or more"),
        (lambda: dgx_h100(-1), "boxes: -1, expected 1 or more"),
        (lambda: mi250(0), "boxes: 0, expected 1 or more"),
    ],
)
def test_an_impossible_number_of_boxes_is_refused(make, message):
    with pytest.raises(TopologyError) as refused:
        make()
    assert str(refused.value) == message


@pytest.mark.parametrize("machine", [dgx_h100(), nvl72()])
def test_what_switches_copy_and_add_with_is_named(machine):
    assert machine.multicast.any()
    assert "NVLink SHARP" in machine.classes[0].source
