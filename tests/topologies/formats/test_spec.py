from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from topologies.formats import files
from topologies.formats.spec import catalogue, topology
from topologies.model.topology import TopologyError, digest
from topologies.presets import shapes
from topologies.presets.registry import PRESETS

BOXED = [name for name, preset in PRESETS.items() if "boxes" in preset.parameters]


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_every_example_of_the_catalogue_can_be_made(entry: tuple[str, str, str]) -> None:
    name, example, summary = entry
    assert topology(example).ranks > 1
    assert example.startswith(name)
    assert summary


@pytest.mark.parametrize(
    ("spec", "given"),
    [(f"{name}:boxes={n}", {"boxes": n}) for n in (1, 2, 5) for name in BOXED]
    + [("torus:3x4x5", {"dims": (3, 4, 5)}), ("hypercube:5", {"n": 5})]
    + [("fat-tree:6", {"k": 6}), ("rails:3x4", {"sizes": (3, 4)})]
    + [("rails:3x4:units=3", {"sizes": (3, 4), "units": 3})]
    + [("dragonfly:3x4x2", {"sizes": (3, 4, 2)}), ("tpu-v7:8x8x8", {"dims": (8, 8, 8)})]
    + [("dragonfly:1x1x1:groups=1", {"sizes": (1, 1, 1), "groups": 1})]
    + [("ub-mesh:racks=3x2:pods=2", {"racks": (3, 2), "pods": 2}), ("ub-mesh", {})]
    + [("dgx-h100:boxes=3:units=3", {"boxes": 3, "units": 3}), ("nvl72:racks=2", {"racks": 2})]
    + [("trn2:instances=3", {"instances": 3}), ("trn2-ultra:servers=2", {"servers": 2})]
    + [("atlas-950:boards=9", {"boards": 9})]
    + [("leaf-spine:3x4x5", {"sizes": (3, 4, 5)}), ("cloudmatrix384:nodes=3", {"nodes": 3})],
)
def test_links_are_bounded_before_they_are_made(spec: str, given: dict) -> None:
    preset = PRESETS[spec.partition(":")[0]]
    assert topology(spec).links <= preset.links(given)


def test_parameters_reach_the_shape() -> None:
    made = topology("torus:3x4:wrap=10:bandwidth=12.5:alpha=0.7")
    same = shapes.torus((3, 4), [True, False], bandwidth=Fraction(125 * 10**8), alpha=0.7e-6)
    assert digest(made) == digest(same)
    assert made.unit == 12500000000
    assert digest(topology("torus:3x4:wrap=1x0")) == digest(topology("torus:wrap=10:dims=3x4"))
    assert topology("star:4:multicast=1").multicast[4]
    assert set(np.unique(topology("nd-full-mesh:2x2:bandwidth=1x2").capacity)) == {1, 2}
    assert topology("dgx-a100:4").ranks == topology("dgx-a100:boxes=4").ranks == 32


def test_every_machine_takes_an_overhead() -> None:
    for name in ("ring:3", "dgx-a100:boxes=2", "nvl72"):
        made = topology(f"{name}:overhead=0.5")
        assert made.overhead.tolist() == [0.5e-6] * made.ranks
        assert made.name.endswith(":overhead=0.5")
        assert digest(topology(f"{name}:overhead=0")) == digest(topology(name)) != digest(made)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    for name in ("ring.json", "plain"):
        files.save(shapes.ring(3), tmp_path / name)
        assert digest(topology(str(tmp_path / name))) == digest(shapes.ring(3))


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("toru:4", "no machine and no file is named 'toru'; nearest: torus; `commplan top"),
        ("", "no machine and no file is named ''; `commplan topologies` lists "),
        ("a\nb\0", "no machine and no file is named 'a\\nb\\x00'"),
        ("x" * 10**5, "no machine and no file is named 'xxx"),
        ("none.toml", "none.toml: no such file or directory"),
        ("torus", "torus: the size is missing, as in torus:4x4x4"),
        ("irregular:hosts=4", "irregular:hosts=4: seed is missing, as in irregular:seed=1"),
        ("random:1", "random:1: ranks is '1', expected a whole number from 2 to 99"),
        (
            "torus:4:wrop=1",
            "torus:4:wrop=1: no parameter is named 'wrop'; nearest: wrap; known",
        ),
        ("torus:4:dims=4", "torus:4:dims=4: dims is given twice"),
        ("torus:4x4:4", "torus:4x4:4: no parameter is named '4'"),
        ("torus:4x4:wrap=1", "torus:4x4:wrap=1: wrap: 1 flags for 2 dimensions"),
        ("torus:4x-4", "torus:4x-4: dims is '4x-4', expected sizes such as 4x4x4"),
        ("torus:1000x1000x1000", "torus:1000x1000x1000: up to 6e+09 links, at most 1,000,000"),
        ("hypercube:9999999", "hypercube:9999999: up to "),
        ("ring:0", "ring:0: n is '0', expected a whole number from 1"),
        ("ring:٣", "ring:٣: n is "),
        ("ring:99999999", "ring:99999999: up to 2e+08 links, at most 1,000,000 are made"),
        (
            "ring:9999999999999",
            "ring:9999999999999: n is '9999999999999', expected a whole number from 1, of at ",
        ),
        (
            "nd-full-mesh:" + "x".join(["9" * 12] * 16),
            f"nd-full-mesh:{'x'.join(['9' * 12] * 16)}"[:100] + ": up to 1.6e+205 links, at most",
        ),
        ("torus:" + "x".join("1" * 17), f"torus:{'x'.join('1' * 17)}: dims is '1x1"),
        ("ring:8:bandwidth=0", "ring:8:bandwidth=0: bandwidth is '0', expected more than 0"),
        ("ring:8:alpha=1e9", "ring:8:alpha=1e9: alpha is '1e9', expected a number such as 12.5"),
        ("leaf-spine:3x3", "leaf-spine:3x3: sizes: 2, expected leaves x spines x hosts"),
        ("rails:3", "rails:3: sizes: 1, expected boxes x ranks of a box"),
        ("dragonfly:1x1", "dragonfly:1x1: sizes: 2, expected hosts of a router x routers of a"),
        (
            "dragonfly:2x4x2:groups=10",
            "dragonfly:2x4x2:groups=10: sizes: 10 groups of 2x4x2, expected 1 or more of each, at ",
        ),
        ("fat-tree:3", "fat-tree:3: k: 3, expected an even number of ports"),
        ("tpu-v4:4x4", "tpu-v4:4x4: dims: 2 axes, expected 3, as in 16x16x16"),
        ("tpu-v4:16x16x20", "tpu-v4:16x16x20: dims: 5,120 chips, a pod has 4,096"),
        ("tpu-v6e:16x32", "tpu-v6e:16x32: dims: 16x32, a pod has 16x16"),
        (
            "tpu-v5p:4x4x4:twisted=1",
            "tpu-v5p:4x4x4:twisted=1: twisted: 4x4x4 chips, expected k x k x 2k or k x 2k x 2k",
        ),
        ("cloudmatrix384:nodes=49", "cloudmatrix384:nodes=49: nodes: 49, expected 1 to 48"),
        ("dgx-a100:boxes=999999", "dgx-a100:boxes=999999: up to 2e+08 links"),
        ("nvl72:72", "nvl72:72: no parameter is named '72'"),
    ],
)
def test_a_wrong_name_is_one_line(spec: str, fault: str) -> None:
    with pytest.raises(TopologyError) as caught:
        topology(spec)
    assert str(caught.value).startswith(fault)
    assert str(caught.value).isprintable()


def test_a_machine_drawn_at_random_is_the_same_for_the_same_seed():
    made, again, other = (topology(f"random:5:switches=2:seed={seed}") for seed in (3, 3, 4))
    assert digest(made) == digest(again) != digest(other)
    assert (made.ranks, made.vertices) == (5, 7)
    assert made.name == "random:5:switches=2:seed=3"
    assert digest(topology("random:seed=3,ranks=5,switches=2")) == digest(made)
    assert topology("wild:6:seed=2").ranks <= 6
    unlike = [topology(f"irregular:seed={seed}") for seed in range(20)]
    assert digest(unlike[3]) == digest(topology("irregular:3"))
    assert {made.ranks for made in unlike} <= set(range(6, 17))
    assert len({made.vertices - made.ranks for made in unlike}) == 4
    assert [topology(f"irregular:seed=3:hosts={n}").ranks for n in (2, 10, 19)] == [2, 10, 19]
    large = topology("irregular:seed=3:hosts=64")
    assert (large.ranks, large.name) == (64, "irregular:seed=3:hosts=64")
    assert 1 <= large.vertices - large.ranks <= 16


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("star:4:bandwidth=100:multicast=1:reduce=1", "star:4:bandwidth=100:multicast=1:reduce=1"),
        ("torus:2x2:bandwidth=3,alpha=2", "torus:2x2:bandwidth=3:alpha=2"),
        ("torus:2x2:bandwidth=25", "torus:2x2"),  # the usual one
        ("dgx-a100:boxes=2:overhead=0.5", "dgx-a100:boxes=2:overhead=0.5"),
        ("random:8:seed=1", "random:8:switches=0:seed=1"),
        ("leaf-spine:sizes=2x2x2:bandwidth=30", "leaf-spine:2x2x2:bandwidth=30"),
        ("torus:dims=2x2", "torus:2x2"),
        ("rails:2x4:units=2:inside=100", "rails:2x4:units=2:inside=100"),
        ("dgx-h100:boxes=2:oversubscription=1", "dgx-h100:boxes=2"),
        ("nvl72:racks=2:oversubscription=4", "nvl72:racks=2:oversubscription=4"),
        ("ub-mesh:racks=2", "ub-mesh:racks=2x1"),
    ],
)
def test_a_name_has_all_that_was_asked_for_and_makes_the_same_machine(spec, name):
    made = topology(spec)
    assert made.name == name
    assert digest(topology(made.name)) == digest(made)
