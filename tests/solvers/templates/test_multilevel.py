"""Patterns of levels: right on every machine of boxes, and nothing crosses between them twice."""

from fractions import Fraction

import numpy as np
import pytest

from runtime.metrics.height import height
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.routing.partitions import list_partitions
from solvers.schedules.kinds import ROOTED, collective
from solvers.templates import TEMPLATES, multilevel
from solvers.templates.layout import TemplateError
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build
from topologies.presets.shapes import ring, star

MACHINES = ("dgx-a100:boxes=3", "cloudmatrix384:nodes=2", "leaf-spine:3x2x4", "mi250:boxes=2")


def made(machine, name, root=None):
    what = collective(name, range(machine.ranks), root)
    return [(words, make()) for words, make in multilevel.list_patterns(machine, what)]


@pytest.mark.parametrize("name", multilevel.COLLECTIVES)
@pytest.mark.parametrize("spec", MACHINES)
def test_every_pattern_is_correct(spec, name):
    found = made(topology(spec), name, 5 if name in ROOTED else None)
    assert len(found) >= 4
    for words, schedule in found:
        report = verify(schedule)
        assert report.correct, (words, report.faults)
        assert schedule.provenance["solver"] == f"template {words}"


def uneven():
    links = [Link(f"r{i}", f"s{i // 3}", Fraction(100), duplex=True) for i in range(5)]
    links += [Link(f"s{b}", "core", Fraction(10), duplex=True) for b in range(2)]
    return build(
        "uneven",
        [f"r{i}" for i in range(5)],
        [Switch(name) for name in ("s0", "s1", "core")],
        links,
    )


@pytest.mark.parametrize("name", multilevel.TREES)
def test_trees_need_no_boxes_of_equal_size(name):
    machine = uneven()
    what = collective(name, range(5), 4 if name in ROOTED else None)
    (parted,) = (path for path in list_partitions(machine, range(5)) if len(path) == 2)
    for pattern in multilevel.SPREADS:
        assert verify(multilevel.tree(machine, what, (parted,), (pattern, pattern))).correct


def test_grids_do():
    machine = uneven()
    (parted,) = (path for path in list_partitions(machine, range(5)) if len(path) == 2)
    what = collective("all_gather", range(5))
    with pytest.raises(TemplateError, match=r"^levels: boxes of 2 to 3 ranks$"):
        multilevel.grid(machine, what, (parted,), ("direct", "direct"))


@pytest.mark.parametrize("pattern", multilevel.PATTERNS)
def test_a_piece_crosses_to_another_box_once(pattern):
    machine = topology("dgx-a100:boxes=4")
    what = collective("all_gather", range(32))
    parted = list_partitions(machine, range(32))[0]
    schedule = multilevel.grid(machine, what, (parted,), (pattern, "direct"))
    home = np.repeat(np.arange(4), 8)
    crossing = home[schedule.transfers.src] != home[schedule.transfers.dst]
    pairs = zip(
        schedule.transfers.piece[crossing], home[schedule.transfers.dst[crossing]], strict=True
    )
    assert crossing.sum() == len(set(pairs)) == 32 * 3


def test_three_levels_are_found_where_boxes_stand_in_boxes():
    words = [words for words, _ in made(topology("cloudmatrix384:nodes=2"), "all_gather")]
    assert "levels 2 x 8 x 2: direct, direct, direct" in words
    assert "levels 2 x 16: bruck, direct" in words


@pytest.mark.parametrize("machine", [star(8), ring(8)])
def test_a_machine_of_one_tier_has_no_levels(machine):
    assert made(machine, "all_gather") == []


def test_small_messages_between_boxes_are_faster_than_flat_patterns():
    machine = topology("dgx-a100:boxes=4")
    best = min(simulate(s, 2**16).seconds for _, s in made(machine, "all_gather"))
    what = collective("all_gather", range(32))
    flat = [make(machine, what) for make, names in TEMPLATES.values() if "all_gather" in names]
    assert best < min(simulate(s, 2**16).seconds for s in flat)


def test_the_height_is_the_sum_of_the_rounds():
    machine = topology("dgx-a100:boxes=4")
    what = collective("broadcast", range(32), 0)
    parted = list_partitions(machine, range(32))[0]
    assert height(multilevel.tree(machine, what, (parted,), ("binomial", "binomial"))) == 2 + 3
    assert height(multilevel.tree(machine, what, (parted,), ("direct", "direct"))) == 2
