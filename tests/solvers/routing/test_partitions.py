import pytest

from solvers.routing.partitions import list_partitions
from topologies.formats.spec import topology
from topologies.presets.shapes import full_mesh, ring, star


def sizes(spec, ranks=None):
    machine = topology(spec)
    return [
        list(map(len, path)) for path in list_partitions(machine, ranks or range(machine.ranks))
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("dgx-a100:boxes=2", [[8] * 2]),
        ("dgx-h100:boxes=3", [[8] * 3]),
        ("atlas-a2:boxes=4", [[8] * 4]),
        ("cloudmatrix384:nodes=3", [[16] * 3, [2] * 24]),
        ("mi250:boxes=2", [[16] * 2, [4] * 8, [2] * 16]),
        ("leaf-spine:3x2x4", [[4] * 3]),
    ],
)
def test_the_boxes_of_machines_are_those_that_they_are_built_of(spec, expected):
    assert sizes(spec) == expected


def test_boxes_part_the_ranks_that_are_asked_for():
    machine = topology("dgx-a100:boxes=3")
    [path] = list_partitions(machine, [1, 3, 8, 20, 21, 22])
    assert [box.tolist() for box in path] == [[1, 3], [8], [20, 21, 22]]
    assert list_partitions(machine, range(8)) == []


@pytest.mark.parametrize("machine", [ring(6), star(5), full_mesh(4)], ids=lambda m: m.name)
def test_where_all_links_are_alike_there_are_no_boxes(machine):
    assert list_partitions(machine, range(machine.ranks)) == []
