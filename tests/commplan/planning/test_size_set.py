"""A schedule for each size: who wins, where they change places, and the file of a set."""

import json
from itertools import pairwise

import pytest

from commplan.candidates.generate import all_candidates
from commplan.candidates.races import Races
from commplan.planning.planner import plan
from commplan.planning.size_set import size_set
from runtime.simulate.simulate import simulate
from solvers.schedules.files import ScheduleFileError, load, save_set
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from topologies.formats.spec import topology

FIRST, LAST = 2**10, 2**26
CASES = [
    ("dgx-a100:boxes=2:overhead=0.5", "all_reduce"),
    ("torus:3x3", "broadcast"),
    ("star:6:overhead=1", "all_to_all"),
    ("ring:5", "all_gather"),
]


def picked(parts, size):
    """Give the part for a size; the first one for all that are smaller."""
    return [parts[0], *(part for part in parts[1:] if part.start <= size)][-1]


@pytest.fixture(params=CASES, ids="-".join, scope="module")
def raced(request):
    name, what = request.param
    machine = topology(name)
    best = plan(machine, collective(what, range(machine.ranks))).schedule
    return best, size_set(best, FIRST, LAST, Watch(120))


def test_at_every_size_the_part_is_nearly_the_fastest(raced):
    best, parts = raced
    everyone = Races(dict(all_candidates(best)))
    for size in (FIRST, 3000, 20_000, 10**5, 700_000, 5_000_000, LAST):
        own = simulate(picked(parts, size).best.schedule, size)
        first = everyone.at(size, everyone.entrants)[0]
        assert own.seconds <= first.seconds * 1.08, size


def test_parts_ascend_and_neighbours_differ(raced):
    _, parts = raced
    starts = [part.start for part in parts]
    assert starts[0] == FIRST
    assert starts == sorted(set(starts))
    assert all(a.best.key != b.best.key for a, b in pairwise(parts))


def test_at_a_switch_point_the_one_before_is_no_faster(raced):
    _, parts = raced
    for before, after in pairwise(parts):
        both = Races({c.key: c.schedule for c in (before.best, after.best)})
        first = both.at(after.start, both.entrants)[0]
        assert first.key == after.best.key or first.seconds == after.best.seconds


def test_a_set_is_read_by_size(raced, tmp_path):
    _, parts = raced
    file = tmp_path / "set.json.gz"
    save_set([(part.start, part.best.schedule) for part in parts], file)
    for size in (1, FIRST, 10**5, LAST, 10**12):
        found = load(file, size)
        expected = picked(parts, size).best.schedule
        assert found.transfers.route.tolist() == expected.transfers.route.tolist()
        assert found.share == expected.share
    with pytest.raises(ScheduleFileError, match="--size says which"):
        load(file)


def test_without_time_there_is_still_a_set(raced):
    best, _ = raced
    over = Watch(60)
    over.stop()
    parts = size_set(best, FIRST, LAST, over)
    assert [part.start for part in parts] == [FIRST]


def test_one_rank_has_a_set_though_nothing_takes_any_time():
    best = plan(topology("ring:1"), collective("broadcast", [0])).schedule
    assert len(size_set(best, FIRST, LAST, Watch(120))) == 1


@pytest.mark.parametrize("starts", [[], [5, 5], [7, 3]])
def test_parts_out_of_order_are_refused(starts, tmp_path, ask):
    ask("compile", "ring:3", "all_gather", "-o", "one.json")
    one = json.loads((tmp_path / "one.json").read_text())
    parts = [{"start": start, "schedule": one} for start in starts]
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"format": "commplan/set/1", "parts": parts}))
    with pytest.raises(ScheduleFileError, match=r"bad\.json: parts: expected at least one"):
        load(file, 4096)


def test_a_fault_inside_a_part_is_one_line(tmp_path):
    file = tmp_path / "bad.json"
    part = {"start": 1, "schedule": {"format": 3}}
    file.write_text(json.dumps({"format": "commplan/set/1", "parts": [part]}))
    with pytest.raises(ScheduleFileError) as refused:
        load(file, 4096)
    assert "\n" not in str(refused.value)


def test_a_set_is_compiled_simulated_verified_and_emitted(ask, call):
    words = ("star:6:overhead=1", "all_reduce", "--sizes", "1KiB:16MiB")
    made = ask("compile", *words, "-o", "set.json")
    starts = [part["start"] for part in made["set"]]
    assert starts[0] == 1024
    assert len(starts) > 1
    for size in starts:
        assert ask("verify", "set.json", "--size", str(size))["correct"]
        assert ask("simulate", "set.json", "--size", str(size))["predicted_seconds"] > 0
    ask("emit", "set.json", "--size", "1KiB", "--target", "c", "-o", "small.c")
    assert call("verify", "set.json").exit_code == 2


@pytest.mark.parametrize("text", ["1KiB", "2KiB:1KiB", "a:b", "1KiB:"])
def test_a_wrong_range_of_sizes_is_one_line(call, tmp_path, text):
    result = call("compile", "ring:4", "all_gather", "-o", "x.json", "--sizes", text)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x.json").exists()


def test_every_candidate_is_explained(ask, call):
    words = ("compile", "ring:4", "all_reduce", "-o", "x.json", "--size", "64KiB")
    made = ask(*words)
    rows = made["candidates"]
    assert rows[0]["predicted_seconds"] == made["predicted_seconds"]
    assert [r["predicted_seconds"] for r in rows] == sorted(r["predicted_seconds"] for r in rows)
    text = call(*words, "--explain").stdout
    assert "waits for" in text
    assert all(row["name"] in text and row["bottleneck"] in text for row in rows)
    assert call("compile", "ring:4", "all_reduce", "-o", "x.json", "--explain").exit_code == 2
