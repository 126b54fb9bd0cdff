from itertools import chain

from runtime.fabric.layout import CARRIED, layout
from runtime.fabric.rates import rounds


def test_flows_of_a_round_share_no_vertex_and_are_carried_together(small_machine):
    made = layout(small_machine)
    found = rounds(made)
    ways = [way[:2] for way in chain(*found)]
    ends = zip(small_machine.src.tolist(), small_machine.dst.tolist(), strict=True)
    assert sorted(ways) == sorted(set(ends))
    for flows in found:
        vertices = [vertex for way in flows for vertex in way[:2]]
        assert len(vertices) == len(set(vertices))
        assert len(flows) == 1 or sum(way[2] for way in flows) <= CARRIED / 2
