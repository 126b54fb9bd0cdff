"""Many mixed calls are right, every element of them."""

import json
import sys

import pytest

from runtime.launch.process import run_limited


@pytest.mark.mpi
def test_mixed_calls_of_all_sizes_and_types_are_right(mpi):
    words = ["-m", "bench.ranks.soak", "star:3", "50", "7", "3000", "120"]
    command = [*mpi.command_line(3), sys.executable, "-m", "mpi4py", *words]
    ended = run_limited(command, mpi.environment(60), 60)
    assert ended.code == 0, ended.errors
    told = json.loads(ended.output[-1])
    assert (told["calls"], told["wrong"]) == (50, 0)
