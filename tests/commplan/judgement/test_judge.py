import json
from dataclasses import replace

import pytest

from commplan.expectation.expect import expect
from commplan.expectation.patterns import Patterns
from commplan.judgement.judge import JudgementError, judge
from commplan.measurements.rows import Measured
from solvers.schedules.kinds import collective
from topologies.formats.spec import topology
from topologies.model.topology import frozen

SIZES = (2**20, 2**26, 2**28, 2**30)
FOUR_RAILS = "rails:2x4"


def rows_of(name, ranks, seconds):
    return [
        Measured(name, ranks, size, time, line)
        for line, (size, time) in enumerate(zip(SIZES, seconds, strict=True), start=1)
    ]


@pytest.fixture(scope="module")
def boxes():
    machine = topology(FOUR_RAILS)
    return machine, expect(machine, [collective("all_reduce", range(8))], SIZES).rows


def test_what_is_as_fast_as_the_best_known_is_right(boxes):
    machine, due = boxes
    found = judge(machine, rows_of("all_reduce", 8, [row.best.seconds for row in due]))
    assert found.possible
    [verdict] = found.verdicts
    assert verdict.sentence.endswith("of what the machine allows, nothing is wrong there")
    assert [row.of_best for row in found.rows] == pytest.approx([1.0] * 4)


def test_rings_across_some_rails_are_recognised(boxes):
    machine, due = boxes
    found = judge(machine, rows_of("all_reduce", 8, [row.ring.seconds * 2 for row in due]))
    [verdict] = found.verdicts
    assert "rings across 2 of 4 rails would give just this" in verdict.sentence
    assert verdict.sentence.startswith("all_reduce, 8 ranks: from 64 MiB on ")


def test_wrong_results_are_said_before_anything_else(boxes):
    machine, due = boxes
    right = rows_of("all_reduce", 8, [row.best.seconds for row in due])
    wrong = [replace(row, wrong=12) if row.line == 2 else row for row in right]
    found = judge(machine, [*wrong, Measured("all_gather", 2, SIZES[0], 1e-12, 1)])
    assert not found.right
    said = found.verdicts[0].sentence
    assert said.startswith("all_reduce, 8 ranks: WRONG RESULTS at 64 MiB (line 2): look for that")
    assert (found.verdicts[0].wrong, found.verdicts[1].wrong) == (1, 0)


def test_a_ring_with_a_slow_link_is_recognised():
    star, what = topology("star:8"), collective("all_gather", range(8))
    capacity = star.capacity * 2
    capacity[(star.src == 3) & (star.dst == 8)] //= 2
    slow = replace(star, capacity=frozen(capacity), unit=star.unit / 2)
    ring = Patterns(slow, what.ranks).ring(what)
    [verdict] = judge(star, rows_of(what.name, 8, [ring.timing(s).seconds for s in SIZES])).verdicts
    assert "a ring with a link at half of its rate would give just this" in verdict.sentence


def test_times_that_do_not_grow_are_latencies():
    machine = topology("star:8")
    rows = [Measured("all_reduce", 8, size, 30e-6, 1) for size in (256, 1024, 4096, 16384)]
    [verdict] = judge(machine, rows).verdicts
    assert (
        "; from 256 bytes to 16 KiB it takes about 30 us: a start and latencies" in verdict.sentence
    )


def test_a_small_part_of_the_bound_is_not_nothing(boxes):
    machine, due = boxes
    found = judge(machine, rows_of("all_reduce", 8, [row.bound / 0.004 for row in due]))
    assert " 0.4% of what the machine allows" in found.verdicts[0].sentence


def test_a_share_that_falls_is_told(boxes):
    machine, due = boxes
    slow = [due[0].best.seconds, due[1].best.seconds, due[2].best.seconds * 3, due[3].best.seconds]
    [verdict] = judge(machine, rows_of("all_reduce", 8, slow)).verdicts
    assert "; at 256 MiB it falls from " in verdict.sentence


def test_a_measurement_above_the_bound_says_by_how_much_rates_are_too_low():
    machine = topology("star:4")
    due = expect(machine, [collective("all_gather", range(4))], SIZES).rows
    faster = expect(topology("star:4:bandwidth=40"), [collective("all_gather", range(4))], SIZES)
    times = [row.bound for row in faster.rows]
    found = judge(machine, rows_of("all_gather", 4, times))
    assert not found.possible
    [verdict] = found.verdicts
    stated = float(machine.bandwidth[0])
    assert verdict.factor == pytest.approx(40e9 / stated, rel=0.01)
    assert "so that the topology is wrong; with all rates" in verdict.sentence
    assert all(
        row.impossible == (row.measured.seconds < each.bound * 0.999)
        for row, each in zip(found.rows, due, strict=True)
    )


def test_what_is_quicker_than_latencies_is_explained_by_no_rate():
    machine = topology("star:4")
    [verdict] = judge(machine, [Measured("all_gather", 4, 1024, 1e-9, 7)]).verdicts
    assert verdict.factor is None
    assert "its latencies are too long" in verdict.sentence


def test_more_ranks_than_there_are_name_the_line():
    with pytest.raises(JudgementError, match="line 7: all_gather over 8 ranks, expected at most 4"):
        judge(topology("star:4"), [Measured("all_gather", 8, 1024, 1e-3, 7)])


def test_the_command_prints_rows_and_ends_with_what_is_wrong(call, tmp_path):
    (tmp_path / "log.csv").write_text("collective,ranks,size,seconds\nallgather,4,1048576,1e-3\n")
    found = call("judge", "log.csv", "--topology", "star:4")
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert lines[0] == "all_gather on star:4, 4 ranks"
    assert lines[-1].startswith("all_gather, 4 ranks: at 1 MiB ")
    (tmp_path / "log.csv").write_text("collective,ranks,size,seconds\nallgather,4,1048576,1e-9\n")
    found = call("judge", "log.csv", "--topology", "star:4")
    assert found.exit_code == 1
    assert "the topology is wrong" in found.stdout
    told = json.loads(call("judge", "log.csv", "--topology", "star:4", "--json").stdout)
    assert told["faults"] == [told["verdicts"][0]["sentence"]]
    assert told["rows"][0].keys() >= {"measured_seconds", "bound_seconds", "predicted_seconds"}
    assert call("judge", "none.csv", "--topology", "star:4").exit_code == 2
