"""ASTRA-sim's networks: dimensions, and a GB of 2^30 bytes."""

import pytest

TEXT = "topology: [ {0} ]\nnpus_count: [ {1} ]\nbandwidth: [ {2} ]\nlatency: [ {3} ]\n"


def test_each_dimension_joins_those_that_differ_in_it_alone(imported, rates):
    made = imported("astra.yml").topology
    found = rates(made)
    assert (made.ranks, made.vertices, made.links) == (16, 24, 2 * (16 + 8 + 16))
    assert found["n0", "n1"] == found["n3", "n0"] == pytest.approx(200 * 2**30 / 1e9)
    assert found["n0", "n4"] == pytest.approx(100 * 2**30 / 1e9)
    assert ("n0", "n8") not in found
    assert found["n0", "dim2.s0"] == found["n8", "dim2.s0"] == pytest.approx(50 * 2**30 / 1e9)
    assert set(made.alpha.round(12)) == {50e-9, 500e-9, 2e-6}


def test_a_ring_of_two_is_one_link(draft):
    read = draft("astra-sim", TEXT.format("Ring", 2, 50, 500))
    assert [(each.src, each.dst) for each in read.cables] == [("n0", "n1")]


def test_a_ring_is_as_fast_as_both_its_links(draft, tmp_path, bound):
    from topologies.importers.importing import import_files

    (tmp_path / "n.yml").write_text(TEXT.format("Ring", 8, 50, 500))
    made = import_files([str(tmp_path / "n.yml")]).topology
    assert bound(made, "all_gather") == pytest.approx(100 * 2**30 / 1e9 * 8 / 7)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (TEXT.format("Ring", "4, 2", 50, 500), "npus_count: 2 dimensions, but topology has 1"),
        (TEXT.format("Torus", 4, 50, 500), "topology[0]: found 'Torus', expected Ring, Fully"),
        (TEXT.format("Ring", "x", 50, 500), "npus_count[0]: found 'x', expected a number from 0"),
        (TEXT.format("Ring", "2.5", 50, 500), "npus_count[0]: found '2.5', expected 1 to"),
        (TEXT.format("Ring, Ring", "90000, 2", "1, 1", "1, 1"), "npus_count: 180,000 NPUs"),
        (TEXT.format("FullyConnected", 9000, 50, 500), "npus_count: 81,000,000 links"),
        (TEXT.format("Ring", 4, 0, 500), "bandwidth[0]: 0, expected more"),
        (
            TEXT.format("Ring", 4, 50, 500).rpartition("latency")[0],
            "the field 'latency' is missing",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_field(draft, text, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft("astra-sim", text)
    assert str(told.value).startswith(fault)
