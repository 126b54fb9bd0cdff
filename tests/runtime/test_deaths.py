"""The first of several processes to die is known."""

import os
import subprocess
import sys
from socket import gethostname

import pytest

from runtime.deaths import FirstDeath


@pytest.fixture
def sleepers():
    command = [sys.executable, "-c", "input()"]
    made = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(3)]
    yield made
    for process in made:
        process.kill()
        process.communicate()


def head(rank, process, host=None):
    return f"#  Rank {rank:2} Group  0 Pid {process.pid:6} on {host or gethostname():>10}"


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors of processes are Linux's")
def test_the_rank_that_died_first_is_known(sleepers):
    deaths = FirstDeath()
    for rank, process in enumerate(sleepers):
        deaths.hear(head(rank + 5, process))
    sleepers[1].kill()
    deaths._thread.join(10)
    sleepers[0].kill()
    deaths.close()
    assert deaths.rank == 6


def test_who_lives_on_another_computer_is_not_watched(sleepers):
    deaths = FirstDeath()
    deaths.hear(head(0, sleepers[0], "elsewhere"))
    deaths.hear("something else")
    sleepers[0].kill()
    deaths.close()
    assert deaths.rank is None


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors of processes are Linux's")
def test_who_had_died_before_all_were_known_is_not_named(sleepers):
    deaths = FirstDeath()
    deaths.hear(head(0, sleepers[0]))
    sleepers[0].kill()
    deaths._thread.join(10)
    deaths.hear(head(1, sleepers[1]))
    deaths.close()
    assert deaths.rank is None
    sleepers[2].kill()
    sleepers[2].wait()
    late = FirstDeath()
    late.hear(head(0, sleepers[1]))
    late.hear(head(1, sleepers[2]))
    sleepers[1].kill()
    late._thread.join(10)
    late.close()
    assert late.rank is None


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors of processes are Linux's")
def test_who_was_dead_when_it_became_known_is_not_named(sleepers):
    deaths = FirstDeath()
    deaths.hear(head(0, sleepers[0]))
    sleepers[1].kill()
    os.waitid(os.P_PID, sleepers[1].pid, os.WEXITED | os.WNOWAIT)  # dead, but not gone
    deaths.hear(head(1, sleepers[1]))
    deaths._thread.join(10)
    deaths.close()
    assert deaths.rank is None
