"""Sets of collectives as values and files."""

import json
from fractions import Fraction

import pytest

from runtime.simulate.together import simulate_together
from runtime.verify.together import verify_together
from runtime.verify.verify import verify
from solvers.schedules.collective import CollectiveError
from solvers.schedules.ensembles import files
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.ensembles.union import fluid_time, unite
from solvers.schedules.files import ScheduleFileError, load
from solvers.schedules.kinds import collective
from solvers.together.joint import plan_together
from topologies.formats import spec
from topologies.model.errors import ArgumentError


@pytest.fixture(scope="module")
def made():
    machine = spec.topology("dgx-a100:boxes=2")
    rows = [range(8), range(8, 16), *(range(i, 16, 8) for i in range(8))]
    return plan_together(machine, [Task(collective("all_reduce", r), 2**24) for r in rows])


@pytest.mark.parametrize("name", ["set.json", "set.json.gz"])
def test_what_is_written_is_read_again_the_same(made, tmp_path, name):
    files.save(made, tmp_path / name)
    found = files.load(tmp_path / name)
    assert verify_together(found).optimal
    assert (found.time, found.least, found.relays) == (made.time, made.least, made.relays)
    assert [task.key for task in found.tasks] == [task.key for task in made.tasks]
    files.save(found, tmp_path / f"again-{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()
    assert files.is_ensemble(tmp_path / name)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("format",), "commplan/together/9", "format"),
        (("tasks", 0, "bytes"), 0, "tasks[0].bytes"),
        (("tasks", 0, "collective", "name"), "sort", "sort"),
        (("tasks", 0, "collective", "ranks"), [0, 99], "tasks[0].collective.ranks"),
        (("tasks", 1, "collective", "ranks"), list(range(8)), "it is the same as 0"),
        (("schedules", 0, "task"), 77, "schedules[0].task"),
        (("schedules", 0, "share"), [], "schedules[0]"),
        (("schedules", 0, "transfers", "dst", 0), 10**6, "schedules[0]"),
        (("group",), [[0, 0]], "group"),
        (("prices", "of_link"), [0], "prices.of_link"),
        (("seconds",), "1/0", "seconds"),
        (("seconds",), "soon", "seconds"),
    ],
)
def test_a_damaged_file_is_refused_in_a_line(made, tmp_path, place, value, said):
    files.save(made, tmp_path / "set.json")
    whole = json.loads((tmp_path / "set.json").read_text())
    at = whole
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    (tmp_path / "bad.json").write_text(json.dumps(whole))
    with pytest.raises(ScheduleFileError, match=r"bad\.json") as refused:
        files.load(tmp_path / "bad.json")
    assert "\n" not in str(refused.value)
    assert said in str(refused.value)


def test_a_set_is_no_schedule_and_a_schedule_no_set(made, tmp_path):
    files.save(made, tmp_path / "set.json")
    with pytest.raises(ScheduleFileError, match="commplan/together/1"):
        load(tmp_path / "set.json")
    (tmp_path / "text.json").write_text("nothing")
    assert not files.is_ensemble(tmp_path / "text.json")
    assert not files.is_ensemble(tmp_path / "none.json")


def test_images_of_a_schedule_are_schedules_of_the_other_tasks(made):
    for number, task in enumerate(made.tasks):
        own = made.schedule(number)
        assert own.collective.ranks == task.collective.ranks
        assert verify(own).correct


def test_a_union_has_the_bytes_and_the_load_of_all(made):
    united = unite(made.tasks)
    assert united.size == 2 * 2**24  # each rank is in two of them
    assert fluid_time(made) == made.time
    assert sum(united.collective.sizes.tolist()) == united.unit * sum(t.size for t in made.tasks)


def test_playing_all_at_once_takes_the_loads_of_the_links_and_little_more(made):
    found = simulate_together(made)
    assert float(made.time) <= found.seconds * (1 + 1e-9)
    assert found.seconds < float(made.time) * 1.2


def test_a_task_of_no_bytes_is_refused():
    with pytest.raises(ArgumentError):
        Task(collective("all_gather", [0, 1]), 0)
    assert Task(collective("all_gather", [0, 1]), 1).size == Fraction(1)


def test_unequal_blocks_are_carried_by_symmetry_and_read_again(tmp_path):
    machine = spec.topology("torus:3x3")
    rows = [(0, 1, 2), (4, 5, 3), (8, 6, 7)]  # blocks move along with their ranks
    blocks = [30000, 0, 600]
    what = [collective("all_gatherv", row, blocks=blocks) for row in rows]
    found = plan_together(machine, [Task(each, each.total) for each in what], "forward")
    assert found.group.order > 1
    assert len(found.schedules) == 1
    assert verify_together(found).optimal
    for number, each in enumerate(what):
        assert verify(found.schedule(number)).correct
        assert found.schedule(number).collective.ranks == each.ranks
    files.save(found, tmp_path / "set.json")
    again = files.load(tmp_path / "set.json")
    assert [task.key for task in again.tasks] == [task.key for task in found.tasks]
    with pytest.raises(CollectiveError, match="expected the 30600 of its blocks"):
        plan_together(machine, [Task(what[0], 10)])
