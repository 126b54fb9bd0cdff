"""A plan for any single failure, from that of one like it: right, proved, and on that machine."""

import json

import pytest

from commplan.changes.contingency import plan_contingency
from commplan.changes.contingency_folder import TABLE, FolderError, save
from commplan.changes.ready_plans import ReadyPlans
from commplan.planning.planner import plan
from runtime.verify.verify import verify
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from topologies.derive.damage import damaged
from topologies.derive.failures import read_damage
from topologies.model.topology import digest
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import ring, torus


@pytest.fixture(params=["all_gather", "all_reduce", "all_to_all"])
def folder(request, tmp_path):
    machine = torus((3, 3))
    schedule = plan(machine, collective(request.param, range(9))).schedule
    save(list(plan_contingency(schedule, Watch(60.0), ("link",))), str(tmp_path / "failures"))
    return machine, tmp_path / "failures"


def test_each_failure_has_a_right_plan_for_what_is_left(folder):
    machine, place = folder
    ready = ReadyPlans(place, machine)
    assert len(ready) == 18
    for link in range(0, machine.links, 5):
        damage = read_damage(machine, without=[machine.link_name(link).replace(" -> ", ":")])
        found = ready.schedule(damage)
        assert digest(found.topology) == digest(damaged(machine, damage).topology)
        report = verify(found)
        assert report.correct, report.faults
        assert report.optimal
    assert ready.schedule(read_damage(machine, slow=["r0.0:r0.1=0.5"])) is None


def test_switches_fail_too(tmp_path):
    machine = dgx_a100(2)
    schedule = plan(machine, collective("all_gather", range(16))).schedule
    save(list(plan_contingency(schedule, Watch(60.0), ("switch",))), str(tmp_path / "failures"))
    ready = ReadyPlans(tmp_path / "failures", machine)
    found = ready.schedule(read_damage(machine, without=["b1.nvs"]))
    assert verify(found).optimal


def test_a_folder_for_another_machine_and_a_wrong_symmetry_are_refused(folder):
    machine, place = folder
    with pytest.raises(FolderError, match="for another machine"):
        ReadyPlans(place, ring(4))
    table = json.loads((place / TABLE).read_text())
    table["alike"][0][:2] = table["alike"][0][1::-1]
    (place / TABLE).write_text(json.dumps(table))
    with pytest.raises(FolderError, match="automorphism"):
        ReadyPlans(place, machine)
    (place / TABLE).write_text("{")
    with pytest.raises(FolderError, match=r"contingency\.json"):
        ReadyPlans(place, machine)
