"""Schedules come from a folder if it has one that fits, else from the planner."""

import pytest

import commplan
from commplan.communicator.plans.schedule_source import Need, Source, load_compiled
from commplan.planning.size_set import size_set
from runtime.simulate.simulate import simulate
from solvers.schedules.files import ScheduleFileError, save_set
from solvers.settings.deadline import Watch
from topologies.formats.spec import topology
from topologies.presets.shapes import ring, star


def kept(folder, machine, name, size, root=None):
    what = commplan.collective(name, range(machine.ranks), root)
    made = commplan.plan(machine, what, size=size)
    commplan.save_schedule(made.schedule, folder / f"{name}-{size}.json")
    return made


def test_the_fastest_file_that_fits_is_taken(tmp_path):
    machine = ring(4)
    small, large = (kept(tmp_path, machine, "broadcast", size, 2) for size in (64, 2**24))
    files = load_compiled(tmp_path, machine, range(4))
    source = Source(machine, tuple(range(4)), 10, files)
    for made in (small, large):
        schedule, reason = source.schedule(Need("broadcast", 2, made.size))
        assert reason.startswith("compiled, ")
        assert reason.endswith("of 2 schedules")
        assert schedule.transfers.step.max() == made.schedule.transfers.step.max()


def test_a_set_brings_all_its_schedules(tmp_path):
    machine = topology("leaf-spine:2x2x2:overhead=0.5")
    best = commplan.plan(machine, commplan.collective("all_reduce", range(machine.ranks))).schedule
    parts = size_set(best, 2**10, 2**24, Watch(60))
    assert len(parts) > 1
    save_set([(part.start, part.best.schedule) for part in parts], tmp_path / "set.json.gz")
    files = load_compiled(tmp_path, machine, range(machine.ranks))
    assert len(files) == len(parts)
    source = Source(machine, tuple(range(machine.ranks)), 10, files)
    for part in parts:
        schedule, reason = source.schedule(Need("all_reduce", -1, part.start))
        assert reason.endswith(f"of {len(parts)} schedules")
        times = [simulate(each, part.start).seconds for each in (schedule, part.best.schedule)]
        assert times[0] <= times[1]


def test_what_no_file_is_for_is_planned(tmp_path):
    machine = ring(4)
    kept(tmp_path, machine, "broadcast", 64, 2)
    source = Source(machine, tuple(range(4)), 10, load_compiled(tmp_path, machine, range(4)))
    for need in (Need("broadcast", 1, 64), Need("all_gather", -1, 64)):
        schedule, reason = source.schedule(need)
        assert schedule.collective.name == need.name
        assert not reason.startswith("compiled")


def test_files_for_other_ranks_are_left_aside(tmp_path):
    machine = star(4)
    what = commplan.collective("all_gather", [0, 2])
    commplan.save_schedule(commplan.plan(machine, what).schedule, tmp_path / "some.json.gz")
    (tmp_path / "notes.txt").write_text("nothing")
    assert len(load_compiled(tmp_path, machine, [2, 0])) == 1
    assert load_compiled(tmp_path, machine, range(4)) == ()


def test_a_file_that_would_give_processes_different_bits_is_refused(tmp_path, in_two_orders):
    commplan.save_schedule(in_two_orders, tmp_path / "apart.json")
    with pytest.raises(ScheduleFileError, match=r"apart\.json: .* different bits"):
        load_compiled(tmp_path, in_two_orders.topology, range(3))


def test_a_file_for_another_machine_is_refused(tmp_path):
    kept(tmp_path, ring(4), "all_gather", 64)
    with pytest.raises(ScheduleFileError, match="made for ring:4"):
        load_compiled(tmp_path, ring(5), range(5))


def test_ranks_without_a_process_do_not_take_part():
    source = Source(ring(6), (0, 2, 5), 10)
    schedule, _ = source.schedule(Need("all_reduce", -1, 2**20))
    assert schedule.topology.ranks == 3
    assert set(schedule.transfers.src) == {0, 1, 2}
