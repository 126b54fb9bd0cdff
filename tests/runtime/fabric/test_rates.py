from itertools import chain

from runtime.fabric.layout import CARRIED, layout
from runtime.fabric.rates import rounds


def test_flows_of_a_round_share_no_vertex_and_are_carried_together(small_machine):
    made = layout(small_machine)
    found = rounds(made)
    paths = [path[:2] for path in chain(*found)]
    ends = zip(small_machine.src.tolist(), small_machine.dst.tolist(), strict=True)
    assert sorted(paths) == sorted(set(ends))
    for flows in found:
        vertices = [vertex for path in flows for vertex in path[:2]]
        assert len(vertices) == len(set(vertices))
        assert len(flows) == 1 or sum(path[2] for path in flows) <= CARRIED / 2
