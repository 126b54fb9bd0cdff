"""What holds for every preset: evidence, symmetry, connection, a stable digest."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from topologies.formats.spec import topology
from topologies.model.topology import TopologyError, digest
from topologies.presets import figures
from topologies.presets.amd import mi250, mi300x, mi355x
from topologies.presets.aws import trn2, trn2_ultra
from topologies.presets.google import tpu_v4, tpu_v5e, tpu_v5p, tpu_v6e, tpu_v7
from topologies.presets.huawei import atlas_800t_a2, atlas_a2, cloudmatrix384
from topologies.presets.huawei_ub import atlas_950, ub_mesh
from topologies.presets.nvidia import dgx_1, dgx_a100, dgx_b200, dgx_h100, nvl72
from topologies.presets.nvidia_v100 import dgx_2, ndv2
from topologies.presets.products import PRODUCTS
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
    (dgx_h100, (4, 2, 2), 64, 32 + 17, 8 * (64 + 16) + 32, 64),
    (dgx_h100, (4, 1, 0), 32, 16 + 8, 4 * (64 + 16), 32),
    (dgx_b200, (), 8, 2, 32, 8),
    (dgx_b200, (4, 2), 64, 16 + 17, 8 * (32 + 16) + 32, 64),
    (nvl72, (4,), 288, 4 * 18 + 5, 4 * 2 * (72 * 18 + 72) + 8, 288),
    (dgx_2, (), 16, 12, 2 * (96 + 6), 16),
    (dgx_2, (2,), 32, 2 * (12 + 8) + 9, 4 * (96 + 6 + 16 + 8) + 16, 32),
    (ndv2, (), 8, 0, 32, 4),
    (ndv2, (4,), 32, 4 + 1, 4 * (32 + 16) + 8, 16),
    (mi300x, (4,), 32, 9, 4 * (56 + 16) + 16, 32),
    (mi355x, (), 8, 0, 56, 8),
    (mi355x, (2, 2, 4), 32, 17, 4 * (56 + 16) + 32, 32),
    (atlas_800t_a2, (4, 1, 2), 32, 9, 4 * (56 + 16) + 16, 32),
    (ub_mesh, (), 64, 0, 64 * 14, 64),
    (ub_mesh, ((4, 4),), 1024, 16, 1024 * (14 + 2) + 2 * 48, 1024),
    (ub_mesh, ((2,), 2), 256, 5, 256 * (14 + 2) + 2 * 2 + 2 * 4, 256),
    (atlas_950, (1,), 8, 0, 56, 8),
    (atlas_950, (8,), 64, 8, 8 * 56 + 64 * 16, 64),
    (tpu_v4, ((4, 4, 8), True), 128, 0, 128 * 6, 128),
    (tpu_v5e, ((8, 16),), 128, 0, 2 * (7 * 16 + 8 * 16), 32),
    (tpu_v5p, ((4, 4, 4),), 64, 0, 64 * 6, 64),
    (tpu_v6e, ((16, 16),), 256, 0, 256 * 4, 256),
    (tpu_v7, ((2, 2, 4),), 16, 0, 2 * (8 + 8 + 12), 8),
    (trn2, (), 16, 0, 16 * 4, 16),
    (trn2, (3,), 48, 1, 48 * (4 + 2), 48),
    (trn2_ultra, (), 64, 0, 64 * 6, 64),
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
        (lambda: dgx_2(0), "boxes: 0, expected 1 or more"),
        (lambda: dgx_h100(2, 0), "units: 0, expected 1 or more"),
        (lambda: dgx_h100(2, 2, 0), "oversubscription: 0 leaves out the spine that joins units"),
        (lambda: nvl72(0), "racks: 0, expected 1 or more"),
        (lambda: trn2(0), "instances: 0, expected 1 or more"),
        (lambda: trn2_ultra(0), "servers: 0, expected 1 or more"),
        (lambda: atlas_950(1025), "boards: 1025, expected 1 to 1024"),
        (lambda: ub_mesh((5, 1)), "racks: 5x1, expected at most 4x4 in a pod"),
        (lambda: ub_mesh((2, 2, 2)), "racks: 2x2x2, expected at most 4x4 in a pod"),
        (lambda: ub_mesh((1, 1), 0), "pods: 0, expected 1 or more"),
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


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_has_its_figures_with_their_sources(name):
    listed = figures.read_figures(name)
    for figure in listed:
        assert figure.evidence in {
            *("documented", "secondary", "measured", "derived", "estimate", "fitted"),
        }
        assert figure.what
        assert figure.source
        assert figure.value or figure.unit
    used = [figure.what for figure in listed if figure.used]
    for each in topology(PRODUCTS[name].example).classes:
        stem = "ICI" if each.name.startswith("ICI ") else each.name
        assert [what for what in used if what.startswith(f"{stem}: ") and "latency" not in what]


def test_every_figure_is_of_a_product():
    names = set()
    for table in Path(figures.__file__).with_name("evidence").glob("*.csv"):
        rows = table.read_text(encoding="utf-8").splitlines()
        names |= {row.partition(",")[0] for row in rows[1:]}
    assert names == set(PRODUCTS)
