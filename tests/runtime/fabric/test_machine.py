"""Real networks: made, used and taken down, where this computer allows it."""

import os
import signal
from fractions import Fraction

import pytest

from runtime.fabric import keeper, machine, record, trial
from runtime.fabric.commands import Command
from runtime.fabric.layout import FabricError
from runtime.launch.process import birth
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.presets.shapes import line, ring

SCALE = Fraction(1, 5000)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Keep what is written down in a folder of the test's own; skip where nothing can be made."""
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "fabric"))
    try:
        kept = keeper.start()
        kept.output(("ip", "netns", "add", "x"))
        kept.end()
    except FabricError as error:
        pytest.skip(str(error))
    yield tmp_path / "fabric"
    machine.down()


@pytest.fixture
def triangle(place):
    return machine.up(ring(3), SCALE)


def gather(topology):
    return solve(topology, collective("all_gather", range(topology.ranks)))


def tried(found, schedule, mpi):
    assert mpi
    return trial.run(found, schedule, 3 * 2**16, iterations=2, warm_up=1, timeout=60)


def test_every_link_is_as_fast_as_it_should_be(triangle):
    assert len(triangle.rates) == 6
    assert all(0.9 < rate.ratio < 1.1 for rate in triangle.rates)


def test_acknowledgements_have_a_queue_of_their_own(triangle):
    if not triangle.layout.answering:
        pytest.skip("this kernel has no htb or no u32")
    words = ("ip", "netns", "exec", "v0", "tc", "-s", "class", "show", "dev", "l1")
    sent = [
        int(line.split()[1])
        for line in triangle.keeper.output(words).split("\n")
        if " Sent " in line
    ]
    bare, full = sent
    assert 0 < bare < full / 50


@pytest.mark.mpi
def test_a_schedule_goes_over_the_links_that_it_names(triangle, mpi):
    found = tried(triangle, gather(ring(3)), mpi)
    assert found.measured.wrong == 0
    assert found.routed
    assert found.bound is not None
    assert found.measured.seconds > found.bound * 0.9


@pytest.mark.mpi
def test_traffic_that_goes_astray_is_noticed(triangle, mpi, monkeypatch):
    monkeypatch.setattr(trial.routes, "of_schedule", lambda _: {(0, 1): (0, 2, 1)})
    found = tried(triangle, gather(ring(3)), mpi)
    assert found.measured.wrong == 0
    assert {(f.src, f.dst) for f in found.flows if not f.right} == {(0, 1), (0, 2), (2, 1)}


def test_a_schedule_for_another_machine_is_refused(triangle):
    with pytest.raises(FabricError, match="for line:3, the emulated machine that is up is ring:3"):
        trial.run(triangle, gather(line(3)), 1024)


def test_there_is_one_machine_at_a_time(triangle):
    with pytest.raises(FabricError, match="up already"):
        machine.up(ring(3), SCALE)
    assert machine.current_machine().layout.original.names == triangle.layout.original.names
    assert machine.down()
    assert not machine.down()


def test_its_end_ends_all_that_runs_on_it(triangle):
    shell = Command(("sh", "-c", "sleep 1000 > /dev/null 2>&1 & echo $!"))
    triangle.keeper.output(shell.words)
    first = triangle.keeper.pid
    machine.down()
    assert birth(first) == ""
    with pytest.raises(FabricError, match="no emulated machine is up"):
        machine.current_machine()


def test_a_machine_that_died_can_be_made_again(triangle):
    os.kill(triangle.keeper.pid, signal.SIGKILL)
    triangle.keeper.end()
    assert record.keeper() is None
    assert machine.up(line(2), SCALE).keeper.alive


def test_nothing_is_left_of_one_that_could_not_be_made(place, monkeypatch):
    started = []
    monkeypatch.setattr(
        machine.keeper, "start", lambda: started.append(keeper_start()) or started[0]
    )
    monkeypatch.setattr(
        machine.commands, "setup_commands", lambda *_: [Command(("ip", "netns", "add", "a/b"))]
    )
    with pytest.raises(FabricError, match="ip netns add a/b: "):
        machine.up(ring(3), SCALE)
    assert not started[0].alive
    assert record.keeper() is None


keeper_start = keeper.start
