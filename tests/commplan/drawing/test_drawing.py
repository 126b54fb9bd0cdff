"""Machines are drawn so that vertices stand apart, in their boxes, and names do no harm."""

from fractions import Fraction
from importlib.util import find_spec
from xml.etree import ElementTree

import numpy as np
import pytest

from commplan.drawing.files import DrawingError, save_drawing
from commplan.drawing.grouping import boxes_of, tiers_of
from commplan.drawing.layout import arrange
from commplan.drawing.svg import Shown, draw_svg
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build

MACHINES = (
    *("ring:1", "ring:2", "torus:3x4", "tpu-v4:4x4x4", "dgx-1", "star:5", "nvl72", "fat-tree:4"),
    *("dgx-h100:boxes=4", "mi250:boxes=2", "leaf-spine:2x2x4", "irregular:seed=3", "full-mesh:40"),
    *("cloudmatrix384:nodes=2", "random:6:switches=2:seed=1", "dragonfly:2x4x2", "ub-mesh"),
)


@pytest.mark.parametrize("name", MACHINES)
def test_no_two_vertices_stand_on_each_other_and_all_within_the_picture(name):
    machine = topology(name)
    layout = arrange(machine)
    apart = np.linalg.norm(layout.at[:, None] - layout.at[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.6 * layout.pitch
    assert (layout.at > 0).all()
    assert (layout.at < (layout.width, layout.height)).all()


@pytest.mark.parametrize("name", MACHINES)
def test_the_picture_is_well_formed_and_shows_every_vertex(name):
    machine = topology(name)
    root = ElementTree.fromstring(draw_svg(machine, arrange(machine)))
    shown = [e.get("class", "").split()[0] for e in root.iter() if e.get("class")]
    assert shown.count("rank") == machine.ranks
    assert shown.count("switch") == machine.vertices - machine.ranks


def test_vertices_of_a_box_stand_in_it():
    machine = topology("dgx-h100:boxes=4")
    box, names = boxes_of(machine)
    layout = arrange(machine)
    assert names == ("b0", "b1", "b2", "b3")
    for number, frame in enumerate(layout.frames[:4]):
        corner, far = (frame.x, frame.y), (frame.x + frame.width, frame.y + frame.height)
        inside = ((layout.at > corner) & (layout.at < far)).all(axis=1)
        assert (inside == (box == number)).all()


@pytest.mark.parametrize(
    ("name", "boxes", "tiers"),
    [
        ("torus:3x4", 0, {0}),
        ("star:5", 0, {0, 1}),
        ("leaf-spine:2x3x4", 2, {0, 1}),
        ("fat-tree:4", 8, {0, 1, 2}),
        ("dgx-h100:boxes=2", 2, {0, 1, 2}),
        ("cloudmatrix384:nodes=2", 2, {0, 1}),
    ],
)
def test_boxes_and_tiers(name, boxes, tiers):
    machine = topology(name)
    box, names = boxes_of(machine)
    assert len(names) == boxes
    assert set(tiers_of(machine, box)) == tiers


def test_what_is_marked_and_used_is_drawn_so():
    machine = topology("star:3")
    marked = machine.src == 0
    used = np.where(marked, 1.0, 0.0)
    picture = draw_svg(machine, arrange(machine), Shown(used, frozenset([0]), marked))
    assert picture.count("link crossing") == 1
    assert picture.count("rank inside") == 1
    assert "100.0% used" in picture
    assert "#8fa3b8" in picture


def test_names_do_no_harm():
    evil = '"><script>alert(1)</script>'
    links = [Link(evil, "s&'", Fraction(10**9), duplex=True)]
    machine = build("</svg>&", [evil, "b"], [Switch("s&'")], links)
    picture = draw_svg(machine, arrange(machine))
    root = ElementTree.fromstring(picture)
    assert not [e for e in root.iter() if e.tag.endswith("script")]


def test_it_is_drawn_from_the_command_line(call, tmp_path):
    result = call("topology", "dgx-h100:boxes=2", "--draw", "box.svg")
    assert (result.exit_code, result.stdout) == (0, "dgx-h100:boxes=2: drawn in box.svg\n")
    ElementTree.parse(tmp_path / "box.svg")
    assert call("topology", "star:3", "--draw", "star.dot").exit_code == 0
    assert (tmp_path / "star.dot").read_text().startswith('digraph "star:3" {')
    refused = call("topology", "star:3", "--draw", "star.gif")
    assert refused.exit_code == 2
    assert "star.gif" in refused.stderr


def test_a_picture_of_points_is_drawn_where_matplotlib_is(tmp_path):
    file = tmp_path / "star.png"
    if find_spec("matplotlib") is None:
        with pytest.raises(DrawingError, match="pip install 'commplan"):
            save_drawing(topology("star:3"), str(file))
        return
    save_drawing(topology("star:3"), str(file))
    assert file.read_bytes().startswith(b"\x89PNG")
