"""Measurements of several launches: kept in a file, joined, and never trusted."""

import json

import numpy as np
import pytest

from bench.simulated_probe import SimulatedProbe
from runtime.calibrate.calibrate import calibrate
from runtime.calibrate.launches import Launch, LaunchesError, join_pings, load, save
from runtime.calibrate.model.wires import wires
from runtime.calibrate.readings import Ping, Reading
from runtime.calibrate.saturation import saturate
from topologies.presets.shapes import star

NAMES = ("a", "b")
LAUNCH = Launch({(0, 1): Ping(1e-5, 1e-6, 1e9)}, {((0, 1), (1, 0)): [[1.0, 2.0], [3.0, 4.0]]})


def test_a_file_holds_what_was_measured(tmp_path):
    path = tmp_path / "measured.json"
    assert load(path, NAMES) == []
    save(path, NAMES, [LAUNCH, LAUNCH])
    assert load(path, NAMES) == [LAUNCH, LAUNCH]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ranks": ["a", "c"]}, "between other ranks"),
        ({"format": "other"}, "format is 'other', expected 'commplan/measurements/1'"),
        ({"launches": 3}, "expected `array`"),
        ({"launches": [{"pings": [[0, 2, 1, 1, 1]], "rounds": []}]}, "launches[0].pings[0]"),
        ({"launches": [{"pings": [[0, 1, -1, 1, 1]], "rounds": []}]}, "launches[0].pings[0]"),
        (
            {"launches": [{"pings": [], "rounds": [{"pairs": [[0, 1]], "rates": [[1, 2]]}]}]},
            "launches[0].rounds[0]",
        ),
        (
            {"launches": [{"pings": [], "rounds": [{"pairs": [[1, 1]], "rates": [[1]]}]}]},
            "launches[0].rounds[0]",
        ),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, change, fault):
    path = tmp_path / "measured.json"
    save(path, NAMES, [LAUNCH])
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(LaunchesError) as refused:
        load(path, NAMES)
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_json_is_refused_in_a_line(tmp_path):
    path = tmp_path / "measured.json"
    path.write_bytes(b"\xff\x00 no")
    with pytest.raises(LaunchesError):
        load(path, NAMES)


def test_of_pings_the_median_over_the_launches_counts():
    launches = [Launch({(0, 1): Ping(late, 1.0, 1.0)}, {}) for late in (1.0, 5.0, 2.0)]
    assert join_pings(launches) == {(0, 1): Ping(2.0, 1.0, 1.0)}


def test_a_rate_of_several_launches_lies_between_their_medians():
    net = wires(star(3))
    pairs = ((0, 2), (1, 2))
    rounds = [
        Reading(pairs, np.array([[share, share]] * 5), launch)
        for launch, share in enumerate((5.0, 5.1, 4.9))
    ]
    alone = [Reading((pair,), np.array([[10.0]] * 3)) for pair in pairs]
    found = saturate(net, [*rounds, *alone])
    cable = net.ends.tolist().index([3, 2])
    assert found.rate[cable][:4] == pytest.approx((10.0, 9.4, 10.6, 3))


def test_earlier_launches_count():
    first = calibrate(SimulatedProbe(star(4)))
    second = calibrate(SimulatedProbe(star(4)), earlier=[first.launch])
    assert second.launches == 2
    assert "2 launches" in second.topology.classes[0].source
    assert {each.rate.values for each in second.classes} == {16}  # eight links, two launches each
